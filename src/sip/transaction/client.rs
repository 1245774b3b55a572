//! Client transaction of every method but INVITE and ACK: RFC 3261 figure 6.

use super::{Clock, Step, TimerName, Timers};
use crate::model::WorkerTime;

#[derive(Clone, Debug)]
pub(crate) struct Client {
    state: State,
    clock: Clock,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

impl Client {
    /// The request is put on the wire by the caller at once.
    pub(crate) fn new(at: WorkerTime, timers: Timers, reliable: bool) -> Self {
        let mut clock = Clock::new(timers, reliable);
        clock.start_resend(at, TimerName::E, Some(timers.t2));
        clock.expire_after(at, TimerName::F, timers.give_up());
        Self { state: State::Trying, clock }
    }

    pub(crate) fn response(&mut self, at: WorkerTime, status: u16) -> Vec<Step> {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                if self.state == State::Trying {
                    self.clock.slow_resend(at);
                }
                self.state = State::Proceeding;
                vec![Step::Deliver]
            }
            (State::Trying | State::Proceeding, _) => {
                self.state = State::Completed;
                self.clock.stop_resend();
                let absorb = self.clock.linger(self.clock.timers().t4);
                self.clock.expire_after(at, TimerName::K, absorb);
                vec![Step::Deliver]
            }
            (State::Completed | State::Terminated, _) => Vec::new(),
        }
    }

    pub(crate) fn tick(&mut self, at: WorkerTime) -> Vec<Step> {
        if let Some(name) = self.clock.expired(at) {
            self.state = State::Terminated;
            self.clock.stop_resend();
            return if name == TimerName::F { vec![Step::TimedOut, Step::Terminated] } else { vec![Step::Terminated] };
        }
        if self.clock.resend_due(at) { vec![Step::Send] } else { Vec::new() }
    }

    pub(crate) const fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    pub(crate) fn next_deadline(&self) -> Option<(WorkerTime, TimerName)> {
        self.clock.next_deadline()
    }
}
