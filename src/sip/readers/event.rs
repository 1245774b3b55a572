//! Event (RFC 6665 section 8.2.1).

use super::{Params, ReadError, scan};
use crate::sip::headers::is_token;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// `refer`, `presence`, …; compared without case.
    pub package: String,
    /// Tells subscriptions of one dialog apart; for `refer` it is the CSeq number of the REFER (RFC 3515 section 2.4.6).
    pub id: Option<String>,
}

impl Event {
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let (package, tail) = scan::cut(value, b';');
        if !is_token(package) {
            return Err(ReadError::new("Event", "no package"));
        }
        Ok(Self { package: package.to_owned(), id: Params::read_tail(tail, "Event")?.get("id") })
    }

    pub fn is(&self, package: &str) -> bool {
        self.package.eq_ignore_ascii_case(package)
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        self.id.as_ref().map_or(Ok(()), |id| write!(f, ";id={id}"))
    }
}
