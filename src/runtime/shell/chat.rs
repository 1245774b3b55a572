//! A question to a model: the request, and its answer piece by piece.

use super::completion::Completion;
use super::config::ModelRole;
use super::error::{Failure, ShellError};
use super::http;
use super::sse::SseParser;
use crate::runtime::{ChatMessage, ModelCall, ToolChoice};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

/// The last event of a stream.
const DONE: &str = "[DONE]";

/// One endpoint, ready to be asked.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) role: ModelRole,
    url: String,
    client: Client,
}

impl Endpoint {
    pub(super) fn new(role: ModelRole) -> Result<Self, ShellError> {
        let fault = |why: String| ShellError::Client { url: role.base_url.to_string(), why };
        let mut headers = HeaderMap::new();
        if let Some(key) = &role.key {
            let text = format!("Bearer {}", key.expose());
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| fault("its key holds characters that no header can carry; check the key's file".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let client = http::client(role.base_url.is_secure())?
            .default_headers(headers)
            .connect_timeout(Duration::from(role.connect))
            .build()
            .map_err(|error| fault(cause(&error)))?;
        Ok(Self { url: role.base_url.join("chat/completions"), role, client })
    }

    /// Sends the question; answers when the head of the answer is there.
    pub(super) async fn open(&self, call: &ModelCall) -> Result<Reading, Failure> {
        let sent = self.client.post(&self.url).json(&request(&self.role, call)).send().await;
        let mut response = sent.map_err(|error| http::unsent(&error, Duration::from(self.role.connect)))?;
        if let Some(refused) = http::refused(&response) {
            return Err(refused);
        }
        if http::content_type_is(&response, "application/json") {
            // A server that does not stream: its whole answer is one piece.
            let whole = http::body(&mut response).await?;
            let whole = String::from_utf8(whole).map_err(|_| Failure::NotUnderstood)?;
            return Ok(Reading { response: None, events: VecDeque::from([whole]), ..Reading::default() });
        }
        Ok(Reading { response: Some(response), parser: Some(SseParser::default()), ..Reading::default() })
    }
}

/// An answer on its way.
#[derive(Debug, Default)]
pub(super) struct Reading {
    response: Option<Response>,
    parser: Option<SseParser>,
    /// Read but not taken yet.
    events: VecDeque<String>,
    seen: usize,
    done: bool,
    pub(super) completion: Completion,
}

/// What [`Reading::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    /// Part of a tool call.
    Tool,
    End,
}

impl Reading {
    /// The next words. All that has arrived already comes in one piece, so that a fast server cannot flood whoever reads.
    pub(super) async fn next(&mut self) -> Result<Piece, Failure> {
        loop {
            let (mut text, had) = (String::new(), self.completion.tool_pieces);
            while let Some(event) = self.events.pop_front() {
                if event.trim() == DONE {
                    self.done = true;
                    self.events.clear();
                    break;
                }
                if let Err(failure) = self.completion.take(&event, &mut text) {
                    if text.is_empty() {
                        return Err(failure);
                    }
                    // What came before the fault was said; the fault is found again by the next call.
                    self.events.push_front(event);
                    break;
                }
            }
            if !text.is_empty() {
                return Ok(Piece::Text(text));
            }
            if self.completion.tool_pieces > had {
                return Ok(Piece::Tool);
            }
            if self.done || !self.read_on().await? {
                return self.end();
            }
        }
    }

    /// What is left of the connection once the answer was read. Read to its end it can carry the next question.
    pub(super) fn rest(&mut self) -> Option<Response> {
        self.response.take()
    }

    /// Reads from the network; false: there is no more.
    async fn read_on(&mut self) -> Result<bool, Failure> {
        let (Some(response), Some(parser)) = (&mut self.response, &mut self.parser) else { return Ok(false) };
        let mut found = Vec::new();
        let more = match http::piece(response, &mut self.seen).await? {
            Some(bytes) => {
                parser.push(&bytes, &mut found)?;
                true
            }
            None => {
                if let Some(parser) = self.parser.take() {
                    parser.finish(&mut found)?;
                }
                self.response = None;
                !found.is_empty()
            }
        };
        self.events.extend(found);
        Ok(more)
    }

    /// A stream that just ends is whole only if the server had said that it was through.
    fn end(&self) -> Result<Piece, Failure> {
        if self.done || self.completion.finished { Ok(Piece::End) } else { Err(Failure::Cut) }
    }
}

fn request(role: &ModelRole, call: &ModelCall) -> Value {
    let messages: Vec<Value> = call.messages.iter().map(message).collect();
    let mut body = json!({ "model": role.model, "messages": messages, "stream": true });
    body[role.token_field.name()] = role.max_tokens.min(call.max_output_tokens).into();
    if role.stream_usage {
        body["stream_options"] = json!({ "include_usage": true });
    }
    if let Some(temperature) = role.temperature {
        body["temperature"] = temperature.into();
    }
    if !call.tools.is_empty() {
        let tools = call.tools.iter().map(|tool| {
            let function = json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters });
            json!({ "type": "function", "function": function })
        });
        body["tools"] = tools.collect();
        body["tool_choice"] = match call.choice {
            ToolChoice::Auto => "auto".into(),
            ToolChoice::Required => "required".into(),
        };
    }
    body
}

fn message(message: &ChatMessage) -> Value {
    match message {
        ChatMessage::System { text } => json!({ "role": "system", "content": text.expose() }),
        ChatMessage::User { text } => json!({ "role": "user", "content": text.expose() }),
        ChatMessage::Assistant { text, tool_calls } if tool_calls.is_empty() => json!({ "role": "assistant", "content": text.expose() }),
        ChatMessage::Assistant { text, tool_calls } => {
            let calls: Vec<Value> = tool_calls
                .iter()
                .map(|call| {
                    let function = json!({ "name": call.name, "arguments": call.arguments.expose() });
                    json!({ "id": call.id, "type": "function", "function": function })
                })
                .collect();
            let content = (!text.expose().is_empty()).then(|| text.expose().clone());
            json!({ "role": "assistant", "content": content, "tool_calls": calls })
        }
        ChatMessage::Tool { call_id, text } => json!({ "role": "tool", "tool_call_id": call_id, "content": text.expose() }),
    }
}

/// The innermost cause: reqwest's own text names nothing but "builder error".
fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
