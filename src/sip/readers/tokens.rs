//! Token lists: Allow, Supported, Require, Proxy-Require, Unsupported.

use std::fmt;

/// Tokens in wire order. Blank elements (`Allow: INVITE,,BYE`, an empty `Supported:`) mean nothing and are dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens(Vec<String>);

impl Tokens {
    /// Reads one value or several; each may be a comma list.
    pub fn read<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let pieces = values.into_iter().flat_map(|value| value.split(','));
        Self(pieces.map(str::trim).filter(|piece| !piece.is_empty()).map(str::to_owned).collect())
    }

    /// Option tags compare without case (RFC 3261 section 7.3.1); so do methods here, since a list is only a hint.
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|known| known.eq_ignore_ascii_case(token))
    }

    /// Those that `known` does not hold: what goes into Unsupported.
    pub fn unknown_to(&self, known: &[&str]) -> Self {
        let missing = |token: &&String| !known.iter().any(|one| one.eq_ignore_ascii_case(token));
        Self(self.0.iter().filter(missing).cloned().collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}
