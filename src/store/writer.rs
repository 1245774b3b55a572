//! The one way from a live call to the store: a bounded queue that never makes a call wait.
//!
//! When full: the update is dropped and counted, and the call goes on; what must not be lost (the close) does not travel here but through the
//! close pipeline, which repeats from the call's journal.

use super::{NewApproval, NewHandoff, NumberedMessage, Store, TimelineEntry, TransferAttempt};
use crate::model::{ConversationId, SessionStatus, WallTime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::mpsc;

/// Updates that may wait.
pub const WRITER_CAPACITY: usize = 1_024;

/// Something a live call would like to have stored while it runs.
#[derive(Clone, Debug)]
pub enum LiveUpdate {
    Create(Box<super::NewConversation>),
    Status {
        conversation: ConversationId,
        status: SessionStatus,
        at: WallTime,
    },
    Recording {
        conversation: ConversationId,
        path: String,
        at: WallTime,
    },
    Timeline {
        conversation: ConversationId,
        entries: Vec<TimelineEntry>,
    },
    Attempt(Box<TransferAttempt>),
    Handoff(Box<NewHandoff>),
    Approval(Box<NewApproval>),
    /// The transcript so far; the close flushes all of it once more.
    Words {
        conversation: ConversationId,
        messages: Vec<NumberedMessage>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offered {
    Queued,
    /// The queue was full or the writer is gone; counted.
    Dropped,
}

/// Handle for calls; cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<LiveUpdate>,
    stats: Arc<WriterStats>,
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct WriterStats {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
}

impl WriterStats {
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Not queued.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Queued, but the store refused.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }
}

impl Writer {
    /// The handle and the task. The task ends when the last handle is gone and the queue is empty: await it at shutdown.
    pub fn new(store: Arc<dyn Store>) -> (Self, impl Future<Output = ()> + Send + 'static) {
        Self::with_capacity(store, WRITER_CAPACITY)
    }

    /// As `new`, with another bound (1 or more).
    pub fn with_capacity(store: Arc<dyn Store>, capacity: usize) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, updates) = mpsc::channel(capacity.max(1));
        let stats = Arc::new(WriterStats::default());
        (Self { queue, stats: Arc::clone(&stats) }, write_all(store, updates, stats))
    }

    /// Never waits.
    pub fn offer(&self, update: LiveUpdate) -> Offered {
        match self.queue.try_send(update) {
            Ok(()) => Offered::Queued,
            Err(_) => {
                self.stats.dropped.fetch_add(1, Ordering::Relaxed);
                Offered::Dropped
            }
        }
    }

    /// Updates that wait now.
    pub fn depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    pub fn stats(&self) -> &WriterStats {
        &self.stats
    }
}

async fn write_all(store: Arc<dyn Store>, mut updates: mpsc::Receiver<LiveUpdate>, stats: Arc<WriterStats>) {
    while let Some(update) = updates.recv().await {
        match write(store.as_ref(), update).await {
            Ok(()) => {
                stats.written.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => {
                stats.failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(error = &error as &(dyn std::error::Error + 'static), "a live update was not stored; the call goes on");
            }
        }
    }
}

async fn write(store: &dyn Store, update: LiveUpdate) -> Result<(), super::StoreError> {
    match update {
        LiveUpdate::Create(new) => store.create(*new).await.map(drop),
        LiveUpdate::Status { conversation, status, at } => store.set_status(conversation, status, at).await.map(drop),
        LiveUpdate::Recording { conversation, path, at } => store.set_recording(conversation, &path, at).await,
        LiveUpdate::Timeline { conversation, entries } => store.append_timeline(conversation, entries).await.map(drop),
        LiveUpdate::Attempt(attempt) => store.put_attempt(*attempt).await,
        LiveUpdate::Handoff(handoff) => store.put_handoff(*handoff).await.map(drop),
        LiveUpdate::Approval(approval) => store.put_approval(*approval).await.map(drop),
        LiveUpdate::Words { conversation, messages } => store.flush(conversation, messages).await.map(drop),
    }
}
