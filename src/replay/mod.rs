//! Recordings and replay: what a call knew, and the same decisions on a desk.
//!
//! A recording is JSON Lines: a [`Header`], then [`Entry`] after entry in the order things happened. An event is written *before* the core
//! handles it, so the last line of a crashed call is the event that broke it.
//!
//! - `format`: header and entries; `log`: one line in, one line out; knows nothing of files.
//! - `mask`: what a masked recording leaves out, so that its replay is still exact; `seal`: the lines of an encrypted one.
//! - `run`: feeds recorded events to today's core and compares commands: *host replay*. The first [`Difference`] names the event.
//! - `agent`: feeds recorded inputs and answers to today's runtime and compares its turn results: *agent replay*.
//! - [`transcript`]: a hand-written conversation drives core and runtime in virtual time, with expectations.
//! - `timeline`: the same entries as sentences for people.
//!
//! Does not: read files, keep a clock, or know of SIP, media and speech.
#![deny(clippy::disallowed_types, clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod agent;
mod base64;
mod diff;
mod format;
mod log;
mod mask;
mod run;
mod seal;
mod timeline;
pub mod transcript;

pub use agent::{AgentDifference, AgentReplay, AgentReplayError, agent_replay};
pub use diff::Difference;
pub use format::{Entry, Header, Line, SCHEMA, SipFact, Way};
pub use log::{LogError, Recording, decode, decode_with, encode, encode_header};
pub use mask::Masker;
pub use run::{HostReplay, host_replay};
pub use seal::{BadKey, Seal, SealError, SealKey, Sealer};
pub use timeline::{Moment, Who, Words, moment, timeline};

#[cfg(test)]
mod tests;
