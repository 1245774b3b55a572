//! `;name=value` parameters after a header's main part.

use super::{ReadError, scan};
use crate::sip::headers::is_token;
use std::fmt;

/// Parameters in wire order; values keep their quotes, so that a printed list is the read one. Names compare without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, Option<String>)>);

impl Params {
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what follows the first `;` (without it). `header` names the place in the error. An empty parameter (`;;`) is an error.
    pub fn read(text: &str, header: &'static str) -> Result<Self, ReadError> {
        let mut list = Vec::new();
        for piece in scan::split(text, b';') {
            let (name, value) = scan::cut(piece, b'=');
            if !is_token(name) {
                return Err(ReadError::new(header, "a parameter has no name"));
            }
            let value = value.map(|value| value.trim().to_owned());
            if value.as_deref().is_some_and(|value| !scan::balanced(value)) {
                return Err(ReadError::new(header, "a parameter's quoted string does not end"));
            }
            list.push((name.to_owned(), value));
        }
        Ok(Self(list))
    }

    /// Like [`read`](Self::read) for the optional tail that [`scan::cut`] returns.
    pub(crate) fn read_tail(tail: Option<&str>, header: &'static str) -> Result<Self, ReadError> {
        tail.map_or_else(|| Ok(Self::new()), |text| Self::read(text, header))
    }

    /// Value of the first parameter of that name, without quotes; `None` if it is absent or has no value.
    pub fn get(&self, name: &str) -> Option<String> {
        self.find(name).and_then(|value| value.as_deref()).map(scan::unquote)
    }

    /// True if the parameter is there, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Sets or replaces; `None` writes a flag. A value that is no token is quoted, unless it is an IPv6 or host form that Via parameters carry bare.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let value = value.map(|value| if is_bare(value) { value.to_owned() } else { scan::quote(value) });
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// (name, value as written) in wire order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_deref()))
    }

    fn find(&self, name: &str) -> Option<&Option<String>> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Written with a leading `;` each.
impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in self.iter() {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

fn is_bare(value: &str) -> bool {
    !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~:[]@".contains(&b))
}
