//! Content-Type and one element of Accept.

use super::{Params, ReadError, scan};
use crate::sip::headers::is_token;
use std::fmt;

/// `type/subtype;params` (RFC 3261 section 20.15); `*` is legal in Accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaType {
    /// Lower case.
    pub kind: String,
    /// Lower case.
    pub subtype: String,
    pub params: Params,
}

impl MediaType {
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let (essence, tail) = scan::cut(value, b';');
        let (kind, subtype) = essence.split_once('/').ok_or(ReadError::new("media type", "no '/'"))?;
        let (kind, subtype) = (kind.trim(), subtype.trim());
        if !is_token(kind) || !is_token(subtype) {
            return Err(ReadError::new("media type", "type or subtype is no token"));
        }
        let params = Params::read_tail(tail, "media type")?;
        Ok(Self { kind: kind.to_ascii_lowercase(), subtype: subtype.to_ascii_lowercase(), params })
    }

    /// Compares `type/subtype`, ignoring case and parameters.
    pub fn is(&self, essence: &str) -> bool {
        essence.split_once('/').is_some_and(|(kind, sub)| self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(sub))
    }

    /// True if this element of Accept takes `essence`.
    pub fn accepts(&self, essence: &str) -> bool {
        let Some((kind, subtype)) = essence.split_once('/') else { return false };
        (self.kind == "*" || self.kind.eq_ignore_ascii_case(kind)) && (self.subtype == "*" || self.subtype.eq_ignore_ascii_case(subtype))
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.kind, self.subtype, self.params)
    }
}
