//! Ring 0: the words everyone shares.
//!
//! Ids, times, the wire types of the contract, the list of why calls end. Types here carry data and check it when they are built; they decide
//! nothing. This module imports no other module of the crate.

mod attempt;
mod bounded;
mod cause;
mod close;
mod direction;
mod dtmf;
mod ids;
mod media;
mod notice;
mod text;
mod time;
mod transfer;
mod turn;
mod voice;
mod words;

pub use attempt::{AttemptRecord, AttemptWay, FailureReason, FallbackMode, SupervisorDecision};
pub use bounded::{Bounded, OutOfBounds, Text};
pub use cause::{Blame, EndCause, TerminationReason, TriggeredBy};
pub use close::CloseStep;
pub use direction::CallDirection;
pub use dtmf::{DtmfInputSpec, DtmfSettings};
pub use ids::{ConversationId, LegId, OrganisationId, RequestId, TurnId, UtteranceId, WorkerId};
pub use media::{Digit, DigitSource, PlaybackReport};
pub use notice::Notice;
pub use text::Redacted;
pub use time::{CallTime, Millis, WallTime, WorkerTime};
pub use transfer::{CallTransferIntent, MessageMode, TransferMode, TransferOutcome, WarmTransferConfig, WarmTransferTargetOverride};
pub use turn::{AssistantMessage, RuntimeStatus, SessionStatus, TurnInput, TurnResult};
pub use voice::{
    FirstSpeaker, FirstSpeaking, FirstSpeakingMode, SilenceEndAction, SilenceReminderMode, Speed, VoiceSettings, VoicemailDetectionMode,
};
pub(crate) use words::words;
