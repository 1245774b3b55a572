//! One call's inbox: every fact about it, from every shell, in one bounded queue.

use crate::call::Event;
use crate::media::MediaFact;
use crate::model::{LegId, RequestId, TurnResult};
use crate::runtime;
use crate::sip::endpoint::LegEvent;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

/// Facts that may wait. Full: the core's next fact is `Overloaded` and the call ends; nothing is lost silently.
pub(super) const INBOX_MAX: usize = 256;

/// What can reach a driver.
#[derive(Debug)]
pub(super) enum Fact {
    Leg {
        leg: LegId,
        event: LegEvent,
    },
    Media {
        leg: LegId,
        fact: MediaFact,
    },
    /// Already in the core's words.
    Core(Event),
    /// An answer to one of the call's questions, with its place among those that may wait here.
    Runtime(runtime::Answer, OwnedSemaphorePermit),
    /// The deadline of a briefing passed.
    BriefingDue {
        request: RequestId,
    },
    /// Store what was said so far; told when it is.
    StoreWords(oneshot::Sender<()>),
    /// Told when the close pipeline is through.
    WhenClosed(oneshot::Sender<TurnResult>),
}

/// The sending end; cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Inbox {
    queue: mpsc::Sender<Fact>,
    overflowed: Arc<AtomicBool>,
}

/// The driver's end.
#[derive(Debug)]
pub(super) struct InboxReader {
    queue: mpsc::Receiver<Fact>,
    overflowed: Arc<AtomicBool>,
    reported: bool,
}

pub(super) fn inbox() -> (Inbox, InboxReader) {
    let (sender, receiver) = mpsc::channel(INBOX_MAX);
    let overflowed = Arc::new(AtomicBool::new(false));
    (Inbox { queue: sender, overflowed: Arc::clone(&overflowed) }, InboxReader { queue: receiver, overflowed, reported: false })
}

impl Inbox {
    /// Never waits. A full inbox is noted and becomes the call's end; a closed one belongs to a call that is over.
    pub(super) fn put(&self, fact: Fact) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(fact) {
            self.overflowed.store(true, Ordering::Release);
        }
    }

    /// True once the driver is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }
}

impl InboxReader {
    /// The next fact; `Overloaded` comes first, and once, if any was lost. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Fact> {
        if let Some(fact) = self.overflow() {
            return Some(fact);
        }
        self.queue.recv().await
    }

    /// A fact that waits already.
    pub(super) fn ready(&mut self) -> Option<Fact> {
        self.overflow().or_else(|| self.queue.try_recv().ok())
    }

    fn overflow(&mut self) -> Option<Fact> {
        if !self.reported && self.overflowed.load(Ordering::Acquire) {
            self.reported = true;
            return Some(Fact::Core(Event::Overloaded));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_overflowing_inbox_says_so_before_anything_else() {
        let (inbox, mut reader) = inbox();
        for _ in 0..=INBOX_MAX {
            inbox.put(Fact::Core(Event::Tick));
        }
        assert!(matches!(reader.ready(), Some(Fact::Core(Event::Overloaded))));
        assert!(matches!(reader.ready(), Some(Fact::Core(Event::Tick))));
        let left = std::iter::from_fn(|| reader.ready()).count();
        assert_eq!(left, INBOX_MAX - 1);
    }
}
