//! WWW-Authenticate and Proxy-Authenticate: digest challenges (RFC 3261 section 22, RFC 7616, RFC 8760).

use super::{ReadError, scan};
use std::fmt;

/// Digest algorithms this worker knows, weakest first: the order is the preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DigestAlgorithm {
    Md5,
    Md5Sess,
    Sha512Trunc256,
    Sha512Trunc256Sess,
    Sha256,
    Sha256Sess,
}

impl DigestAlgorithm {
    pub const ALL: [Self; 6] = [Self::Md5, Self::Md5Sess, Self::Sha512Trunc256, Self::Sha512Trunc256Sess, Self::Sha256, Self::Sha256Sess];

    pub fn read(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text))
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Sess => "MD5-sess",
            Self::Sha512Trunc256 => "SHA-512-256",
            Self::Sha512Trunc256Sess => "SHA-512-256-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Sess => "SHA-256-sess",
        }
    }

    /// `-sess`: the key is bound to the first nonce and cnonce (RFC 7616 section 3.4.2).
    pub fn is_session(self) -> bool {
        matches!(self, Self::Md5Sess | Self::Sha256Sess | Self::Sha512Trunc256Sess)
    }
}

/// Quality of protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    Auth,
    /// The body is part of the digest.
    AuthInt,
}

impl Qop {
    pub fn read(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "auth" => Some(Self::Auth),
            "auth-int" => Some(Self::AuthInt),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// One digest challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    pub realm: String,
    pub nonce: String,
    pub opaque: Option<String>,
    /// The credentials were right, only the nonce was old.
    pub stale: bool,
    pub algorithm: DigestAlgorithm,
    /// What the server offers; empty if it named no `qop` (RFC 2069 form).
    pub qop: Vec<Qop>,
}

impl Challenge {
    /// Refuses other schemes than Digest, an unknown algorithm, and a `qop` of which nothing is known.
    pub fn read(value: &str) -> Result<Self, ReadError> {
        const HEADER: &str = "challenge";
        let fault = |what| ReadError::new(HEADER, what);
        let params = DigestParams::read(value, HEADER)?;
        let algorithm = match params.get("algorithm") {
            None => DigestAlgorithm::Md5,
            Some(name) => DigestAlgorithm::read(&name).ok_or(fault("unknown algorithm"))?,
        };
        let offered = params.get("qop").filter(|text| !text.trim().is_empty());
        let qop: Vec<Qop> = offered.iter().flat_map(|text| text.split(',')).filter_map(Qop::read).collect();
        if offered.is_some() && qop.is_empty() {
            return Err(fault("unknown qop"));
        }
        Ok(Self {
            realm: params.get("realm").ok_or(fault("no realm"))?,
            nonce: params.get("nonce").ok_or(fault("no nonce"))?,
            opaque: params.get("opaque"),
            stale: params.get("stale").is_some_and(|text| text.eq_ignore_ascii_case("true")),
            algorithm,
            qop,
        })
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", scan::quote(&self.realm), scan::quote(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", scan::quote(opaque))?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        let offered: Vec<&str> = self.qop.iter().map(|qop| qop.as_str()).collect();
        if offered.is_empty() { Ok(()) } else { write!(f, ", qop=\"{}\"", offered.join(",")) }
    }
}

/// `Digest name=value, name="value", …`; values kept as written.
pub(super) struct DigestParams(Vec<(String, String)>);

impl DigestParams {
    pub(super) fn read(value: &str, header: &'static str) -> Result<Self, ReadError> {
        let fault = |what| ReadError::new(header, what);
        let value = value.trim();
        let (scheme, rest) = value.split_once([' ', '\t']).ok_or(fault("no parameters"))?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(fault("the scheme is not Digest"));
        }
        let mut list: Vec<(String, String)> = Vec::new();
        for piece in scan::split(rest, b',').into_iter().filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').ok_or(fault("a parameter has no value"))?;
            let (name, value) = (name.trim(), value.trim());
            if !scan::balanced(value) {
                return Err(fault("a quoted string does not end"));
            }
            if list.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                return Err(fault("a parameter stands twice"));
            }
            list.push((name.to_owned(), value.to_owned()));
        }
        Ok(Self(list))
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| scan::unquote(value))
    }
}
