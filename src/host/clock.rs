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
        reason = "the one place that reads the time of day; a method, so that it is only had with a clock"
    )]
    pub fn wall(&self) -> WallTime {
        let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
        WallTime(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// Sleeps until then; `None` never ends. A sleep is cut to a day: whoever waits wakes, finds nothing due and sleeps again.
    pub(super) async fn sleep_until(&self, at: Option<WorkerTime>) {
        match at {
            Some(at) => tokio::time::sleep(at.since(self.now()).min(Duration::from_secs(86_400))).await,
            None => std::future::pending().await,
        }
    }
}
