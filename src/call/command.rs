//! Orders, imperative: everything the core can want. Fire and forget; what cannot be carried out comes back as an event.

use crate::model::{DtmfSettings, EndCause, LegId, Notice, Redacted, RequestId, TriggeredBy, TurnId, TurnInput, UtteranceId};
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
    /// REFER on this leg; answered by `ReferAnswered`, then `ReferProgress`/`ReferEnded`.
    Refer {
        leg: LegId,
        request: RequestId,
        destination: Redacted<String>,
        reason: Option<Redacted<String>>,
    },
    /// Forget the subscription of that REFER: later NOTIFYs are answered and dropped.
    AbandonRefer {
        leg: LegId,
        request: RequestId,
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
    /// Run the close pipeline; answered by `SessionEnded`.
    EndSession {
        request: RequestId,
        cause: EndCause,
        triggered_by: TriggeredBy,
    },

    Notify(Notice),
}
