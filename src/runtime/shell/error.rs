//! What can go wrong with a question, said without a word of what was asked or answered.

use std::time::Duration;
use thiserror::Error;

/// A bound that an answer outgrew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TooLong {
    #[error("one line of the answer is longer than {} KiB", super::sse::LINE_BYTES_MAX >> 10)]
    Line,
    #[error("the answer is longer than {} KiB", super::http::BODY_BYTES_MAX >> 10)]
    Body,
    #[error("the text of the answer is longer than {} KiB", super::completion::TEXT_BYTES_MAX >> 10)]
    Text,
    #[error("more than {} tool calls in one answer", super::completion::TOOL_CALLS_MAX)]
    ToolCalls,
    #[error("the arguments of a tool call are longer than {} KiB", super::completion::ARGUMENTS_BYTES_MAX >> 10)]
    Arguments,
}

/// Why one try of a question failed. `Display` names the failure and numbers, never a text that came from outside.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    #[error("no connection")]
    NoConnection,
    #[error("no connection within {} ms", .0.as_millis())]
    ConnectTimeout(Duration),
    #[error("HTTP status {status}")]
    Status { status: u16, retry_after: Option<Duration> },
    #[error("no first word within {} ms", .0.as_millis())]
    NoFirstWord(Duration),
    #[error("the answer stood still for {} ms", .0.as_millis())]
    StoodStill(Duration),
    #[error("no whole answer within {} ms", .0.as_millis())]
    TookTooLong(Duration),
    #[error("the connection broke off")]
    Cut,
    #[error("the answer is not what the protocol says")]
    NotUnderstood,
    #[error("the server reported an error in its stream")]
    Reported,
    #[error(transparent)]
    TooLong(#[from] TooLong),
    #[error("{0}")]
    NotSent(String),
}

impl Failure {
    /// Whether the same request may do better a moment later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Status { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::NoConnection
            | Self::ConnectTimeout(_)
            | Self::NoFirstWord(_)
            | Self::StoodStill(_)
            | Self::TookTooLong(_)
            | Self::Cut
            | Self::NotUnderstood
            | Self::Reported => true,
            Self::TooLong(_) | Self::NotSent(_) => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Why the shell cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShellError {
    #[error("{url:?} is no base URL: {why}")]
    Url { url: String, why: &'static str },
    #[error("the HTTP client for {url} cannot be made: {why}")]
    Client { url: String, why: String },
}
