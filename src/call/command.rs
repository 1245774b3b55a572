//! Orders, imperative: everything the core can want. Fire and forget; what cannot be carried out comes back as an event.

use crate::model::{
    AttemptRecord, CallTime, DtmfSettings, EndCause, LegId, MessageMode, Millis, Notice, Redacted, RequestId, SessionStatus, Text,
    TriggeredBy, TurnId, TurnInput, UtteranceId,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// 180 to an inbound offer.
    Ring {
        leg: LegId,
    },
    /// 200 with an answer computed from the offer.
    Answer {
        leg: LegId,
    },
    /// Final refusal of an unanswered inbound leg; answered by `LegReleased`. A leg whose 200 is out after all gets a BYE instead.
    Reject {
        leg: LegId,
        status: u16,
    },
    /// BYE, CANCEL where an outbound leg still rings, or after the ACK where our 200 waits for it; answered by `LegReleased`. Carries the cause for a Reason header.
    Release {
        leg: LegId,
        cause: EndCause,
    },
    /// REFER on this leg; answered by `ReferAnswered`, then `ReferProgress`/`ReferEnded`. `headers` travel with it, in plain text: what a
    /// header's own form asks of it (`User-to-User`: RFC 7433) is the host's. `reason` is for the host's own header and absent where `headers`
    /// tells it.
    Refer {
        leg: LegId,
        request: RequestId,
        destination: Redacted<String>,
        reason: Option<Redacted<String>>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, Redacted<String>)>,
    },
    /// Attended transfer: REFER on `leg` whose Refer-To replaces the dialog of `other` (RFC 3891); answered like `Refer`.
    ReferReplacing {
        leg: LegId,
        request: RequestId,
        other: LegId,
    },
    /// Forget the subscription of that REFER: later NOTIFYs are answered and dropped.
    AbandonRefer {
        leg: LegId,
        request: RequestId,
    },

    /// INVITE to `destination` over the call's trunk, as the new leg `leg`; answered by `LegRinging`*, then `LegAnswered` or `LegFailed`. The
    /// host gives up after `ring` and answers `LegFailed { NoAnswer }`. `Release` before the answer is a CANCEL.
    Dial {
        leg: LegId,
        request: RequestId,
        destination: Redacted<String>,
        headers: Vec<(String, Redacted<String>)>,
        ring: Millis,
    },
    /// Join the two legs' audio, and relay keys, until `Unbridge` or until one is gone; answered by `BridgeUp` once packets flowed both ways, or
    /// by `BridgeFailed`. Hold music and speech on both are over by then.
    Bridge {
        a: LegId,
        b: LegId,
        request: RequestId,
    },
    /// Part them again; both are ours as before. Never answered; nothing where they are not joined.
    Unbridge {
        a: LegId,
        b: LegId,
    },

    /// Loop hold music on one leg, under its speech: ducked while an utterance plays. Never answered.
    StartHoldMusic {
        leg: LegId,
    },
    StopHoldMusic {
        leg: LegId,
    },
    /// A fixed short sound after what plays on that leg. Never answered.
    Tone {
        leg: LegId,
        kind: ToneKind,
    },
    /// Listen to who answered; answered by `AnswerClassified` exactly once, within `budget` unless the leg goes first.
    ClassifyAnswer {
        leg: LegId,
        budget: Millis,
    },

    /// Speak on one leg after what already queues there; answered by `PlaybackStarted` and `PlaybackEnded` or `PlaybackFailed`.
    Play {
        leg: LegId,
        utterance: UtteranceId,
        text: Redacted<String>,
    },
    /// Stop that utterance within one frame and drop it if it waits; answered by `PlaybackEnded`.
    CutPlayback {
        leg: LegId,
        utterance: UtteranceId,
    },
    /// Feed this leg's audio to the recogniser.
    Listen {
        leg: LegId,
    },
    StopListening {
        leg: LegId,
    },
    /// The keypad settings now in force: for the recording, the timeline and in-band detection.
    Collecting {
        leg: LegId,
        settings: DtmfSettings,
    },

    /// Answered by `TurnSpeech`*, then `TurnReady` or `TurnFailed`.
    RunTurn {
        turn: TurnId,
        input: TurnInput,
    },
    /// The answer is not wanted any more; the runtime keeps what was already said.
    CancelTurn {
        turn: TurnId,
    },
    /// What the caller really heard of that turn's words, after an interruption.
    ReportHeard {
        turn: TurnId,
        text: Redacted<String>,
    },
    /// What a human is told about this caller; answered by `BriefingComposed` by `deadline`. `Static`: the template, filled; `AiSummary` and
    /// `Prompt`: by the model, or by a local extract of the conversation where there is none.
    ComposeBriefing {
        request: RequestId,
        mode: MessageMode,
        template: Option<Text<4000>>,
        deadline: CallTime,
    },
    /// One attempt of a transfer as it stands: the row with its `transfer` and `attempt` is written anew. Never answered.
    NoteAttempt {
        record: Box<AttemptRecord>,
    },
    /// The row's status while the call lives. Never answered.
    NoteStatus {
        status: SessionStatus,
    },
    /// Run the close pipeline; answered by `SessionEnded`.
    EndSession {
        request: RequestId,
        cause: EndCause,
        triggered_by: TriggeredBy,
    },

    Notify(Notice),
}

/// The fixed sounds there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToneKind {
    /// Two people are joined now.
    Bridged,
}
