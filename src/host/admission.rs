//! Whether a call may come in: decided at the INVITE, with everything it will need reserved at once.
//!
//! Pure: counts in, verdict out. A slot is taken by the verdict itself, so two calls in one burst can never share the last one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The worker's slots.
#[derive(Clone, Debug)]
pub struct Admission {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    calls_max: usize,
    calls: AtomicUsize,
    draining: AtomicBool,
}

/// Why a call was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Every slot is taken: 503 with Retry-After.
    Full,
    /// The worker drains: 503 without one, so that the caller's proxy goes elsewhere for good.
    Draining,
}

impl Refusal {
    /// SIP status and Retry-After in seconds.
    pub const fn answer(self) -> (u16, Option<u32>) {
        match self {
            Self::Full => (503, Some(5)),
            Self::Draining => (503, None),
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Draining => "draining",
        }
    }
}

impl Admission {
    pub fn new(calls_max: usize) -> Self {
        Self { inner: Arc::new(Inner { calls_max, calls: AtomicUsize::new(0), draining: AtomicBool::new(false) }) }
    }

    /// Takes a slot; it is free again when the [`Slot`] is dropped.
    pub fn admit(&self) -> Result<Slot, Refusal> {
        if self.is_draining() {
            return Err(Refusal::Draining);
        }
        let took =
            self.inner.calls.fetch_update(Ordering::AcqRel, Ordering::Acquire, |calls| (calls < self.inner.calls_max).then_some(calls + 1));
        match took {
            Ok(_) => Ok(Slot { inner: Arc::clone(&self.inner) }),
            Err(_) => Err(Refusal::Full),
        }
    }

    /// From now on nothing is let in.
    pub fn drain(&self) {
        self.inner.draining.store(true, Ordering::Release);
    }

    pub fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::Acquire)
    }

    pub fn calls(&self) -> usize {
        self.inner.calls.load(Ordering::Acquire)
    }

    pub fn calls_max(&self) -> usize {
        self.inner.calls_max
    }
}

/// One call's place.
#[derive(Debug)]
pub struct Slot {
    inner: Arc<Inner>,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.inner.calls.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_worker_refuses_and_a_freed_slot_is_given_again() {
        let admission = Admission::new(1);
        let slot = admission.admit().unwrap();
        assert_eq!(admission.admit().unwrap_err(), Refusal::Full);
        assert_eq!(Refusal::Full.answer(), (503, Some(5)));
        drop(slot);
        assert!(admission.admit().is_ok());
        assert_eq!(admission.calls(), 0);
    }

    #[test]
    fn two_calls_in_one_burst_never_share_the_last_slot() {
        let admission = Admission::new(8);
        let admitted: usize = std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..100).filter_map(|_| admission.admit().ok()).map(std::mem::forget).count())).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(admitted, 8);
    }

    #[test]
    fn a_draining_worker_lets_nobody_in() {
        let admission = Admission::new(8);
        admission.drain();
        assert_eq!(admission.admit().unwrap_err(), Refusal::Draining);
    }
}
