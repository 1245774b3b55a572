//! What the shell is set to, as plain data.

use super::http::BaseUrl;
use crate::model::{Millis, Redacted};
use std::collections::BTreeMap;
use std::fmt;

/// Models, secrets and bounds. The default knows no model: every question for one is answered [`crate::runtime::AskFailure::NotConfigured`].
#[derive(Clone, Debug)]
pub struct ShellConfig {
    pub roles: BTreeMap<String, ModelRole>,
    /// Values of `${secret:name}` in tool headers.
    pub secrets: BTreeMap<String, Redacted<String>>,
    /// Questions under way at the same time, over all calls; one more is answered [`crate::runtime::AskFailure::Overloaded`] at once.
    pub asks_max: usize,
}

impl Default for ShellConfig {
    fn default() -> Self {
        Self { roles: BTreeMap::new(), secrets: BTreeMap::new(), asks_max: 256 }
    }
}

/// One model behind an OpenAI-compatible endpoint. Spans here are upper bounds: a question may bring shorter ones.
#[derive(Clone, PartialEq)]
pub struct ModelRole {
    pub base_url: BaseUrl,
    /// Sent as `Authorization: Bearer`.
    pub key: Option<Redacted<String>>,
    /// As the endpoint names it.
    pub model: String,
    /// 0–2; `None`: the endpoint's default.
    pub temperature: Option<f64>,
    pub max_tokens: u32,
    /// The name of `max_tokens` in the request.
    pub token_field: TokenField,
    /// Ask for token counts in streams; some endpoints refuse to be asked.
    pub stream_usage: bool,
    /// To an open connection.
    pub connect: Millis,
    /// One try, from its first byte to its last.
    pub request: Millis,
    /// One try, to its first word or tool call.
    pub first_token: Millis,
    /// Between two pieces of an answer.
    pub idle: Millis,
    /// Tries after the first one, at most.
    pub retries: u8,
    /// Roles that are asked, in this order, where this one fails before it has said anything.
    pub fallback: Vec<String>,
}

/// Endpoints disagree on what the bound of an answer is called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TokenField {
    #[default]
    MaxTokens,
    MaxCompletionTokens,
}

impl TokenField {
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

impl ModelRole {
    /// An endpoint without a key, at the defaults of every span.
    pub fn new(base_url: BaseUrl, model: impl Into<String>) -> Self {
        Self {
            base_url,
            key: None,
            model: model.into(),
            temperature: None,
            max_tokens: 512,
            token_field: TokenField::default(),
            stream_usage: true,
            connect: Millis(2_000),
            request: Millis(30_000),
            first_token: Millis(6_000),
            idle: Millis(4_000),
            retries: 1,
            fallback: Vec::new(),
        }
    }

    /// Longest time until the role's own tries are over, pauses left out: what one silent endpoint can cost before the next one is asked.
    pub fn longest_silence(&self) -> Millis {
        Millis(self.first_token.0.min(self.request.0))
    }
}

/// The key is shown nowhere, that there is one is.
impl fmt::Debug for ModelRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelRole")
            .field("base_url", &self.base_url)
            .field("key", &self.key.is_some())
            .field("model", &self.model)
            .field("fallback", &self.fallback)
            .finish_non_exhaustive()
    }
}
