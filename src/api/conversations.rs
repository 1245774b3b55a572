//! Conversations: the contract's sections 3 and 4, as far as they stand on rows and on live calls.

use super::extract::{Faults, PathText, Query, json_body};
use super::keys::Key;
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use super::wire;
use crate::model::{ConversationId, SessionStatus, TerminationReason, TriggeredBy, TurnResult, WallTime};
use crate::store::{Closing, Conversation, ListFilter};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Messages one poll answers; the client polls on with `next_seq`.
const POLL_LIMIT: u32 = 1_000;
/// Turns shown with a conversation.
const RECENT_TURNS: u32 = 20;
/// Longest termination reason that is read.
const REASON_MAX_CHARS: usize = 64;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, remove))
        .routes(routes!(messages))
        .routes(routes!(close))
        .routes(routes!(end_session))
}

/// End a conversation through the close pipeline.
///
/// A live call falls silent and is hung up; the answer leaves when the close pipeline is through. Ending twice answers the same as ending once.
#[utoipa::path(post, path = "/conversations/{conversation_id}/end_session", operation_id = "endV2ConversationSession", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path)), request_body = Option<wire::EndSessionRequest>,
    responses((status = 200, body = wire::TurnResult), (status = 401, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 413, body = ErrorResponse), (status = 422, body = HttpValidationError), (status = 503, body = ErrorResponse),
        (status = 504, body = ErrorResponse)))]
async fn end_session(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    body: Body,
) -> Result<Json<TurnResult>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    let reason = end_reason(&mut faults, json_body(body).await?);
    faults.check()?;
    // A live call is ended even while the store is away.
    match state.control.live_owner(id) {
        Some(owner) if owner == key.organisation => {}
        Some(_) => return Err(Problem::no_conversation(id)),
        None => drop(owned(&state, &key, id).await?),
    }
    let ended = state.control.end_session(id, reason).await?;
    Ok(Json(ended))
}

fn end_reason(faults: &mut Faults, body: Option<Value>) -> TerminationReason {
    let Some(fields) = body.and_then(|body| faults.object(body)) else { return TerminationReason::AgentInitiated };
    faults.required_uuid(&fields, "end_user_id");
    faults.required_uuid(&fields, "session_id");
    faults.optional_uuid(&fields, "agent_id");
    faults.string_if_present(&fields, "channel");
    reason(faults.optional_string(&fields, "reason", REASON_MAX_CHARS))
}

fn reason(given: Option<String>) -> TerminationReason {
    given.map_or(TerminationReason::AgentInitiated, |word| TerminationReason::coerce(&word))
}

/// Close a conversation.
///
/// Without a live call this flips the row only; a live call is ended as `end_session` does, so that no call outlives its closed row.
#[utoipa::path(post, path = "/conversations/{conversation_id}/close", operation_id = "closeV2Conversation", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path)), request_body = Option<wire::SessionClose>,
    responses((status = 200, body = wire::SessionResponse), (status = 401, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 413, body = ErrorResponse), (status = 422, body = HttpValidationError), (status = 503, body = ErrorResponse)))]
async fn close(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    body: Body,
) -> Result<Json<wire::SessionResponse>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    let given = json_body(body)
        .await?
        .and_then(|body| faults.object(body))
        .and_then(|fields| faults.optional_string(&fields, "reason", REASON_MAX_CHARS));
    faults.check()?;
    let reason = reason(given);
    let row = match state.control.live_owner(id) {
        Some(owner) if owner == key.organisation => {
            state.control.end_session(id, reason).await?;
            owned(&state, &key, id).await?
        }
        Some(_) => return Err(Problem::no_conversation(id)),
        None => {
            owned(&state, &key, id).await?;
            state.chat.forget(id);
            state.store.close(id, closing(&state, reason)).await?.row
        }
    };
    Ok(Json(row.into()))
}

fn closing(state: &ApiState, reason: TerminationReason) -> Closing {
    const DAY_MS: u64 = 86_400_000;
    let now = (state.wall)();
    Closing {
        status: SessionStatus::Closed,
        reason,
        triggered_by: TriggeredBy::Admin,
        ended_at: now,
        closed_at: now,
        retention_expires_at: state.retention_days.map(|days| WallTime(now.0.saturating_add(u64::from(days) * DAY_MS))),
    }
}

/// One conversation with its recent turns.
#[utoipa::path(get, path = "/conversations/{conversation_id}", operation_id = "getV2Conversation", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path)),
    responses((status = 200, body = wire::SessionDetailResponse), (status = 401, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 422, body = HttpValidationError), (status = 503, body = ErrorResponse)))]
async fn show(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
) -> Result<Json<wire::SessionDetailResponse>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    faults.check()?;
    let row = owned(&state, &key, id).await?;
    let recent = state.store.last_messages(id, RECENT_TURNS).await?;
    Ok(Json(wire::SessionDetailResponse {
        session: row.into(),
        recent_turns: recent.into_iter().map(Into::into).collect(),
        recording_url: None,
    }))
}

/// Remove a closed conversation and everything under it.
#[utoipa::path(delete, path = "/conversations/{conversation_id}", operation_id = "deleteV2Conversation", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path)),
    responses((status = 204), (status = 401, body = ErrorResponse), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse),
        (status = 422, body = HttpValidationError), (status = 503, body = ErrorResponse)))]
async fn remove(State(state): State<ApiState>, Extension(key): Extension<Key>, PathText(id): PathText) -> Result<StatusCode, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    faults.check()?;
    if state.store.delete(key.organisation, id).await? { Ok(StatusCode::NO_CONTENT) } else { Err(Problem::no_conversation(id)) }
}

/// Messages after `since_seq`, and the conversation's status.
///
/// `next_seq` is what the next poll sends; a poll that finds nothing answers what it was sent.
#[utoipa::path(get, path = "/conversations/{conversation_id}/messages", operation_id = "pollV2ConversationMessages", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path), wire::PollQuery),
    responses((status = 200, body = wire::ConversationMessagesPoll), (status = 401, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 422, body = HttpValidationError), (status = 503, body = ErrorResponse)))]
async fn messages(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    query: Query,
) -> Result<Json<wire::ConversationMessagesPoll>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    let since = query.integer(&mut faults, "since_seq", (-1, i64::from(u32::MAX)), -1);
    query.boolean(&mut faults, "include_evidence");
    query.one_of(&mut faults, "evidence_view", &["display", "full"]);
    faults.check()?;
    // The status is read first: a message stored in between is in this answer or in the next one, and a `closed` status never precedes the last words.
    let row = owned(&state, &key, id).await?;
    let found = state.store.messages(id, u32::try_from(since).ok(), POLL_LIMIT).await?;
    Ok(Json(wire::ConversationMessagesPoll {
        session_status: wire::status_word(row.status),
        next_seq: found.last().map_or(since, |last| i64::from(last.seq)),
        messages: found.into_iter().map(Into::into).collect(),
    }))
}

/// Conversations, newest first.
#[utoipa::path(get, path = "/conversations", operation_id = "listV2Conversations", tag = "conversations", security(("APIKeyHeader" = [])),
    params(wire::ListQuery),
    responses((status = 200, body = wire::SessionPage), (status = 401, body = ErrorResponse), (status = 422, body = HttpValidationError),
        (status = 503, body = ErrorResponse)))]
async fn list(State(state): State<ApiState>, Extension(key): Extension<Key>, query: Query) -> Result<Json<wire::SessionPage>, Problem> {
    let mut faults = Faults::default();
    let mut filter = ListFilter::of(key.organisation);
    filter.channel = query.text("channel").map(str::to_owned);
    filter.end_user = query.uuid(&mut faults, "end_user_id");
    let agent = query.uuid(&mut faults, "assigned_agent_id");
    let priority = query.text("priority").is_none_or(|word| word == "normal");
    query.one_of(&mut faults, "eval_filter", &["has_evals", "no_evals", "all_passed", "any_failed"]);
    let evaluated = query.text("eval_filter").is_some_and(|word| word != "no_evals");
    filter.text = query.text("q").filter(|text| !text.is_empty()).map(str::to_owned);
    filter.started_after = query.time(&mut faults, "started_after");
    filter.started_before = query.time(&mut faults, "started_before");
    filter.limit = u32::try_from(query.integer(&mut faults, "limit", (1, 200), 50)).unwrap_or(50);
    faults.check()?;
    if let Some(cursor) = query.text("cursor") {
        filter.after = Some(wire::read_cursor(cursor).ok_or_else(bad_cursor)?);
    }
    let status = query.text("status").map(wire::read_status);
    filter.status = status.flatten();
    if status == Some(None) || agent.is_some() || !priority || evaluated {
        // No row has it.
        return Ok(Json(wire::SessionPage { items: Vec::new(), next_cursor: None, has_more: false }));
    }
    let page = state.store.list(filter).await?;
    Ok(Json(wire::SessionPage {
        has_more: page.next.is_some(),
        next_cursor: page.next.map(wire::write_cursor),
        items: page.items.into_iter().map(Into::into).collect(),
    }))
}

pub(super) fn bad_cursor() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_cursor", "The cursor is not one that a list answered.")
}

pub(super) async fn owned(state: &ApiState, key: &Key, id: ConversationId) -> Result<Conversation, Problem> {
    state.store.get(key.organisation, id).await?.ok_or_else(|| Problem::no_conversation(id))
}
