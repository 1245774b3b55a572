//! Creating conversations, and the assistants they can be bound to.

use super::extract::{Faults, json_body};
use super::keys::Key;
use super::port::AssistantView;
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use super::wire;
use crate::model::{ConversationId, SessionStatus, WallTime};
use crate::store::{NewConversation, Origin};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Longest external id, subject and channel that are stored.
const TEXT_MAX_CHARS: usize = 512;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create))
}

pub(super) fn assistant_routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(assistants))
}

/// Create a conversation, or get the one that has this `external_id`.
///
/// It is bound to the assistant that is named, or to the worker's default one.
#[utoipa::path(post, path = "/conversations", operation_id = "getOrCreateV2Conversation", tag = "conversations",
    security(("APIKeyHeader" = [])), request_body = wire::ConversationCreate,
    responses((status = 201, body = wire::ConversationResponse), (status = 400, body = ErrorResponse), (status = 401, body = ErrorResponse),
        (status = 422, body = HttpValidationError)))]
async fn create(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    body: Body,
) -> Result<(StatusCode, Json<wire::ConversationResponse>), Problem> {
    let mut faults = Faults::default();
    let wanted = read(&mut faults, json_body(body).await?);
    faults.check()?;
    let assistant = bound_to(&state.control.assistants(), &wanted)?;
    if wanted.channel == "voice" {
        return Err(bad("voice_needs_a_call", "A voice conversation begins with a call: POST /v1/voice/outbound, or call in."));
    }
    let now = (state.wall)();
    let new = NewConversation {
        id: ConversationId(Uuid::now_v7()),
        organisation: key.organisation,
        end_user: wanted.end_user,
        channel: wanted.channel,
        origin: wanted.origin,
        external_id: wanted.external_id,
        session_type: wanted.session_type,
        channel_subtype: wanted.channel_subtype,
        assistant: Some(assistant),
        tool_input_overrides: wanted.tool_input_overrides,
        worker: None,
        status: SessionStatus::Active,
        subject: wanted.subject,
        metadata: wanted.metadata,
        context_variables: wanted.context_variables,
        ttl_expires_at: Some(WallTime(now.0.saturating_add(state.chat_ttl.0))),
        at: now,
    };
    let created = state.store.create(new).await?;
    Ok((StatusCode::CREATED, Json(created.row.into())))
}

struct Wanted {
    end_user: Uuid,
    channel: String,
    assistant: Option<Uuid>,
    team: bool,
    channel_subtype: Option<String>,
    origin: Option<Origin>,
    session_type: String,
    external_id: Option<String>,
    subject: Option<String>,
    metadata: Map<String, Value>,
    tool_input_overrides: Option<Map<String, Value>>,
    context_variables: Map<String, Value>,
}

fn read(faults: &mut Faults, body: Option<Value>) -> Wanted {
    let fields = faults.required_object(body);
    let fields = &fields;
    faults.string_if_present(fields, "channel");
    let channel = fields.get("channel").and_then(Value::as_str).unwrap_or("chat").to_owned();
    faults.optional_uuid(fields, "assistant_revision_id");
    faults.optional_uuid(fields, "org_phone_number_id");
    let team = faults.optional_uuid(fields, "team_id").is_some() | faults.optional_uuid(fields, "team_revision_id").is_some();
    let tool_input_overrides = faults.optional_map(fields, "tool_input_overrides");
    if let Some(overrides) = &tool_input_overrides
        && !overrides.values().all(is_input_config)
    {
        let msg = "Each tool's inputs must be objects with a value and, if given, a type of 'default' or 'pinned'";
        faults.field("value_error", "tool_input_overrides", msg, fields["tool_input_overrides"].clone());
    }
    Wanted {
        end_user: faults.required_uuid(fields, "end_user_id"),
        channel,
        assistant: faults.optional_uuid(fields, "assistant_id"),
        team,
        channel_subtype: faults.optional_string(fields, "channel_subtype", TEXT_MAX_CHARS),
        origin: faults.optional_word(fields, "origin", &["inbound", "outbound"]).and_then(Origin::parse),
        session_type: faults.word(fields, "session_type", &["live", "test", "simulation"], "live").to_owned(),
        external_id: faults.optional_string(fields, "external_id", TEXT_MAX_CHARS),
        subject: faults.optional_string(fields, "subject", TEXT_MAX_CHARS),
        metadata: faults.optional_map(fields, "metadata").unwrap_or_default(),
        tool_input_overrides,
        context_variables: faults.optional_map(fields, "context_variables").unwrap_or_default(),
    }
}

/// `{input: {value, type?}, …}`, and nothing else in it.
fn is_input_config(inputs: &Value) -> bool {
    let one = |config: &Value| {
        config.as_object().is_some_and(|config| {
            let typed = config.get("type").is_none_or(|kind| *kind == json!("default") || *kind == json!("pinned"));
            config.contains_key("value") && typed && config.keys().all(|key| key == "value" || key == "type")
        })
    };
    inputs.as_object().is_some_and(|inputs| inputs.values().all(one))
}

fn bound_to(assistants: &[AssistantView], wanted: &Wanted) -> Result<String, Problem> {
    if wanted.team {
        return Err(bad("teams_not_served", "This worker has assistants and no teams. Send assistant_id, or neither."));
    }
    let found = match wanted.assistant {
        Some(id) => assistants.iter().find(|assistant| assistant.id == id),
        None => assistants.iter().find(|assistant| assistant.default),
    };
    let found = found.ok_or_else(|| bad("unknown_assistant", "No assistant of this worker has this id. GET /v1/assistants lists them."))?;
    Ok(found.name.clone())
}

fn bad(word: &str, message: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, word, message)
}

#[derive(Debug, Serialize, ToSchema)]
struct AssistantList {
    assistants: Vec<AssistantView>,
}

/// The assistants of this worker, with the ids that conversations and outbound calls name them by.
#[utoipa::path(get, path = "/assistants", operation_id = "listAssistants", tag = "assistants", security(("APIKeyHeader" = [])),
    responses((status = 200, body = AssistantList), (status = 401, body = ErrorResponse)))]
async fn assistants(State(state): State<ApiState>) -> Json<AssistantList> {
    Json(AssistantList { assistants: state.control.assistants() })
}
