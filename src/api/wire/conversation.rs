//! Creating conversations and running turns.

use crate::api::port::{ChatAnswer, assistant_id};
use crate::api::time;
use crate::api::wire::session::TurnResponse;
use crate::model::WallTime;
use crate::store::{Conversation, Origin};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A conversation to be. Bound to the assistant that is named, or to the default one.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct ConversationCreate {
    end_user_id: Uuid,
    #[schema(default = "chat")]
    #[serde(default)]
    channel: String,
    /// One of `GET /v1/assistants`.
    assistant_id: Option<Uuid>,
    /// Accepted; an assistant of this worker has one revision, the one it was started with.
    assistant_revision_id: Option<Uuid>,
    /// Refused where it is set: this worker has no teams.
    team_id: Option<Uuid>,
    team_revision_id: Option<Uuid>,
    #[schema(max_length = 512)]
    channel_subtype: Option<String>,
    #[schema(value_type = Option<OriginWord>)]
    origin: Option<String>,
    #[schema(value_type = SessionType, default = "live")]
    #[serde(default)]
    session_type: String,
    /// Unique within the organisation: a second creation with it answers the first one's conversation.
    #[schema(max_length = 512)]
    external_id: Option<String>,
    /// Accepted.
    org_phone_number_id: Option<Uuid>,
    #[schema(max_length = 512)]
    subject: Option<String>,
    metadata: Option<Map<String, Value>>,
    /// Kept and answered.
    #[schema(value_type = Option<BTreeMap<String, BTreeMap<String, InputArgConfig>>>)]
    tool_input_overrides: Option<Map<String, Value>>,
    /// Values of the assistant's declared variables; others are kept on the row and not used.
    context_variables: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words in the document")]
pub(super) enum OriginWord {
    Inbound,
    Outbound,
}

#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words in the document")]
pub(super) enum SessionType {
    #[default]
    Live,
    Test,
    Simulation,
}

/// A configured input: a value, and whether the assistant may replace it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes the body; it is checked as it comes")]
struct InputArgConfig {
    value: Value,
    #[serde(default)]
    #[schema(default = "default")]
    r#type: InputArgType,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum InputArgType {
    #[default]
    Default,
    Pinned,
}

/// A conversation as it was created.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ConversationResponse {
    id: Uuid,
    organization_id: Uuid,
    end_user_id: Uuid,
    channel: String,
    channel_subtype: Option<String>,
    origin: Option<&'static str>,
    status: &'static str,
    session_type: String,
    assistant_id: Option<Uuid>,
    assistant_revision_id: Option<Uuid>,
    team_id: Option<Uuid>,
    team_revision_id: Option<Uuid>,
    external_id: Option<String>,
    subject: Option<String>,
    #[schema(value_type = Option<BTreeMap<String, BTreeMap<String, InputArgConfig>>>)]
    tool_input_overrides: Option<Map<String, Value>>,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: WallTime,
}

impl From<Conversation> for ConversationResponse {
    fn from(row: Conversation) -> Self {
        Self {
            id: row.id.0,
            organization_id: row.organisation.0,
            end_user_id: row.end_user,
            channel: row.channel,
            channel_subtype: row.channel_subtype,
            origin: row.origin.map(Origin::as_str),
            status: row.status.as_str(),
            session_type: row.session_type,
            assistant_id: row.assistant.as_deref().map(assistant_id),
            assistant_revision_id: None,
            team_id: None,
            team_revision_id: None,
            external_id: row.external_id,
            subject: row.subject,
            tool_input_overrides: row.tool_input_overrides,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What the user says.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct TurnRequest {
    user_message: String,
    /// Accepted: turns of one conversation never overlap here.
    #[schema(default = false)]
    #[serde(default)]
    for_update: bool,
    /// Accepted; this worker keeps no evidence.
    #[schema(default = false)]
    #[serde(default)]
    include_evidence: bool,
    #[schema(value_type = EvidenceView, default = "display")]
    #[serde(default)]
    evidence_view: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words in the document")]
pub(super) enum EvidenceView {
    Display,
    Full,
}

/// One turn that was run.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = src__runtime__conversation_schemas__TurnResponse)]
pub(in crate::api) struct RunTurnResponse {
    turn_id: Uuid,
    conversation_id: Uuid,
    text: String,
    #[schema(required)]
    active_assistant_id: Option<Uuid>,
    /// Always `single`: one assistant answers.
    path: &'static str,
    /// `workflow`, `model`, or `human` while the conversation waits for a person.
    decision_source: &'static str,
    message_seqs: Vec<u32>,
    session_status: &'static str,
    turn_ttft_ms: Option<u64>,
    /// The assistant ended the conversation with this turn.
    #[schema(default = false)]
    #[serde(default)]
    ended: bool,
    /// Always null: this worker keeps no evidence.
    evidence: Option<Map<String, Value>>,
    /// What went wrong in the turn, in the words of `TurnResult.error`; an addition to the published shape.
    error: Option<String>,
}

impl From<ChatAnswer> for RunTurnResponse {
    fn from(answer: ChatAnswer) -> Self {
        Self {
            turn_id: answer.turn,
            conversation_id: answer.conversation.0,
            text: answer.text.into_exposed(),
            active_assistant_id: answer.assistant,
            path: "single",
            decision_source: answer.decision_source,
            message_seqs: answer.message_seqs,
            session_status: answer.session_status.as_str(),
            turn_ttft_ms: answer.ttft_ms,
            ended: answer.ended,
            evidence: None,
            error: answer.error,
        }
    }
}

/// One event of a streamed turn.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct StreamEvent {
    event: StreamEventName,
    /// JSON: `{"text": …}` of a delta, the turn of a complete, an ErrorResponse of an error.
    data: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes the words in the document")]
enum StreamEventName {
    Delta,
    Complete,
    Error,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TurnListResponse {
    pub(in crate::api) turns: Vec<TurnResponse>,
    pub(in crate::api) next_cursor: Option<String>,
    pub(in crate::api) has_more: bool,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct TurnsQuery {
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    cursor: Option<String>,
    role: Option<String>,
    /// Accepted; nothing is compacted here.
    #[param(default = true)]
    include_compacted: Option<bool>,
    /// Accepted; this worker keeps no evidence.
    #[param(default = false)]
    include_evidence: Option<bool>,
    #[param(value_type = Option<EvidenceView>, default = "full")]
    evidence_view: Option<String>,
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct StreamQuery {
    /// Accepted; this worker streams no trace.
    #[param(default = false)]
    trace: Option<bool>,
}
