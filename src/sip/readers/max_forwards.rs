//! Max-Forwards (RFC 3261 section 20.22).

use super::{ReadError, scan};
use std::fmt;

/// Hops left, 0–255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxForwards(pub u8);

impl MaxForwards {
    /// What a request of ours starts with (RFC 3261 section 8.1.1.6).
    pub const DEFAULT: Self = Self(70);

    pub fn read(value: &str) -> Result<Self, ReadError> {
        scan::number(value).map(Self).ok_or(ReadError::new("Max-Forwards", "wants a number from 0 to 255"))
    }
}

impl fmt::Display for MaxForwards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
