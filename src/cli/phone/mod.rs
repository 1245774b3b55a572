//! A scripted telephone: a SIP user agent with a script where a person would be. `dial` and `demo` call workers with it.
//!
//! Built of the worker's own parts: `sip::shell` and `sip::endpoint` for signalling, `media::shell` for audio, `speech` for its voice.
//! It hears whether the other side speaks by the level of the audio; what is said it does not understand.
//!
//! - `script`: what is done next, told the time; `level`: is the other side speaking; `voice`: text to samples; `address`: URI to destination.
//! - `line`: one call of the phone; `run`: the loop that owns them all.
//!
//! Can be transferred: it follows a REFER, tells its progress by NOTIFY, and lets the new call run to its end.
//!
//! Does not: register, ring a bell, decide whether a call went well (`Report` says what happened).

mod address;
mod happening;
mod level;
mod line;
mod run;
mod script;
mod voice;

#[cfg(test)]
mod tests;

pub(crate) use address::Callee;
pub(crate) use happening::{Happening, What, Which};
pub(crate) use run::{Dial, Phone, PhoneConfig, Plan, Report, everyone_or_this_machine};
pub(crate) use voice::Voice;

use crate::media::shell::MediaError;
use crate::sip::shell::ShellError;

/// Why a phone cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PhoneError {
    #[error(transparent)]
    Sip(#[from] ShellError),
    #[error(transparent)]
    Media(#[from] MediaError),
    #[error("this URI cannot be called: {why}; write one such as sip:1000@127.0.0.1:5060")]
    Target { why: String },
}
