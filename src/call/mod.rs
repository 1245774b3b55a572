//! The per-call core: what one call does next, decided from facts alone.
//!
//! Purpose: every decision of a call, from its offer to its closed row, as a pure function of the events so far. Facts come in through
//! [`Call::handle`], orders leave through [`Call::poll_command`], and [`Call::next_deadline`] says when to come back and why.
//!
//! Owns: the phases of a call, its timers, the turn loop, barge-in, the keypad collector, silence, transfers, the order of the end and its one
//! cause.
//!
//! Does not: speak SIP or touch audio, run the assistant, know a clock, wait, or do any input and output. Time arrives with each event. A
//! command is fire and forget; what cannot be carried out comes back as an event. Every command that will be answered carries an id from a
//! counter, and an answer whose id is not current is counted (`Notice::Stale`) and dropped.
//!
//! Inbound and outbound calls are one program: the direction is data. The words of the first turn are the runtime's (`TurnInput::Started`,
//! static greetings included); the disclosure before them is the core's.
//!
//! ```text
//! Offered → Answering → Talking ⇄ Transferring → Ending → Closed
//! ```
#![deny(clippy::disallowed_types, clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod barge;
mod collect;
mod command;
mod core;
mod event;
mod legs;
mod phase;
mod playback;
mod settings;
mod silence;
mod supervisor;
mod timers;
mod transfer;
mod turn;

pub use crate::model::CallDirection as Direction;
pub use command::{Command, ToneKind};
pub use event::{AdminOrder, AnswerVerdict, BridgeFailure, Event, LegFailure, Opening, ReleaseReason, ReleasedBy};
pub use settings::{CallSettings, Deadlines, FixedTexts, ReferProfile, TransferProfile};
pub use timers::TimerKind;
pub(crate) use transfer::decision_word;

use self::core::Core;
use crate::model::CallTime;
use legs::{LegState, Standing};
use phase::{Closed, Offered, Phase};
use std::fmt;

/// One call, from its offer to its closed row.
pub struct Call {
    phase: Phase,
    core: Core,
}

/// Where the call stands; never what was said or typed in it.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (phase, now, timers) = (self.phase(), self.core.now, self.armed_timers());
        f.debug_struct("Call").field("phase", &phase).field("now", &now).field("timers", &timers).finish_non_exhaustive()
    }
}

impl Default for Call {
    fn default() -> Self {
        Self::new()
    }
}

impl Call {
    /// A call that waits for its opening event, [`Event::Offered`].
    pub fn new() -> Self {
        Self { phase: Phase::Offered(Offered), core: Core::new() }
    }

    /// Takes one fact. Due timers run first, in (deadline, kind) order; then the event. `at` before an earlier one counts as that one: time
    /// does not run backwards. A finished call takes nothing any more.
    pub fn handle(&mut self, at: CallTime, event: Event) {
        self.core.now = self.core.now.max(at);
        while let Some(kind) = self.core.timers.pop_due(self.core.now) {
            // Second legs leave in whatever phase the call is.
            if kind == TimerKind::LegRelease {
                self.core.leaving_due();
                self.step(Phase::on_leg_left);
            } else {
                self.step(|phase, core| phase.on_due(kind, core));
            }
        }
        if self.is_finished() {
            return;
        }
        match event.leg().map_or(Standing::Caller, |leg| self.core.legs.standing(leg)) {
            Standing::Caller => self.of_caller(event),
            Standing::Second => {
                if let (Some(leg), true) = (event.leg(), legs::is_gone(&event)) {
                    self.core.legs.forget(leg);
                }
                self.step(|phase, core| phase.on_event(event, core));
            }
            Standing::Leaving => {
                self.core.leaving(&event);
                self.step(Phase::on_leg_left);
            }
            Standing::Unknown => self.core.stale(event.name()),
        }
    }

    /// The next order; to be drained until `None` before the next [`Call::handle`].
    pub fn poll_command(&mut self) -> Option<Command> {
        self.core.poll()
    }

    /// When to call [`Call::handle`] with [`Event::Tick`] if nothing else comes first, and why. From the opening event on there always is one
    /// until the call is finished.
    pub fn next_deadline(&self) -> Option<(CallTime, TimerKind)> {
        self.core.timers.next()
    }

    /// Nothing follows: the leg is gone, the close pipeline has reported (or its deadline passed), no timer is armed. Orders that were not
    /// polled yet are still to be polled.
    pub fn is_finished(&self) -> bool {
        match self.phase {
            Phase::Closed(_) => true,
            Phase::Offered(_)
            | Phase::Answering(_)
            | Phase::Talking(_)
            | Phase::Transferring(_)
            | Phase::Consulting(_)
            | Phase::Ending(_) => false,
        }
    }

    /// Every armed timer, in order of kind: for timelines and admin listings.
    pub fn armed_timers(&self) -> Vec<(CallTime, TimerKind)> {
        self.core.timers.armed().collect()
    }

    /// The phase's name, for timelines and admin listings: `offered answering talking transferring ending closed`.
    pub fn phase(&self) -> &'static str {
        self.phase.name()
    }

    /// How full the bounded stores are.
    pub fn load(&self) -> Load {
        let (inputs, digits) = self.phase.kept();
        Load { inputs, digits, utterances: self.core.player.len() }
    }

    fn step(&mut self, step: impl FnOnce(Phase, &mut Core) -> Phase) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed(Closed));
        self.phase = step(phase, &mut self.core);
    }

    /// Of the caller, or of no leg. A second goodbye is stale in every phase.
    fn of_caller(&mut self, event: Event) {
        if let Event::LegReleased { .. } = event {
            if self.core.legs.caller == LegState::Gone {
                return self.core.stale(event.name());
            }
            self.core.legs.caller = LegState::Gone;
        }
        self.step(|phase, core| phase.on_event(event, core));
    }
}

/// How many inputs wait for a turn (at most 16), how many keys for a collection (at most 64), and how many utterances for their report (at
/// most 64).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    pub inputs: usize,
    pub digits: usize,
    pub utterances: usize,
}
