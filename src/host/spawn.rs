//! The only place that starts tasks: each has a name, is counted, and is joined before the worker ends.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// Starts, names, counts and joins the worker's tasks.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Tasks {
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts `task` under a name from a small fixed set: the name is a metric label.
    #[expect(clippy::disallowed_methods, reason = "the one place that starts a task")]
    pub fn spawn<F>(&self, name: &'static str, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let counted = Counted::enter(name, Arc::clone(&self.running));
        tokio::spawn(self.tracker.track_future(async move {
            let _counted = counted;
            task.await
        }))
    }

    /// Running tasks by name; names with none are left out.
    pub fn running(&self) -> Vec<(&'static str, usize)> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.iter().filter(|(_, count)| **count > 0).map(|(name, count)| (*name, *count)).collect()
    }

    /// Waits until every task has ended.
    pub async fn joined(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

struct Counted {
    name: &'static str,
    running: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Counted {
    fn enter(name: &'static str, running: Arc<Mutex<BTreeMap<&'static str, usize>>>) -> Self {
        *running.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        Self { name, running }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(count) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get_mut(self.name) {
            *count = count.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_counted_while_it_runs_and_not_after_even_if_it_panics() {
        let tasks = Tasks::new();
        let (release, wait) = tokio::sync::oneshot::channel::<()>();
        tasks.spawn("waits", async move { wait.await.ok() });
        let panicking = tasks.spawn("panics", async { panic!("on purpose") });
        assert!(panicking.await.is_err());
        assert_eq!(tasks.running(), [("waits", 1)]);
        release.send(()).unwrap();
        tasks.joined().await;
        assert!(tasks.running().is_empty());
    }
}
