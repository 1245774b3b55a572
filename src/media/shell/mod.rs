//! The machine's side of media: sockets, the pacer, the port pool, recording files.
//!
//! Owns: one pacer thread for every leg (absolute 20 ms schedule), one writer thread for every recording, the UDP ports.
//! Does not: decide anything about audio (that is [`Session`](crate::media)'s), nor start a task.
//!
//! | queue | bound | when full |
//! |---|---|---|
//! | orders of a leg | 64 | [`OrderRefused::Full`]; nothing was done |
//! | audio of a leg | 64 chunks and `max_queued` of time | [`PlayoutFull`]; nothing was taken |
//! | new legs | 1,024 | [`MediaError::Busy`] |
//! | recording blocks of all legs | 1,024 (half a second each) | that recording is marked truncated |
#![allow(clippy::disallowed_types, reason = "the shell of a pure module owns sockets and threads")]

mod engine;
mod error;
mod histogram;
mod music;
mod pacer;
mod ports;
mod recorder;

#[cfg(test)]
mod tests;

pub use engine::{Clock, EngineConfig, EngineStats, FactSink, LegMedia, MediaEngine, Quantiles, Tap};
pub use error::{MediaError, OrderRefused};
pub use music::{MusicError, read_hold_music};
