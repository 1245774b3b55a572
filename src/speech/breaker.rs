//! Whether a provider is worth a try: after a failure it rests, twice as long after each failed trial.

use crate::model::{Millis, WorkerTime};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The one clock, handed in by the host.
pub type Clock = Arc<dyn Fn() -> WorkerTime + Send + Sync>;

/// The first rest; at most [`REST_MAX`].
const REST: Millis = Millis(15_000);
const REST_MAX: Millis = Millis(300_000);

/// One provider's breaker. A single failure opens it: whoever calls next shall not wait for the same failure.
pub(super) struct Breaker {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// Not tried before.
    rests_until: Option<WorkerTime>,
    rest: Option<Millis>,
}

impl Breaker {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    /// True where the provider may be tried. After a rest one trial is let through; until it is over the next rest counts.
    pub(super) fn lets_through(&self) -> bool {
        let now = (self.clock)();
        let mut state = self.lock();
        match state.rests_until {
            None => true,
            Some(until) if now >= until => {
                state.rests_until = Some(now.after(state.rest.unwrap_or(REST)));
                true
            }
            Some(_) => false,
        }
    }

    pub(super) fn worked(&self) {
        *self.lock() = State::default();
    }

    pub(super) fn failed(&self) {
        let now = (self.clock)();
        let mut state = self.lock();
        let rest = state.rest.map_or(REST, |rest| Millis((rest.0 * 2).min(REST_MAX.0)));
        *state = State { rests_until: Some(now.after(rest)), rest: Some(rest) };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn a_failure_opens_it_a_trial_is_let_through_and_a_success_closes_it() {
        let now = Arc::new(AtomicU64::new(0));
        let hands = Arc::clone(&now);
        let breaker = Breaker::new(Arc::new(move || WorkerTime::ZERO.after(Millis(hands.load(Ordering::Relaxed)))));
        let at = |millis| now.store(millis, Ordering::Relaxed);
        assert!(breaker.lets_through());
        breaker.failed();
        at(14_999);
        assert!(!breaker.lets_through());
        at(15_000);
        assert!(breaker.lets_through());
        assert!(!breaker.lets_through(), "one trial at a time");
        breaker.failed();
        at(44_999);
        assert!(!breaker.lets_through(), "the second rest is twice as long");
        at(45_000);
        assert!(breaker.lets_through());
        breaker.worked();
        assert!(breaker.lets_through() && breaker.lets_through());
        for _ in 0..20 {
            breaker.failed();
        }
        at(45_000 + 300_000);
        assert!(breaker.lets_through(), "no rest is longer than five minutes");
    }
}
