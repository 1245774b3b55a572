//! Header and entries of a recording.

use super::seal::Seal;
use crate::call::{Command, Event};
use crate::model::{CallTime, ConversationId, WallTime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The only schema this build writes; others are refused when read.
pub const SCHEMA: u32 = 1;

/// First line of every recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    pub schema: u32,
    /// Version of the worker that wrote it.
    pub build: String,
    pub conversation: ConversationId,
    pub wall: WallTime,
    pub seed: u64,
    /// SHA-256 of the call's settings, hex.
    pub settings_digest: String,
    /// SHA-256 of the assistant's file, hex.
    pub assistant_digest: String,
    /// Name the assistant was loaded under.
    pub assistant: String,
    /// Digits and words are masked (see [`super::Masker`]).
    pub masked: bool,
    /// The lines are encrypted, and how (see [`super::Sealer`]); a plain recording leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Seal>,
}

/// One line after the header.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Counts from 0 without gaps; a gap is a damaged recording.
    pub seq: u64,
    pub at: CallTime,
    #[serde(flatten)]
    pub entry: Entry,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// Into the core.
    Event(Event),
    /// Out of the core, caused by the event above it.
    Command(Command),
    /// What the runtime was opened with: a [`crate::runtime::RuntimeOpening`].
    Opened(Value),
    /// A question of the runtime to the outside, with its id.
    Ask(Value),
    /// What came back for it.
    Answer(Value),
    /// A SIP message as a fact; replay skips it.
    Sip(SipFact),
    /// The recorder could not keep up or the disk was full: entries are missing from here on.
    Truncated { why: String },
    /// The call is closed; nothing follows.
    Closed,
}

/// A SIP message in one line: enough to see the exchange, nothing personal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SipFact {
    pub way: Way,
    /// `INVITE`, `200 INVITE`, …
    pub summary: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    In,
    Out,
}
