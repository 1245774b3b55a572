//! What may be dialled. An empty list allows nothing.

use super::TrunkError;
use super::destination::{DialString, host_and_port, shown};
use std::str::FromStr;

/// Destinations that may be dialled or referred to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<AllowedDestination>);

impl AllowList {
    /// Each entry as [`AllowedDestination`] reads it.
    pub fn parse<S: AsRef<str>>(entries: &[S]) -> Result<Self, TrunkError> {
        entries.iter().map(|entry| entry.as_ref().parse()).collect::<Result<_, _>>().map(Self)
    }

    pub fn permits(&self, destination: &DialString) -> bool {
        self.0.iter().any(|entry| entry.matches(destination))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One entry of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedDestination {
    /// `+4930`: numbers (plain or as `tel:`) that begin so; `+` alone is every number.
    Prefix(String),
    /// `sip:*@pbx.example`: every user of exactly this host.
    Domain(String),
    /// `sip:desk@pbx.example`, `tel:112;phone-context=…`: this URI alone.
    Exact(DialString),
    /// `*`: everything.
    Anything,
}

impl AllowedDestination {
    fn matches(&self, destination: &DialString) -> bool {
        match (self, destination) {
            (Self::Anything, _) => true,
            (Self::Prefix(prefix), _) => destination.number().is_some_and(|number| number.as_str().starts_with(prefix)),
            (Self::Domain(domain), DialString::Sip { host, .. }) => host == domain,
            (Self::Domain(_), DialString::Number(_) | DialString::Tel { .. }) => false,
            (Self::Exact(exact), _) => exact.uri() == destination.uri(),
        }
    }
}

impl FromStr for AllowedDestination {
    type Err = TrunkError;

    fn from_str(text: &str) -> Result<Self, TrunkError> {
        let text = text.trim();
        let wrong = |problem| TrunkError::AllowEntry { entry: shown(text), problem };
        if text == "*" {
            return Ok(Self::Anything);
        }
        if let Some(digits) = text.strip_prefix('+') {
            let fits = digits.len() <= 15 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
            return if fits { Ok(Self::Prefix(text.to_owned())) } else { Err(wrong("a prefix is '+' and digits, such as +4930")) };
        }
        if let Some(domain) = text.strip_prefix("sip:*@").or_else(|| text.strip_prefix('@')) {
            return match host_and_port(domain) {
                Some((host, None)) => Ok(Self::Domain(host)),
                Some((_, Some(_))) => Err(wrong("a domain is written without a port; it counts for every port")),
                None => Err(wrong("the part after '@' is no host")),
            };
        }
        if text.contains('*') && !text.starts_with("tel:") {
            return Err(wrong("'*' stands alone or as in sip:*@pbx.example; other patterns match more than they seem to"));
        }
        match text.parse() {
            Ok(exact) => Ok(Self::Exact(exact)),
            Err(_) => Err(wrong("write a number prefix (+4930), a domain (sip:*@pbx.example), a whole tel: or sip: URI, or *")),
        }
    }
}
