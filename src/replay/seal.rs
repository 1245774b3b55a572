//! Encrypted recordings: every line is sealed on its own, so that what a crash leaves reads up to its last whole line.
//!
//! The header stays readable, apart from nothing secret: it names the key (never holds it) and a random salt. From key and salt comes a key for
//! this one file (HKDF-SHA256, RFC 5869); with it each line is sealed by ChaCha20-Poly1305 (RFC 8439). The nonce is the line's number, which is
//! never used twice under a file's own key. Number and header are authenticated with each line: a line that was changed, moved, doubled, taken
//! from another recording or put under another header does not open. Lines missing at the end are not told from a crash; such a recording
//! has no `closed` entry and is never called whole.

use super::base64;
use crate::model::Redacted;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The only cipher there is.
const CIPHER: &str = "chacha20-poly1305";
const FILE_KEY: &[u8] = b"voice-worker recording";
const KEY_ID: &[u8] = b"voice-worker recording key id";
const KEY_BYTES: usize = 32;

/// The operator's key: 256 bits. Its `Debug` is masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealKey(Redacted<[u8; KEY_BYTES]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no key of {KEY_BYTES} bytes: it must be 64 hexadecimal digits or 44 characters of base64; `openssl rand -hex 32` makes one")]
pub struct BadKey;

impl SealKey {
    /// 64 hexadecimal digits or padded base64, white space around them ignored.
    pub fn parse(text: &str) -> Result<Self, BadKey> {
        let text = text.trim();
        let bytes = if text.len() == 2 * KEY_BYTES { unhex(text) } else { base64::decode(text) };
        bytes.and_then(|bytes| bytes.try_into().ok()).map(|key| Self(Redacted::new(key))).ok_or(BadKey)
    }

    /// What a header calls this key: 16 hexadecimal digits that say nothing of the key itself.
    pub fn id(&self) -> String {
        let mut id = [0; 8];
        self.derive(&[0; KEY_BYTES], KEY_ID, &mut id);
        hex(&id)
    }

    fn derive(&self, salt: &[u8], purpose: &[u8], out: &mut [u8]) {
        let secret = Salt::new(HKDF_SHA256, salt).extract(self.0.expose());
        let info = [purpose];
        let derived = secret.expand(&info, Length(out.len())).and_then(|material| material.fill(out));
        derived.expect("HKDF gives up to 8,160 bytes");
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// How a recording is sealed; part of its header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    pub cipher: String,
    /// [`SealKey::id`] of the key it was made with.
    pub key: String,
    /// Random, 32 bytes in hexadecimal; another one for every recording.
    pub salt: String,
}

impl Seal {
    /// `salt` must be fresh from a random source.
    pub fn new(key: &SealKey, salt: [u8; 32]) -> Self {
        Self { cipher: CIPHER.to_owned(), key: key.id(), salt: hex(&salt) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    #[error("the recording is encrypted with key {key}: give its file with --key-file")]
    NoKey { key: String },
    #[error("the recording was encrypted with key {made_with}, the key given is {given}")]
    WrongKey { made_with: String, given: String },
    #[error("the recording's seal is {what}; this build reads {CIPHER} with a salt of 64 hexadecimal digits")]
    Unknown { what: String },
}

/// Seals and opens the lines of one recording.
pub struct Sealer {
    key: LessSafeKey,
    header: [u8; 32],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

#[derive(Serialize, Deserialize)]
struct SealedLine {
    seq: u64,
    sealed: String,
}

impl Sealer {
    /// `header` is the recording's first line without its line end, to the byte.
    pub fn new(key: &SealKey, seal: &Seal, header: &str) -> Result<Self, SealError> {
        if seal.cipher != CIPHER {
            return Err(SealError::Unknown { what: format!("'{}'", seal.cipher) });
        }
        let given = key.id();
        if seal.key != given {
            return Err(SealError::WrongKey { made_with: seal.key.clone(), given });
        }
        let salt = unhex(&seal.salt).filter(|salt| salt.len() == 32).ok_or_else(|| SealError::Unknown { what: "damaged".to_owned() })?;
        let mut file_key = [0; KEY_BYTES];
        key.derive(&salt, FILE_KEY, &mut file_key);
        let unbound = UnboundKey::new(&CHACHA20_POLY1305, &file_key).expect("the key has the cipher's length");
        let mut bound = [0; 32];
        bound.copy_from_slice(digest(&SHA256, header.as_bytes()).as_ref());
        Ok(Self { key: LessSafeKey::new(unbound), header: bound })
    }

    /// One line with its line end. A number must not be used for two different texts.
    pub fn seal(&self, seq: u64, text: &str) -> String {
        let mut bytes = text.trim_end_matches('\n').as_bytes().to_vec();
        let sealed = self.key.seal_in_place_append_tag(nonce(seq), self.bound(seq), &mut bytes);
        sealed.expect("a line is far shorter than the cipher's 256 GiB");
        format!("{{\"seq\":{seq},\"sealed\":\"{}\"}}\n", base64::encode(&bytes))
    }

    /// The number a line claims, and its text if it is what was sealed under that number.
    pub(super) fn open(&self, line: &str) -> Result<(u64, Option<String>), serde_json::Error> {
        let SealedLine { seq, sealed } = serde_json::from_str(line)?;
        let opened = base64::decode(&sealed).and_then(|mut bytes| {
            let text = self.key.open_in_place(nonce(seq), self.bound(seq), &mut bytes).ok()?;
            String::from_utf8(text.to_vec()).ok()
        });
        Ok((seq, opened))
    }

    fn bound(&self, seq: u64) -> Aad<[u8; 40]> {
        let mut bound = [0; 40];
        bound[..32].copy_from_slice(&self.header);
        bound[32..].copy_from_slice(&seq.to_be_bytes());
        Aad::from(bound)
    }
}

fn nonce(seq: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&seq.to_be_bytes());
    Nonce::assume_unique_for_key(nonce)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|letter| letter.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len() / 2).map(|place| u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests;
