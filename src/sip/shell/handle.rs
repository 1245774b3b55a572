//! The way to the SIP task: a bounded queue of orders, each with its answer.

use super::counts::Snapshot;
use crate::sip::endpoint::{Counts, LegKey, Order, OrderError, Originate};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::mpsc;

/// Orders that may wait; one more fails back.
const CAPACITY: usize = 1_024;

type Answer<T> = Box<dyn FnOnce(T) + Send>;

pub(super) enum Request {
    Order { order: Order, answer: Answer<Result<(), OrderError>> },
    Originate { call: Box<Originate>, answer: Answer<Result<LegKey, OrderError>> },
    Inspect { answer: Answer<Snapshot> },
}

/// Gives orders to the SIP task. Never waits: an answer is called in the SIP task, before any fact that follows from the order, so it must only
/// note or pass on what it is told.
#[derive(Clone, Debug)]
pub struct SipHandle {
    queue: mpsc::Sender<Request>,
    tables: Arc<Tables>,
}

/// Sizes of the endpoint's tables, kept where anyone may look without asking the SIP task.
#[derive(Debug, Default)]
struct Tables {
    dialogs: AtomicUsize,
    transactions: AtomicUsize,
}

/// The task's end of the queue.
#[derive(Debug)]
pub struct OrderQueue {
    queue: mpsc::Receiver<Request>,
    tables: Arc<Tables>,
}

/// One for each SIP task.
pub fn order_queue() -> (SipHandle, OrderQueue) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let tables = Arc::new(Tables::default());
    (SipHandle { queue: sender, tables: Arc::clone(&tables) }, OrderQueue { queue: receiver, tables })
}

impl SipHandle {
    /// `answer` gets the endpoint's own answer, or [`OrderError::Full`] at once if the queue is full.
    pub fn order(&self, order: Order, answer: impl FnOnce(Result<(), OrderError>) + Send + 'static) {
        let request = Request::Order { order, answer: Box::new(answer) };
        self.put(request);
    }

    /// `answer` gets the leg's key before the first fact about that leg is told.
    pub fn originate(&self, call: Originate, answer: impl FnOnce(Result<LegKey, OrderError>) + Send + 'static) {
        self.put(Request::Originate { call: Box::new(call), answer: Box::new(answer) });
    }

    /// Counts of the shell and of the endpoint; `None` if the queue is full or the task has ended.
    pub async fn inspect(&self) -> Option<Snapshot> {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let answer = Box::new(move |snapshot| {
            // Whoever asked may have gone.
            let _ = sender.send(snapshot);
        });
        self.queue.try_send(Request::Inspect { answer }).ok()?;
        receiver.await.ok()
    }

    /// Dialogs and transactions as of the SIP task's last round.
    pub fn tables(&self) -> (usize, usize) {
        (self.tables.dialogs.load(Ordering::Relaxed), self.tables.transactions.load(Ordering::Relaxed))
    }

    fn put(&self, request: Request) {
        match self.queue.try_send(request) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(request)) => {
                fail(request, &OrderError::Full { table: "orders to the SIP task", limit: CAPACITY })
            }
            Err(mpsc::error::TrySendError::Closed(request)) => fail(request, &ended()),
        }
    }
}

impl OrderQueue {
    /// Pends for ever once every handle is gone: the task lives until it is told to stop.
    pub(super) async fn next(&mut self) -> Request {
        match self.queue.recv().await {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }

    pub(super) fn try_next(&mut self) -> Option<Request> {
        self.queue.try_recv().ok()
    }

    /// Shows the sizes of the endpoint's tables to whoever holds a handle.
    pub(super) fn show(&self, counts: &Counts) {
        self.tables.dialogs.store(counts.dialogs, Ordering::Relaxed);
        self.tables.transactions.store(counts.client_transactions + counts.server_transactions, Ordering::Relaxed);
    }

    /// No order is left without its answer.
    pub(super) fn close(mut self) {
        self.queue.close();
        while let Ok(request) = self.queue.try_recv() {
            fail(request, &ended());
        }
    }
}

fn ended() -> OrderError {
    OrderError::Invalid { what: "the SIP task", why: "it has ended".to_owned() }
}

fn fail(request: Request, error: &OrderError) {
    match request {
        Request::Order { answer, .. } => answer(Err(error.clone())),
        Request::Originate { answer, .. } => answer(Err(error.clone())),
        Request::Inspect { .. } => {}
    }
}
