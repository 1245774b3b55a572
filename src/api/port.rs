//! What the API needs of the worker's live side; `host` implements it.

use crate::model::{CallTime, ConversationId, LegId, Millis, OrganisationId, Redacted, TerminationReason, TurnResult, WallTime};
use futures_util::future::BoxFuture;
use serde::Serialize;
use thiserror::Error;
use utoipa::ToSchema;

/// Calls of this worker (later: of its fleet), as the API sees them.
pub trait CallControl: Send + Sync {
    /// Ends the conversation: a live call is cut (speech stops, legs are released) and its close pipeline runs with `triggered_by = admin`; one
    /// that is not live goes through what is left of its durable close. Answers only when the pipeline is through. Ending twice answers the
    /// same. Never creates a session. Must go on to its end when the returned future is dropped: the client may hang up.
    fn end_session(&self, conversation: ConversationId, reason: TerminationReason) -> BoxFuture<'_, Result<TurnResult, ControlError>>;

    /// Speaks an operator's words on a live call; answered when they are queued.
    fn say(&self, conversation: ConversationId, text: Redacted<String>) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Whose live call this is; `None` if it is not live here. Cheap: asked on every operation on a conversation.
    fn live_owner(&self, conversation: ConversationId) -> Option<OrganisationId>;

    /// Live calls of the organisation, oldest first.
    fn live_calls(&self, organisation: OrganisationId) -> Vec<CallSummary>;

    /// One live call with its timeline and armed timers.
    fn call(&self, conversation: ConversationId) -> Option<CallDetail>;

    fn readiness(&self) -> Readiness;
}

/// Why the live side could not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ControlError {
    #[error("the conversation has no live call")]
    NotLive,
    #[error("the call's queue is full")]
    Overloaded,
    #[error("the call did not answer in time")]
    TimedOut,
    /// The text is for the log, never for the client.
    #[error("{0}")]
    Failed(String),
}

/// One live call in the list.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSummary {
    #[schema(value_type = String, format = Uuid)]
    pub conversation_id: ConversationId,
    #[serde(skip)]
    #[schema(ignore)]
    pub organisation: OrganisationId,
    /// `inbound` or `outbound`.
    pub direction: String,
    pub trunk: String,
    pub assistant: String,
    /// The core's phase: `offered`, `answering`, `talking`, `transferring`, `ending`, `closed`.
    pub phase: String,
    /// Masked by the host (`telemetry::mask_number`).
    pub caller: String,
    #[serde(serialize_with = "super::time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub started_at: WallTime,
    /// Milliseconds since the offer.
    #[schema(value_type = u64)]
    pub duration_ms: Millis,
}

/// Everything people ask of one live call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallDetail {
    #[serde(flatten)]
    pub summary: CallSummary,
    pub legs: Vec<LegView>,
    /// In the order they are due.
    pub timers: Vec<ArmedTimer>,
    pub timeline: Vec<TimelineLine>,
    /// Entries that did not fit the timeline's bound.
    pub timeline_dropped: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LegView {
    #[schema(value_type = u32)]
    pub leg: LegId,
    /// `caller` or `supervisor`.
    pub role: String,
    /// `ringing`, `up`, `held`, `releasing`.
    pub state: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ArmedTimer {
    /// The timer's kind, in snake case.
    pub timer: String,
    /// Microseconds since the offer.
    #[schema(value_type = u64)]
    pub at_us: CallTime,
}

/// One line of the timeline; its text is masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TimelineLine {
    /// Microseconds since the offer.
    #[schema(value_type = u64)]
    pub at_us: CallTime,
    /// `event`, `command`, `timer` or `notice`.
    pub kind: String,
    pub text: String,
}

/// Whether new calls are taken, and if not, every reason why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Readiness {
    pub ready: bool,
    pub reasons: Vec<String>,
}
