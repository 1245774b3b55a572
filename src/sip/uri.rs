//! SIP and tel URIs, read without losing how they were written.
//!
//! Reading never changes a URI a peer gave us: its raw string is what goes back on the wire. These types are for looking inside and for building our
//! own. Escapes (`%61`) stay as written in every field; ask for the decoded form where it matters.

use crate::sip::headers::is_token;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Any URI that may stand in a SIP message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uri {
    Sip(SipUri),
    Tel(TelUri),
    /// A scheme this worker does not act on; as a Request-URI it is answered 416.
    Other {
        /// Lower case.
        scheme: String,
        rest: String,
    },
}

/// RFC 3261 section 19.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipUri {
    /// `sips:`.
    pub secure: bool,
    /// Escaped as written, without a password.
    pub user: Option<String>,
    pub password: Option<String>,
    pub host: Host,
    pub port: Option<u16>,
    pub params: UriParams,
    /// What stands after `?`: name and value, escaped as written.
    pub headers: Vec<(String, String)>,
}

/// RFC 3966.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelUri {
    /// As written, visual separators and a leading `+` included.
    pub number: String,
    pub params: UriParams,
}

/// A host as it stands in sent-by or a URI.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    Name(String),
    V4(Ipv4Addr),
    /// Written in square brackets.
    V6(Ipv6Addr),
}

/// `;name=value` inside a URI, as written, in wire order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UriParams(Vec<(String, Option<String>)>);

/// Why a URI could not be read. Never holds the URI: it may be somebody's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    #[error("the URI has no scheme")]
    NoScheme,
    #[error("the URI holds a character that must be escaped")]
    Character,
    #[error("the URI's user part is not well-formed")]
    User,
    #[error("the URI's host or port is not well-formed")]
    Host,
    #[error("a parameter or header of the URI is not well-formed")]
    Parameter,
    #[error("the tel URI holds no number")]
    Number,
}

impl Uri {
    /// Reads any absolute URI. Blanks, quotes, angle brackets and control characters are refused whatever the scheme.
    pub fn read(text: &str) -> Result<Self, UriError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once(':').ok_or(UriError::NoScheme)?;
        let first_is_letter = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        if !first_is_letter || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
            return Err(UriError::NoScheme);
        }
        if rest.chars().any(|c| c.is_control() || matches!(c, ' ' | '<' | '>' | '"')) {
            return Err(UriError::Character);
        }
        match scheme.to_ascii_lowercase().as_str() {
            "sip" => SipUri::read_rest(false, rest).map(Self::Sip),
            "sips" => SipUri::read_rest(true, rest).map(Self::Sip),
            "tel" => TelUri::read_rest(rest).map(Self::Tel),
            other => Ok(Self::Other { scheme: other.to_owned(), rest: rest.to_owned() }),
        }
    }

    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Tel(_) | Self::Other { .. } => None,
        }
    }

    /// What was dialled or who calls: the decoded user of a SIP URI (without user parameters such as `;npdi`), the number of a tel URI without
    /// visual separators.
    pub fn user(&self) -> Option<String> {
        match self {
            Self::Sip(uri) => uri.user_decoded(),
            Self::Tel(uri) => Some(uri.plain_number()),
            Self::Other { .. } => None,
        }
    }

    /// Same scheme, user, host and port: enough to tell whether two URIs name one resource. Parameters are not compared (RFC 3261 section 19.1.4
    /// goes further than a user agent needs).
    pub fn same_address(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(a), Self::Sip(b)) => {
                let default = |uri: &SipUri| uri.port.unwrap_or(if uri.secure { 5061 } else { 5060 });
                a.secure == b.secure && a.user_decoded() == b.user_decoded() && a.host.same(&b.host) && default(a) == default(b)
            }
            (Self::Tel(a), Self::Tel(b)) => a.plain_number() == b.plain_number(),
            (Self::Other { .. }, Self::Other { .. }) => self == other,
            (Self::Sip(_) | Self::Tel(_) | Self::Other { .. }, _) => false,
        }
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Tel(uri) => uri.fmt(f),
            Self::Other { scheme, rest } => write!(f, "{scheme}:{rest}"),
        }
    }
}

impl SipUri {
    pub fn new(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let user = user.map(|user| escape(user, USER_PLAIN));
        Self { secure: false, user, password: None, host, port, params: UriParams::default(), headers: Vec::new() }
    }

    /// A `sip:` or `sips:` URI.
    pub fn read(text: &str) -> Result<Self, UriError> {
        match Uri::read(text)? {
            Uri::Sip(uri) => Ok(uri),
            Uri::Tel(_) | Uri::Other { .. } => Err(UriError::NoScheme),
        }
    }

    fn read_rest(secure: bool, rest: &str) -> Result<Self, UriError> {
        // The user part may hold '?', ';' and '/' unescaped, so it goes first: an '@' may stand nowhere else unescaped.
        let (userinfo, rest) = match rest.rfind('@') {
            Some(at) if !rest[..at].contains('@') => (Some(&rest[..at]), &rest[at + 1..]),
            Some(_) => return Err(UriError::User),
            None => (None, rest),
        };
        let (user, password) = match userinfo.map(|info| info.split_once(':').map_or((info, None), |(user, word)| (user, Some(word)))) {
            Some(("", _)) => return Err(UriError::User),
            Some((user, password)) => (Some(user), password),
            None => (None, None),
        };
        if [user, password].into_iter().flatten().any(|part| !well_escaped(part)) {
            return Err(UriError::User);
        }
        let (rest, headers) = rest.split_once('?').map_or((rest, None), |(rest, headers)| (rest, Some(headers)));
        let (host, params) = rest.split_once(';').map_or((rest, None), |(host, params)| (host, Some(params)));
        let (host, port) = Host::read_with_port(host).ok_or(UriError::Host)?;
        Ok(Self {
            secure,
            user: user.map(str::to_owned),
            password: password.map(str::to_owned),
            host,
            port,
            params: UriParams::read(params)?,
            headers: headers.map_or_else(|| Ok(Vec::new()), read_headers)?,
        })
    }

    /// The user with escapes resolved and user parameters (`;…` inside the user part) cut off.
    pub fn user_decoded(&self) -> Option<String> {
        self.user.as_ref().map(|user| decode(user.split(';').next().unwrap_or(user)))
    }

    /// First header of that name, decoded: `?Replaces=` of a Refer-To.
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| decode(value))
    }

    /// Adds a header, escaping its value.
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((escape(name, HEADER_PLAIN), escape(value, HEADER_PLAIN)));
        self
    }

    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// The URI as a Request-URI: without headers (RFC 3261 section 19.1.5).
    pub fn without_headers(mut self) -> Self {
        self.headers.clear();
        self
    }

    /// `;lr`: the route element routes loosely.
    pub fn is_loose(&self) -> bool {
        self.params.has("lr")
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        write!(f, "{}", self.params)?;
        for (at, (name, value)) in self.headers.iter().enumerate() {
            write!(f, "{}{name}={value}", if at == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl TelUri {
    fn read_rest(rest: &str) -> Result<Self, UriError> {
        let (number, params) = rest.split_once(';').map_or((rest, None), |(number, params)| (number, Some(params)));
        let legal = |(at, c): (usize, char)| c.is_ascii_hexdigit() || "*#-.()".contains(c) || (c == '+' && at == 0);
        let has_key = number.chars().any(|c| c.is_ascii_hexdigit() || matches!(c, '*' | '#'));
        if !has_key || !number.char_indices().all(legal) {
            return Err(UriError::Number);
        }
        Ok(Self { number: number.to_owned(), params: UriParams::read(params)? })
    }

    /// Starts with `+`: E.164.
    pub fn is_global(&self) -> bool {
        self.number.starts_with('+')
    }

    /// Without visual separators.
    pub fn plain_number(&self) -> String {
        self.number.chars().filter(|c| !"-.()".contains(*c)).collect()
    }
}

impl fmt::Display for TelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tel:{}{}", self.number, self.params)
    }
}

impl Host {
    /// A name, an IPv4 address or a bracketed IPv6 address.
    pub fn read(text: &str) -> Option<Self> {
        if let Some(inner) = text.strip_prefix('[') {
            return inner.strip_suffix(']')?.parse().ok().map(Self::V6);
        }
        if let Ok(ip) = text.parse() {
            return Some(Self::V4(ip));
        }
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        (!text.is_empty() && text.bytes().all(legal)).then(|| Self::Name(text.to_owned()))
    }

    /// `host[:port]`, blanks around `:` taken; port 1–65535. A colon without a port reads as no port.
    pub fn read_with_port(text: &str) -> Option<(Self, Option<u16>)> {
        let end = if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let host = Self::read(text[..end].trim_end())?;
        let rest = text[end..].trim();
        let port = match rest.strip_prefix(':').map(str::trim) {
            None if rest.is_empty() => None,
            None => return None,
            Some("") => None,
            Some(port) if port.bytes().all(|b| b.is_ascii_digit()) => Some(port.parse().ok().filter(|port| *port != 0)?),
            Some(_) => return None,
        };
        Some((host, port))
    }

    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::V4(ip) => Some(IpAddr::V4(*ip)),
            Self::V6(ip) => Some(IpAddr::V6(*ip).to_canonical()),
        }
    }

    /// Names compare without case and without a closing dot.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.')),
            (Self::Name(_) | Self::V4(_) | Self::V6(_), _) => self == other,
        }
    }
}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => Self::V4(ip),
            IpAddr::V6(ip) => Self::V6(ip),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip) => write!(f, "[{ip}]"),
        }
    }
}

impl UriParams {
    fn read(text: Option<&str>) -> Result<Self, UriError> {
        let Some(text) = text else { return Ok(Self::default()) };
        let mut list = Vec::new();
        for piece in text.split(';') {
            let (name, value) = piece.split_once('=').map_or((piece, None), |(name, value)| (name, Some(value)));
            if name.is_empty() || !well_escaped(name) || !well_escaped(value.unwrap_or_default()) {
                return Err(UriError::Parameter);
            }
            list.push((name.to_owned(), value.map(str::to_owned)));
        }
        Ok(Self(list))
    }

    /// Decoded value; `None` if absent or a flag.
    pub fn get(&self, name: &str) -> Option<String> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        found.1.as_deref().map(decode)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// Sets or replaces, escaping the value; `None` writes a flag. A name that is no token is not taken.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        if !is_token(name) {
            return;
        }
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.0.push((name.to_owned(), value.map(|value| escape(value, PARAM_PLAIN))));
    }
}

impl fmt::Display for UriParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            match value {
                Some(value) => write!(f, ";{name}={value}")?,
                None => write!(f, ";{name}")?,
            }
        }
        Ok(())
    }
}

fn read_headers(text: &str) -> Result<Vec<(String, String)>, UriError> {
    let mut list = Vec::new();
    for piece in text.split('&') {
        let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
        if name.is_empty() || !well_escaped(name) || !well_escaped(value) {
            return Err(UriError::Parameter);
        }
        list.push((name.to_owned(), value.to_owned()));
    }
    Ok(list)
}

/// RFC 3261 section 25.1: what stands unescaped beside letters and digits.
const USER_PLAIN: &[u8] = b"-_.!~*'()&=+$,;?/";
const PARAM_PLAIN: &[u8] = b"-_.!~*'()[]/:&+$";
const HEADER_PLAIN: &[u8] = b"-_.!~*'()[]/?:+$";

fn escape(text: &str, plain: &[u8]) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

/// Resolves `%XX`; what is not UTF-8 then becomes U+FFFD, a lone `%` stays.
pub fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = if bytes[at] == b'%' { text.get(at + 1..at + 3).and_then(two_hex) } else { None };
        plain.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn two_hex(text: &str) -> Option<u8> {
    text.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(text, 16).ok())?
}

fn well_escaped(text: &str) -> bool {
    text.match_indices('%').all(|(at, _)| text.get(at + 1..at + 3).and_then(two_hex).is_some())
}

#[cfg(test)]
mod tests;
