//! `/v1/calls`: the calls that are live on this worker.

use super::extract::{Faults, PathText};
use super::keys::Key;
use super::port::{CallDetail, CallSummary};
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use axum::Extension;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

#[derive(Debug, Serialize, ToSchema)]
struct LiveCalls {
    calls: Vec<CallSummary>,
}

/// Live calls, oldest first.
#[utoipa::path(get, path = "/calls", operation_id = "listCalls", tag = "calls", security(("APIKeyHeader" = [])),
    responses((status = 200, body = LiveCalls), (status = 401, body = ErrorResponse)))]
async fn list(State(state): State<ApiState>, Extension(key): Extension<Key>) -> Json<LiveCalls> {
    Json(LiveCalls { calls: state.control.live_calls(key.organisation) })
}

/// One live call: legs, armed timers, timeline.
#[utoipa::path(get, path = "/calls/{conversation_id}", operation_id = "getCall", tag = "calls", security(("APIKeyHeader" = [])),
    params(("conversation_id" = uuid::Uuid, Path)),
    responses((status = 200, body = CallDetail), (status = 401, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 422, body = HttpValidationError)))]
async fn show(State(state): State<ApiState>, Extension(key): Extension<Key>, PathText(id): PathText) -> Result<Json<CallDetail>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    faults.check()?;
    let found = state.control.call(id).filter(|call| call.summary.organisation == key.organisation);
    found.map(Json).ok_or_else(|| Problem::no_conversation(id))
}
