//! Replaces (RFC 3891): the dialog that an INVITE takes over.

use super::{Params, ReadError, scan};
use std::fmt;

/// RFC 3891 section 6.1. Tags are from the receiver's view: `to_tag` is the receiver's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    pub call_id: String,
    pub to_tag: String,
    pub from_tag: String,
    /// Only a dialog still ringing may be replaced.
    pub early_only: bool,
}

impl Replaces {
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let fault = |what| ReadError::new("Replaces", what);
        let (call_id, tail) = scan::cut(value, b';');
        if call_id.is_empty() || call_id.contains([' ', '\t']) {
            return Err(fault("no Call-ID"));
        }
        let params = Params::read_tail(tail, "Replaces")?;
        let to_tag = params.get("to-tag").ok_or(fault("no to-tag"))?;
        let from_tag = params.get("from-tag").ok_or(fault("no from-tag"))?;
        Ok(Self { call_id: call_id.to_owned(), to_tag, from_tag, early_only: params.has("early-only") })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        f.write_str(if self.early_only { ";early-only" } else { "" })
    }
}
