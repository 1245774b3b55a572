//! Questions to the outside world, as data. `runtime/shell` carries them out; the runtime only knows their ids.

use crate::model::{Millis, Redacted, TurnId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One question of a turn. It is open until it was answered, its turn was cancelled or the session ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub id: AskId,
    pub turn: TurnId,
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
    pub messages: Redacted<Vec<serde_json::Value>>,
    pub tools: Vec<serde_json::Value>,
}

/// One call of a tool that lives behind HTTP. `tool` names an entry of the assistant; the shell knows its URL and secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HttpToolCall {
    pub tool: String,
    pub arguments: Redacted<serde_json::Map<String, serde_json::Value>>,
}

/// When the shell may try again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Tries after the first one.
    pub max_retries: u8,
    /// Pause before the first retry; doubled for each further one.
    pub backoff: Millis,
    /// False: never again once anything of the answer was spoken.
    pub after_speech: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub id: AskId,
    pub body: AnswerBody,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum AnswerBody {
    /// A piece of a streaming answer; more follow.
    Delta {
        text: Redacted<String>,
    },
    /// The whole answer.
    Done {
        value: Redacted<serde_json::Value>,
    },
    /// `error` names the failure, never what the caller said.
    Failed {
        error: String,
    },
    TimedOut,
}
