//! The one way from a live call to the store: a bounded queue that never makes a call wait.
//!
//! When full: the update is dropped and counted, and the call goes on. A close is not dropped: whoever hands one in waits for its place and for the
//! answer, and repeats from the call's journal if it was not written.
//!
//! What comes within a few milliseconds is written as one transaction, whichever calls it belongs to. A batch that the store refuses is taken
//! apart: each update is tried on its own, and closes go back to where they came from.

use super::{Batch, CloseWrite, NewApproval, NewHandoff, NumberedMessage, Store, StoreError, TimelineEntry, TransferAttempt};
use crate::model::{ConversationId, SessionStatus, WallTime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Updates that may wait.
pub const WRITER_CAPACITY: usize = 1_024;

/// Updates and closes of one transaction.
const BATCH_MAX: usize = 256;
/// How long the first of a batch waits for others.
const GATHER: Duration = Duration::from_millis(5);

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

/// A close was not written with others; it is to be done step by step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWritten;

#[derive(Debug)]
enum Item {
    Update(LiveUpdate),
    Close(Box<CloseWrite>, oneshot::Sender<Result<(), NotWritten>>),
}

/// Handle for calls; cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Item>,
    stats: Arc<WriterStats>,
}

/// Counters since the start.
#[derive(Debug, Default)]
pub struct WriterStats {
    written: AtomicU64,
    dropped: AtomicU64,
    failed: AtomicU64,
    /// Taken from the queue and not written yet.
    in_hand: AtomicUsize,
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
        match self.queue.try_send(Item::Update(update)) {
            Ok(()) => Offered::Queued,
            Err(_) => {
                self.stats.dropped.fetch_add(1, Ordering::Relaxed);
                Offered::Dropped
            }
        }
    }

    /// Writes a close together with what else waits, after all that was offered before. Waits for its place and its answer.
    pub async fn close(&self, close: CloseWrite) -> Result<(), NotWritten> {
        let (done, answer) = oneshot::channel();
        self.queue.send(Item::Close(Box::new(close), done)).await.map_err(|_| NotWritten)?;
        answer.await.unwrap_or(Err(NotWritten))
    }

    /// Updates and closes that are not written yet.
    pub fn depth(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity() + self.stats.in_hand.load(Ordering::Relaxed)
    }

    pub fn stats(&self) -> &WriterStats {
        &self.stats
    }
}

async fn write_all(store: Arc<dyn Store>, mut queue: mpsc::Receiver<Item>, stats: Arc<WriterStats>) {
    let mut items = Vec::with_capacity(BATCH_MAX);
    while queue.recv_many(&mut items, BATCH_MAX).await > 0 {
        stats.in_hand.store(items.len(), Ordering::Relaxed);
        if items.len() < BATCH_MAX {
            tokio::time::sleep(GATHER).await;
        }
        while items.len() < BATCH_MAX
            && let Ok(item) = queue.try_recv()
        {
            items.push(item);
            stats.in_hand.store(items.len(), Ordering::Relaxed);
        }
        write_together(store.as_ref(), std::mem::take(&mut items), &stats).await;
        stats.in_hand.store(0, Ordering::Relaxed);
    }
}

async fn write_together(store: &dyn Store, items: Vec<Item>, stats: &WriterStats) {
    let (mut batch, mut joined, mut waiting, mut alone) = (Batch::default(), 0, Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Update(update) => match join(&mut batch, update) {
                None => joined += 1,
                Some(rare) => alone.push(rare),
            },
            Item::Close(close, done) => {
                batch.closes.push(*close);
                waiting.push(done);
            }
        }
    }
    let written = store.write_batch(&batch).await;
    let answer = written.as_ref().map(drop).map_err(|_| NotWritten);
    for done in waiting {
        let _ = done.send(answer);
    }
    match written {
        Ok(()) => drop(stats.written.fetch_add(joined, Ordering::Relaxed)),
        // The same would happen to each of them, after the same patience.
        Err(error) if error.is_transient() => refused(stats, &error, joined),
        Err(_) => drop(alone.splice(0..0, apart(batch))),
    }
    for update in alone {
        match write(store, update).await {
            Ok(()) => drop(stats.written.fetch_add(1, Ordering::Relaxed)),
            Err(error) => refused(stats, &error, 1),
        }
    }
}

fn refused(stats: &WriterStats, error: &StoreError, updates: u64) {
    if updates == 0 {
        return;
    }
    stats.failed.fetch_add(updates, Ordering::Relaxed);
    tracing::warn!(error = error as &(dyn std::error::Error + 'static), updates, "live updates were not stored; the calls go on");
}

/// Gives back what is rare and is written on its own.
fn join(batch: &mut Batch, update: LiveUpdate) -> Option<LiveUpdate> {
    match update {
        LiveUpdate::Create(new) => batch.creates.push(*new),
        LiveUpdate::Status { conversation, status, at } => batch.status(conversation, status, at),
        LiveUpdate::Recording { conversation, path, at } => drop(batch.recordings.insert(conversation, (path, at))),
        LiveUpdate::Timeline { conversation, entries } => batch.timelines.push((conversation, entries)),
        rare @ (LiveUpdate::Attempt(_) | LiveUpdate::Handoff(_) | LiveUpdate::Approval(_) | LiveUpdate::Words { .. }) => return Some(rare),
    }
    None
}

/// A batch as the updates it was made of; closes are their senders' again.
fn apart(batch: Batch) -> Vec<LiveUpdate> {
    let mut updates: Vec<LiveUpdate> = batch.creates.into_iter().map(|new| LiveUpdate::Create(Box::new(new))).collect();
    let recordings = batch.recordings.into_iter();
    updates.extend(recordings.map(|(conversation, (path, at))| LiveUpdate::Recording { conversation, path, at }));
    let statuses = batch.statuses.into_iter();
    updates.extend(statuses.map(|(conversation, (status, at))| LiveUpdate::Status { conversation, status, at }));
    updates.extend(batch.timelines.into_iter().map(|(conversation, entries)| LiveUpdate::Timeline { conversation, entries }));
    updates
}

async fn write(store: &dyn Store, update: LiveUpdate) -> Result<(), StoreError> {
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
