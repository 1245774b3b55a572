//! From, To, Contact, Route, Record-Route, Refer-To, Referred-By, P-Asserted-Identity, Diversion: a name, an address, parameters.

use super::{Params, ReadError, scan};
use crate::sip::uri::{Uri, UriError};
use std::fmt;

/// RFC 3261 section 20.10 `name-addr` or `addr-spec`, with the header's own parameters.
///
/// The URI is kept as it was written and only read on demand ([`uri`](Self::uri)): it goes back to the peer unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// Display name without quotes and escapes.
    pub display: Option<String>,
    /// What stood between the angle brackets; `*` for the wildcard Contact.
    pub uri: String,
    /// Header parameters, e.g. `tag`. Without angle brackets every parameter is the header's (RFC 3261 section 20).
    pub params: Params,
}

impl NameAddr {
    pub fn new(uri: impl Into<String>) -> Self {
        Self { display: None, uri: uri.into(), params: Params::new() }
    }

    pub fn with_display(mut self, display: impl Into<String>) -> Self {
        self.display = Some(display.into());
        self
    }

    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// Takes names that should have been quoted (`Bell, Alexander <sip:…>`) and blanks anywhere. Refuses an unclosed quote or bracket, an empty
    /// address, and an address without brackets that holds `?` or `,` (RFC 3261 section 20.10 wants brackets there).
    pub fn read(value: &str) -> Result<Self, ReadError> {
        let fault = |what| ReadError::new("address", what);
        let value = value.trim();
        if !scan::balanced(before_uri(value)) {
            return Err(fault("the quoted display name does not end"));
        }
        let Some(open) = scan::find_open(value) else { return Self::read_bare(value) };
        let close = value[open..].find('>').map(|at| at + open).ok_or(fault("'<' without '>'"))?;
        let uri = value[open + 1..close].trim();
        if uri.is_empty() || uri.contains(['<', ' ', '\t', '"']) {
            return Err(fault("no address between '<' and '>'"));
        }
        let display = Some(scan::unquote(value[..open].trim())).filter(|name| !name.is_empty());
        let tail = value[close + 1..].trim();
        let params = match tail.strip_prefix(';') {
            Some(tail) => Params::read(tail, "address")?,
            None if tail.is_empty() => Params::new(),
            None => return Err(fault("text after '>'")),
        };
        Ok(Self { display, uri: uri.to_owned(), params })
    }

    fn read_bare(value: &str) -> Result<Self, ReadError> {
        let fault = |what| ReadError::new("address", what);
        let (uri, tail) = scan::cut(value, b';');
        if uri.is_empty() {
            return Err(fault("empty"));
        }
        if uri.contains(['?', ',', '>', '"', ' ', '\t']) {
            return Err(fault("an address of this form needs '<' and '>'"));
        }
        if uri != "*" && !uri.contains(':') {
            return Err(fault("the address has no scheme"));
        }
        Ok(Self { display: None, uri: uri.to_owned(), params: Params::read_tail(tail, "address")? })
    }

    /// The address, read.
    pub fn uri(&self) -> Result<Uri, UriError> {
        Uri::read(&self.uri)
    }

    pub fn tag(&self) -> Option<String> {
        self.params.get("tag").filter(|tag| !tag.is_empty())
    }

    /// `Contact: *` (RFC 3261 section 10.2.2).
    pub fn is_wildcard(&self) -> bool {
        self.uri == "*"
    }
}

/// Always with angle brackets, a display name always quoted: the form no peer misreads.
impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_wildcard() {
            return f.write_str("*");
        }
        if let Some(display) = &self.display {
            write!(f, "{} ", scan::quote(display))?;
        }
        let uri: String = self.uri.chars().filter(|c| !c.is_control() && !matches!(c, '<' | '>' | ' ')).collect();
        write!(f, "<{uri}>{}", self.params)
    }
}

/// What stands before the address: the part in which quotes mean something.
fn before_uri(value: &str) -> &str {
    scan::find_open(value).map_or(value, |open| &value[..open])
}
