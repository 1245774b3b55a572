//! Why bytes did not become a message, and what can be said to the sender.

use super::KeepAlive;
use crate::sip::headers::Headers;
use crate::sip::message::{Method, Response};

/// What [`super::parse_datagram`] returns instead of a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Not a message at all.
    #[error("keep-alive")]
    KeepAlive(KeepAlive),
    /// Drop and count: no answer is possible or allowed. The text is one of a closed set and fit for a metric label.
    #[error("not answerable: {0}")]
    Unroutable(&'static str),
    /// Answer with [`Refusal::response`].
    #[error("{0}")]
    BadRequest(Box<Refusal>),
}

/// A request that cannot be taken but can be answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{status} {why}")]
pub struct Refusal {
    /// 400, 505 or 513.
    pub status: u16,
    /// From a closed set; holds nothing of the message.
    pub why: &'static str,
    pub method: Method,
    /// Via, From, To, Call-ID and CSeq as far as they were readable; the top Via always is.
    pub reply: Headers,
}

impl Refusal {
    /// The answer. `to_tag` is put on To if the request had none (RFC 3261 section 8.2.6.2).
    pub fn response(&self, to_tag: &str) -> Response {
        let phrase = match self.status {
            505 => "Version Not Supported",
            513 => "Message Too Large",
            _ => "Bad Request",
        };
        let mut headers = self.reply.clone();
        headers.tag_to(to_tag);
        Response { status: self.status, reason: format!("{phrase} ({})", self.why), headers, body: Vec::new() }
    }
}
