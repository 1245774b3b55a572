//! What a leg's media can be told, imperative, and how a leg is set up.

use super::chime::Chime;
use super::music::HoldMusic;
use crate::model::{Digit, Millis, UtteranceId};
use std::net::SocketAddr;

/// Orders to one leg. Carried out at the next tick, within 20 ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaOrder {
    /// Stop this utterance or drop it where it waits; its later chunks are ignored. Answered by `PlaybackEnded`.
    CutUtterance {
        utterance: UtteranceId,
    },
    /// Silence within one frame: every utterance, every key still to be sent, music and sounds are dropped. Each utterance is reported as cut.
    StopAll,
    /// Keep what is queued, send silence until `Resume`.
    Pause,
    Resume,
    /// A re-INVITE named where media goes (RFC 3264 section 8.3). The same address keeps the source lock, another one opens it again.
    /// An unspecified address (0.0.0.0) stops sending.
    SetRemote {
        rtp: SocketAddr,
    },
    /// A re-INVITE changed who may send (RFC 3264 section 8.4). Playout waits while we may not send.
    SetDirection {
        direction: MediaDirection,
    },
    /// A re-INVITE changed the codec or the number of telephone-events.
    SetCodec {
        audio: AudioFormat,
        event: Option<EventFormat>,
    },
    /// Press a key towards the peer: RFC 4733 where negotiated, tones otherwise. Playout waits meanwhile.
    SendDigit {
        digit: Digit,
        duration: Millis,
    },
    /// Hear and be heard by the other legs of the room (at most 8). Answered by `RoomFlows` once packets went both ways; a hold or a re-INVITE
    /// does not end it.
    Join {
        room: RoomId,
    },
    Leave,
    /// Loop music under everything that is said, until `StopMusic` or `StopAll`.
    StartMusic {
        music: HoldMusic,
    },
    /// Fades out within 80 ms.
    StopMusic,
    /// A short fixed sound, after the words that play. At most four wait; more are dropped.
    PlayChime {
        chime: Chime,
    },
    /// Judge who answered; answered once by `AnswerClassified`, within `budget` of received audio.
    ClassifyAnswer {
        budget: Millis,
    },
    /// Find speech edges in what is received; off at first unless the configuration says otherwise.
    DetectSpeech {
        on: bool,
    },
    /// Find keys in the audio where no telephone-events are negotiated.
    DetectTones {
        on: bool,
    },
    /// Ends the leg; answered by `Closed`.
    Close,
}

/// Legs with the same room hear each other. The host gives out numbers; one a bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// Seen from us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MediaDirection {
    SendReceive,
    SendOnly,
    ReceiveOnly,
    #[default]
    Inactive,
}

impl MediaDirection {
    pub const fn sends(self) -> bool {
        matches!(self, Self::SendReceive | Self::SendOnly)
    }

    pub const fn receives(self) -> bool {
        matches!(self, Self::SendReceive | Self::ReceiveOnly)
    }
}

/// ITU-T G.711 and G.722.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioCodec {
    Pcmu,
    Pcma,
    G722,
}

impl AudioCodec {
    /// RFC 3551 section 6.
    pub const fn static_payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
        }
    }
}

/// The codec agreed on and its payload type in the session description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AudioFormat {
    pub codec: AudioCodec,
    pub payload_type: u8,
}

impl AudioFormat {
    pub const PCMU: Self = Self { codec: AudioCodec::Pcmu, payload_type: 0 };
    pub const PCMA: Self = Self { codec: AudioCodec::Pcma, payload_type: 8 };
}

/// The payload types of `telephone-event/8000`: the number we send with (the peer's) and the one we announced. Both are taken when received,
/// since peers use either.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFormat {
    pub send: u8,
    pub receive: u8,
}

impl EventFormat {
    pub const fn both(payload_type: u8) -> Self {
        Self { send: payload_type, receive: payload_type }
    }
}

/// When media may be taken from another address than the signalled one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latch {
    /// Never.
    Never,
    /// When the signalled address cannot be right: private, link-local, shared (RFC 6598), loopback or unspecified.
    #[default]
    Unroutable,
    /// Always; for peers that send from elsewhere than they say. Opens the leg to whoever sends first.
    Always,
}

/// When speech counts as begun and as over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VadConfig {
    /// Score of the detector from which a piece of audio is speech, 1–1000; higher is stricter.
    pub threshold_permille: u16,
    /// Speech this long is a start (20 ms – 2 s).
    pub start: Millis,
    /// Silence this long is an end (100 ms – 10 s).
    pub stop: Millis,
}

impl Default for VadConfig {
    fn default() -> Self {
        Self { threshold_permille: 700, start: Millis(120), stop: Millis(600) }
    }
}

/// How one leg is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegMediaConfig {
    /// Sequence number, SSRC, timestamp and report times come from it; different for every leg.
    pub seed: u64,
    /// Where the peer said its media is to be sent; `None` until its description arrives.
    pub remote: Option<SocketAddr>,
    /// `Inactive` until the call is answered: nothing is sent, nothing is missed.
    pub direction: MediaDirection,
    pub audio: AudioFormat,
    /// `None`: no telephone-events were negotiated; keys are sent as tones.
    pub event: Option<EventFormat>,
    pub latch: Latch,
    /// Silence on the wire for this long is `MediaLost`; zero never.
    pub media_timeout: Millis,
    /// Most audio that may wait to be played; beyond it `enqueue` answers [`PlayoutFull`].
    pub max_queued: Millis,
    /// Find keys in the audio while no telephone-events are negotiated.
    pub detect_tones: bool,
    /// Speech edges; `None` leaves the detector out (it costs 9 KiB and about 8 µs a frame while there is sound).
    pub vad: Option<VadConfig>,
}

impl Default for LegMediaConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            remote: None,
            direction: MediaDirection::Inactive,
            audio: AudioFormat::PCMU,
            event: Some(EventFormat::both(101)),
            latch: Latch::Unroutable,
            media_timeout: Millis::from_secs(30),
            max_queued: Millis::from_secs(60),
            detect_tones: false,
            vad: None,
        }
    }
}

/// The utterance queue holds its most; nothing was taken. Try again after some of it was played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the playout queue of this leg is full: hand the same chunk in again when some of it was played")]
pub struct PlayoutFull;
