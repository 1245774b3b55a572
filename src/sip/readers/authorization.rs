//! Authorization and Proxy-Authorization: digest credentials.

use super::challenge::DigestParams;
use super::{DigestAlgorithm, Qop, ReadError, scan};
use std::fmt;

/// RFC 3261 section 22.4, RFC 7616 section 3.4. `Debug` shows no digest.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub username: String,
    pub realm: String,
    pub nonce: String,
    /// The digest-uri as the client wrote it.
    pub uri: String,
    /// Hexadecimal.
    pub response: String,
    pub algorithm: DigestAlgorithm,
    pub opaque: Option<String>,
    pub qop: Option<Qop>,
    pub cnonce: Option<String>,
    /// Eight hexadecimal digits on the wire.
    pub nc: Option<u32>,
}

impl Credentials {
    pub fn read(value: &str) -> Result<Self, ReadError> {
        const HEADER: &str = "authorization";
        let fault = |what| ReadError::new(HEADER, what);
        let params = DigestParams::read(value, HEADER)?;
        let algorithm = match params.get("algorithm") {
            None => DigestAlgorithm::Md5,
            Some(name) => DigestAlgorithm::read(&name).ok_or(fault("unknown algorithm"))?,
        };
        let qop = params.get("qop").map(|text| Qop::read(&text).ok_or(fault("unknown qop"))).transpose()?;
        let nc = params.get("nc").map(|text| read_nc(&text).ok_or(fault("nc is not eight hexadecimal digits"))).transpose()?;
        let cnonce = params.get("cnonce");
        if qop.is_some() && (nc.is_none() || cnonce.is_none()) {
            return Err(fault("qop without nc and cnonce"));
        }
        Ok(Self {
            username: params.get("username").ok_or(fault("no username"))?,
            realm: params.get("realm").ok_or(fault("no realm"))?,
            nonce: params.get("nonce").ok_or(fault("no nonce"))?,
            uri: params.get("uri").ok_or(fault("no uri"))?,
            response: params.get("response").ok_or(fault("no response"))?,
            algorithm,
            opaque: params.get("opaque"),
            qop,
            cnonce,
            nc,
        })
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest username={}, realm={}", scan::quote(&self.username), scan::quote(&self.realm))?;
        write!(f, ", nonce={}, uri={}", scan::quote(&self.nonce), scan::quote(&self.uri))?;
        write!(f, ", response={}, algorithm={}", scan::quote(&self.response), self.algorithm.as_str())?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", scan::quote(opaque))?;
        }
        if let (Some(qop), Some(cnonce), Some(nc)) = (self.qop, &self.cnonce, self.nc) {
            write!(f, ", qop={}, nc={nc:08x}, cnonce={}", qop.as_str(), scan::quote(cnonce))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("realm", &self.realm).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

fn read_nc(text: &str) -> Option<u32> {
    let hex = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(text, 16).ok().filter(|_| hex)
}
