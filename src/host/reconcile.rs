//! Every few seconds: do legs, calls and slots still belong together? Whatever lost its partner is reaped and reported, and closes that the store
//! did not take are tried again.
//!
//! In a healthy worker nothing is ever found: the metric of this module must read 0.

use super::shells::Shells;
use crate::sip::endpoint::Order;
use crate::telemetry::{Counter, count};
use std::sync::Arc;
use std::time::Duration;

const EVERY: Duration = Duration::from_secs(5);

/// Runs until `stop` is cancelled.
pub(super) async fn reconcile(shells: Arc<Shells>, stop: tokio_util::sync::CancellationToken) {
    let mut suspects = Vec::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        shells.closer.retry_parked().await;
        // A leg is reaped only when it was alone at two looks: a call that ends, or dials, right now is no ghost.
        let orphans = shells.router.orphans(|conversation, leg| shells.directory.knows(conversation, leg));
        for leg in orphans.iter().filter(|leg| suspects.contains(*leg)) {
            tracing::error!(%leg, "a SIP leg outlived its call and is released");
            count(Counter::Orphans, "dialog", 1);
            let order = Order::Release { leg: *leg, reason: None, unanswered_status: 500 };
            shells.sip.order(order, |_| {});
        }
        suspects = orphans;
    }
}
