//! Conversations and messages.

use super::turn::SessionRowStatus;
use crate::api::time;
use crate::model::{ConversationId, SessionStatus, WallTime};
use crate::store::{Conversation, Message, Origin};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A conversation in a list, and what `close` answers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = src__conversation__schemas__SessionResponse)]
pub(in crate::api) struct SessionResponse {
    id: Uuid,
    organization_id: Uuid,
    end_user_id: Uuid,
    channel: String,
    #[schema(value_type = Option<super::conversation::OriginWord>)]
    origin: Option<&'static str>,
    external_session_id: Option<String>,
    #[schema(value_type = SessionRowStatus)]
    status: SessionStatus,
    #[schema(value_type = super::conversation::SessionType, default = "live", required = false)]
    session_type: String,
    /// Always `normal`: this worker does not rank conversations.
    #[schema(value_type = Priority)]
    priority: &'static str,
    subject: Option<String>,
    assigned_agent_id: Option<Uuid>,
    retention_policy_id: Option<Uuid>,
    summary: Option<String>,
    #[schema(required = false)]
    metadata: Map<String, Value>,
    #[schema(required = false)]
    context_variables: Map<String, Value>,
    message_count: u32,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    first_message_at: Option<WallTime>,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last_message_at: Option<WallTime>,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    started_at: WallTime,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<WallTime>,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<WallTime>,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ttl_expires_at: Option<WallTime>,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime)]
    retention_expires_at: Option<WallTime>,
    #[schema(value_type = Option<String>, format = DateTime)]
    archived_at: Option<String>,
    #[schema(default = false, required = false)]
    memory_synced: bool,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: WallTime,
    /// From start to end; null while it runs.
    duration_ms: Option<u64>,
    summary_preview: Option<String>,
    #[schema(default = false, required = false)]
    has_recording: bool,
    /// Why it ended; an addition to the published shape.
    termination_reason: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words in the document")]
enum Priority {
    Low,
    Normal,
    High,
    Urgent,
}

/// Characters of a summary shown in a list.
const PREVIEW_CHARS: usize = 200;

impl From<Conversation> for SessionResponse {
    fn from(row: Conversation) -> Self {
        Self {
            id: row.id.0,
            organization_id: row.organisation.0,
            end_user_id: row.end_user,
            channel: row.channel,
            origin: row.origin.map(Origin::as_str),
            external_session_id: row.external_id,
            status: row.status,
            session_type: row.session_type,
            priority: "normal",
            subject: row.subject,
            assigned_agent_id: None,
            retention_policy_id: None,
            summary_preview: row.summary.as_ref().map(|summary| summary.chars().take(PREVIEW_CHARS).collect()),
            summary: row.summary,
            metadata: row.metadata,
            context_variables: row.context_variables,
            message_count: row.message_count,
            first_message_at: row.first_message_at,
            last_message_at: row.last_message_at,
            started_at: row.started_at,
            ended_at: row.ended_at,
            closed_at: row.closed_at,
            ttl_expires_at: row.ttl_expires_at,
            retention_expires_at: row.retention_expires_at,
            archived_at: None,
            memory_synced: row.memory_synced,
            created_at: row.created_at,
            updated_at: row.updated_at,
            duration_ms: row.ended_at.map(|end| end.0.saturating_sub(row.started_at.0)),
            has_recording: row.recording_path.is_some(),
            termination_reason: row.termination_reason.map(crate::model::TerminationReason::as_str),
        }
    }
}

/// One conversation with its recent turns.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = src__conversation__schemas__SessionDetailResponse)]
pub(in crate::api) struct SessionDetailResponse {
    #[serde(flatten)]
    pub(in crate::api) session: SessionResponse,
    #[schema(required = false)]
    pub(in crate::api) recent_turns: Vec<TurnResponse>,
    pub(in crate::api) recording_url: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CursorPage_SessionResponse_)]
pub(in crate::api) struct SessionPage {
    pub(in crate::api) items: Vec<SessionResponse>,
    pub(in crate::api) next_cursor: Option<String>,
    pub(in crate::api) has_more: bool,
}

/// One message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = src__conversation__schemas__TurnResponse)]
pub(in crate::api) struct TurnResponse {
    id: Uuid,
    session_id: Uuid,
    /// Its place in the conversation, from 0; an addition to the published shape.
    seq: u32,
    #[schema(value_type = RoleWord)]
    role: &'static str,
    content: String,
    /// Tokens of the model calls that made it; null where none did. Input and output are not told apart: all of them are output.
    token_count: Option<TokenCount>,
    model_used: Option<String>,
    latency_ms: Option<u64>,
    #[schema(default = false, required = false)]
    is_compacted: bool,
    #[schema(required = false)]
    metadata: Map<String, Value>,
    /// `human_operator` where a person wrote it.
    authored_by: Option<String>,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes store::Role in the document")]
enum RoleWord {
    User,
    Assistant,
    System,
    Tool,
    SystemEvent,
}

#[derive(Debug, Serialize, ToSchema)]
struct TokenCount {
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: Option<u64>,
}

impl From<Message> for TurnResponse {
    fn from(stored: Message) -> Self {
        let message = stored.message;
        Self {
            id: message.id,
            session_id: stored.conversation.0,
            seq: stored.seq,
            role: message.role.as_str(),
            content: message.content.into_exposed(),
            token_count: message.token_count.map(|all| TokenCount { input_tokens: 0, output_tokens: all, total_tokens: Some(all) }),
            authored_by: message.authored_by,
            model_used: message.model_used,
            latency_ms: message.latency_ms,
            is_compacted: false,
            metadata: Map::new(),
            created_at: message.created_at,
        }
    }
}

/// The tail of a conversation.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ConversationMessagesPoll {
    pub(in crate::api) session_status: String,
    pub(in crate::api) messages: Vec<TurnResponse>,
    pub(in crate::api) next_seq: i64,
}

/// Body of `end_session`; the ids are checked and otherwise ignored, the conversation is the one in the path.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct EndSessionRequest {
    end_user_id: Uuid,
    session_id: Uuid,
    agent_id: Option<Uuid>,
    #[schema(default = "api")]
    #[serde(default)]
    channel: String,
    /// A termination reason; another word is stored as `unknown`.
    #[schema(max_length = 64)]
    reason: Option<String>,
}

/// Body of `close`.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct SessionClose {
    /// A termination reason; another word is stored as `unknown`.
    #[schema(max_length = 64)]
    reason: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct PollQuery {
    #[param(minimum = -1, default = -1)]
    since_seq: Option<i64>,
    /// Accepted; this worker keeps no evidence.
    #[param(default = false)]
    include_evidence: Option<bool>,
    /// Accepted, as above.
    #[param(value_type = Option<super::conversation::EvidenceView>, default = "full")]
    evidence_view: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct ListQuery {
    status: Option<String>,
    channel: Option<String>,
    end_user_id: Option<Uuid>,
    /// No conversation is assigned to an agent here: with it the page is empty.
    assigned_agent_id: Option<Uuid>,
    /// Every conversation is `normal`.
    priority: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    started_after: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    started_before: Option<String>,
    /// In subject or summary, upper and lower case alike.
    q: Option<String>,
    /// Conversations are not evaluated here: `no_evals` is all of them, everything else none.
    #[param(value_type = Option<EvalFilter>)]
    eval_filter: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words in the document")]
pub(in crate::api) enum EvalFilter {
    HasEvals,
    NoEvals,
    AllPassed,
    AnyFailed,
}

pub(in crate::api) fn status_word(status: SessionStatus) -> String {
    status.as_str().to_owned()
}

pub(in crate::api) fn read_status(word: &str) -> Option<SessionStatus> {
    SessionStatus::parse(word)
}

/// `<started_at in ms>.<id>`: opaque to the client.
pub(in crate::api) fn write_cursor((at, id): (WallTime, ConversationId)) -> String {
    format!("{}.{id}", at.0)
}

pub(in crate::api) fn read_cursor(cursor: &str) -> Option<(WallTime, ConversationId)> {
    let (at, id) = cursor.split_once('.')?;
    Some((WallTime(at.parse().ok()?), ConversationId(Uuid::parse_str(id).ok()?)))
}
