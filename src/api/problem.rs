//! The one error type of the API. What the client reads and what the log reads are different fields.

use super::port::{ChatError, ControlError, PlaceError};
use crate::model::ConversationId;
use crate::store::StoreError;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use std::error::Error;
use utoipa::ToSchema;

/// Body of every 4xx and 5xx answer that is not a [`HttpValidationError`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ErrorResponse {
    /// A word of a small, stable set.
    pub error: String,
    /// A sentence for people.
    pub message: String,
    /// Present where the same request may work in a moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retryable: Option<bool>,
}

/// Body of a 422: every fault of the request at once.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = HTTPValidationError)]
pub(super) struct HttpValidationError {
    #[schema(required = false)]
    pub(super) detail: Vec<ValidationError>,
}

/// One fault of a request, in FastAPI's shape.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ValidationError {
    /// A stable word: `missing`, `uuid_parsing`, `string_type`, `json_invalid`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Where: `["body", "session_id"]`.
    #[schema(value_type = Vec<Value>)]
    pub loc: Vec<Value>,
    pub msg: String,
    /// What was there.
    #[schema(required = false)]
    pub input: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    pub ctx: Option<Value>,
}

/// An operation that was refused or failed.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    answer: Answer,
    /// For the log only.
    internal: Option<String>,
    retry_after_s: Option<u32>,
}

#[derive(Debug)]
enum Answer {
    Error(ErrorResponse),
    Invalid(Vec<ValidationError>),
}

impl Problem {
    pub fn new(status: StatusCode, error: &str, message: impl Into<String>) -> Self {
        let answer = Answer::Error(ErrorResponse { error: error.to_owned(), message: message.into(), retryable: None });
        Self { status, answer, internal: None, retry_after_s: None }
    }

    /// Every fault of the request at once.
    pub fn invalid(faults: Vec<ValidationError>) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, answer: Answer::Invalid(faults), internal: None, retry_after_s: None }
    }

    pub fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "authentication_required", "Send a valid API key in the x-api-key header.")
    }

    /// Also for rows of another organisation: which of the two it is stays ours.
    pub fn no_conversation(id: ConversationId) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("Conversation {id} does not exist."))
    }

    pub fn no_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.")
    }

    pub fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "This path does not take this method.")
    }

    pub fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", format!("The body may be at most {limit} bytes long."))
    }

    pub fn body_timeout() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", "The body did not arrive in time.")
    }

    pub fn overloaded() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "Too many requests at once. Try again in a moment.").retryable(1)
    }

    /// The key has used up what it may ask; after so many seconds there is more.
    pub fn too_many(after_s: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "This key has sent too many requests. Try again later.").retryable(after_s)
    }

    /// As [`Self::no_conversation`], of something else.
    pub fn no_such(what: &str, id: uuid::Uuid) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{what} {id} does not exist."))
    }

    pub fn panicked() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", "The request failed inside the worker.")
    }

    /// The client may try the same again after so many seconds.
    #[must_use]
    pub fn retryable(mut self, after_s: u32) -> Self {
        if let Answer::Error(body) = &mut self.answer {
            body.retryable = Some(true);
        }
        self.retry_after_s = Some(after_s);
        self
    }

    /// What a stream that runs already says of it.
    pub(super) fn into_error(self) -> ErrorResponse {
        match self.answer {
            Answer::Error(body) => body,
            Answer::Invalid(_) => {
                ErrorResponse { error: "invalid".to_owned(), message: "The request is invalid.".to_owned(), retryable: None }
            }
        }
    }

    /// Words for the log; the client never sees them.
    #[must_use]
    pub fn because(mut self, internal: impl Into<String>) -> Self {
        self.internal = Some(internal.into());
        self
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let internal = chain(&error);
        match error {
            StoreError::NotFound(id) => Self::no_conversation(id),
            StoreError::StillLive(id) => {
                Self::new(StatusCode::CONFLICT, "conversation_live", format!("Conversation {id} is not closed. Close it first."))
            }
            StoreError::Unavailable { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "The store did not answer. Try again in a moment.")
                    .retryable(1)
            }
            StoreError::Open { .. }
            | StoreError::Migrate { .. }
            | StoreError::Failed { .. }
            | StoreError::SeqTaken { .. }
            | StoreError::Together
            | StoreError::Corrupt { .. } => Self::panicked(),
        }
        .because(internal)
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let internal = error.to_string();
        match error {
            ControlError::NotLive => Self::new(StatusCode::CONFLICT, "not_live", "The conversation has no live call."),
            ControlError::Overloaded => Self::overloaded(),
            ControlError::TimedOut => {
                Self::new(StatusCode::GATEWAY_TIMEOUT, "timed_out", "The call did not answer in time. The order stands.").retryable(1)
            }
            ControlError::Failed(_) => Self::panicked(),
        }
        .because(internal)
    }
}

impl From<ChatError> for Problem {
    fn from(error: ChatError) -> Self {
        let internal = error.to_string();
        let conflict = |word: &str, message: String| Self::new(StatusCode::CONFLICT, word, message);
        match error {
            ChatError::NotFound => Self::new(StatusCode::NOT_FOUND, "not_found", "The conversation does not exist."),
            ChatError::Busy => {
                conflict("turn_in_progress", "Another turn of this conversation is running. Try again when it is through.".to_owned())
                    .retryable(1)
            }
            ChatError::LiveCall => {
                conflict("live_call", "The conversation is a live call: its caller speaks for themself. Nothing was said.".to_owned())
            }
            ChatError::NotOpen(status) => {
                conflict("conversation_ended", format!("The conversation is {}. Create another one.", super::wire::status_word(status)))
            }
            ChatError::WaitsForApproval => {
                conflict("awaiting_approval", "The conversation waits for an approval. Try again when it is decided.".to_owned())
                    .retryable(5)
            }
            ChatError::NoAssistant => conflict("assistant_gone", "The conversation's assistant is not on this worker.".to_owned()),
            ChatError::Full => Self::overloaded(),
            ChatError::Unavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", "The turn was not stored. Try again in a moment.")
                    .retryable(1)
            }
            ChatError::Failed(_) => Self::panicked(),
        }
        .because(internal)
    }
}

impl From<PlaceError> for Problem {
    fn from(error: PlaceError) -> Self {
        let internal = error.to_string();
        match error {
            PlaceError::UnknownNumber => Self::new(StatusCode::NOT_FOUND, "not_found", "No number of this worker has this id."),
            PlaceError::UnknownAssistant => Self::new(StatusCode::NOT_FOUND, "not_found", "No assistant of this worker has this id."),
            PlaceError::NotAllowed(_) => {
                Self::new(StatusCode::FORBIDDEN, "destination_not_allowed", "This destination may not be dialled.")
            }
            PlaceError::Variable { name, why } => Self::invalid(vec![ValidationError {
                kind: "value_error".to_owned(),
                loc: vec!["body".into(), "context_variables".into(), name.into()],
                msg: why,
                input: Value::Null,
                ctx: None,
            }]),
            PlaceError::Full(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no_capacity", "No call can be started now. Try again in a moment.").retryable(5)
            }
            PlaceError::Failed(_) => Self::panicked(),
        }
        .because(internal)
    }
}

impl Problem {
    /// The same, once the log has it.
    #[must_use]
    pub(super) fn logged(self) -> Self {
        if let Some(internal) = &self.internal {
            if self.status.is_server_error() {
                tracing::error!(status = self.status.as_u16(), cause = %internal, "an API request failed");
            } else {
                tracing::debug!(status = self.status.as_u16(), cause = %internal, "an API request was refused");
            }
        }
        self
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let this = self.logged();
        let mut response = match this.answer {
            Answer::Error(body) => (this.status, Json(body)).into_response(),
            Answer::Invalid(detail) => (this.status, Json(HttpValidationError { detail })).into_response(),
        };
        if let Some(seconds) = this.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
