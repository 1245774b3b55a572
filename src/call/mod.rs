//! The per-call core.
#![deny(clippy::disallowed_types, clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod command;
mod event;
mod settings;

pub use command::Command;
pub use event::{AdminOrder, Direction, Event, LegFailure, Opening, ReleaseReason, ReleasedBy};
pub use settings::{CallSettings, Deadlines, FixedTexts};
