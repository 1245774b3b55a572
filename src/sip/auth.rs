//! Digest authentication (RFC 3261 section 22, RFC 7616, RFC 8760), both ways.
//!
//! Pure: cnonces, the nonce key and the time come from outside. Passwords are [`Redacted`]; comparison takes the same time wherever it fails.

use crate::model::{Redacted, WorkerTime};
use crate::sip::message::{Method, Request, Response};
use crate::sip::readers::{Challenge, Credentials, DigestAlgorithm, Qop};
use crate::sip::uri::Uri;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// A user name and its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub username: String,
    pub password: Redacted<String>,
}

/// What of a request goes into a digest.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    pub method: &'a Method,
    /// The Request-URI as it is sent.
    pub uri: &'a str,
    pub body: &'a [u8],
}

/// Which pair of headers is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// 401, WWW-Authenticate, Authorization.
    Server,
    /// 407, Proxy-Authenticate, Proxy-Authorization.
    Proxy,
}

impl Side {
    /// From the status of a challenge.
    pub fn of_status(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Server),
            407 => Some(Self::Proxy),
            _ => None,
        }
    }

    pub fn status(self) -> u16 {
        match self {
            Self::Server => 401,
            Self::Proxy => 407,
        }
    }

    pub fn challenge_header(self) -> &'static str {
        match self {
            Self::Server => "WWW-Authenticate",
            Self::Proxy => "Proxy-Authenticate",
        }
    }

    pub fn credentials_header(self) -> &'static str {
        match self {
            Self::Server => "Authorization",
            Self::Proxy => "Proxy-Authorization",
        }
    }
}

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    #[error("the response is no 401 or 407")]
    NotAChallenge,
    #[error("no challenge with a known scheme, algorithm and qop")]
    NothingKnown,
    #[error("the credentials were refused: the user name or password is wrong for this realm")]
    Refused,
}

/// A client's standing with one server or proxy: the challenge it answers, and how often it has.
///
/// Keep it with the dialog or registration; later requests are signed without a new challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSession {
    side: Side,
    challenge: Challenge,
    /// The cnonce a `-sess` key is bound to: it stays for the life of the nonce.
    first_cnonce: Option<String>,
    count: u32,
    /// Challenges in a row of which each refused the first use of the one before.
    repeats: u32,
}

impl ClientSession {
    pub const REPEATS: u32 = 3;

    /// Takes the strongest challenge of a 401 or 407 that this worker knows; of equals the first (RFC 8760 section 2.4).
    ///
    /// `before` is the session whose credentials the challenged request carried, if it carried any: a repeated challenge in the same realm then means
    /// [`ClientError::Refused`], unless it says `stale=true` or the nonce had served several requests (servers that do not know `stale` just send a
    /// new one). More than [`Self::REPEATS`] such renewals in a row, each for one request, are a refusal as well.
    pub fn from_response(response: &Response, before: Option<&Self>) -> Result<Self, ClientError> {
        let side = Side::of_status(response.status).ok_or(ClientError::NotAChallenge)?;
        let readable = response.headers.all(side.challenge_header()).filter_map(|value| Challenge::read(value).ok());
        let best = readable.reduce(|best, next| if next.algorithm > best.algorithm { next } else { best });
        let challenge = best.ok_or(ClientError::NothingKnown)?;
        let mut repeats = 0;
        if let Some(before) = before.filter(|before| before.side == side && before.challenge.realm == challenge.realm) {
            let fresh = before.count <= 1;
            repeats = if fresh { before.repeats + 1 } else { 0 };
            if (fresh && !challenge.stale) || repeats > Self::REPEATS {
                return Err(ClientError::Refused);
            }
        }
        Ok(Self { side, challenge, first_cnonce: None, count: 0, repeats })
    }

    pub fn side(&self) -> Side {
        self.side
    }

    pub fn realm(&self) -> &str {
        &self.challenge.realm
    }

    /// Credentials for one request. `cnonce` is fresh randomness from the caller, 16 characters or more; it is not used where the server named no qop.
    pub fn sign(&mut self, account: &Account, signed: Signed<'_>, cnonce: &str) -> Credentials {
        let Challenge { realm, nonce, opaque, algorithm, qop, .. } = &self.challenge;
        let qop = if qop.contains(&Qop::Auth) { Some(Qop::Auth) } else { qop.first().copied() };
        let wants_cnonce = qop.is_some() || algorithm.is_session();
        let first = self.first_cnonce.get_or_insert_with(|| cnonce.to_owned());
        let cnonce = if algorithm.is_session() { first.clone() } else { cnonce.to_owned() };
        self.count = self.count.saturating_add(1);
        let mut credentials = Credentials {
            username: account.username.clone(),
            realm: realm.clone(),
            nonce: nonce.clone(),
            uri: signed.uri.to_owned(),
            response: String::new(),
            algorithm: *algorithm,
            opaque: opaque.clone(),
            qop,
            cnonce: wants_cnonce.then_some(cnonce),
            nc: qop.map(|_| self.count),
        };
        credentials.response = response(&credentials, account.password.expose(), signed.method, signed.body);
        credentials
    }

    /// Signs a request as it is and puts the credentials on it, in place of older ones of the same realm.
    pub fn sign_request(&mut self, account: &Account, request: &mut Request, cnonce: &str) {
        let signed = Signed { method: &request.method, uri: &request.target, body: &request.body };
        let credentials = self.sign(account, signed, cnonce);
        let name = self.side.credentials_header();
        let others = |value: &&str| Credentials::read(value).map_or(true, |old| old.realm != credentials.realm);
        let kept: Vec<String> = request.headers.all(name).filter(others).map(str::to_owned).collect();
        request.headers.remove(name);
        kept.iter().for_each(|value| request.headers.push(name, value));
        request.headers.push(name, credentials.to_string());
    }
}

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("no credentials for this realm")]
    Missing,
    #[error("the credentials cannot be read")]
    Malformed,
    #[error("the nonce is too old; challenge with stale=true")]
    Stale,
    #[error("the nonce count was seen before; challenge with stale=true")]
    Replayed,
    #[error("user name, password or request do not match the credentials")]
    Wrong,
}

impl Denied {
    /// Whether the new challenge says `stale=true`: the client may answer it without asking for a password again.
    pub fn is_stale(self) -> bool {
        matches!(self, Self::Stale | Self::Replayed)
    }
}

/// Settings of a [`DigestServer`].
#[derive(Clone, Debug)]
pub struct DigestServerConfig {
    pub realm: String,
    pub side: Side,
    /// Offered in this order; MD5 only for peers that know nothing better.
    pub algorithms: Vec<DigestAlgorithm>,
    /// Key of the nonces, 16 random bytes or more, new at every start.
    pub key: Redacted<Vec<u8>>,
    /// How long a nonce is good.
    pub nonce_life: Duration,
}

/// Verifies incoming requests.
///
/// Nonces are the time under a keyed hash, so that a flood of unauthenticated requests costs no memory. Nonce counts are kept only for nonces that a right
/// password has used, at most [`DigestServer::COUNTS`]; when full the oldest nonce is forgotten and from then on refused as stale.
#[derive(Debug)]
pub struct DigestServer {
    config: DigestServerConfig,
    /// Nonce (its text starts with the time, so the first is the oldest) to highest count seen.
    counts: BTreeMap<String, u32>,
    /// Nonces up to this one are stale: their counts were forgotten.
    forgotten: Option<String>,
    /// Tells nonces of one moment apart.
    issued: u16,
}

impl DigestServer {
    pub const COUNTS: usize = 4096;

    pub fn new(config: DigestServerConfig) -> Self {
        Self { config, counts: BTreeMap::new(), forgotten: None, issued: 0 }
    }

    pub fn side(&self) -> Side {
        self.config.side
    }

    /// One challenge an algorithm, with a nonce of this moment; each goes into a header of its own.
    pub fn challenges(&mut self, at: WorkerTime, stale: bool) -> Vec<Challenge> {
        self.issued = self.issued.wrapping_add(1);
        let nonce = self.nonce(&format!("{:016x}{:04x}", at.micros(), self.issued));
        let one = |algorithm: &DigestAlgorithm| Challenge {
            realm: self.config.realm.clone(),
            nonce: nonce.clone(),
            opaque: None,
            stale,
            algorithm: *algorithm,
            qop: vec![Qop::Auth],
        };
        self.config.algorithms.iter().map(one).collect()
    }

    /// The 401 or 407 to `request`.
    pub fn challenge(&mut self, at: WorkerTime, request: &Request, denied: Denied) -> Response {
        let phrase = match self.config.side {
            Side::Server => "Unauthorized",
            Side::Proxy => "Proxy Authentication Required",
        };
        let mut response = request.reply(self.config.side.status(), phrase);
        for challenge in self.challenges(at, denied.is_stale()) {
            response.headers.push(self.config.side.challenge_header(), challenge.to_string());
        }
        response
    }

    /// Checks a request; `password` looks a user up. Returns the user's name.
    pub fn verify<'p>(
        &mut self,
        at: WorkerTime,
        request: &Request,
        password: impl FnOnce(&str) -> Option<&'p Redacted<String>>,
    ) -> Result<String, Denied> {
        let credentials = self.credentials_of(request)?;
        // An unknown user costs the same work as a wrong password.
        let nobody = Redacted::new(String::new());
        let known = password(&credentials.username);
        let expected = response(&credentials, known.unwrap_or(&nobody).expose(), &request.method, &request.body);
        let given = credentials.response.to_ascii_lowercase();
        let right = bool::from(expected.as_bytes().ct_eq(given.as_bytes()));
        if !right || known.is_none() || !same_target(&credentials.uri, &request.target) {
            return Err(Denied::Wrong);
        }
        self.check_nonce(at, &credentials)?;
        Ok(credentials.username)
    }

    fn credentials_of(&self, request: &Request) -> Result<Credentials, Denied> {
        let mut denied = Denied::Missing;
        for value in request.headers.all(self.config.side.credentials_header()) {
            match Credentials::read(value) {
                Ok(credentials) if credentials.realm != self.config.realm => {}
                // What was not offered is not taken: no downgrade, no digest without qop.
                Ok(credentials) if !self.config.algorithms.contains(&credentials.algorithm) || credentials.qop.is_none() => {
                    denied = Denied::Malformed;
                }
                Ok(credentials) => return Ok(credentials),
                Err(_) => denied = Denied::Malformed,
            }
        }
        Err(denied)
    }

    fn check_nonce(&mut self, at: WorkerTime, credentials: &Credentials) -> Result<(), Denied> {
        let nonce = &credentials.nonce;
        let stamp = nonce.get(..20).filter(|stamp| stamp.is_ascii()).ok_or(Denied::Stale)?;
        let issued = u64::from_str_radix(&stamp[..16], 16).map_err(|_| Denied::Stale)?;
        let ours = bool::from(self.nonce(stamp).as_bytes().ct_eq(nonce.as_bytes()));
        let age = at.since(WorkerTime::from_micros(issued));
        if !ours || age > self.config.nonce_life || self.forgotten.as_ref().is_some_and(|forgotten| nonce <= forgotten) {
            return Err(Denied::Stale);
        }
        let count = credentials.nc.unwrap_or(0);
        if self.counts.get(nonce).is_some_and(|seen| count <= *seen) || count == 0 {
            return Err(Denied::Replayed);
        }
        self.counts.insert(nonce.clone(), count);
        while self.counts.len() > Self::COUNTS {
            self.forgotten = self.counts.pop_first().map(|(oldest, _)| oldest);
        }
        Ok(())
    }

    /// The stamp (sixteen hexadecimal digits of time, four of counter) and thirty-two digits of its keyed hash (the inner hash hides the outer's state).
    fn nonce(&self, stamp: &str) -> String {
        let key = self.config.key.expose();
        let inner = sha2::Sha256::new().chain_update(key).chain_update(stamp).chain_update(&self.config.realm).finalize();
        let outer = sha2::Sha256::new().chain_update(key).chain_update(inner).finalize();
        format!("{stamp}{}", &hex(&outer)[..32])
    }
}

/// The `response` value (RFC 7616 section 3.4.1), from credentials whose own `response` is ignored.
pub fn response(credentials: &Credentials, password: &str, method: &Method, body: &[u8]) -> String {
    let Credentials { username, realm, nonce, uri, algorithm, qop, cnonce, nc, .. } = credentials;
    let hash = |parts: &[&[u8]]| digest(*algorithm, parts);
    let cnonce = cnonce.as_deref().unwrap_or_default();
    let mut secret = hash(&[username.as_bytes(), realm.as_bytes(), password.as_bytes()]);
    if algorithm.is_session() {
        secret = hash(&[secret.as_bytes(), nonce.as_bytes(), cnonce.as_bytes()]);
    }
    let request = match qop {
        Some(Qop::AuthInt) => hash(&[method.as_str().as_bytes(), uri.as_bytes(), hash(&[body]).as_bytes()]),
        Some(Qop::Auth) | None => hash(&[method.as_str().as_bytes(), uri.as_bytes()]),
    };
    match qop {
        Some(qop) => {
            let count = format!("{:08x}", nc.unwrap_or(0));
            let middle = [nonce.as_bytes(), count.as_bytes(), cnonce.as_bytes(), qop.as_str().as_bytes()];
            hash(&[secret.as_bytes(), middle[0], middle[1], middle[2], middle[3], request.as_bytes()])
        }
        None => hash(&[secret.as_bytes(), nonce.as_bytes(), request.as_bytes()]),
    }
}

/// Hash of the parts joined by colons, in lower-case hexadecimal.
fn digest(algorithm: DigestAlgorithm, parts: &[&[u8]]) -> String {
    let text = parts.join(&b':');
    match algorithm {
        DigestAlgorithm::Md5 | DigestAlgorithm::Md5Sess => hex(&md5::Md5::digest(&text)),
        DigestAlgorithm::Sha256 | DigestAlgorithm::Sha256Sess => hex(&sha2::Sha256::digest(&text)),
        DigestAlgorithm::Sha512Trunc256 | DigestAlgorithm::Sha512Trunc256Sess => hex(&sha2::Sha512_256::digest(&text)),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A proxy may have rewritten the parameters of the Request-URI, not the address.
fn same_target(signed: &str, target: &str) -> bool {
    signed == target || matches!((Uri::read(signed), Uri::read(target)), (Ok(a), Ok(b)) if a.same_address(&b))
}

#[cfg(test)]
mod tests;
