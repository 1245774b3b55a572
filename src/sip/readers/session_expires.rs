//! Session-Expires and Min-SE (RFC 4028).

use super::{Params, ReadError, scan};
use std::fmt;

/// Who refreshes the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The side that sent the request.
    Uac,
    /// The side that answers it.
    Uas,
}

/// RFC 4028 section 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    pub seconds: u32,
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    /// Other parameters are dropped; an unknown refresher reads as none.
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let (seconds, params) = read_delta(value, "Session-Expires")?;
        let refresher = params.get("refresher").and_then(|who| match who.to_ascii_lowercase().as_str() {
            "uac" => Some(Refresher::Uac),
            "uas" => Some(Refresher::Uas),
            _ => None,
        });
        Ok(Self { seconds, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refresher {
            Some(Refresher::Uac) => write!(f, "{};refresher=uac", self.seconds),
            Some(Refresher::Uas) => write!(f, "{};refresher=uas", self.seconds),
            None => write!(f, "{}", self.seconds),
        }
    }
}

/// RFC 4028 section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinSe {
    pub seconds: u32,
}

impl MinSe {
    /// What holds where the header is absent (RFC 4028 section 5).
    pub const DEFAULT: Self = Self { seconds: 90 };

    pub fn read(value: &str) -> Result<Self, ReadError> {
        let (seconds, _) = read_delta(value, "Min-SE")?;
        Ok(Self { seconds })
    }
}

impl fmt::Display for MinSe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.seconds)
    }
}

fn read_delta(value: &str, header: &'static str) -> Result<(u32, Params), ReadError> {
    let (seconds, tail) = scan::cut(value, b';');
    let seconds = scan::number(seconds).ok_or(ReadError::new(header, "wants whole seconds below 2^32"))?;
    Ok((seconds, Params::read_tail(tail, header)?))
}
