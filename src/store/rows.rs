//! The rows, as data. Times are wall time in milliseconds; what people said is [`Redacted`].

use crate::model::{
    CallTime, CloseStep, ConversationId, OrganisationId, Redacted, SessionStatus, TerminationReason, TransferMode, TriggeredBy, WallTime,
    WorkerId, words,
};
use serde_json::{Map, Value};
use std::fmt;
use uuid::Uuid;

words!(Origin { Inbound = "inbound", Outbound = "outbound" });
words!(Role { User = "user", Assistant = "assistant", System = "system", Tool = "tool", SystemEvent = "system_event" });
words!(JobKind { Scrub = "scrub", Summary = "summary", Memory = "memory" });
words!(JobState { Queued = "queued", Running = "running", Done = "done", Failed = "failed" });

/// A conversation as it is stored. Its `Debug` leaves out what people said or typed: metadata, variables, subject and summary.
#[derive(Clone, PartialEq)]
pub struct Conversation {
    pub id: ConversationId,
    pub organisation: OrganisationId,
    pub end_user: Uuid,
    /// `voice`, `api`, `chat`.
    pub channel: String,
    pub origin: Option<Origin>,
    pub external_id: Option<String>,
    /// `live`, `test`, `simulation`.
    pub session_type: String,
    pub channel_subtype: Option<String>,
    /// Name of the assistant in this worker's configuration.
    pub assistant: Option<String>,
    /// Kept and answered as it was given.
    pub tool_input_overrides: Option<Map<String, Value>>,
    /// The worker that runs (or ran) it.
    pub worker: Option<WorkerId>,
    pub status: SessionStatus,
    pub termination_reason: Option<TerminationReason>,
    pub triggered_by: Option<TriggeredBy>,
    pub subject: Option<String>,
    pub summary: Option<String>,
    pub metadata: Map<String, Value>,
    pub context_variables: Map<String, Value>,
    pub message_count: u32,
    pub first_message_at: Option<WallTime>,
    pub last_message_at: Option<WallTime>,
    pub started_at: WallTime,
    pub ended_at: Option<WallTime>,
    pub closed_at: Option<WallTime>,
    /// A conversation without a call expires here unless something is said in it before.
    pub ttl_expires_at: Option<WallTime>,
    pub retention_expires_at: Option<WallTime>,
    pub recording_path: Option<String>,
    pub memory_synced: bool,
    pub created_at: WallTime,
    pub updated_at: WallTime,
}

/// What `create` needs to know. Its `Debug` leaves out what [`Conversation`]'s does.
#[derive(Clone, PartialEq)]
pub struct NewConversation {
    pub id: ConversationId,
    pub organisation: OrganisationId,
    pub end_user: Uuid,
    pub channel: String,
    pub origin: Option<Origin>,
    pub external_id: Option<String>,
    pub session_type: String,
    pub channel_subtype: Option<String>,
    pub assistant: Option<String>,
    pub tool_input_overrides: Option<Map<String, Value>>,
    pub worker: Option<WorkerId>,
    pub status: SessionStatus,
    pub subject: Option<String>,
    pub metadata: Map<String, Value>,
    pub context_variables: Map<String, Value>,
    pub ttl_expires_at: Option<WallTime>,
    pub at: WallTime,
}

impl fmt::Debug for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conversation")
            .field("id", &self.id)
            .field("organisation", &self.organisation)
            .field("channel", &self.channel)
            .field("status", &self.status)
            .field("termination_reason", &self.termination_reason)
            .field("message_count", &self.message_count)
            .field("updated_at", &self.updated_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewConversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConversation")
            .field("id", &self.id)
            .field("organisation", &self.organisation)
            .field("channel", &self.channel)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl NewConversation {
    /// A call that rings at this worker.
    pub fn inbound_voice(id: ConversationId, organisation: OrganisationId, end_user: Uuid, at: WallTime) -> Self {
        Self {
            id,
            organisation,
            end_user,
            channel: "voice".to_owned(),
            origin: Some(Origin::Inbound),
            external_id: None,
            session_type: "live".to_owned(),
            channel_subtype: None,
            tool_input_overrides: None,
            ttl_expires_at: None,
            assistant: None,
            worker: None,
            status: SessionStatus::Ringing,
            subject: None,
            metadata: Map::new(),
            context_variables: Map::new(),
            at,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Created {
    pub row: Conversation,
    /// False: it was there already and is answered unchanged.
    pub new: bool,
}

/// How a row is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// A terminal status; `closed` unless the session broke or ran out.
    pub status: SessionStatus,
    pub reason: TerminationReason,
    pub triggered_by: TriggeredBy,
    pub ended_at: WallTime,
    pub closed_at: WallTime,
    pub retention_expires_at: Option<WallTime>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    pub row: Conversation,
    /// True for the close that flipped the row.
    pub first: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    pub id: Uuid,
    pub role: Role,
    pub content: Redacted<String>,
    pub producing_assistant: Option<Uuid>,
    pub model_used: Option<String>,
    pub token_count: Option<u64>,
    pub latency_ms: Option<u64>,
    /// Of a chat; null for voice, where the transcript is flushed.
    pub turn: Option<Uuid>,
    /// `human_operator`; null where the assistant or the end user wrote it.
    pub authored_by: Option<String>,
    /// Who the operator is: the name of the key.
    pub operator: Option<String>,
    pub created_at: WallTime,
}

impl NewMessage {
    pub fn new(id: Uuid, role: Role, content: impl Into<Redacted<String>>, created_at: WallTime) -> Self {
        Self {
            id,
            role,
            content: content.into(),
            producing_assistant: None,
            model_used: None,
            token_count: None,
            latency_ms: None,
            turn: None,
            authored_by: None,
            operator: None,
            created_at,
        }
    }
}

/// A message with the number its conversation gave it, from 0.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberedMessage {
    pub seq: u32,
    pub message: NewMessage,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub conversation: ConversationId,
    pub seq: u32,
    pub message: NewMessage,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    pub written: u32,
    /// Were stored by an earlier flush.
    pub already: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ListFilter {
    pub organisation: OrganisationId,
    pub status: Option<SessionStatus>,
    pub channel: Option<String>,
    pub end_user: Option<Uuid>,
    /// In subject or summary, upper and lower case alike.
    pub text: Option<String>,
    pub started_after: Option<WallTime>,
    pub started_before: Option<WallTime>,
    /// 1–200.
    pub limit: u32,
    /// `next` of the page before.
    pub after: Option<(WallTime, ConversationId)>,
}

impl ListFilter {
    pub fn of(organisation: OrganisationId) -> Self {
        Self {
            organisation,
            status: None,
            channel: None,
            end_user: None,
            text: None,
            started_after: None,
            started_before: None,
            limit: 50,
            after: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    pub items: Vec<Conversation>,
    /// Set if there is more.
    pub next: Option<(WallTime, ConversationId)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseLogEntry {
    pub step: CloseStep,
    pub at: WallTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: Uuid,
    pub conversation: ConversationId,
    pub kind: JobKind,
    pub state: JobState,
    /// How often it was taken.
    pub attempts: u32,
    pub created_at: WallTime,
    pub updated_at: WallTime,
}

/// One line of a call's timeline; `text` must be masked by whoever made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineEntry {
    /// From 0 per call.
    pub seq: u32,
    pub at: CallTime,
    /// A word of a small set: `event`, `command`, `timer`, `notice`.
    pub kind: String,
    pub text: String,
}

/// One attempt of a transfer. `status` and the reasons are words of the core's closed lists.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferAttempt {
    pub id: Uuid,
    pub conversation: ConversationId,
    /// From 1 within the conversation.
    pub number: u32,
    /// The transfer it belongs to, from 1 within the conversation.
    pub transfer: u32,
    pub mode: TransferMode,
    pub destination: Redacted<String>,
    /// 0: the intent's `destination`; from 1 its `warm_destinations`.
    pub destination_index: u32,
    pub label: Option<String>,
    pub status: String,
    pub created_at: WallTime,
    pub dialled_at: Option<WallTime>,
    pub answered_at: Option<WallTime>,
    pub briefed_at: Option<WallTime>,
    pub decided_at: Option<WallTime>,
    pub bridged_at: Option<WallTime>,
    /// `accepted`, `declined`, …
    pub decision: Option<String>,
    pub ended_at: Option<WallTime>,
    pub failure_reason: Option<String>,
    pub fallback_mode: Option<String>,
    pub briefing_snippet: Option<Redacted<String>>,
    /// Where the consult's own recording lies.
    pub consult_recording: Option<String>,
}

/// Something said between the worker and a supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsultTurn {
    pub conversation: ConversationId,
    pub attempt: Uuid,
    /// From 0 within the attempt.
    pub seq: u32,
    /// `assistant` or `supervisor`.
    pub role: String,
    pub content: Redacted<String>,
    pub at: WallTime,
}

/// An attempt that failed, with the caller's number from the conversation's metadata (`caller`), if it is kept there.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedTransfer {
    pub attempt: TransferAttempt,
    pub caller: Option<Redacted<String>>,
}
