//! Session descriptions: which audio flows, where to and in which direction (RFC 8866, RFC 3264).
//!
//! Owns: reading a peer's description leniently, answering an offer, making an offer and reading its answer, and what one dialog must remember
//! between them ([`SdpSession`]: `o=` id and version, the order of the m-lines, the numbers of dynamic payload types).
//!
//! An answer is a function of the offer at hand, of what this worker can do and of whether the call is on hold; it is never taken from an earlier
//! one. It has exactly as many m-lines as the offer: the offer's are counted from its text, and a parser that saw another number is an error.
//! Streams that are not used (video, T.38, a second audio line) are refused with port 0 in their place.
//!
//! Does not do: when to offer or to answer (the leg), RTP (the media plane), SRTP keys, ICE.
//!
//! The clean-up of a body (charset, line ends, lines without use here) is in `clean`; syntax is the crate `sdp-types`; meaning is ours.

mod answer;
mod clean;
mod codec;
mod content;
mod description;
mod error;
mod offer;
mod session;

#[cfg(test)]
mod proptests;
#[cfg(test)]
mod tests;

pub use answer::answer;
pub use codec::AudioCodec;
pub use content::sdp_part;
pub use description::Offer;
pub use error::SdpError;
pub use offer::{PendingOffer, accept_answer, offer};
pub use session::SdpSession;

use crate::model::Millis;
use std::net::{IpAddr, SocketAddr};

/// What this worker offers or accepts for one leg's audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where the peer sends its audio; written into `c=`, so it must be an address the peer can reach. A peer of the other address family is
    /// refused.
    pub address: IpAddr,
    /// RTP port.
    pub port: u16,
    /// In order of preference. An offer lists them so; an answer takes the most wanted one that the offer has, and between the two laws of G.711
    /// the one the offer names first (RFC 3264 section 6.1).
    pub codecs: Vec<AudioCodec>,
    /// Payload type for RFC 4733 events in our own offers (101 by custom); an answer uses the offer's number. `None`: events are neither offered
    /// nor accepted.
    pub telephone_event: Option<u8>,
    /// Packet length we prefer, written as `a=ptime`.
    pub ptime: Millis,
    /// True if RTCP can be received on the RTP port (RFC 5761); then `a=rtcp-mux` is answered when it is offered. Never offered by us.
    pub rtcp_mux: bool,
}

/// What our side wants of the stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldState {
    /// Speak and listen: `sendrecv`.
    #[default]
    Active,
    /// The peer is on hold and hears what we play: `sendonly`.
    Held,
    /// The peer is on hold and hears nothing: `inactive`.
    HeldSilent,
}

/// Direction of a stream, seen from the side that writes it; in [`NegotiatedAudio`] seen from us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    #[default]
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// `None` for any other attribute name.
    pub fn from_attribute(name: &str) -> Option<Self> {
        match name {
            "sendrecv" => Some(Self::SendRecv),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::RecvOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    pub const fn attribute(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    pub const fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    pub const fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same stream seen from the other side.
    pub const fn reversed(self) -> Self {
        Self::of(self.receives(), self.sends())
    }

    /// What both allow.
    pub const fn and(self, other: Self) -> Self {
        Self::of(self.sends() && other.sends(), self.receives() && other.receives())
    }

    const fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Self::SendRecv,
            (true, false) => Self::SendOnly,
            (false, true) => Self::RecvOnly,
            (false, false) => Self::Inactive,
        }
    }
}

impl From<HoldState> for Direction {
    fn from(hold: HoldState) -> Self {
        match hold {
            HoldState::Active => Self::SendRecv,
            HoldState::Held => Self::SendOnly,
            HoldState::HeldSilent => Self::Inactive,
        }
    }
}

/// The audio stream both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NegotiatedAudio {
    /// Where our audio goes. The address is unspecified (`0.0.0.0`, `::`) if the peer holds us in the old way (RFC 3264 section 8.4); then
    /// `direction` does not send.
    pub remote: SocketAddr,
    pub codec: AudioCodec,
    /// Payload type of the packets we send.
    pub payload_type: u8,
    /// Payload type of the packets we receive; differs only if the peer answered with a number of its own.
    pub receive_payload_type: u8,
    /// `None`: the peer takes no RFC 4733 events; digits can come by INFO or as tones only.
    pub telephone_event: Option<TelephoneEvent>,
    /// Packet length to send: the peer's `a=ptime` if it is a multiple of 10 ms in 10–60 ms, else ours, and never above the peer's `a=maxptime`.
    pub ptime: Millis,
    /// Seen from us.
    pub direction: Direction,
    /// True if the peer does not listen to us: `sendonly`, `inactive` or an unspecified address.
    pub held_by_peer: bool,
    /// Where our RTCP goes: `a=rtcp` (RFC 3605), else the RTP port + 1; `remote` itself with `rtcp_mux`; `None` if there is no such port.
    pub rtcp: Option<SocketAddr>,
    pub rtcp_mux: bool,
}

/// Named telephone events (RFC 4733) as agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// Payload type of the packets we send.
    pub payload_type: u8,
    /// Payload type of the packets we receive.
    pub receive_payload_type: u8,
    /// Hz; the unit of the events' timestamps and durations.
    pub clock_rate: u32,
}
