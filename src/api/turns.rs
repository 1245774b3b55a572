//! Turns of a conversation: run, streamed, listed.

use super::conversations::owned;
use super::extract::{Faults, PathText, Query, json_body};
use super::keys::Key;
use super::port::{ChatEvent, ChatStream, ChatTurn};
use super::problem::{ErrorResponse, HttpValidationError, Problem};
use super::state::ApiState;
use super::wire;
use crate::model::{ConversationId, Redacted};
use crate::store::Role;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::stream;
use serde_json::{Value, json};
use std::convert::Infallible;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(run, list)).routes(routes!(stream_turn))
}

/// Run one turn: what the user says, and the assistant's answer.
///
/// Answered when the turn is stored. One turn at a time: a second one meanwhile is 409 with `retryable: true`. While the conversation waits for a
/// person, the words are stored for the operator and the answer is empty. A live call takes its caller's words only: 409 `live_call`.
#[utoipa::path(post, path = "/conversations/{conversation_id}/turns", operation_id = "runV2ConversationTurn", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path)), request_body = wire::TurnRequest,
    responses((status = 201, body = wire::RunTurnResponse), (status = 401, body = ErrorResponse), (status = 404, body = ErrorResponse),
        (status = 409, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn run(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    body: Body,
) -> Result<(StatusCode, Json<wire::RunTurnResponse>), Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    let text = user_message(&mut faults, json_body(body).await?);
    faults.check()?;
    let turn = ChatTurn { organisation: key.organisation, conversation: id, text };
    let answer = state.chat.run_turn(turn).await.map_err(|error| told(error, id))?;
    Ok((StatusCode::CREATED, Json(answer.into())))
}

/// Run one turn and stream it as server-sent events.
///
/// Any number of `delta` (`{"text": …}`), then exactly one `complete` (the same body as without streaming; the turn is stored by then) or one
/// `error` (an ErrorResponse). A client that hangs up does not lose the turn: it goes on and is stored.
#[utoipa::path(post, path = "/conversations/{conversation_id}/turns/stream", operation_id = "runV2ConversationTurnStream", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path), wire::StreamQuery), request_body = wire::TurnRequest,
    responses((status = 200, body = wire::StreamEvent, content_type = "text/event-stream"), (status = 401, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 409, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn stream_turn(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    query: Query,
    body: Body,
) -> Result<Response, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    query.boolean(&mut faults, "trace");
    let text = user_message(&mut faults, json_body(body).await?);
    faults.check()?;
    let turn = ChatTurn { organisation: key.organisation, conversation: id, text };
    let events = state.chat.stream_turn(turn).await.map_err(|error| told(error, id))?;
    Ok(Sse::new(frames(events, id)).keep_alive(KeepAlive::default()).into_response())
}

fn told(error: super::port::ChatError, id: ConversationId) -> Problem {
    if error == super::port::ChatError::NotFound { Problem::no_conversation(id) } else { error.into() }
}

fn frames(events: ChatStream, id: ConversationId) -> impl futures_util::Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some(events), move |events| async move {
        let mut events = events?;
        let gone = || super::port::ChatError::Failed("the task that ran the turn is gone".to_owned());
        let (frame, more) = match events.recv().await.unwrap_or_else(|| ChatEvent::Failed(gone())) {
            ChatEvent::Delta(text) => (frame("delta", &json!({ "text": text.expose() })), true),
            ChatEvent::Complete(answer) => (frame("complete", &wire::RunTurnResponse::from(*answer)), false),
            ChatEvent::Failed(error) => (frame("error", &told(error, id).logged().into_error()), false),
        };
        Some((Ok(frame), more.then_some(events)))
    })
}

fn frame(name: &'static str, data: &impl serde::Serialize) -> Event {
    // A value of ours always serialises; were it not so, the client would still see how the stream ended.
    let event = Event::default().event(name);
    event.json_data(data).unwrap_or_else(|_| Event::default().event(name))
}

fn user_message(faults: &mut Faults, body: Option<Value>) -> Redacted<String> {
    let fields = faults.required_object(body);
    faults.boolean(&fields, "for_update", false);
    faults.boolean(&fields, "include_evidence", false);
    faults.word(&fields, "evidence_view", &["display", "full"], "display");
    Redacted::new(faults.required_string(&fields, "user_message", 0))
}

/// Messages of a conversation in their order.
#[utoipa::path(get, path = "/conversations/{conversation_id}/turns", operation_id = "listV2ConversationTurns", tag = "conversations",
    security(("APIKeyHeader" = [])), params(("conversation_id" = uuid::Uuid, Path), wire::TurnsQuery),
    responses((status = 200, body = wire::TurnListResponse), (status = 400, body = ErrorResponse), (status = 401, body = ErrorResponse),
        (status = 404, body = ErrorResponse), (status = 422, body = HttpValidationError)))]
async fn list(
    State(state): State<ApiState>,
    Extension(key): Extension<Key>,
    PathText(id): PathText,
    query: Query,
) -> Result<Json<wire::TurnListResponse>, Problem> {
    let mut faults = Faults::default();
    let id = faults.path_id(&id);
    let limit = u32::try_from(query.integer(&mut faults, "limit", (1, 200), 50)).unwrap_or(50);
    for flag in ["include_compacted", "include_evidence"] {
        query.boolean(&mut faults, flag);
    }
    query.one_of(&mut faults, "evidence_view", &["display", "full"]);
    faults.check()?;
    let since = query.text("cursor").map(|cursor| cursor.parse::<u32>().map_err(|_| super::conversations::bad_cursor())).transpose()?;
    owned(&state, &key, id).await?;
    let role = match query.text("role").map(Role::parse) {
        None => None,
        Some(Some(role)) => Some(role),
        // No message has it.
        Some(None) => return Ok(Json(wire::TurnListResponse { turns: Vec::new(), next_cursor: None, has_more: false })),
    };
    let mut found = state.store.messages_of(id, role, since, limit + 1).await?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    Ok(Json(wire::TurnListResponse {
        next_cursor: found.last().filter(|_| has_more).map(|last| last.seq.to_string()),
        turns: found.into_iter().map(Into::into).collect(),
        has_more,
    }))
}
