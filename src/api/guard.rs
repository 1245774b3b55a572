//! What stands before every handler: panics, the bound of concurrent requests, keys.

use super::keys::Key;
use super::problem::Problem;
use super::state::ApiState;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

/// A panic of one handler is one 500. Unwind safety: handlers share only the store, the ports and atomics, none of which a panic leaves half-changed.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(_) => Problem::panicked().because("a handler panicked").into_response(),
    }
}

/// Refuses what comes beyond the bound; never queues.
pub(super) async fn bound(State(state): State<ApiState>, request: Request, next: Next) -> Result<Response, Problem> {
    let _slot = state.slots.try_acquire().map_err(|_| Problem::overloaded())?;
    Ok(next.run(request).await)
}

/// Lets a known key pass, as often as it may, and tells the handler whose it is.
pub(super) async fn key(State(state): State<ApiState>, mut request: Request, next: Next) -> Result<Response, Problem> {
    let key = known_key(&state, &request)?;
    state.limit.take(&key.name, (state.wall)()).map_err(Problem::too_many)?;
    request.extensions_mut().insert(key);
    Ok(next.run(request).await)
}

/// As [`key`], unless the metrics page is open.
pub(super) async fn key_for_metrics(State(state): State<ApiState>, request: Request, next: Next) -> Result<Response, Problem> {
    if !state.metrics_open {
        known_key(&state, &request)?;
    }
    Ok(next.run(request).await)
}

fn known_key(state: &ApiState, request: &Request) -> Result<Key, Problem> {
    let secret = request.headers().get("x-api-key").ok_or_else(Problem::unauthenticated)?;
    state.keys.find(secret.as_bytes()).cloned().ok_or_else(Problem::unauthenticated)
}
