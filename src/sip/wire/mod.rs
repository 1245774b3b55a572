//! Bytes to messages and back.
//!
//! Owns: framing (one datagram, or a stream cut by Content-Length), normalising (compact names, folded lines, blanks, comma lists, bytes that are no
//! UTF-8), the checks every message must pass before anyone reads it, and printing.
//!
//! What is wrong with a message is decided here once. A request that can be answered comes back as [`WireError::BadRequest`] with the answer's headers; what
//! cannot be answered is [`WireError::Unroutable`] and is dropped and counted. A malformed response or ACK is always unroutable: neither is ever answered.
//!
//! Does not do: decisions that need knowledge of the worker: 405, 416, 420, 481, 501 are the endpoint's.

mod frame;
mod normalise;
mod parse;
mod print;
mod refusal;

#[cfg(test)]
mod tests;

pub use frame::{Framed, Limits, StreamError, StreamFramer, StreamRole};
pub use parse::{StatusLine, parse_datagram};
pub use print::print;
pub use refusal::{Refusal, WireError};

/// What keeps a NAT binding or a connection open between messages (RFC 5626 section 4.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeepAlive {
    /// Double CRLF, or the blank or zero datagram some devices send: answered with a CRLF on a stream, ignored on UDP.
    Ping,
    /// Single CRLF: the answer to our ping.
    Pong,
}
