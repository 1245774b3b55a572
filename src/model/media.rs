//! Facts about audio, never audio.

use super::time::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A key of the telephone keypad: RFC 4733 section 3.2 events 0–15.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Digit(u8);

impl Digit {
    const KEYS: &'static [u8; 16] = b"0123456789*#ABCD";

    /// From an RFC 4733 event code; `None` above 15 (flash, fax tones).
    pub const fn from_event(code: u8) -> Option<Self> {
        if code < 16 { Some(Self(code)) } else { None }
    }

    /// From its key; lower case `a`–`d` is accepted.
    pub fn from_char(key: char) -> Option<Self> {
        let upper = u8::try_from(key.to_ascii_uppercase()).ok()?;
        let code = Self::KEYS.iter().position(|known| *known == upper)?;
        u8::try_from(code).ok().map(Self)
    }

    pub const fn event(self) -> u8 {
        self.0
    }

    pub fn as_char(self) -> char {
        char::from(Self::KEYS[usize::from(self.0)])
    }
}

impl TryFrom<char> for Digit {
    type Error = String;

    fn try_from(key: char) -> Result<Self, String> {
        Self::from_char(key).ok_or_else(|| format!("'{key}' is no key of a telephone (0-9 * # A-D)"))
    }
}

impl From<Digit> for char {
    fn from(digit: Digit) -> char {
        digit.as_char()
    }
}

/// A key may be part of a card number: its `Debug` is a mask.
impl fmt::Debug for Digit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digit(*)")
    }
}

/// How a key reached us (contract section 5: every digit in the recording carries it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DigitSource {
    /// RFC 4733 telephone-event packets.
    Rfc4733,
    /// A SIP INFO request (`application/dtmf-relay` or `application/dtmf`).
    SipInfo,
    /// Tones found in the audio.
    InBand,
}

/// What the pacer knows of an utterance that ended: frames really sent, not bytes queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybackReport {
    /// Audio that left for the leg.
    pub heard: Millis,
    /// Length of the whole utterance where it is known; a cut one may never have been synthesised to its end.
    pub total: Option<Millis>,
    /// True if it was cut before its end.
    pub cut: bool,
}
