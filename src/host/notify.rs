//! systemd: ready, watchdog, stopping. Without systemd every call is a no-op.

use sd_notify::NotifyState;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

pub(super) fn ready(text: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(text)]);
}

pub(super) fn stopping(text: &str) {
    tell(&[NotifyState::Stopping, NotifyState::Status(text)]);
}

/// Tells the watchdog at half its interval that the runtime still turns; until `stop`.
pub(super) async fn watchdog(stop: CancellationToken) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let every = (interval / 2).max(Duration::from_millis(100));
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd could not be told");
    }
}
