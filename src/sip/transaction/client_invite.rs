//! INVITE client transaction: RFC 3261 figure 5 as amended by RFC 6026 figure 1.

use super::{Clock, Step, TimerName, Timers};
use crate::model::{Millis, WorkerTime};

#[derive(Clone, Debug)]
pub(crate) struct ClientInvite {
    state: State,
    clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Accepted,
    Completed,
    Terminated,
}

impl ClientInvite {
    /// The request is put on the wire by the caller at once.
    pub(crate) fn new(at: WorkerTime, timers: Timers, reliable: bool) -> Self {
        let mut clock = Clock::new(timers, reliable);
        clock.start_resend(at, TimerName::A, None);
        clock.expire_after(at, TimerName::B, timers.give_up());
        Self { state: State::Calling, clock }
    }

    pub(crate) fn response(&mut self, at: WorkerTime, status: u16) -> Vec<Step> {
        match (self.state, status) {
            (State::Calling | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                self.clock.stop_resend();
                self.clock.stop_expiry();
                vec![Step::Deliver]
            }
            (State::Calling | State::Proceeding, 200..=299) => {
                self.state = State::Accepted;
                self.clock.stop_resend();
                self.clock.expire_after(at, TimerName::M, self.clock.timers().give_up());
                vec![Step::Deliver]
            }
            (State::Calling | State::Proceeding, _) => {
                self.state = State::Completed;
                self.clock.stop_resend();
                // At least 32 s whatever T1 is (RFC 3261 section 17.1.1.2).
                let absorb = self.clock.linger(self.clock.timers().give_up().max(Millis(32_000)));
                self.clock.expire_after(at, TimerName::D, absorb);
                vec![Step::Acknowledge, Step::Deliver]
            }
            (State::Accepted, 200..=299) => vec![Step::Deliver],
            (State::Completed, 300..) => vec![Step::Acknowledge],
            (State::Accepted | State::Completed | State::Terminated, _) => Vec::new(),
        }
    }

    pub(crate) fn tick(&mut self, at: WorkerTime) -> Vec<Step> {
        if let Some(name) = self.clock.expired(at) {
            self.state = State::Terminated;
            self.clock.stop_resend();
            return if name == TimerName::B { vec![Step::TimedOut, Step::Terminated] } else { vec![Step::Terminated] };
        }
        if self.clock.resend_due(at) { vec![Step::Send] } else { Vec::new() }
    }

    /// A final response (or none at all) is still to come.
    pub(crate) const fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// A provisional response came: from now on a CANCEL may be sent (RFC 3261 section 9.1).
    pub(crate) const fn may_cancel(&self) -> bool {
        matches!(self.state, State::Proceeding)
    }

    /// After a CANCEL a final response must come within 64*T1, or the transaction is over (RFC 3261 section 9.1).
    pub(crate) fn cancelled(&mut self, at: WorkerTime) {
        if self.state == State::Proceeding {
            self.clock.expire_after(at, TimerName::B, self.clock.timers().give_up());
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<(WorkerTime, TimerName)> {
        self.clock.next_deadline()
    }
}
