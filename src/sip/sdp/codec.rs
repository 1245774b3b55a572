//! The audio codecs by name, number and clock (RFC 3551, RFC 7587).

use serde::{Deserialize, Serialize};
use std::fmt;

/// An audio codec that can be negotiated. Which of them *are* is decided by [`LocalMedia::codecs`](super::LocalMedia::codecs).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AudioCodec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    G722,
    Opus,
}

impl AudioCodec {
    pub const ALL: &'static [AudioCodec] = &[Self::Pcmu, Self::Pcma, Self::G722, Self::Opus];

    /// Encoding name in `a=rtpmap`.
    pub const fn encoding_name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::Opus => "opus",
        }
    }

    /// RTP clock in Hz. G.722 samples at 16 kHz but its RTP clock is 8000 (RFC 3551 section 4.5.2).
    pub const fn clock_rate(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 8_000,
            Self::Opus => 48_000,
        }
    }

    /// Channels as written in `a=rtpmap`; opus always says 2 (RFC 7587 section 7).
    pub const fn channels(self) -> u8 {
        match self {
            Self::Pcmu | Self::Pcma | Self::G722 => 1,
            Self::Opus => 2,
        }
    }

    /// The number of RFC 3551 table 4; `None` for codecs that need a dynamic one.
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Self::Pcmu => Some(0),
            Self::Pcma => Some(8),
            Self::G722 => Some(9),
            Self::Opus => None,
        }
    }

    pub(super) fn from_static(payload_type: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| codec.static_payload_type() == Some(payload_type))
    }

    /// The codec an `a=rtpmap` names; encoding names are case-insensitive (RFC 8866 section 6.6).
    pub(super) fn from_encoding(name: &str, clock_rate: u32, channels: u8) -> Option<Self> {
        Self::ALL.iter().copied().find(|codec| {
            codec.encoding_name().eq_ignore_ascii_case(name) && codec.clock_rate() == clock_rate && codec.channels() == channels
        })
    }

    /// The value of `a=rtpmap` after the payload type.
    pub(super) fn rtpmap(self) -> String {
        match self.channels() {
            1 => format!("{}/{}", self.encoding_name(), self.clock_rate()),
            channels => format!("{}/{}/{channels}", self.encoding_name(), self.clock_rate()),
        }
    }
}

impl fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encoding_name())
    }
}
