//! Audio as data: one leg's RTP in and out, decided from packets and ticks alone.
//!
//! Owns: reading and writing RTP, RTCP and telephone-events; G.711; the jitter buffer and concealment; playout by utterance with true
//! reports of what left; keys in and out; speech edges; mixing, which is how two legs are bridged; tones, hold music; who answered. `shell/` adds what needs the machine: sockets, the 20 ms pacer,
//! the port pool, recording files.
//!
//! Does not: decide anything about the call, speak SIP or SDP, read a clock, resample, recognise or synthesise speech.
//!
//! The flow of one 20 ms tick of one leg ([`Session`]):
//!
//! ```text
//! socket ─ on_packet ─ source lock ─ rtp ─┬─ audio ─ codec ─ jitter ─ receive() ─ tap, recorder, mixer, vad, in-band keys
//!                                         └─ telephone-event ─ dtmf ─ DigitPressed
//! enqueue ─ playout ─┐
//! music, sounds ─────┤
//! mixer (a bridge) ──┼─ transmit() ─ codec ─ rtp ─ socket
//! SendDigit ─────────┘
//! ```
//!
//! Everything is 8 kHz mono `i16` in frames of [`FRAME`] samples. Facts come out of [`Session::poll_fact`]; orders go in by [`Session::handle`].
#![deny(clippy::disallowed_types, clippy::wildcard_enum_match_arm)]

mod answering;
mod chime;
mod codec;
mod conceal;
mod dtmf;
mod ear;
mod extras;
mod fact;
mod jitter;
mod mixer;
mod music;
mod order;
mod playout;
mod rtcp;
mod rtp;
mod session;
mod source;
mod tones;
mod vad;

pub mod shell;

pub use answering::Answerer;
pub use chime::Chime;
pub use codec::{decode, encode};
pub use fact::{LegStats, MediaFact};
pub use mixer::{Mixer, add};
pub use music::{HoldMusic, MUSIC_MAX};
pub use order::{AudioCodec, AudioFormat, EventFormat, Latch, LegMediaConfig, MediaDirection, MediaOrder, PlayoutFull, RoomId, VadConfig};
pub use session::{MAX_DATAGRAM, Outgoing, Session};
pub use tones::Tone;
pub use vad::{SpeechEdge, Vad};

/// Samples a second of everything inside this module.
pub const SAMPLE_RATE: u32 = 8_000;
/// Samples of one frame: 20 ms, the packet time of every leg.
pub const FRAME: usize = 160;
/// One frame in microseconds.
pub const FRAME_MICROS: u64 = 20_000;
/// 20 ms of audio.
pub type Frame = [i16; FRAME];
