//! A leg's SIP side: its key, once the endpoint has given one. A leg that is dialled may be released before that.

use crate::sip::endpoint::{LegKey, Order, Reason};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by the driver and the answer to its order. See the module.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Mutex<State>>);

#[derive(Debug)]
enum State {
    Dialling,
    Known(LegKey),
    /// Released before the endpoint answered.
    Unwanted(Goodbye),
    /// The endpoint refused it: nothing was sent.
    Refused,
}

/// With what a leg is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Goodbye {
    pub(super) reason: Reason,
    pub(super) unanswered_status: u16,
}

impl Goodbye {
    pub(super) fn order(self, leg: LegKey) -> Order {
        Order::Release { leg, reason: Some(self.reason), unanswered_status: self.unanswered_status }
    }
}

/// What is to be done to release a leg.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Release {
    Now(LegKey),
    /// As soon as its key is known, by whoever learns it.
    Later,
    /// There never was one.
    Never,
}

impl Line {
    pub(super) fn known(key: LegKey) -> Self {
        Self(Arc::new(Mutex::new(State::Known(key))))
    }

    pub(super) fn dialling() -> Self {
        Self(Arc::new(Mutex::new(State::Dialling)))
    }

    pub(super) fn key(&self) -> Option<LegKey> {
        match *self.lock() {
            State::Known(key) => Some(key),
            State::Dialling | State::Unwanted(_) | State::Refused => None,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        matches!(*self.lock(), State::Refused)
    }

    /// The endpoint answered with a key; the goodbye to say at once, if the leg was released meanwhile.
    pub(super) fn connected(&self, key: LegKey) -> Option<Goodbye> {
        match std::mem::replace(&mut *self.lock(), State::Known(key)) {
            State::Unwanted(goodbye) => Some(goodbye),
            State::Dialling | State::Known(_) | State::Refused => None,
        }
    }

    pub(super) fn refused(&self) {
        *self.lock() = State::Refused;
    }

    pub(super) fn release(&self, goodbye: Goodbye) -> Release {
        let mut state = self.lock();
        match &*state {
            State::Known(key) => Release::Now(*key),
            State::Refused => Release::Never,
            State::Dialling => {
                *state = State::Unwanted(goodbye);
                Release::Later
            }
            State::Unwanted(_) => Release::Later,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn goodbye() -> Goodbye {
        Goodbye { reason: Reason { protocol: "SIP".to_owned(), cause: 487, text: None }, unanswered_status: 487 }
    }

    #[test]
    fn pain_16_a_leg_released_before_its_key_is_known_is_released_with_it() {
        let line = Line::dialling();
        assert_eq!(line.release(goodbye()), Release::Later);
        assert_eq!(line.release(goodbye()), Release::Later, "and once");
        assert_eq!(line.connected(LegKey(7)), Some(goodbye()));
        assert_eq!(line.release(goodbye()), Release::Now(LegKey(7)));
    }

    #[test]
    fn a_refused_leg_needs_no_goodbye_and_a_wanted_one_gets_none() {
        let line = Line::dialling();
        assert_eq!((line.connected(LegKey(1)), line.key()), (None, Some(LegKey(1))));
        let line = Line::dialling();
        line.refused();
        assert_eq!((line.release(goodbye()), line.key()), (Release::Never, None));
    }
}
