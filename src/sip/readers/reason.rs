//! Reason (RFC 3326): why a request was sent.

use super::{Params, ReadError, scan};
use crate::sip::headers::is_token;
use std::fmt;

/// One reason value, e.g. `Q.850;cause=16;text="Normal call clearing"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `SIP`, `Q.850`, …
    pub protocol: String,
    pub cause: Option<u16>,
    pub text: Option<String>,
}

impl Reason {
    /// A SIP status as the reason.
    pub fn sip(cause: u16, text: &str) -> Self {
        Self { protocol: "SIP".to_owned(), cause: Some(cause), text: Some(text.to_owned()) }
    }

    /// An ITU-T Q.850 cause.
    pub fn q850(cause: u16, text: &str) -> Self {
        Self { protocol: "Q.850".to_owned(), cause: Some(cause), text: Some(text.to_owned()) }
    }

    /// A cause that is no number reads as none: a BYE is not refused for it.
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let (protocol, tail) = scan::cut(value, b';');
        if !is_token(protocol) {
            return Err(ReadError::new("Reason", "no protocol"));
        }
        let params = Params::read_tail(tail, "Reason")?;
        let cause = params.get("cause").and_then(|cause| scan::number(&cause));
        Ok(Self { protocol: protocol.to_owned(), cause, text: params.get("text") })
    }

    pub fn is_q850(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("Q.850")
    }

    pub fn is_sip(&self) -> bool {
        self.protocol.eq_ignore_ascii_case("SIP")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.protocol)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        if let Some(text) = &self.text {
            write!(f, ";text={}", scan::quote(text))?;
        }
        Ok(())
    }
}
