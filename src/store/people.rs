//! What waits for a person: handoffs with the operator's messages, and approvals.

use super::{Answer, Conversation, NewMessage};
use crate::model::{ConversationId, OrganisationId, Redacted, WallTime, words};
use serde_json::{Map, Value};
use std::fmt;
use uuid::Uuid;

words!(
    HandoffStatus {
        Requested = "requested",
        Assigned = "assigned",
        Accepted = "accepted",
        Resolved = "resolved",
        Cancelled = "cancelled",
    }
);
words!(HandoffSource { WorkflowTerminal = "workflow_terminal", Router = "router", Policy = "policy" });
words!(ApprovalState { Pending = "pending", Approved = "approved", Denied = "denied", Cancelled = "cancelled" });

impl HandoffStatus {
    /// Somebody may still answer it.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Requested | Self::Assigned | Self::Accepted)
    }
}

/// What a handoff is made of. Its `Debug` leaves out what people said.
#[derive(Clone, PartialEq)]
pub struct NewHandoff {
    pub id: Uuid,
    pub conversation: ConversationId,
    pub turn: Option<Uuid>,
    pub reason: Option<String>,
    pub static_text: String,
    pub source: HandoffSource,
    /// The packet without what the store adds when it is stored: the place in the transcript.
    pub packet: Map<String, Value>,
    pub at: WallTime,
}

#[derive(Clone, PartialEq)]
pub struct Handoff {
    pub id: Uuid,
    pub organisation: OrganisationId,
    pub conversation: ConversationId,
    pub turn: Option<Uuid>,
    pub reason: Option<String>,
    pub static_text: String,
    pub status: HandoffStatus,
    pub assignee: Option<String>,
    pub source: HandoffSource,
    pub packet: Map<String, Value>,
    pub created_at: WallTime,
    pub resolved_at: Option<WallTime>,
}

impl fmt::Debug for NewHandoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewHandoff").field("id", &self.id).field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

impl fmt::Debug for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Handoff");
        shown.field("id", &self.id).field("conversation", &self.conversation).field("status", &self.status).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandoffFilter {
    pub organisation: OrganisationId,
    pub status: Option<HandoffStatus>,
    /// 1–200.
    pub limit: u32,
    /// Time and id of the last one of the page before.
    pub after: Option<(WallTime, Uuid)>,
}

/// An operator's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayMessage {
    pub id: Uuid,
    /// Name of the key.
    pub operator: String,
    pub content: Redacted<String>,
    pub at: WallTime,
}

#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one answer a request, never kept")]
pub enum Relayed {
    Stored {
        handoff: Handoff,
        seq: u32,
        message: NewMessage,
    },
    /// Nobody waits for an answer any more.
    Over(HandoffStatus),
}

/// Handoffs to people. All of an organisation's own; a foreign id is answered as an unknown one.
pub trait Handoffs: Send + Sync {
    /// Idempotent by id; with the place the transcript has reached by now. `Ok(None)`: the conversation is over or not there.
    fn put_handoff(&self, new: NewHandoff) -> Answer<'_, Option<Handoff>>;

    fn handoff(&self, organisation: OrganisationId, id: Uuid) -> Answer<'_, Option<Handoff>>;

    /// Newest first.
    fn handoffs(&self, filter: HandoffFilter) -> Answer<'_, Vec<Handoff>>;

    /// Stores an operator's message as the next one of the conversation, and gives the handoff to the operator where nobody has it.
    fn relay(&self, organisation: OrganisationId, id: Uuid, message: RelayMessage) -> Answer<'_, Option<Relayed>>;

    /// Resolves one that is open; any other stays as it is.
    fn resolve_handoff(&self, organisation: OrganisationId, id: Uuid, at: WallTime) -> Answer<'_, Option<Handoff>>;
}

/// What is to be approved. Its `Debug` leaves out what people said.
#[derive(Clone, PartialEq, Eq)]
pub struct NewApproval {
    pub id: Uuid,
    pub conversation: ConversationId,
    /// The workflow's node that waits.
    pub node: Option<String>,
    /// What the caller was told while it waits.
    pub message: String,
    pub at: WallTime,
    /// Not decided by then: denied.
    pub expires_at: WallTime,
}

#[derive(Clone, PartialEq, Eq)]
pub struct Approval {
    pub id: Uuid,
    pub organisation: OrganisationId,
    pub conversation: ConversationId,
    pub node: Option<String>,
    pub message: String,
    pub state: ApprovalState,
    pub decided_by: Option<String>,
    pub created_at: WallTime,
    pub expires_at: WallTime,
    pub decided_at: Option<WallTime>,
}

impl fmt::Debug for NewApproval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApproval").field("id", &self.id).field("conversation", &self.conversation).finish_non_exhaustive()
    }
}

impl fmt::Debug for Approval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approval").field("id", &self.id).field("state", &self.state).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    pub approval: Approval,
    /// True for the decision that counted.
    pub first: bool,
}

/// Approvals that a workflow waits for.
pub trait Approvals: Send + Sync {
    /// Idempotent by id. `Ok(false)`: the conversation is over or not there.
    fn put_approval(&self, new: NewApproval) -> Answer<'_, bool>;

    /// Newest first; `state: None` is all.
    fn approvals(
        &self,
        organisation: OrganisationId,
        state: Option<ApprovalState>,
        after: Option<(WallTime, Uuid)>,
        limit: u32,
    ) -> Answer<'_, Vec<Approval>>;

    /// Pending ones of any organisation whose time is over, oldest first.
    fn overdue_approvals(&self, now: WallTime, limit: u32) -> Answer<'_, Vec<Approval>>;

    /// Decides one that is pending; any other stays as it is and is answered with `first: false`.
    fn decide(&self, organisation: OrganisationId, id: Uuid, approved: bool, by: String, at: WallTime) -> Answer<'_, Option<Decided>>;
}

/// What a handoff's packet says of the conversation it belongs to.
pub(super) fn enriched(mut packet: Map<String, Value>, row: &Conversation, up_to_seq: Option<u32>) -> Map<String, Value> {
    packet.insert("transcript_ptr".to_owned(), serde_json::json!({ "conversation_id": row.id, "up_to_seq": up_to_seq }));
    if packet.get("summary").is_none_or(Value::is_null)
        && let Some(summary) = &row.summary
    {
        packet.insert("summary".to_owned(), summary.clone().into());
    }
    packet
}
