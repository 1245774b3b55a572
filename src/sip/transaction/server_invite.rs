//! INVITE server transaction: RFC 3261 figure 7 as amended by RFC 6026 figure 2.

use super::{Clock, Step, TimerName, Timers};
use crate::model::{Millis, WorkerTime};

#[derive(Clone, Debug)]
pub(crate) struct ServerInvite {
    state: State,
    clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding,
    Accepted,
    Completed,
    Confirmed,
    Terminated,
}

impl ServerInvite {
    /// The 100 is sent by the caller at once, so that no timer for it is needed.
    pub(crate) const fn new(timers: Timers, reliable: bool) -> Self {
        Self { state: State::Proceeding, clock: Clock::new(timers, reliable) }
    }

    /// The user answers. Nothing is sent once a final response is out.
    pub(crate) fn respond(&mut self, at: WorkerTime, status: u16) -> Vec<Step> {
        match (self.state, status) {
            (State::Proceeding, 100..=199) => vec![Step::Send],
            (State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                self.clock.expire_after(at, TimerName::L, self.clock.timers().give_up());
                vec![Step::Send]
            }
            (State::Proceeding, _) => {
                self.state = State::Completed;
                self.clock.start_resend(at, TimerName::G, Some(self.clock.timers().t2));
                self.clock.expire_after(at, TimerName::H, self.clock.timers().give_up());
                vec![Step::Send]
            }
            (State::Accepted | State::Completed | State::Confirmed | State::Terminated, _) => Vec::new(),
        }
    }

    /// The same request came again. A 2xx is resent by the leg alone (RFC 6026 section 7.1), so Accepted absorbs.
    pub(crate) fn request_again(&self) -> Vec<Step> {
        match self.state {
            State::Proceeding | State::Completed => vec![Step::Send],
            State::Accepted | State::Confirmed | State::Terminated => Vec::new(),
        }
    }

    /// ACK with the branch of the INVITE: it answers a refusal.
    pub(crate) fn acknowledged(&mut self, at: WorkerTime) {
        if self.state == State::Completed {
            self.state = State::Confirmed;
            self.clock.stop_resend();
            let absorb: Millis = self.clock.linger(self.clock.timers().t4);
            self.clock.expire_after(at, TimerName::I, absorb);
        }
    }

    pub(crate) fn tick(&mut self, at: WorkerTime) -> Vec<Step> {
        if let Some(name) = self.clock.expired(at) {
            self.state = State::Terminated;
            self.clock.stop_resend();
            return if name == TimerName::H { vec![Step::Unacknowledged, Step::Terminated] } else { vec![Step::Terminated] };
        }
        if self.clock.resend_due(at) { vec![Step::Send] } else { Vec::new() }
    }

    /// No final response was sent yet.
    pub(crate) const fn is_pending(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// A 2xx was sent: an ACK with this branch is none of the transaction's business.
    pub(crate) const fn is_accepted(&self) -> bool {
        matches!(self.state, State::Accepted)
    }

    pub(crate) fn next_deadline(&self) -> Option<(WorkerTime, TimerName)> {
        self.clock.next_deadline()
    }
}
