//! The only clock of the worker. Everything else is told the time.

use crate::model::{WallTime, WorkerTime};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Time since the worker started, and the time of day.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the monotonic clock")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    pub fn now(&self) -> WorkerTime {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        WorkerTime::from_micros(micros)
    }

    #[expect(
        clippy::disallowed_methods,
        clippy::unused_self,
        reason = "the one place that reads the time of day; a method, so that it is only had with a clock"
    )]
    pub fn wall(&self) -> WallTime {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        WallTime(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// For `tokio::time::sleep_until`.
    pub(super) fn instant(&self, at: WorkerTime) -> tokio::time::Instant {
        // A deadline at the end of time is as good as a day away: the loop wakes, finds nothing due and sleeps again.
        let ahead = at.since(WorkerTime::ZERO).min(self.start.elapsed() + Duration::from_secs(86_400));
        tokio::time::Instant::from_std(self.start + ahead)
    }
}
