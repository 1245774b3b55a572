//! Approvals that a workflow waits for. The published API decides them elsewhere; a worker that stands alone needs a way, and this is it.

use super::extract::{Faults, PathText, Query, json_body};
use super::keys::Key;
use super::port::ControlError;
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use super::wire;
use crate::store::{ApprovalState, Decided};
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(decide))
}

/// Approvals, newest first.
#[utoipa::path(get, path = "/hitl/approvals", operation_id = "listApprovals", tag = "hitl", security(("APIKeyHeader" = [])),
    params(wire::ApprovalQuery),
    responses((status = 200, body = wire::ApprovalPage), (status = 400, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn list(State(state): State<ApiState>, Extension(key): Extension<Key>, query: Query) -> Result<Json<wire::ApprovalPage>, Problem> {
    let mut faults = Faults::default();
    let limit = u32::try_from(query.integer(&mut faults, "limit", (1, 200), 50)).unwrap_or(50);
    query.one_of(&mut faults, "status", &["pending", "approved", "denied", "cancelled"]);
    faults.check()?;
    let after = query.text("cursor").map(|cursor| wire::read_place(cursor).ok_or_else(super::conversations::bad_cursor)).transpose()?;
    let wanted = query.text("status").and_then(ApprovalState::parse);
    let mut found = state.store.approvals(key.organisation, wanted, after, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    Ok(Json(wire::ApprovalPage {
        next_cursor: found.last().filter(|_| more).map(|last| wire::write_place((last.created_at, last.id))),
        items: found.into_iter().map(Into::into).collect(),
    }))
}

/// Decide: the turn that waits goes on.
///
/// The first decision counts; the same one again answers the same, another one is 409.
#[utoipa::path(post, path = "/hitl/approvals/{approval_id}/decision", operation_id = "decideApproval", tag = "hitl",
    security(("APIKeyHeader" = [])), params(("approval_id" = uuid::Uuid, Path)), request_body = wire::ApprovalDecision,
    responses((status = 200, body = wire::ApprovalRead), (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse),
        (status = 422, body = HttpValidationError)))]
async fn decide(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    body: Body,
) -> Result<Json<wire::ApprovalRead>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_uuid("approval_id", &id);
    let fields = faults.required_object(json_body(body).await?);
    faults.closed(&fields, &["approved"]);
    let approved = faults.required_boolean(&fields, "approved");
    faults.check()?;
    let decided = state.store.decide(key.organisation, id, approved, key.name.clone(), (state.wall)()).await?;
    let Decided { approval, .. } = decided.ok_or_else(|| Problem::no_such("Approval", id))?;
    let wanted = if approved { ApprovalState::Approved } else { ApprovalState::Denied };
    if approval.state != wanted {
        return Err(Problem::new(StatusCode::CONFLICT, "already_decided", format!("The approval is {} already.", approval.state.as_str())));
    }
    // Told again on a repeat: the first telling may have been lost, and whoever does not wait for it any more lets it pass.
    let conversation = approval.conversation;
    match state.control.decide_approval(conversation, id, approved).await {
        Ok(()) => {}
        Err(ControlError::NotLive) => state.chat.decide_approval(conversation, id, approved).await?,
        Err(error) => return Err(error.into()),
    }
    Ok(Json(approval.into()))
}
