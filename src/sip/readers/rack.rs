//! RSeq and RAck (RFC 3262): reliable provisional responses.

use super::{ReadError, scan};
use crate::sip::message::Method;
use std::fmt;

/// RFC 3262 section 7.1: 1 to 2^31 - 1 in the first response; larger values may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RSeq(pub u32);

impl RSeq {
    pub fn read(value: &str) -> Result<Self, ReadError> {
        scan::number(value).filter(|seq| *seq > 0).map(Self).ok_or(ReadError::new("RSeq", "wants a number from 1 on"))
    }
}

impl fmt::Display for RSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// RFC 3262 section 7.2: which response to which request a PRACK acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    pub rseq: RSeq,
    pub cseq: u32,
    pub method: Method,
}

impl RAck {
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let fault = ReadError::new("RAck", "wants two numbers and a method");
        let mut parts = value.split_ascii_whitespace();
        let (Some(rseq), Some(cseq), Some(method), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(fault);
        };
        let rseq = scan::number(rseq).map(RSeq).ok_or(fault)?;
        let cseq = scan::number::<u32>(cseq).filter(|seq| *seq < 1 << 31).ok_or(fault)?;
        Ok(Self { rseq, cseq, method: Method::read(method).ok_or(fault)? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rseq, self.cseq, self.method)
    }
}
