//! Retry-After (RFC 3261 section 20.33).

use super::{Params, ReadError, scan};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    pub seconds: u32,
    /// How long the peer can be reached then, seconds.
    pub duration: Option<u32>,
}

impl RetryAfter {
    /// A comment in parentheses is skipped.
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let fault = |what| ReadError::new("Retry-After", what);
        let plain = match (value.find('('), value.rfind(')')) {
            (Some(open), Some(close)) if open < close => format!("{} {}", &value[..open], &value[close + 1..]),
            (None, None) => value.to_owned(),
            _ => return Err(fault("the comment does not end")),
        };
        let (seconds, tail) = scan::cut(&plain, b';');
        let seconds = scan::number(seconds).ok_or(fault("wants whole seconds below 2^32"))?;
        let params = Params::read_tail(tail, "Retry-After")?;
        Ok(Self { seconds, duration: params.get("duration").and_then(|text| scan::number(&text)) })
    }
}

impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)?;
        self.duration.map_or(Ok(()), |seconds| write!(f, ";duration={seconds}"))
    }
}
