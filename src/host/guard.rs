//! How often this worker calls out: the last wall against toll fraud, behind the allow-lists of the trunks.
//!
//! Every attempt that costs money passes here: a REFER, a second leg, an outbound call. Pure but for its lock: times in, verdict out.

use crate::model::WorkerTime;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// The attempts of the last hour.
#[derive(Debug)]
pub(super) struct OutboundGuard {
    per_hour: usize,
    attempts: Mutex<VecDeque<WorkerTime>>,
}

/// No further attempt now; nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the worker's limit of {per_hour} outbound attempts an hour is reached: raise transfer.attempts_per_hour if this is no fraud")]
pub(super) struct LimitReached {
    per_hour: usize,
}

impl OutboundGuard {
    pub(super) fn new(per_hour: u32) -> Self {
        Self { per_hour: per_hour as usize, attempts: Mutex::default() }
    }

    /// Takes one of the hour's attempts. Two calls in one burst never share the last one.
    pub(super) fn take(&self, at: WorkerTime) -> Result<(), LimitReached> {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        while attempts.front().is_some_and(|first| at.since(*first) >= HOUR) {
            attempts.pop_front();
        }
        if attempts.len() >= self.per_hour {
            return Err(LimitReached { per_hour: self.per_hour });
        }
        attempts.push_back(at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toll_fraud_an_hour_has_so_many_attempts_and_no_more() {
        let guard = OutboundGuard::new(2);
        let minute = |minute: u64| WorkerTime::from_millis(minute * 60_000);
        assert!(guard.take(minute(0)).is_ok() && guard.take(minute(30)).is_ok());
        let refused = guard.take(minute(59)).unwrap_err().to_string();
        assert!(refused.contains("limit of 2") && refused.contains("transfer.attempts_per_hour"), "{refused}");
        assert!(guard.take(minute(60)).is_ok(), "the first one is an hour old");
        assert!(guard.take(minute(61)).is_err(), "a refused attempt takes nothing, a taken one counts");
    }

    #[test]
    fn none_an_hour_is_none() {
        assert!(OutboundGuard::new(0).take(WorkerTime::ZERO).is_err());
    }
}
