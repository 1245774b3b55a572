//! What the API needs of the worker's live side; `host` implements it.

use crate::model::{CallTime, ConversationId, LegId, Millis, OrganisationId, Redacted, TerminationReason, TurnResult, WallTime};
use futures_util::future::BoxFuture;
use serde::Serialize;
use serde_json::{Map, Value};
use thiserror::Error;
use utoipa::ToSchema;
use uuid::Uuid;

/// Calls of this worker (later: of its fleet), as the API sees them.
pub trait CallControl: Send + Sync {
    /// Ends the conversation: a live call is cut (speech stops, legs are released) and its close pipeline runs with `triggered_by = admin`; one
    /// that is not live goes through what is left of its durable close. Answers only when the pipeline is through. Ending twice answers the
    /// same. Never creates a session. Must go on to its end when the returned future is dropped: the client may hang up.
    fn end_session(&self, conversation: ConversationId, reason: TerminationReason) -> BoxFuture<'_, Result<TurnResult, ControlError>>;

    /// Stores what was said so far on a live call, so that whatever is stored next comes after it. Nothing where no call is live.
    fn flush(&self, conversation: ConversationId) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Speaks an operator's words on a live call; answered when they are queued.
    fn say(&self, conversation: ConversationId, text: Redacted<String>) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Starts an outbound call; answered when its row stands and the INVITE is on its way, not when somebody answers.
    fn place_call(&self, call: PlaceCall) -> BoxFuture<'_, Result<PlacedCall, PlaceError>>;

    /// Settles the human handoff of a live call, which ends it with `handoff_resolved`. Answers when the close pipeline is through;
    /// [`ControlError::NotLive`] where no call is live. Goes on when the returned future is dropped.
    fn resolve_handoff(&self, conversation: ConversationId) -> BoxFuture<'_, Result<(), ControlError>>;

    /// Tells a live call what was decided; answered when it is queued. The decision is stored by the caller of this, before.
    fn decide_approval(&self, conversation: ConversationId, approval: Uuid, approved: bool) -> BoxFuture<'_, Result<(), ControlError>>;

    /// The assistants this worker has.
    fn assistants(&self) -> Vec<AssistantView>;

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

/// An assistant as the API names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AssistantView {
    /// [`assistant_id`] of its name.
    pub id: Uuid,
    /// Its file's stem, as routes name it.
    pub name: String,
    /// True for the one of calls and chats that name none.
    pub default: bool,
}

/// Under this the API's ids of things that the configuration knows by name are made.
const NAMES: Uuid = Uuid::from_u128(0x6f3f_1c0a_53f2_5a0d_9a53_7d0f_8d2c_41be);

/// The id by which the API knows the assistant of this name: the same on every worker and after every restart.
pub fn assistant_id(name: &str) -> Uuid {
    Uuid::new_v5(&NAMES, format!("assistant:{name}").as_bytes())
}

/// The id by which the API knows a number of ours, written in E.164 (`+4930123456`).
pub fn number_id(number: &str) -> Uuid {
    Uuid::new_v5(&NAMES, format!("number:{number}").as_bytes())
}

/// An outbound call that is wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceCall {
    pub organisation: OrganisationId,
    /// [`number_id`] of the number it comes from.
    pub from_number: Uuid,
    /// E.164, checked.
    pub to: Redacted<String>,
    /// [`assistant_id`] of the assistant that speaks; `None`: the one the number's configuration names.
    pub assistant: Option<Uuid>,
    /// Values of the assistant's declared variables.
    pub variables: Redacted<Map<String, Value>>,
}

/// An outbound call that is on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedCall {
    pub conversation: ConversationId,
    /// Name of the assistant that speaks.
    pub assistant: String,
}

/// Why an outbound call was not started. Nothing was dialled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// Also where the number belongs to another organisation.
    #[error("no number of this worker has this id")]
    UnknownNumber,
    #[error("no assistant of this worker has this id")]
    UnknownAssistant,
    /// Outside the allow-list, or over a limit of outbound attempts.
    #[error("the destination may not be dialled: {0}")]
    NotAllowed(String),
    #[error("context variable '{name}': {why}")]
    Variable { name: String, why: String },
    /// No slot, no port, or draining.
    #[error("no call can be started now: {0}")]
    Full(String),
    /// The text is for the log, never for the client.
    #[error("{0}")]
    Failed(String),
}

/// Conversations without a telephone, as the API drives them; `host` implements it.
pub trait Chat: Send + Sync {
    /// Runs one turn and streams it. It goes on to its end, and is stored, when the returned stream is dropped: the client may hang up.
    /// The last event is exactly one [`ChatEvent::Complete`] (the turn is stored then) or [`ChatEvent::Failed`].
    fn stream_turn(&self, turn: ChatTurn) -> BoxFuture<'_, Result<ChatStream, ChatError>>;

    /// As [`Self::stream_turn`], answered when the turn is stored.
    fn run_turn(&self, turn: ChatTurn) -> BoxFuture<'_, Result<ChatAnswer, ChatError>> {
        Box::pin(async move {
            let mut events = self.stream_turn(turn).await?;
            while let Some(event) = events.recv().await {
                match event {
                    ChatEvent::Delta(_) => {}
                    ChatEvent::Complete(answer) => return Ok(*answer),
                    ChatEvent::Failed(error) => return Err(error),
                }
            }
            Err(ChatError::Failed("the task that ran the turn is gone".to_owned()))
        })
    }

    /// Goes on with a turn that waited for this decision; a conversation that does not wait for it is left alone. The decision is stored by the
    /// caller of this, before.
    fn decide_approval(&self, conversation: ConversationId, approval: Uuid, approved: bool) -> BoxFuture<'_, Result<(), ChatError>>;

    /// The conversation's row is being closed: whatever is live of it is let go.
    fn forget(&self, conversation: ConversationId);
}

/// Events of one turn; bounded, a reader that is slow makes deltas join, never the turn wait.
pub type ChatStream = tokio::sync::mpsc::Receiver<ChatEvent>;

/// One turn that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTurn {
    pub organisation: OrganisationId,
    pub conversation: ConversationId,
    pub text: Redacted<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ChatEvent {
    /// Words of the answer, as they are made.
    Delta(Redacted<String>),
    Complete(Box<ChatAnswer>),
    Failed(ChatError),
}

/// A turn that was run and stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatAnswer {
    pub turn: Uuid,
    pub conversation: ConversationId,
    pub text: Redacted<String>,
    pub assistant: Option<Uuid>,
    /// `workflow`, `platform_tool` or `model`: what decided the answer.
    pub decision_source: &'static str,
    /// Numbers of the turn's messages: what the user said, then what was answered.
    pub message_seqs: Vec<u32>,
    pub session_status: crate::model::SessionStatus,
    /// To the first word of a model's answer; `None` where no model was asked.
    pub ttft_ms: Option<u64>,
    /// The assistant ended the conversation with this turn.
    pub ended: bool,
    /// The contract's word for what went wrong; the conversation goes on.
    pub error: Option<String>,
}

/// Why a turn was not run, or not to its end.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ChatError {
    #[error("the conversation does not exist")]
    NotFound,
    #[error("another turn of this conversation is running")]
    Busy,
    #[error("the conversation is a live call; its caller speaks for themself")]
    LiveCall,
    #[error("the conversation is {}", super::wire::status_word(*.0))]
    NotOpen(crate::model::SessionStatus),
    #[error("the conversation waits for an approval")]
    WaitsForApproval,
    /// Its assistant is not on this worker any more.
    #[error("the conversation's assistant is not configured on this worker")]
    NoAssistant,
    #[error("too many conversations are running a turn")]
    Full,
    /// The store; the same may work later.
    #[error("the turn could not be stored: {0}")]
    Unavailable(String),
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
