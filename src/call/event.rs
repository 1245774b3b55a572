//! Facts, past tense: everything the core can learn. Recorded before it is handled, so each one serialises whole.

use crate::model::{
    CallDirection, CallTime, ConversationId, Digit, DigitSource, LegId, PlaybackReport, Redacted, RequestId, TerminationReason, TurnId,
    TurnResult, UtteranceId, WallTime,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::settings::CallSettings;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first event of every call. Its media port and its slot are reserved already; an outbound INVITE has left.
    Offered(Box<Opening>),
    /// A deadline came; due timers run before any event, so this one carries nothing.
    Tick,

    /// Outbound only: 18x.
    LegRinging {
        leg: LegId,
    },
    /// The leg is up with media agreed. Inbound: our 2xx was acknowledged. Outbound: 2xx received.
    LegAnswered {
        leg: LegId,
    },
    /// The leg could not be set up (outbound refusal, no common codec) or an order for it could not be queued. An outbound leg that failed with
    /// `Status` or `NoAnswer` is gone; every other one is still owed a `Release` or a `Reject`.
    LegFailed {
        leg: LegId,
        why: LegFailure,
    },
    /// The leg is gone; always the last word about it.
    LegReleased {
        leg: LegId,
        by: ReleasedBy,
        why: ReleaseReason,
    },
    /// The peer put us on hold, or took us back.
    LegHeld {
        leg: LegId,
        held: bool,
    },
    /// No RTP for longer than the media time-out.
    MediaLost {
        leg: LegId,
    },

    /// The final answer to a REFER; 408 where none came.
    ReferAnswered {
        leg: LegId,
        request: RequestId,
        status: u16,
    },
    /// A NOTIFY with a status line of the referred call; below 200 it is provisional.
    ReferProgress {
        leg: LegId,
        request: RequestId,
        status: u16,
    },
    /// The subscription ended without a final status line.
    ReferEnded {
        leg: LegId,
        request: RequestId,
    },

    /// What answered a leg, once for each `ClassifyAnswer`.
    AnswerClassified {
        leg: LegId,
        verdict: AnswerVerdict,
        /// A machine's beep was heard: what is said now is recorded.
        after_beep: bool,
    },
    /// What a human is told about the caller before he decides; empty: nothing to say.
    BriefingComposed {
        request: RequestId,
        text: Redacted<String>,
    },
    /// Packets flowed both ways between the two legs.
    BridgeUp {
        request: RequestId,
    },
    /// The two legs are not joined, or not any more because of a fault of ours; both are as they were before.
    BridgeFailed {
        request: RequestId,
        why: BridgeFailure,
    },

    SpeechStarted {
        leg: LegId,
    },
    SpeechEnded {
        leg: LegId,
    },
    /// Words so far of the utterance being spoken; may change.
    PartialTranscript {
        leg: LegId,
        text: Redacted<String>,
    },
    /// The final words of one utterance of the caller.
    Transcript {
        leg: LegId,
        text: Redacted<String>,
        confidence_permille: u16,
    },
    /// The recogniser failed or is gone; keys still work.
    RecognitionFailed {
        leg: LegId,
    },
    DigitPressed {
        leg: LegId,
        digit: Digit,
        source: DigitSource,
    },

    PlaybackStarted {
        utterance: UtteranceId,
    },
    /// Reported by the pacer when the last frame left, or when the utterance was cut.
    PlaybackEnded {
        utterance: UtteranceId,
        report: PlaybackReport,
    },
    /// Nothing (more) of it could be synthesised or played.
    PlaybackFailed {
        utterance: UtteranceId,
    },

    /// One sentence of a turn that is still being made; spoken at once.
    TurnSpeech {
        turn: TurnId,
        text: Redacted<String>,
    },
    /// Closes the turn; this is what is acted on. Its message holds the whole text, early sentences included.
    TurnReady {
        turn: TurnId,
        result: Box<TurnResult>,
    },
    TurnFailed {
        turn: TurnId,
        error: String,
    },
    /// The close pipeline is through (or has given its rest to the journal).
    SessionEnded {
        request: RequestId,
    },

    Ordered(AdminOrder),
    /// The worker drains: finish by `deadline`, start no transfer that cannot.
    Draining {
        deadline: CallTime,
    },
    /// This call's inbox overflowed; facts were lost.
    Overloaded,
}

/// Everything the core will ever know about the world before the call: no clock, no randomness besides this.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    pub conversation: ConversationId,
    pub direction: CallDirection,
    pub from: Redacted<String>,
    pub to: Redacted<String>,
    pub trunk: String,
    pub wall: WallTime,
    pub seed: u64,
    pub settings: CallSettings,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "failure", rename_all = "snake_case")]
pub enum LegFailure {
    /// A final response of 300 or above.
    Status {
        status: u16,
    },
    NoAnswer,
    NoMedia,
    /// The order could not be queued.
    Overloaded,
    Transport,
    /// Outside the allow-list; nothing was sent.
    NotAllowed,
    /// The worker's limit of outbound attempts; nothing was sent.
    LimitReached,
}

/// What answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerVerdict {
    Human,
    Machine,
    /// The budget passed without a sign of either: treated as a human.
    Unclear,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BridgeFailure {
    /// No packets from one of the legs, or no codec to convert to.
    NoMedia,
    /// A leg was gone.
    LegGone,
    /// The order could not be queued, or this worker cannot bridge.
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleasedBy {
    Remote,
    Local,
    /// Time-outs and lost transports: nobody said goodbye.
    Network,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleaseReason {
    Bye,
    Cancelled,
    Rejected,
    /// 200 without ACK for 64*T1 (RFC 3261 section 13.3.1.4).
    NeverAcknowledged,
    /// RFC 4028: the refresh did not come or failed.
    SessionExpired,
    /// In-dialog request answered 408, 481 or not at all.
    DialogLost,
    TransportLost,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum AdminOrder {
    /// Idempotent; cuts in at any step.
    HangUp { reason: TerminationReason },
    /// An operator's words for the caller.
    Say { text: Redacted<String> },
    /// The human handoff is settled: the call ends with `EndCause::HandoffResolved`.
    ResolveHandoff,
    /// The decision a turn waits for; answered by the turn `ApprovalDecided`.
    DecideApproval { approval: Uuid, approved: bool },
}

impl Event {
    /// The event's name for notices and logs; never its content.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Offered(_) => "offered",
            Self::Tick => "tick",
            Self::LegRinging { .. } => "leg_ringing",
            Self::LegAnswered { .. } => "leg_answered",
            Self::LegFailed { .. } => "leg_failed",
            Self::LegReleased { .. } => "leg_released",
            Self::LegHeld { .. } => "leg_held",
            Self::MediaLost { .. } => "media_lost",
            Self::ReferAnswered { .. } => "refer_answered",
            Self::ReferProgress { .. } => "refer_progress",
            Self::ReferEnded { .. } => "refer_ended",
            Self::AnswerClassified { .. } => "answer_classified",
            Self::BriefingComposed { .. } => "briefing_composed",
            Self::BridgeUp { .. } => "bridge_up",
            Self::BridgeFailed { .. } => "bridge_failed",
            Self::SpeechStarted { .. } => "speech_started",
            Self::SpeechEnded { .. } => "speech_ended",
            Self::PartialTranscript { .. } => "partial_transcript",
            Self::Transcript { .. } => "transcript",
            Self::RecognitionFailed { .. } => "recognition_failed",
            Self::DigitPressed { .. } => "digit_pressed",
            Self::PlaybackStarted { .. } => "playback_started",
            Self::PlaybackEnded { .. } => "playback_ended",
            Self::PlaybackFailed { .. } => "playback_failed",
            Self::TurnSpeech { .. } => "turn_speech",
            Self::TurnReady { .. } => "turn_ready",
            Self::TurnFailed { .. } => "turn_failed",
            Self::SessionEnded { .. } => "session_ended",
            Self::Ordered(_) => "ordered",
            Self::Draining { .. } => "draining",
            Self::Overloaded => "overloaded",
        }
    }

    /// The leg it speaks of, where it names one.
    pub const fn leg(&self) -> Option<LegId> {
        match self {
            Self::LegRinging { leg }
            | Self::LegAnswered { leg }
            | Self::LegFailed { leg, .. }
            | Self::LegReleased { leg, .. }
            | Self::LegHeld { leg, .. }
            | Self::MediaLost { leg }
            | Self::ReferAnswered { leg, .. }
            | Self::ReferProgress { leg, .. }
            | Self::ReferEnded { leg, .. }
            | Self::AnswerClassified { leg, .. }
            | Self::SpeechStarted { leg }
            | Self::SpeechEnded { leg }
            | Self::PartialTranscript { leg, .. }
            | Self::Transcript { leg, .. }
            | Self::RecognitionFailed { leg }
            | Self::DigitPressed { leg, .. } => Some(*leg),
            Self::Offered(_)
            | Self::Tick
            | Self::BriefingComposed { .. }
            | Self::BridgeUp { .. }
            | Self::BridgeFailed { .. }
            | Self::PlaybackStarted { .. }
            | Self::PlaybackEnded { .. }
            | Self::PlaybackFailed { .. }
            | Self::TurnSpeech { .. }
            | Self::TurnReady { .. }
            | Self::TurnFailed { .. }
            | Self::SessionEnded { .. }
            | Self::Ordered(_)
            | Self::Draining { .. }
            | Self::Overloaded => None,
        }
    }
}
