//! Calls out, and what became of transfers.

use super::extract::{Faults, PathText, Query, json_body};
use super::keys::Key;
use super::port::PlaceCall;
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use super::{conversations, wire};
use crate::model::Redacted;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(outbound)).routes(routes!(failed_transfers)).routes(routes!(transfer_detail))
}

/// Start an outbound call.
///
/// Answered when the INVITE is on its way; whether somebody answers is told by the conversation.
#[utoipa::path(post, path = "/voice/outbound", operation_id = "outbound_v1_voice_outbound_post", tag = "voice",
    security(("APIKeyHeader" = [])), request_body = wire::OutboundRequest,
    responses((status = 200, body = wire::OutboundResponse), (status = 400, body = ErrorResponse), (status = 403, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn outbound(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    body: Body,
) -> Result<Json<wire::OutboundResponse>, Problem> {
    let mut faults = Faults::default();
    let fields = faults.required_object(json_body(body).await?);
    let from_number = faults.required_uuid(&fields, "from_phone_number_id");
    let to = number(&mut faults, &fields);
    let assistant = faults.optional_uuid(&fields, "agent_id");
    let team = faults.optional_uuid(&fields, "team_id");
    let variables = faults.optional_map(&fields, "context_variables").unwrap_or_default();
    faults.check()?;
    if team.is_some() {
        let message = "This worker has assistants and no teams. Send agent_id, or neither.";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "teams_not_served", message));
    }
    let call =
        PlaceCall { organisation: key.organisation, from_number, to: Redacted::new(to), assistant, variables: Redacted::new(variables) };
    Ok(Json(state.control.place_call(call).await?.into()))
}

/// E.164: a plus, then 7 to 15 digits, the first one not 0.
fn number(faults: &mut Faults, fields: &Map<String, Value>) -> String {
    let text = faults.required_string(fields, "to_phone_number", 0);
    let digits = text.strip_prefix('+').unwrap_or_default();
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit()) && !digits.starts_with('0');
    if !fits && fields.get("to_phone_number").is_some_and(Value::is_string) {
        let msg = format!("String should match pattern '{}'", wire::E164);
        faults.field("string_pattern_mismatch", "to_phone_number", msg, text.clone().into());
    }
    text
}

/// Attempts of transfers that failed, newest first.
#[utoipa::path(get, path = "/hitl/failed-transfers", operation_id = "list_failed_transfers_v1_hitl_failed_transfers_get", tag = "hitl",
    security(("APIKeyHeader" = [])), params(wire::PageQuery),
    responses((status = 200, body = wire::FailedTransferPage), (status = 400, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn failed_transfers(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    query: Query,
) -> Result<Json<wire::FailedTransferPage>, Problem> {
    let mut faults = Faults::default();
    let limit = u32::try_from(query.integer(&mut faults, "limit", (1, 200), 50)).unwrap_or(50);
    faults.check()?;
    let after = query.text("cursor").map(|cursor| wire::read_place(cursor).ok_or_else(conversations::bad_cursor)).transpose()?;
    let mut found = state.store.failed_transfers(key.organisation, after, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let place = |last: &crate::store::FailedTransfer| wire::write_place((last.attempt.created_at, last.attempt.id));
    Ok(Json(wire::FailedTransferPage {
        next_cursor: found.last().filter(|_| has_more).map(place),
        items: found.into_iter().map(Into::into).collect(),
        has_more,
    }))
}

/// The latest transfer attempt of a conversation, with what was said on its consult.
#[utoipa::path(get, path = "/voice/warm-transfer/{conversation_id}/transfer-detail",
    operation_id = "get_warm_transfer_detail_v1_voice_warm_transfer__conversation_id__transfer_detail_get", tag = "voice",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path)),
    responses((status = 200, body = wire::TransferDetailResponse), (status = 404, body = ErrorResponse),
        (status = 422, body = HttpValidationError)))]
async fn transfer_detail(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
) -> Result<Json<wire::TransferDetailResponse>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    faults.check()?;
    conversations::owned(&state, &key, id).await?;
    let latest = state.store.attempts(id).await?.pop();
    let latest = latest.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "not_found", format!("Conversation {id} has no transfer.")))?;
    let said = state.store.consult(id).await?;
    Ok(Json(wire::TransferDetailResponse::of(latest, said)))
}
