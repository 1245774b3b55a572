//! Cutting a byte stream (TCP, TLS) into messages.

use super::normalise::{ContentLength, Head, head_end, read_head};
use super::parse::assemble;
use super::{KeepAlive, WireError};
use crate::sip::message::Message;

/// Sizes in bytes. A peer that exceeds them loses the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub head: usize,
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: 32 * 1024, body: 64 * 1024 }
    }
}

/// Who opened the connection; it decides what CRLFs between messages mean (RFC 5626 section 3.5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRole {
    /// The peer did: its double CRLF is a ping, a single one is padding.
    Accepted,
    /// We did: every CRLF is the pong to our ping.
    Opened,
}

/// One thing found on the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framed {
    /// A whole message, or what was wrong with it.
    Message(Result<Message, WireError>),
    KeepAlive(KeepAlive),
}

/// The stream cannot be cut any further: answer what was framed, then close the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamError {
    #[error("the header section is longer than {0} bytes")]
    HeadTooLong(usize),
    #[error("the body is longer than {0} bytes")]
    BodyTooLong(usize),
    #[error("the stream holds no SIP message where one must start")]
    NotSip,
    #[error("Content-Length cannot be used, so the next message's start is unknown")]
    LostSync,
}

/// Push bytes as they arrive, pop until `None`.
///
/// Memory: at most `limits.head + limits.body` and what one push adds.
#[derive(Debug)]
pub struct StreamFramer {
    role: StreamRole,
    limits: Limits,
    pub(super) buffer: Vec<u8>,
    /// How far the search for the end of the header section has come.
    pub(super) searched: usize,
    waiting: Option<(Head, usize)>,
    broken: Option<StreamError>,
}

impl StreamFramer {
    pub fn new(role: StreamRole, limits: Limits) -> Self {
        Self { role, limits, buffer: Vec::new(), searched: 0, waiting: None, broken: None }
    }

    /// Takes a segment; nothing after the stream has broken.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.broken.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next message or keep-alive; `Ok(None)` when more bytes are needed. An error repeats for ever.
    pub fn pop(&mut self) -> Result<Option<Framed>, StreamError> {
        if let Some(error) = self.broken {
            return Err(error);
        }
        if self.waiting.is_none() {
            if let Some(keep_alive) = self.take_keep_alive() {
                return Ok(Some(Framed::KeepAlive(keep_alive)));
            }
            match self.take_head() {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(error) => return self.stop(error),
            }
        }
        self.take_body()
    }

    /// True if a message has begun and not ended: a peer that stalls here is worth a timeout.
    pub fn is_partial(&self) -> bool {
        self.waiting.is_some() || !self.buffer.is_empty()
    }

    fn take_keep_alive(&mut self) -> Option<KeepAlive> {
        match self.role {
            StreamRole::Opened if self.buffer.starts_with(b"\r\n") => {
                self.consume(2);
                Some(KeepAlive::Pong)
            }
            StreamRole::Accepted if self.buffer.starts_with(b"\r\n\r\n") => {
                self.consume(4);
                Some(KeepAlive::Ping)
            }
            StreamRole::Opened | StreamRole::Accepted => None,
        }
    }

    /// True once the header section is whole and put aside.
    fn take_head(&mut self) -> Result<bool, StreamError> {
        // Padding before a message (RFC 3261 section 7.5) goes once it is certain that it is no half ping.
        let padding = self.buffer.iter().position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
        self.consume(padding);
        if !looks_like_sip(&self.buffer) {
            return Err(StreamError::NotSip);
        }
        let Some(end) = head_end(&self.buffer, self.searched) else {
            self.searched = self.buffer.len();
            return if self.buffer.len() > self.limits.head { Err(StreamError::HeadTooLong(self.limits.head)) } else { Ok(false) };
        };
        if end > self.limits.head {
            return Err(StreamError::HeadTooLong(self.limits.head));
        }
        let head = read_head(&self.buffer[..end]).ok_or(StreamError::NotSip)?;
        self.consume(end);
        let length = match head.content_length {
            ContentLength::Bytes(length) if length > self.limits.body => return Err(StreamError::BodyTooLong(self.limits.body)),
            ContentLength::Bytes(length) => length,
            // RFC 3261 section 18.3 wants Content-Length on streams; those who leave it out have no body.
            ContentLength::Absent | ContentLength::Unusable => 0,
        };
        self.waiting = Some((head, length));
        Ok(true)
    }

    fn take_body(&mut self) -> Result<Option<Framed>, StreamError> {
        let Some((head, length)) = self.waiting.take_if(|(_, length)| *length <= self.buffer.len()) else { return Ok(None) };
        if head.content_length == ContentLength::Unusable {
            self.broken = Some(StreamError::LostSync);
        }
        let message = assemble(head, &self.buffer[..length]);
        self.consume(length);
        Ok(Some(Framed::Message(message)))
    }

    /// Nothing consumed keeps what was searched: a peer that sends byte by byte must not make us search from the start each time.
    fn consume(&mut self, bytes: usize) {
        if bytes > 0 {
            self.buffer.drain(..bytes);
            self.searched = 0;
        }
    }

    fn stop(&mut self, error: StreamError) -> Result<Option<Framed>, StreamError> {
        self.broken = Some(error);
        self.buffer = Vec::new();
        Err(error)
    }
}

/// A message starts with a token: a TLS hello or an HTTP/2 preface on the wrong port is cut off at its first bytes.
fn looks_like_sip(bytes: &[u8]) -> bool {
    bytes.iter().take_while(|b| !matches!(b, b' ' | b'/')).all(|b| b.is_ascii_graphic() || matches!(b, b'\r' | b'\n'))
}
