//! The per-call core.
#![deny(clippy::disallowed_types, clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod command;
mod event;
mod settings;
mod timers;

pub use command::Command;
pub use event::{AdminOrder, Direction, Event, LegFailure, Opening, ReleaseReason, ReleasedBy};
pub use settings::{CallSettings, Deadlines, FixedTexts};
pub use timers::TimerKind;

use crate::model::CallTime;
use std::collections::VecDeque;

/// One call, from its offer to its closed row.
#[derive(Debug, Default)]
pub struct Call {
    outbox: VecDeque<Command>,
    timers: timers::TimerTable,
    now: CallTime,
}

impl Call {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one fact. Due timers run first, in (deadline, kind) order; then the event.
    pub fn handle(&mut self, at: CallTime, _event: Event) {
        self.now = self.now.max(at);
        while self.timers.pop_due(self.now).is_some() {}
    }

    /// The next order; to be drained until `None` before the next `handle`.
    pub fn poll_command(&mut self) -> Option<Command> {
        self.outbox.pop_front()
    }

    /// When to call `handle` with `Tick` if nothing else comes first, and why.
    pub fn next_deadline(&self) -> Option<(CallTime, TimerKind)> {
        self.timers.next()
    }

    /// Nothing follows: the legs are gone and the close pipeline has reported.
    pub fn is_finished(&self) -> bool {
        false
    }

    /// Every armed timer, for timelines and admin listings.
    pub fn armed_timers(&self) -> Vec<(CallTime, TimerKind)> {
        self.timers.armed().collect()
    }
}
