//! Handoffs to people: seen, answered, settled.

use super::extract::{Faults, PathText, Query, json_body};
use super::keys::Key;
use super::port::ControlError;
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use super::wire;
use crate::model::{Redacted, TerminationReason};
use crate::store::{Handoff, HandoffFilter, HandoffStatus, RelayMessage, Relayed};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show)).routes(routes!(relay)).routes(routes!(resolve))
}

/// Handoffs, newest first.
#[utoipa::path(get, path = "/hitl/handoffs", operation_id = "list_handoffs_v1_hitl_handoffs_get", tag = "hitl",
    security(("APIKeyHeader" = [])), params(wire::HandoffQuery),
    responses((status = 200, body = wire::HandoffPage), (status = 400, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn list(State(state): State<ApiState>, Extension(key): Extension<Key>, query: Query) -> Result<Json<wire::HandoffPage>, Problem> {
    let mut faults = Faults::default();
    let limit = u32::try_from(query.integer(&mut faults, "limit", (1, 200), 50)).unwrap_or(50);
    faults.check()?;
    let after = query.text("cursor").map(|cursor| wire::read_place(cursor).ok_or_else(super::conversations::bad_cursor)).transpose()?;
    let status = match query.text("status").map(HandoffStatus::parse) {
        None => None,
        Some(Some(status)) => Some(status),
        // None has it.
        Some(None) => return Ok(Json(wire::HandoffPage { items: Vec::new(), next_cursor: None })),
    };
    let filter = HandoffFilter { organisation: key.organisation, status, limit: limit + 1, after };
    let mut found = state.store.handoffs(filter).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    Ok(Json(wire::HandoffPage {
        next_cursor: found.last().filter(|_| more).map(|last| wire::write_place((last.created_at, last.id))),
        items: found.into_iter().map(Into::into).collect(),
    }))
}

/// One handoff with its packet.
#[utoipa::path(get, path = "/hitl/handoffs/{handoff_id}", operation_id = "get_handoff_v1_hitl_handoffs__handoff_id__get", tag = "hitl",
    security(("APIKeyHeader" = [])), params(("handoff_id" = uuid::Uuid, Path)),
    responses((status = 200, body = wire::HandoffRead), (status = 404, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn show(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
) -> Result<Json<wire::HandoffRead>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_uuid("handoff_id", &id);
    faults.check()?;
    Ok(Json(own(&state, &key, id).await?.into()))
}

/// Send an operator's words to the end user.
///
/// They are stored first, as the conversation's next message; on a live call they are then spoken. The first operator who writes has the handoff.
#[utoipa::path(post, path = "/hitl/handoffs/{handoff_id}/messages",
    operation_id = "relay_handoff_message_v1_hitl_handoffs__handoff_id__messages_post", tag = "hitl",
    security(("APIKeyHeader" = [])), params(("handoff_id" = uuid::Uuid, Path)), request_body = wire::HandoffRelayRequest,
    responses((status = 200, body = wire::HandoffMessageRead), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse),
        (status = 422, body = HttpValidationError)))]
async fn relay(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    body: Body,
) -> Result<Json<wire::HandoffMessageRead>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_uuid("handoff_id", &id);
    let fields = faults.required_object(json_body(body).await?);
    faults.closed(&fields, &["content"]);
    let content = Redacted::new(faults.required_string(&fields, "content", 1));
    faults.check()?;
    let conversation = own(&state, &key, id).await?.conversation;
    if state.control.live_owner(conversation).is_some() {
        // What the caller and the assistant said before stands before it. A call that ended just now has stored it all.
        match state.control.flush(conversation).await {
            Ok(()) | Err(ControlError::NotLive) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let message = RelayMessage { id: Uuid::now_v7(), operator: key.name.clone(), content: content.clone(), at: (state.wall)() };
    let stored = match state.store.relay(key.organisation, id, message).await? {
        None => return Err(Problem::no_such("Handoff", id)),
        Some(Relayed::Over(status)) => return Err(over(status)),
        Some(Relayed::Stored { handoff, seq, message }) => wire::HandoffMessageRead::of(&handoff, seq, message),
    };
    if state.control.live_owner(conversation).is_some()
        && let Err(error) = state.control.say(conversation, content).await
    {
        // It is stored; that it was not heard is for the timeline and the log.
        tracing::warn!(%conversation, %error, "an operator's words were stored and not spoken");
    }
    Ok(Json(stored))
}

/// Resolve a handoff: the conversation ends with `handoff_resolved`.
///
/// A live call is ended as `end_session` does. Resolving twice answers the same.
#[utoipa::path(post, path = "/hitl/handoffs/{handoff_id}/resolve",
    operation_id = "resolve_handoff_v1_hitl_handoffs__handoff_id__resolve_post", tag = "hitl",
    security(("APIKeyHeader" = [])), params(("handoff_id" = uuid::Uuid, Path)),
    responses((status = 200, body = wire::HandoffRead), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse),
        (status = 422, body = HttpValidationError), (status = 504, body = ErrorResponse)))]
async fn resolve(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
) -> Result<Json<wire::HandoffRead>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_uuid("handoff_id", &id);
    faults.check()?;
    let found = own(&state, &key, id).await?;
    if found.status == HandoffStatus::Cancelled {
        return Err(over(found.status));
    }
    let conversation = found.conversation;
    let ended = match state.control.live_owner(conversation) {
        Some(_) => state.control.resolve_handoff(conversation).await,
        None => Err(ControlError::NotLive),
    };
    match ended {
        Ok(()) => {}
        Err(ControlError::NotLive) => drop(state.control.end_session(conversation, TerminationReason::HandoffResolved).await?),
        Err(error) => return Err(error.into()),
    }
    // The close has settled it together with the row; one of a conversation that was closed before is settled here.
    let settled = state.store.resolve_handoff(key.organisation, id, (state.wall)()).await?;
    settled.map(|handoff| Json(handoff.into())).ok_or_else(|| Problem::no_such("Handoff", id))
}

fn over(status: HandoffStatus) -> Problem {
    Problem::new(StatusCode::CONFLICT, "handoff_over", format!("The handoff is {}: nobody waits for an answer.", status.as_str()))
}

async fn own(state: &ApiState, key: &Key, id: Uuid) -> Result<Handoff, Problem> {
    state.store.handoff(key.organisation, id).await?.ok_or_else(|| Problem::no_such("Handoff", id))
}
