//! Server transaction of every method but INVITE and ACK: RFC 3261 figure 8.

use super::{Clock, Step, TimerName, Timers};
use crate::model::WorkerTime;

#[derive(Clone, Debug)]
pub(crate) struct Server {
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

impl Server {
    pub(crate) const fn new(timers: Timers, reliable: bool) -> Self {
        Self { state: State::Trying, clock: Clock::new(timers, reliable) }
    }

    pub(crate) fn respond(&mut self, at: WorkerTime, status: u16) -> Vec<Step> {
        match (self.state, status) {
            (State::Trying | State::Proceeding, 100..=199) => {
                self.state = State::Proceeding;
                vec![Step::Send]
            }
            (State::Trying | State::Proceeding, _) => {
                self.state = State::Completed;
                let absorb = self.clock.linger(self.clock.timers().give_up());
                self.clock.expire_after(at, TimerName::J, absorb);
                vec![Step::Send]
            }
            (State::Completed | State::Terminated, _) => Vec::new(),
        }
    }

    pub(crate) fn request_again(&self) -> Vec<Step> {
        match self.state {
            State::Proceeding | State::Completed => vec![Step::Send],
            State::Trying | State::Terminated => Vec::new(),
        }
    }

    pub(crate) fn tick(&mut self, at: WorkerTime) -> Vec<Step> {
        if self.clock.expired(at).is_some() {
            self.state = State::Terminated;
            return vec![Step::Terminated];
        }
        Vec::new()
    }

    pub(crate) const fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying | State::Proceeding)
    }

    pub(crate) fn next_deadline(&self) -> Option<(WorkerTime, TimerName)> {
        self.clock.next_deadline()
    }
}
