//! Questions to the outside world, as data. `runtime/shell` carries them out; the runtime only knows their ids.
//!
//! The rules both sides keep:
//! - Every [`Ask`] is answered by any number of [`AnswerBody::ModelDelta`] (model calls only) and then by exactly one other answer, which ends
//!   it. After [`super::RuntimeOutput::CancelAsk`] it needs no answer; one that comes all the same is counted as a stray and dropped.
//! - The shell retries by itself only under [`RetryPolicy`] and only as long as it has handed over no delta of this ask. Whether another model is
//!   asked instead is the runtime's to decide: it knows what was spoken.
//! - Tool calls arrive whole: the shell joins their pieces. Their arguments stay text; whether that text is JSON, and fits, the runtime judges.

use super::close::PostJob;
use crate::model::{Millis, Redacted, TurnId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One question. It is open until it was answered or cancelled.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub id: AskId,
    pub why: AskReason,
    pub what: Question,
    /// For the whole question, retries included; past it the shell answers [`AnswerBody::TimedOut`].
    pub deadline: Millis,
    pub retry: RetryPolicy,
}

/// From a counter of the runtime; never used twice in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskId(pub u32);

impl fmt::Display for AskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ask-{}", self.0)
    }
}

/// What the answer is for; for spans and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum AskReason {
    Turn {
        turn: TurnId,
    },
    /// The words for the human of a warm transfer.
    Briefing {
        request: u32,
    },
    /// Work after the end; such an ask stands outside any session and its id means nothing.
    After {
        job: PostJob,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case")]
pub enum Question {
    Model(ModelCall),
    HttpTool(HttpToolCall),
}

/// One call of a language model. `role` names an entry of the host's configuration (base URL, key, model name).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCall {
    pub role: String,
    /// In order; the first one is the system's.
    pub messages: Vec<ChatMessage>,
    /// Empty: no tools are offered, and `choice` means nothing.
    pub tools: Vec<ToolSpec>,
    pub choice: ToolChoice,
    pub max_output_tokens: u32,
    /// To the first delta (or the end of an answer that does not stream); past it the shell answers [`AnswerBody::TimedOut`], so that another
    /// model can be asked while the caller still waits.
    pub first_token: Millis,
    /// Between two deltas; past it the shell answers [`AnswerBody::TimedOut`].
    pub stall: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum ChatMessage {
    System {
        text: Redacted<String>,
    },
    User {
        text: Redacted<String>,
    },
    /// What the model said before; the calls it made then are answered by the [`ChatMessage::Tool`] messages that follow.
    Assistant {
        text: Redacted<String>,
        #[serde(default)]
        tool_calls: Vec<ToolCall>,
    },
    Tool {
        call_id: String,
        text: Redacted<String>,
    },
}

/// A function the model may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Letters, digits and underscores, at most 64.
    pub name: String,
    pub description: String,
    /// A JSON schema of type `object`.
    pub parameters: serde_json::Value,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// Words, calls, or both.
    #[default]
    Auto,
    /// At least one call.
    Required,
}

/// One call of a tool behind HTTP, ready to send but for its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpToolCall {
    /// Its name in the assistant; for spans.
    pub tool: String,
    pub method: HttpMethod,
    /// Absolute, `http` or `https`, every value in it percent-encoded, the query included.
    pub url: Redacted<String>,
    pub headers: Vec<(String, HeaderValue)>,
    /// Sent as `application/json`.
    pub body: Option<Redacted<serde_json::Value>>,
    /// A longer answer is [`AskFailure::BadAnswer`].
    pub max_response_bytes: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// The pieces of a header's value, joined in order. What a caller said cannot become a secret's name: names come from the file only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HeaderValue(pub Vec<HeaderPiece>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "piece", rename_all = "snake_case")]
pub enum HeaderPiece {
    /// May hold characters that no header may hold (line breaks): the shell drops them.
    Text { text: Redacted<String> },
    /// `${secret:name}`: the shell knows the value.
    Secret { name: String },
}

/// When the shell may try again by itself: never once a delta of this ask was handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Tries after the first one; for failures that may pass (no connection, 408, 429, 5xx).
    pub max_retries: u8,
    /// Pause before the first retry; doubled for each further one. A `Retry-After` that fits the deadline replaces it.
    pub backoff: Millis,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub id: AskId,
    pub body: AnswerBody,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AnswerBody {
    /// A piece of a streaming model answer's text; more follow.
    ModelDelta { text: Redacted<String> },
    /// The model is through.
    ModelDone(ModelAnswer),
    /// The HTTP tool answered, with whatever status.
    HttpDone(HttpAnswer),
    /// `detail` names the failure for logs, never what the caller said and no secret. `elapsed` counts from the ask.
    Failed { why: AskFailure, detail: String, elapsed: Millis },
    /// The deadline, `first_token` or `stall` passed.
    TimedOut { elapsed: Millis },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelAnswer {
    /// The whole text, the deltas included; empty where the model only called tools.
    pub text: Redacted<String>,
    pub tool_calls: Vec<ToolCall>,
    /// As the endpoint names the model that answered.
    pub model: String,
    /// Prompt and completion together; `None` where the endpoint does not tell.
    pub tokens: Option<u64>,
    /// Ask to the first piece of text or call.
    pub first_token: Option<Millis>,
    /// Ask to end.
    pub elapsed: Millis,
}

/// One call the model wants, whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// As the endpoint gave it; made up by the shell where it gave none.
    pub id: String,
    pub name: String,
    /// As it came: perhaps no JSON at all.
    pub arguments: Redacted<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpAnswer {
    pub status: u16,
    /// JSON as JSON; any other text as a JSON string; nothing as null.
    pub body: Redacted<serde_json::Value>,
    pub elapsed: Millis,
}

/// Why a question was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskFailure {
    /// No such role or secret on this worker.
    NotConfigured,
    /// No connection, or it broke before any answer.
    Unreachable,
    /// The endpoint refused (4xx other than 408 and 429).
    Refused,
    /// 408 and 429, to the last retry.
    Overloaded,
    /// 5xx, to the last retry.
    ServerError,
    /// The stream broke off after a delta.
    CutShort,
    /// What came is no answer of this protocol, or too long.
    BadAnswer,
}

impl AskFailure {
    /// For errors, spans and metrics.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Overloaded => "overloaded",
            Self::ServerError => "server_error",
            Self::CutShort => "cut_short",
            Self::BadAnswer => "bad_answer",
        }
    }
}
