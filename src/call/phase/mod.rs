//! The phases of a call, one struct each, consumed by value.
//!
//! ```text
//! Offered → Answering → Talking ⇄ Transferring ⇄ Consulting
//!               │          │           │            │
//!               └──────────┴───────────┴────────────┴──→ Ending → Closed
//! ```
//!
//! A phase owns what only makes sense in it; what all share is in `core`. Every phase lists every event: a new one does not compile until each
//! phase has an opinion.

mod answering;
mod closed;
mod consulting;
mod ending;
mod offered;
mod talking;
mod transferring;

pub(crate) use closed::Closed;
pub(crate) use offered::Offered;

use super::core::Core;
use super::{Event, TimerKind};
use answering::Answering;
use consulting::Consulting;
use ending::Ending;
use talking::Talking;
use transferring::Transferring;

#[derive(Debug)]
pub(crate) enum Phase {
    Offered(Offered),
    Answering(Answering),
    Talking(Box<Talking>),
    Transferring(Box<Transferring>),
    Consulting(Box<Consulting>),
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
            Self::Consulting(phase) => phase.on_event(event, core),
            Self::Ending(phase) => phase.on_event(event, core),
            Self::Closed(phase) => Self::Closed(phase),
        }
    }

    pub(crate) fn on_due(self, kind: TimerKind, core: &mut Core) -> Phase {
        match self {
            Self::Answering(phase) => phase.on_due(kind, core),
            Self::Talking(phase) => phase.on_due(kind, core),
            Self::Transferring(phase) => phase.on_due(kind, core),
            Self::Consulting(phase) => phase.on_due(kind, core),
            Self::Ending(phase) => phase.on_due(kind, core),
            Self::Offered(_) | Self::Closed(_) => self,
        }
    }

    /// A second leg on its way out was heard of: an end that waits for nothing else is over.
    pub(crate) fn on_leg_left(self, core: &mut Core) -> Phase {
        match self {
            Self::Ending(phase) => phase.on_leg_left(core),
            Self::Offered(_) | Self::Answering(_) | Self::Talking(_) | Self::Transferring(_) | Self::Consulting(_) | Self::Closed(_) => {
                self
            }
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Offered(_) => "offered",
            Self::Answering(_) => "answering",
            Self::Talking(_) => "talking",
            Self::Transferring(_) => "transferring",
            Self::Consulting(phase) => phase.name(),
            Self::Ending(_) => "ending",
            Self::Closed(_) => "closed",
        }
    }

    /// Kept inputs and kept keys.
    pub(crate) fn kept(&self) -> (usize, usize) {
        match self {
            Self::Talking(phase) => phase.kept(),
            Self::Transferring(phase) => phase.kept(),
            Self::Consulting(phase) => phase.kept(),
            Self::Offered(_) | Self::Answering(_) | Self::Ending(_) | Self::Closed(_) => (0, 0),
        }
    }
}
