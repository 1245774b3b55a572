//! What someone asks to be connected to, taken apart strictly: what cannot be understood for certain is not dialled.

use super::{Hop, TrunkError};
use crate::sip::endpoint::Transport;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// An international number: `+` and 3 to 15 digits (E.164).
#[derive(Clone, PartialEq, Eq)]
pub struct E164(String);

impl E164 {
    /// With its `+`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Without its `+`.
    pub fn digits(&self) -> &str {
        &self.0[1..]
    }

    /// `+` and digits with visual separators (RFC 3966 section 5.1.1) or blanks between them.
    fn parse(text: &str) -> Option<Self> {
        let digits: String = text.strip_prefix('+')?.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect();
        let fits = (3..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        fits.then(|| Self(format!("+{digits}")))
    }
}

/// A telephone number identifies a person.
impl fmt::Debug for E164 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("E164(*)")
    }
}

/// A destination as the contract allows it: an E.164 number, a `tel:` or a `sip:` URI.
#[derive(Clone, PartialEq, Eq)]
pub enum DialString {
    Number(E164),
    /// `number` is `None` for a local number, and for one with parameters: only an exact entry of the allow-list admits these.
    Tel {
        uri: String,
        number: Option<E164>,
    },
    Sip {
        uri: String,
        host: String,
        port: Option<u16>,
        transport: Transport,
    },
}

impl DialString {
    /// The URI, normalised: scheme and host in lower case. A number is a `tel:` URI.
    pub fn uri(&self) -> String {
        match self {
            Self::Number(number) => format!("tel:{}", number.as_str()),
            Self::Tel { uri, .. } | Self::Sip { uri, .. } => uri.clone(),
        }
    }

    /// For error texts.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Tel { .. } => "a tel: URI",
            Self::Sip { .. } => "a sip: URI",
        }
    }

    /// The number behind it, if it is one.
    pub(super) const fn number(&self) -> Option<&E164> {
        match self {
            Self::Number(number) => Some(number),
            Self::Tel { number, .. } => number.as_ref(),
            Self::Sip { .. } => None,
        }
    }

    /// Where a `sip:` URI itself points.
    pub(super) fn hop(&self) -> Option<Hop> {
        match self {
            Self::Sip { host, port, transport, .. } => Some(Hop { host: host.clone(), port: *port, transport: *transport }),
            Self::Number(_) | Self::Tel { .. } => None,
        }
    }
}

impl fmt::Debug for DialString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DialString({})", self.kind())
    }
}

impl FromStr for DialString {
    type Err = TrunkError;

    fn from_str(text: &str) -> Result<Self, TrunkError> {
        let text = text.trim();
        if text.len() > 256 {
            return Err(wrong("it is longer than 256 characters"));
        }
        if text.starts_with('+') {
            return E164::parse(text).map(Self::Number).ok_or_else(|| wrong("a number is '+' and 3 to 15 digits"));
        }
        let (scheme, rest) = text.split_once(':').ok_or_else(|| wrong("write an E.164 number with its '+', a tel: or a sip: URI"))?;
        match scheme.to_ascii_lowercase().as_str() {
            "tel" => tel(rest),
            "sip" => sip(rest, "sip"),
            "sips" => sip(rest, "sips"),
            _ => Err(wrong("only tel:, sip: and sips: URIs can be dialled")),
        }
    }
}

fn tel(rest: &str) -> Result<DialString, TrunkError> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "+-.()*#;=_%".contains(c);
    if rest.is_empty() || !rest.chars().all(fits) {
        return Err(wrong("a tel: URI holds digits, separators and parameters only"));
    }
    Ok(match E164::parse(rest) {
        Some(number) => DialString::Tel { uri: format!("tel:{}", number.as_str()), number: Some(number) },
        None => DialString::Tel { uri: format!("tel:{rest}"), number: None },
    })
}

fn sip(rest: &str, scheme: &str) -> Result<DialString, TrunkError> {
    if !rest.chars().all(|c| c.is_ascii_graphic() && !"<>\"{}|\\^`".contains(c)) {
        return Err(wrong("a sip: URI holds no blanks, quotes or angle brackets"));
    }
    if rest.contains('?') {
        return Err(wrong("header fields ('?') are not taken in a destination"));
    }
    let mut ats = rest.split('@');
    let (user, after) = match (ats.next(), ats.next(), ats.next()) {
        (Some(user), Some(after), None) => (Some(user), after),
        (Some(after), None, None) => (None, after),
        _ => return Err(wrong("it has more than one '@'")),
    };
    if user.is_some_and(|user| user.is_empty() || user.contains(':')) {
        return Err(wrong("the part before '@' must be a user without a password"));
    }
    let (authority, parameters) = after.split_once(';').map_or((after, ""), |(authority, parameters)| (authority, parameters));
    let (host, port) = host_and_port(authority).ok_or_else(|| wrong("the host is no name and no IP address, or the port is no port"))?;
    let transport = transport(parameters, scheme)?;
    let hop = Hop { host: host.clone(), port, transport };
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let tail = if parameters.is_empty() { String::new() } else { format!(";{parameters}") };
    Ok(DialString::Sip { uri: format!("{scheme}:{user}{}{tail}", hop.authority()), host, port, transport })
}

/// `maddr` would send the call to another host than the one that was allowed.
fn transport(parameters: &str, scheme: &str) -> Result<Transport, TrunkError> {
    let mut transport = if scheme == "sips" { Transport::Tls } else { Transport::Udp };
    for parameter in parameters.split(';') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.to_ascii_lowercase().as_str() {
            "maddr" => return Err(wrong("the parameter 'maddr' is not taken")),
            "transport" => {
                transport = match value.to_ascii_lowercase().as_str() {
                    "udp" => Transport::Udp,
                    "tcp" if scheme == "sip" => Transport::Tcp,
                    "tcp" | "tls" => Transport::Tls,
                    _ => return Err(wrong("the transport is none of udp, tcp and tls")),
                }
            }
            name if name.contains('%') => return Err(wrong("parameter names are not escaped")),
            _ => {}
        }
    }
    Ok(transport)
}

/// `name`, `name:port`, `192.0.2.1:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; the name in lower case without a last dot.
pub(super) fn host_and_port(text: &str) -> Option<(String, Option<u16>)> {
    if let Ok(six) = text.parse::<Ipv6Addr>() {
        return Some((six.to_string(), None));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (six, after) = rest.split_once(']')?;
            (six.parse::<Ipv6Addr>().ok()?.to_string(), after)
        }
        None => {
            let end = text.find(':').unwrap_or(text.len());
            (name_or_v4(&text[..end])?, &text[end..])
        }
    };
    match port.strip_prefix(':') {
        Some(port) => Some((host, Some(port.parse().ok().filter(|port| *port > 0)?))),
        None => port.is_empty().then_some((host, None)),
    }
}

/// What ends in a digit must be an IPv4 address: `127.1` and `0x7f.1` are read in different ways by different programs.
fn name_or_v4(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let label = |label: &str| {
        let fits = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        fits && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let numeric = name.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit()));
    let fits = if numeric { name.parse::<Ipv4Addr>().is_ok() } else { name.len() <= 253 && name.split('.').all(label) };
    fits.then_some(name)
}

/// Configuration text, fit for an error.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

const fn wrong(problem: &'static str) -> TrunkError {
    TrunkError::Destination { problem }
}
