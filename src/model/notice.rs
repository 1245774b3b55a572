//! What the pure modules tell operators; `telemetry` turns each into one log line and one metric.

use super::cause::EndCause;
use super::ids::{LegId, TurnId, UtteranceId};
use super::time::Millis;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "notice", rename_all = "snake_case")]
pub enum Notice {
    /// An answer whose id is not current any more; counted and dropped. `what` is the event's name.
    Stale {
        what: String,
    },
    /// An event that means nothing in this phase; counted and dropped.
    Unexpected {
        what: String,
        phase: String,
    },
    /// A turn did not answer in time; the caller heard an apology.
    TurnTimedOut {
        turn: TurnId,
    },
    TurnFailed {
        turn: TurnId,
        error: String,
    },
    PlaybackFailed {
        utterance: UtteranceId,
    },
    /// Keys beyond what one collection may hold were dropped.
    DigitsDropped {
        leg: LegId,
        count: u32,
    },
    /// What the caller said or keyed could not wait for its turn: the queue of kept inputs was full.
    InputsDropped {
        count: u32,
    },
    /// The queue of utterances was full; these words were not spoken.
    SpeechDropped {
        turn: Option<TurnId>,
    },
    /// The recogniser failed; it was started again or given up (then only keys are heard).
    RecognitionFailed {
        leg: LegId,
        given_up: bool,
    },
    /// What was heard was not said to us: our own voice that came back, or words begun while the peer held us.
    SpeechIgnored {
        leg: LegId,
        words: u32,
        on_hold: bool,
    },
    /// A turn asked for a human.
    HandoffRequested {
        turn: TurnId,
    },
    /// An operator's words were not spoken: nobody is there to hear them, or the caller is with a human.
    SayRefused {
        phase: String,
    },
    TransferStarted {
        attempt: u32,
    },
    /// `outcome` is a word of the closed list in `call::transfer::outcome`.
    TransferEnded {
        outcome: String,
        attempts: u32,
        took: Millis,
    },
    TransferRefused {
        why: String,
    },
    /// A deadline of the end sequence passed; the next step was taken without its answer.
    EndStepTimedOut {
        step: String,
    },
    CallEnded {
        cause: EndCause,
        duration: Millis,
    },
}
