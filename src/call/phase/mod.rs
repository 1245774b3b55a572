//! The phases of a call, one struct each, consumed by value.
//!
//! ```text
//! Offered → Answering → Talking ⇄ Transferring
//!               │          │           │
//!               └──────────┴───────────┴──→ Ending → Closed
//! ```
//!
//! A phase owns what only makes sense in it; what all share is in `core`. Every phase lists every event: a new one does not compile until each
//! phase has an opinion.

mod answering;
mod closed;
mod ending;
mod offered;
mod talking;
mod transferring;

pub(crate) use closed::Closed;
pub(crate) use offered::Offered;

use super::core::Core;
use super::{Event, TimerKind};
use answering::Answering;
use ending::Ending;
use talking::Talking;
use transferring::Transferring;

#[derive(Debug)]
pub(crate) enum Phase {
    Offered(Offered),
    Answering(Answering),
    Talking(Box<Talking>),
    Transferring(Box<Transferring>),
    Ending(Ending),
    Closed(Closed),
}

impl Phase {
    pub(crate) fn on_event(self, event: Event, core: &mut Core) -> Phase {
        match self {
            Self::Offered(phase) => phase.on_event(event, core),
            Self::Answering(phase) => phase.on_event(event, core),
            Self::Talking(phase) => phase.on_event(event, core),
            Self::Transferring(phase) => phase.on_event(event, core),
            Self::Ending(phase) => phase.on_event(event, core),
            Self::Closed(phase) => Self::Closed(phase),
        }
    }

    pub(crate) fn on_due(self, kind: TimerKind, core: &mut Core) -> Phase {
        match self {
            Self::Answering(phase) => phase.on_due(kind, core),
            Self::Talking(phase) => phase.on_due(kind, core),
            Self::Transferring(phase) => phase.on_due(kind, core),
            Self::Ending(phase) => phase.on_due(kind, core),
            Self::Offered(_) | Self::Closed(_) => self,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Offered(_) => "offered",
            Self::Answering(_) => "answering",
            Self::Talking(_) => "talking",
            Self::Transferring(_) => "transferring",
            Self::Ending(_) => "ending",
            Self::Closed(_) => "closed",
        }
    }

    /// Kept inputs and kept keys.
    pub(crate) fn kept(&self) -> (usize, usize) {
        match self {
            Self::Talking(phase) => phase.kept(),
            Self::Transferring(phase) => phase.kept(),
            Self::Offered(_) | Self::Answering(_) | Self::Ending(_) | Self::Closed(_) => (0, 0),
        }
    }
}
