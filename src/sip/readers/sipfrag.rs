//! `message/sipfrag` bodies (RFC 3420): what a NOTIFY says of a referred call.

use super::ReadError;
use crate::sip::wire::StatusLine;
use std::fmt;

/// The status line a NOTIFY carries; headers after it are not needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sipfrag {
    pub status: u16,
    pub reason: String,
}

impl Sipfrag {
    pub fn new(status: u16, reason: &str) -> Self {
        Self { status, reason: reason.to_owned() }
    }

    /// Reads the first status line, which need not be the first line of all (at most 64 are looked at). A reason may be missing.
    pub fn read(body: &[u8]) -> Result<Self, ReadError> {
        let text = String::from_utf8_lossy(body);
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(64).peekable();
        lines.peek().ok_or(ReadError::new("sipfrag", "empty"))?;
        let StatusLine { status, reason } = lines.find_map(StatusLine::read).ok_or(ReadError::new("sipfrag", "has no status line"))?;
        Ok(Self { status, reason })
    }

    pub fn is_provisional(&self) -> bool {
        self.status < 200
    }

    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// The body, line end included.
impl fmt::Display for Sipfrag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0 {} {}\r\n", self.status, crate::sip::headers::clean(&self.reason))
    }
}
