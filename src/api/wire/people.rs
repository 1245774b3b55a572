//! Handoffs, operators' messages, approvals.

use crate::api::time;
use crate::model::WallTime;
use crate::store::{Approval, Handoff, NewMessage};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct HandoffQuery {
    status: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct HandoffPage {
    pub(in crate::api) items: Vec<HandoffRead>,
    pub(in crate::api) next_cursor: Option<String>,
}

/// A conversation that asks for a person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct HandoffRead {
    id: Uuid,
    organization_id: Uuid,
    conversation_id: Uuid,
    #[schema(required)]
    conv_turn_id: Option<Uuid>,
    #[schema(required)]
    reason: Option<String>,
    static_text: String,
    #[schema(value_type = HandoffStatusWord)]
    status: &'static str,
    /// Name of the key that has it.
    #[schema(required)]
    assignee: Option<String>,
    #[schema(value_type = HandoffSourceWord)]
    source: &'static str,
    packet: HandoffPacket,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    resolved_at: Option<WallTime>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes store::HandoffStatus in the document")]
enum HandoffStatusWord {
    Requested,
    Assigned,
    Accepted,
    Resolved,
    Cancelled,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes store::HandoffSource in the document")]
enum HandoffSourceWord {
    WorkflowTerminal,
    Router,
    Policy,
}

/// What the person gets to know.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct HandoffPacket {
    #[serde(default)]
    #[schema(required)]
    static_text: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    context_vars: Map<String, Value>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    transcript_ptr: Option<TranscriptPtr>,
    #[serde(default)]
    transfer_to: Option<String>,
    #[serde(default)]
    transfer_label: Option<String>,
}

/// How far the transcript had come.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TranscriptPtr {
    conversation_id: Uuid,
    #[serde(default)]
    up_to_seq: Option<u32>,
}

impl From<Handoff> for HandoffRead {
    fn from(row: Handoff) -> Self {
        // What an older worker stored and cannot be read stays out of the packet, not the packet out of the answer.
        let mut packet: HandoffPacket = serde_json::from_value(Value::Object(row.packet)).unwrap_or_default();
        packet.static_text.clone_from(&row.static_text);
        Self {
            id: row.id,
            organization_id: row.organisation.0,
            conversation_id: row.conversation.0,
            conv_turn_id: row.turn,
            reason: row.reason,
            static_text: row.static_text,
            status: row.status.as_str(),
            assignee: row.assignee,
            source: row.source.as_str(),
            packet,
            created_at: row.created_at,
            resolved_at: row.resolved_at,
        }
    }
}

/// An operator's words; who the operator is, the key says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct HandoffRelayRequest {
    #[schema(min_length = 1)]
    content: String,
}

/// The operator's message as it was stored.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct HandoffMessageRead {
    id: Uuid,
    conversation_id: Uuid,
    seq: u32,
    role: String,
    #[schema(required)]
    content: Option<String>,
    authored_by: String,
    #[schema(required)]
    operator_actor_id: Option<String>,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
}

impl HandoffMessageRead {
    pub(in crate::api) fn of(handoff: &Handoff, seq: u32, message: NewMessage) -> Self {
        Self {
            id: message.id,
            conversation_id: handoff.conversation.0,
            seq,
            role: message.role.as_str().to_owned(),
            content: Some(message.content.into_exposed()),
            authored_by: message.authored_by.unwrap_or_default(),
            operator_actor_id: message.operator,
            created_at: message.created_at,
        }
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct ApprovalQuery {
    #[param(value_type = Option<ApprovalStatusWord>)]
    status: Option<String>,
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ApprovalPage {
    pub(in crate::api) items: Vec<ApprovalRead>,
    pub(in crate::api) next_cursor: Option<String>,
}

/// Something a workflow does only when a person agrees.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ApprovalRead {
    id: Uuid,
    conversation_id: Uuid,
    /// The workflow's node that waits.
    node: Option<String>,
    /// Why it asks.
    message: String,
    #[schema(value_type = ApprovalStatusWord)]
    status: &'static str,
    /// Name of the key that decided.
    decided_by: Option<String>,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<WallTime>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes store::ApprovalState in the document")]
enum ApprovalStatusWord {
    Pending,
    Approved,
    Denied,
    Cancelled,
}

impl From<Approval> for ApprovalRead {
    fn from(row: Approval) -> Self {
        Self {
            id: row.id,
            conversation_id: row.conversation.0,
            node: row.node,
            message: row.message,
            status: row.state.as_str(),
            decided_by: row.decided_by,
            created_at: row.created_at,
            decided_at: row.decided_at,
        }
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct ApprovalDecision {
    approved: bool,
}

/// `<time in ms>.<id>`: opaque to the client.
pub(in crate::api) fn write_place((at, id): (WallTime, Uuid)) -> String {
    format!("{}.{id}", at.0)
}

pub(in crate::api) fn read_place(cursor: &str) -> Option<(WallTime, Uuid)> {
    let (at, id) = cursor.split_once('.')?;
    Some((WallTime(at.parse().ok()?), Uuid::parse_str(id).ok()?))
}
