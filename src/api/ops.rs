//! What machines ask: alive, ready, metrics, the API's own description.

use super::port::Readiness;
use super::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `ok`: a worker that is not answers nothing.
    status: &'static str,
    version: &'static str,
}

/// The process runs and answers.
#[utoipa::path(get, path = "/health", operation_id = "health", tag = "worker", responses((status = 200, body = Health)))]
pub(super) async fn health() -> Json<Health> {
    Json(Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}

/// Whether new calls are taken, with every reason if not.
#[utoipa::path(get, path = "/ready", operation_id = "ready", tag = "worker",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub(super) async fn ready(State(state): State<ApiState>) -> Response {
    let readiness = state.control.readiness();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

/// Prometheus text format.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "worker", security((), ("APIKeyHeader" = [])),
    responses((status = 200, body = String, content_type = "text/plain"), (status = 401, body = super::problem::ErrorResponse)))]
pub(super) async fn metrics(State(state): State<ApiState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (state.metrics)()).into_response()
}
