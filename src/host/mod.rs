//! The composition root: knows everyone, decides nothing about a call.
//!
//! Owns: starting every shell, admitting calls, one driver task a call, the recorder, drain and stop.
//!
//! ```text
//! SIP task ── LegEvent ──▶ accept / router ──▶ inbox ─┐
//! pacer ───── MediaFact ──────────────────────▶ inbox ─┼─▶ driver: record, Call::handle, commands ──▶ shells
//! ear ─────── SpeechEvent ────────────────────▶ inbox ─┤
//! API ─────── AdminOrder ─────────────────────▶ inbox ─┘
//! ```
//!
//! Does not do: anything that needs to be true of one call (that is `call`), read settings, print.

mod accept;
mod admission;
mod asks;
mod assistants;
mod attempts;
mod begin;
mod bridge;
mod briefing;
mod carry;
mod chat;
mod clock;
mod close;
mod config;
mod control;
mod dialling;
mod directory;
mod driver;
mod guard;
mod handoff;
mod inbox;
mod jobs;
mod legs;
mod line;
mod notify;
mod outbound;
mod place;
mod reconcile;
mod recorder;
mod recover;
mod referral;
mod router;
mod shells;
mod spans;
mod spawn;
mod start;
mod translate;
mod upkeep;
mod voice;

pub use crate::replay::{BadKey, SealKey};
pub use admission::{Admission, Refusal, Slot};
pub use assistants::{Assigned, Assistants, AssistantsError, Route};
pub use chat::ChatLimits;
pub use clock::Clock;
pub use config::{ApiConfig, Config, MediaConfig, RecordingConfig, SipConfig, SpeechChoice, TransferConfig};
pub use dialling::{Dialling, NO_TRUNK};
pub use recorder::{CallRecording, Protection, Recorder};
pub use shells::Observer;
pub use spawn::Tasks;
pub use start::{HostError, Worker};
pub use translate::media_orders;
