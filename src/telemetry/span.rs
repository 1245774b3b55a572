//! Every span there is: names, attributes and parents. None holds what was said, keyed or dialled.
//!
//! ```text
//! session ─┬─ turn ─┬─ chat main            one a question to a model (OpenTelemetry's GenAI conventions)
//!          │        └─ execute_tool lookup  one a call of an HTTP tool
//!          ├─ transfer                      one an attempt
//!          └─ session.end                   with `triggered_by`
//! ```
//!
//! Spans are kept by whoever works on what they measure and are never entered: log lines look the same with and without them.

use crate::model::{ConversationId, Millis, TurnId};
use tracing::{Span, field, info_span};

/// Of all spans in here and of nothing else: what is exported.
pub(super) const TARGET: &str = "voice_worker::span";

/// A whole call.
pub fn session(conversation: ConversationId, direction: &str, trunk: &str, agent: &str) -> Span {
    info_span!(
        target: TARGET,
        parent: None,
        "session",
        otel.kind = "server",
        gen_ai.conversation.id = %conversation,
        gen_ai.agent.name = agent,
        network.protocol.name = "sip",
        voice.direction = direction,
        voice.trunk = trunk,
        voice.end_cause = field::Empty,
        voice.turns = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// One turn: from the end of what the caller said to the first sound of the answer and its end, whichever is later.
pub fn turn(session: &Span, turn: TurnId, input: &'static str) -> Span {
    info_span!(
        target: TARGET,
        parent: session,
        "turn",
        voice.turn = i64::from(turn.0),
        voice.turn.input = input,
        turn_ttft_ms = field::Empty,
        turn_first_audio_ms = field::Empty,
        gen_ai.response.model = field::Empty,
        voice.turn.tokens = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// One question to a model.
pub fn model_call(parent: &Span, role: &str) -> Span {
    info_span!(
        target: TARGET,
        parent: parent,
        "chat",
        otel.name = format!("chat {role}"),
        otel.kind = "client",
        gen_ai.operation.name = "chat",
        gen_ai.output.type = "text",
        gen_ai.request.model = field::Empty,
        gen_ai.response.model = field::Empty,
        gen_ai.usage.input_tokens = field::Empty,
        gen_ai.usage.output_tokens = field::Empty,
        voice.model.role = field::Empty,
        voice.first_token_ms = field::Empty,
        voice.tries = field::Empty,
        server.address = field::Empty,
        http.response.status_code = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// One call of an HTTP tool.
pub fn tool_call(parent: &Span, tool: &str) -> Span {
    info_span!(
        target: TARGET,
        parent: parent,
        "execute_tool",
        otel.name = format!("execute_tool {tool}"),
        otel.kind = "client",
        gen_ai.operation.name = "execute_tool",
        gen_ai.tool.name = tool,
        gen_ai.tool.type = "extension",
        voice.tries = field::Empty,
        http.response.status_code = field::Empty,
        error.type = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// One transfer attempt.
pub fn transfer(session: &Span, attempt: u32) -> Span {
    info_span!(
        target: TARGET,
        parent: session,
        "transfer",
        voice.transfer.attempt = i64::from(attempt),
        voice.transfer.outcome = field::Empty,
        otel.status_code = field::Empty,
    )
}

/// The close of a conversation. Inside the session's span if there is one; a conversation that a dead worker left has none.
pub fn session_end(session: &Span, conversation: ConversationId, triggered_by: &str, reason: &str, turns: u32) -> Span {
    info_span!(
        target: TARGET,
        parent: session,
        "session.end",
        gen_ai.conversation.id = %conversation,
        triggered_by,
        reason,
        voice.turns = i64::from(turns),
    )
}

/// What a question took; `None` is left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct AskFigures<'a> {
    /// As configured.
    pub request_model: Option<&'a str>,
    /// As the endpoint names it.
    pub response_model: Option<&'a str>,
    pub role: Option<&'a str>,
    pub server: Option<&'a str>,
    pub tries: u32,
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub first_token: Option<Millis>,
    pub http_status: Option<u16>,
    pub error: Option<&'static str>,
}

impl AskFigures<'_> {
    pub fn record(&self, span: &Span) {
        record(span, "gen_ai.request.model", self.request_model);
        record(span, "gen_ai.response.model", self.response_model);
        record(span, "voice.model.role", self.role);
        record(span, "server.address", self.server);
        number(span, "voice.tries", Some(u64::from(self.tries)));
        number(span, "gen_ai.usage.input_tokens", self.input_tokens);
        number(span, "gen_ai.usage.output_tokens", self.output_tokens);
        number(span, "voice.first_token_ms", self.first_token.map(|span| span.0));
        number(span, "http.response.status_code", self.http_status.map(u64::from));
        failed(span, self.error);
    }
}

/// Records a text if there is one.
pub fn record(span: &Span, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        span.record(name, value);
    }
}

/// Records a number if there is one. OTLP's whole numbers have a sign; unsigned ones would be sent as text.
pub fn number(span: &Span, name: &'static str, value: Option<u64>) {
    if let Some(value) = value {
        span.record(name, i64::try_from(value).unwrap_or(i64::MAX));
    }
}

/// Marks a span as failed, with a word for why.
pub fn failed(span: &Span, why: Option<&str>) {
    if let Some(why) = why {
        span.record("error.type", why);
        span.record("otel.status_code", "ERROR");
    }
}
