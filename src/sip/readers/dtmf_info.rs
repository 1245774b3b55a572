//! Keys in INFO bodies: `application/dtmf-relay` and `application/dtmf`.

use super::{MediaType, ReadError, scan};
use crate::model::{Digit, Millis};
use std::fmt;

/// One key press. Its `Debug` masks the key (see [`Digit`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtmfInfo {
    pub digit: Digit,
    /// How long the key was held, where the peer says it; at most a minute.
    pub duration: Option<Millis>,
}

impl DtmfInfo {
    pub const RELAY: &'static str = "application/dtmf-relay";
    pub const PLAIN: &'static str = "application/dtmf";

    /// True if an INFO with this Content-Type is a key press.
    pub fn is_dtmf(content_type: &str) -> bool {
        MediaType::read(content_type).is_ok_and(|kind| kind.is(Self::RELAY) || kind.is(Self::PLAIN))
    }

    /// Takes `Signal=5`, `Signal= 5`, `Signal: 5` and the bare key, whatever of the two types the peer names; 10 and 11 are `*` and `#`, 12–15
    /// are A–D. Flash (16) is no key and an error.
    pub fn read(body: &[u8]) -> Result<Self, ReadError> {
        let text = String::from_utf8_lossy(body);
        let mut digit = None;
        let mut duration = None;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once(['=', ':']).map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim())) {
                Some((name, value)) if name == "signal" => digit = digit.or(read_key(value)),
                Some((name, value)) if name == "duration" => duration = scan::number::<u64>(value).map(|ms| Millis(ms.min(60_000))),
                Some(_) => {}
                None => digit = digit.or(read_key(line)),
            }
        }
        let digit = digit.ok_or(ReadError::new("INFO body", "no key"))?;
        Ok(Self { digit, duration })
    }

    /// The `application/dtmf-relay` body we send.
    pub fn relay_body(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

/// The body on the wire, not a log text: it shows the key.
impl fmt::Display for DtmfInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signal={}\r\nDuration={}\r\n", self.digit.as_char(), self.duration.map_or(160, |ms| ms.0))
    }
}

fn read_key(text: &str) -> Option<Digit> {
    let text = text.trim_matches('"').trim();
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(key), None) => Digit::from_char(key),
        _ => scan::number::<u8>(text).filter(|code| text.len() == 2 && *code >= 10).and_then(Digit::from_event),
    }
}
