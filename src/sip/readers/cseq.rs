//! CSeq.

use super::{ReadError, scan};
use crate::sip::message::Method;
use std::fmt;

/// RFC 3261 section 20.16: a sequence number below 2^31 and the method, case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    pub seq: u32,
    pub method: Method,
}

impl CSeq {
    pub fn new(seq: u32, method: Method) -> Self {
        Self { seq, method }
    }

    pub fn read(value: &str) -> Result<Self, ReadError> {
        let mut parts = value.split_ascii_whitespace();
        let (Some(seq), Some(method), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(ReadError::new("CSeq", "wants a number and a method"));
        };
        let seq = scan::number::<u32>(seq).filter(|seq| *seq < 1 << 31).ok_or(ReadError::new("CSeq", "the number is not below 2^31"))?;
        let method = Method::read(method).ok_or(ReadError::new("CSeq", "the method is no token"))?;
        Ok(Self { seq, method })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.method)
    }
}
