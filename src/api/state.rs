//! What the handlers share.

use super::keys::KeyRing;
use super::limit::RateLimit;
use super::port::{CallControl, Chat};
use crate::model::{Millis, WallTime};
use crate::store::Store;
use std::fmt;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Requests handled at the same time; one more is answered 503 at once. `/health`, `/ready` and `/metrics` are not counted.
pub const MAX_CONCURRENT_REQUESTS: usize = 256;

/// Everything the API stands on. Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub control: Arc<dyn CallControl>,
    pub chat: Arc<dyn Chat>,
    /// Requests of one key; a key that sends more is answered 429.
    pub limit: Arc<RateLimit>,
    /// A conversation without a call expires when nothing is said in it for this long.
    pub chat_ttl: Millis,
    pub store: Arc<dyn Store>,
    pub keys: Arc<KeyRing>,
    /// The host's clock.
    pub wall: Arc<dyn Fn() -> WallTime + Send + Sync>,
    /// Renders the metrics page.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// True: `/metrics` needs no key. `settings` turns it on for a loopback listener.
    pub metrics_open: bool,
    /// Days a closed row is kept where `close` flips it without a live call; `None`: for ever.
    pub retention_days: Option<u32>,
    pub(super) slots: Arc<Semaphore>,
}

impl ApiState {
    /// With an empty metrics page that needs a key, no retention limit, no rate limit, a day for chats and [`MAX_CONCURRENT_REQUESTS`]; change the
    /// fields to taste.
    pub fn new(
        control: Arc<dyn CallControl>,
        chat: Arc<dyn Chat>,
        store: Arc<dyn Store>,
        keys: KeyRing,
        wall: Arc<dyn Fn() -> WallTime + Send + Sync>,
    ) -> Self {
        Self {
            control,
            chat,
            limit: Arc::new(RateLimit::none()),
            chat_ttl: Millis::from_secs(86_400),
            store,
            keys: Arc::new(keys),
            wall,
            metrics: Arc::new(String::new),
            metrics_open: false,
            retention_days: None,
            slots: Arc::new(Semaphore::new(MAX_CONCURRENT_REQUESTS)),
        }
    }

    /// As it is, with another bound of concurrent requests.
    #[must_use]
    pub fn with_max_concurrent(mut self, requests: usize) -> Self {
        self.slots = Arc::new(Semaphore::new(requests));
        self
    }
}

impl fmt::Debug for ApiState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiState").field("keys", &self.keys).field("metrics_open", &self.metrics_open).finish_non_exhaustive()
    }
}
