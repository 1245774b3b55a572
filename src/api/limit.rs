//! How often a key may ask: a bucket of tokens each, refilled steadily.

use crate::model::WallTime;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// A thousandth of a token: refills are exact in whole numbers.
const TOKEN: u64 = 1_000;
const MINUTE_MS: u64 = 60_000;

/// Buckets by key name; there are as many as keys.
#[derive(Debug)]
pub struct RateLimit {
    /// Tokens a minute; 0: no limit.
    per_minute: u32,
    /// Tokens a full bucket holds.
    burst: u32,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// In thousandths.
    tokens: u64,
    at: WallTime,
}

impl RateLimit {
    /// `per_minute` requests in the long run (0: as many as come), `burst` at once after a pause.
    pub fn new(per_minute: u32, burst: u32) -> Self {
        Self { per_minute, burst: burst.max(1), buckets: Mutex::default() }
    }

    pub fn none() -> Self {
        Self::new(0, 1)
    }

    /// Takes one token, or says after how many seconds there is one.
    pub(super) fn take(&self, key: &str, now: WallTime) -> Result<(), u32> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let full = u64::from(self.burst) * TOKEN;
        let rate = u64::from(self.per_minute);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.entry(key.to_owned()).or_insert(Bucket { tokens: full, at: now });
        // A clock that was set back refills nothing.
        let since = now.0.saturating_sub(bucket.at.0);
        bucket.tokens = bucket.tokens.saturating_add(since.saturating_mul(rate) * TOKEN / MINUTE_MS).min(full);
        bucket.at = now;
        if bucket.tokens >= TOKEN {
            bucket.tokens -= TOKEN;
            return Ok(());
        }
        let wait_ms = (TOKEN - bucket.tokens).saturating_mul(MINUTE_MS).div_ceil(rate * TOKEN);
        Err(u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate_and_says_when_there_is_more() {
        let limit = RateLimit::new(6, 2);
        let at = |ms: u64| WallTime(1_000_000 + ms);
        assert_eq!((limit.take("a", at(0)), limit.take("a", at(0))), (Ok(()), Ok(())));
        assert_eq!(limit.take("a", at(0)), Err(10), "six a minute: one in ten seconds");
        assert_eq!(limit.take("b", at(0)), Ok(()), "another key has its own");
        assert_eq!(limit.take("a", at(4_000)), Err(6));
        assert_eq!(limit.take("a", at(10_000)), Ok(()));
        assert_eq!(limit.take("a", at(5_000)), Err(10), "a clock set back gives nothing");
        assert_eq!((limit.take("a", at(3_600_000)), limit.take("a", at(3_600_000))), (Ok(()), Ok(())));
        assert!(limit.take("a", at(3_600_000)).is_err(), "a pause fills the bucket, not more");
    }

    #[test]
    fn no_limit_is_none() {
        let limit = RateLimit::none();
        assert!((0..1_000).all(|_| limit.take("a", WallTime(0)).is_ok()));
    }
}
