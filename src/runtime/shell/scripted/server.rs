//! The scripted server: one route, its stream made of steps that a fault may end early.

use super::script::{Fault, Reply, Script};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use futures_util::stream;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::sleep;

/// Requests that are remembered; older ones are forgotten.
const SEEN_MAX: usize = 256;
/// What was written is sent before the connection goes.
const FLUSH_MS: u64 = 20;
/// What an endless text repeats.
const BLAH: &str = "and so on and so forth ";

/// A scripted model; cheap to clone.
#[derive(Clone)]
pub struct ScriptedModel {
    inner: Arc<Inner>,
}

struct Inner {
    script: Script,
    used: Mutex<Vec<u32>>,
    seen: Mutex<VecDeque<Seen>>,
    on_request: Option<Watch>,
}

/// Hears of every request as it comes.
pub type Watch = Box<dyn Fn(&Seen) + Send + Sync>;

/// One request, as it came.
#[derive(Clone, PartialEq)]
pub struct Seen {
    pub authorization: Option<String>,
    pub body: Value,
    /// Number of the reply that answers it, from 1; `None`: none fits.
    pub reply: Option<usize>,
}

/// Neither the key nor a word of the request.
impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("reply", &self.reply).finish_non_exhaustive()
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("replies", &self.inner.script.replies.len()).finish()
    }
}

impl ScriptedModel {
    pub fn new(script: Script) -> Self {
        Self::watched(script, None)
    }

    /// As [`ScriptedModel::new`]; `on_request` hears of every request.
    pub fn watched(script: Script, on_request: Option<Watch>) -> Self {
        let used = Mutex::new(vec![0; script.replies.len()]);
        Self { inner: Arc::new(Inner { script, used, seen: Mutex::default(), on_request }) }
    }

    /// Serves on `listener` until dropped.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let router = Router::new()
            .route("/v1/chat/completions", post(completions))
            .route("/chat/completions", post(completions))
            .route("/v1/models", get(models))
            .with_state(self);
        let listener = listener.tap_io(|stream| {
            // Pieces are small and their pace is the point: none waits for the next one.
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, router).await
    }

    /// The last requests, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn note(&self, seen: Seen) {
        if let Some(watch) = &self.inner.on_request {
            watch(&seen);
        }
        let mut all = self.inner.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SEEN_MAX {
            all.pop_front();
        }
        all.push_back(seen);
    }

    /// The reply for this request; counts its use.
    fn choose(&self, request: &Value) -> Option<(usize, &Reply)> {
        let mut used = self.inner.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut replies = self.inner.script.replies.iter().enumerate();
        let (index, reply) = replies.find(|(index, reply)| {
            reply.fits(request) && reply.times.is_none_or(|times| used.get(*index).is_some_and(|count| *count < times))
        })?;
        if let Some(count) = used.get_mut(index) {
            *count += 1;
        }
        Some((index, reply))
    }
}

async fn models(State(model): State<ScriptedModel>) -> Json<Value> {
    let name = model.inner.script.model.as_deref().unwrap_or("scripted");
    Json(json!({ "object": "list", "data": [{ "id": name, "object": "model", "owned_by": "script" }] }))
}

async fn completions(State(model): State<ScriptedModel>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let Ok(request) = serde_json::from_slice::<Value>(&body) else {
        return refusal(StatusCode::BAD_REQUEST, "the request is no JSON", None);
    };
    let wanted = model.inner.script.key.as_ref().map(|key| format!("Bearer {key}"));
    if wanted.is_some() && wanted != authorization {
        return refusal(StatusCode::UNAUTHORIZED, "the key is wrong", None);
    }
    let chosen = model.choose(&request);
    model.note(Seen { authorization, body: request.clone(), reply: chosen.map(|(index, _)| index + 1) });
    let Some((_, reply)) = chosen else {
        return refusal(StatusCode::NOT_FOUND, "no reply of the script fits this request", None);
    };
    match reply.fault {
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Status) => {
            let status = reply.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return refusal(status, "as the script says", reply.retry_after);
        }
        _ => {}
    }
    let named = model.inner.script.model.clone().or_else(|| request["model"].as_str().map(str::to_owned));
    let name = named.unwrap_or_else(|| "scripted".to_owned());
    let streamed = reply.stream.unwrap_or_else(|| request["stream"] == true);
    if streamed { streaming(reply, &name, &request) } else { whole(reply, &name).await }
}

fn refusal(status: StatusCode, message: &str, retry_after: Option<u64>) -> Response<Body> {
    let body = json!({ "error": { "message": message, "type": "scripted", "code": status.as_u16() } });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

async fn whole(reply: &Reply, model: &str) -> Response<Body> {
    sleep(Duration::from_millis(reply.first_ms)).await;
    let calls: Vec<Value> = (0..).zip(&reply.tool_calls).map(|(index, _)| call(reply, index)).collect();
    let mut message = json!({ "role": "assistant", "content": reply.text });
    if !calls.is_empty() {
        message["tool_calls"] = calls.into();
    }
    let body = json!({
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 0, "model": model,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish(reply) }], "usage": usage(reply),
    });
    let text = if reply.fault == Some(Fault::BrokenJson) { body.to_string().split_off(7) } else { body.to_string() };
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

/// What a stream does, one after the other.
enum Step {
    Wait(u64),
    Bytes(Vec<u8>),
    Stall,
    Cut,
    Forever(Vec<u8>),
}

fn streaming(reply: &Reply, model: &str, request: &Value) -> Response<Body> {
    let steps = split(steps(reply, model, request), reply.split);
    let body = stream::unfold(steps, |mut steps| async move {
        loop {
            match steps.pop_front()? {
                Step::Wait(millis) => sleep(Duration::from_millis(millis)).await,
                Step::Bytes(bytes) => return Some((Ok(bytes), steps)),
                Step::Stall => std::future::pending().await,
                Step::Cut => return Some((Err(io::Error::other("cut, as the script says")), VecDeque::new())),
                Step::Forever(bytes) => {
                    steps.push_front(Step::Forever(bytes.clone()));
                    return Some((Ok(bytes), steps));
                }
            }
        }
    });
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/event-stream"));
    response
}

fn steps(reply: &Reply, model: &str, request: &Value) -> VecDeque<Step> {
    let event = |data: &str| {
        let text = if reply.odd { format!(": a comment\r\nevent: message\r\ndata: {data}\r\n\r\n") } else { format!("data: {data}\n\n") };
        Step::Bytes(text.into_bytes())
    };
    let chunk = |delta: Value, finish: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        event(
            &json!({ "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice] })
                .to_string(),
        )
    };
    let mut pieces: Vec<Value> =
        reply.deltas().into_iter().filter(|text| !text.is_empty()).map(|text| json!({ "content": text })).collect();
    for (index, scripted) in (0..).zip(&reply.tool_calls) {
        let mut head = call(reply, index);
        let text = scripted.arguments.text();
        head["index"] = index.into();
        head["function"]["arguments"] = "".into();
        pieces.push(json!({ "tool_calls": [head] }));
        let middle = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
        for part in [&text[..middle], &text[middle..]] {
            pieces.push(json!({ "tool_calls": [{ "index": index, "function": { "arguments": part } }] }));
        }
    }
    let fault = match reply.fault {
        Some(Fault::Stall) => Some(vec![Step::Stall]),
        Some(Fault::Cut) => Some(vec![Step::Wait(FLUSH_MS), Step::Cut]),
        Some(Fault::BrokenJson) => Some(vec![event("{\"choices\": [{\"delta\"")]),
        Some(Fault::Error) => Some(vec![event(&json!({ "error": { "message": "as the script says" } }).to_string())]),
        Some(Fault::Endless) => Some(vec![Step::Forever(match chunk(json!({ "content": BLAH }), None) {
            Step::Bytes(bytes) => bytes,
            _ => Vec::new(),
        })]),
        Some(Fault::Hang | Fault::Status | Fault::Empty) | None => None,
    };
    let mut steps = VecDeque::from([chunk(json!({ "role": "assistant", "content": "" }), None), Step::Wait(reply.first_ms)]);
    let sent = if fault.is_some() { reply.after.min(pieces.len()) } else { pieces.len() };
    let sent = if reply.fault == Some(Fault::Empty) { 0 } else { sent };
    for (index, piece) in pieces.into_iter().take(sent).enumerate() {
        if index > 0 && reply.pace_ms > 0 {
            steps.push_back(Step::Wait(reply.pace_ms));
        }
        steps.push_back(chunk(piece, None));
    }
    if let Some(fault) = fault {
        steps.extend(fault);
        return steps;
    }
    steps.push_back(chunk(json!({}), Some(finish(reply))));
    if request["stream_options"]["include_usage"] == true {
        let last =
            json!({ "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage(reply) });
        steps.push_back(event(&last.to_string()));
    }
    steps.push_back(event("[DONE]"));
    steps
}

/// The same bytes in writes of `size`; waits and faults stay between the events they stood between.
fn split(steps: VecDeque<Step>, size: Option<usize>) -> VecDeque<Step> {
    let Some(size) = size.filter(|size| *size > 0) else { return steps };
    let mut parts = VecDeque::new();
    for step in steps {
        match step {
            Step::Bytes(bytes) => {
                // A moment between them, or the network joins them again.
                for part in bytes.chunks(size) {
                    parts.push_back(Step::Bytes(part.to_vec()));
                    parts.push_back(Step::Wait(1));
                }
            }
            other => parts.push_back(other),
        }
    }
    parts
}

fn call(reply: &Reply, index: usize) -> Value {
    let scripted = &reply.tool_calls[index];
    json!({ "id": format!("call_{index}"), "type": "function", "function": { "name": scripted.name, "arguments": scripted.arguments.text() } })
}

fn finish(reply: &Reply) -> &'static str {
    if reply.tool_calls.is_empty() { "stop" } else { "tool_calls" }
}

/// One token a word: what counts is that it is counted.
fn usage(reply: &Reply) -> Value {
    let words = reply.text.split_whitespace().count() + reply.tool_calls.len();
    json!({ "prompt_tokens": 10, "completion_tokens": words, "total_tokens": 10 + words })
}
