//! One call's questions to models and tools: each a task of its own, its answers into the call's inbox, gone when the call is.

use super::inbox::{Fact, Inbox};
use super::shells::Shells;
use super::spans;
use crate::replay::Entry;
use crate::runtime::shell::Deliver;
use crate::runtime::{Answer, AnswerBody, Ask, AskId, AskReason};
use crate::telemetry;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Span;

/// Answers of one call that may wait in its inbox. One more waits outside it, and nothing is read from the network meanwhile: a model that
/// talks fast must not push out what the caller and the network say.
const WAITING_MAX: usize = 32;
/// A longer question or answer is recorded as its size alone.
const RECORDED_BYTES_MAX: usize = 512 << 10;

struct Open {
    stop: CancellationToken,
    why: AskReason,
}

/// See the module.
pub(super) struct Asks {
    open: BTreeMap<AskId, Open>,
    places: Arc<Semaphore>,
    all: CancellationToken,
    _all_end_with_this: DropGuard,
}

impl Asks {
    pub(super) fn new() -> Self {
        let all = CancellationToken::new();
        Self { open: BTreeMap::new(), places: Arc::new(Semaphore::new(WAITING_MAX)), _all_end_with_this: all.clone().drop_guard(), all }
    }

    /// Starts the work on a question.
    pub(super) fn begin(&mut self, shells: &Arc<Shells>, inbox: &Inbox, ask: Ask, span: Span) {
        let stop = self.all.child_token();
        self.open.insert(ask.id, Open { stop: stop.clone(), why: ask.why });
        let mut to = ToInbox { inbox: inbox.clone(), places: Arc::clone(&self.places) };
        let runtime = Arc::clone(&shells.runtime);
        shells.tasks.spawn("ask", async move {
            tokio::select! {
                biased;
                // Dropping the work drops its connection.
                () = stop.cancelled() => telemetry::span::failed(&span, Some("cancelled")),
                report = runtime.carry_out(ask.clone(), &mut to) => spans::asked(&span, &ask, &report),
            }
        });
    }

    /// Its answer is not wanted any more.
    pub(super) fn cancel(&mut self, ask: AskId) {
        if let Some(open) = self.open.remove(&ask) {
            open.stop.cancel();
        }
    }

    /// An answer came, and what it is for; a last one closes its question.
    pub(super) fn answered(&mut self, answer: &Answer) -> Option<AskReason> {
        if matches!(answer.body, AnswerBody::ModelDelta { .. }) {
            return self.open.get(&answer.id).map(|open| open.why);
        }
        self.open.remove(&answer.id).map(|open| open.why)
    }
}

/// As it goes into the recording.
pub(super) fn recorded<T: serde::Serialize>(value: &T, entry: impl FnOnce(serde_json::Value) -> Entry) -> Entry {
    let value = serde_json::to_value(value).unwrap_or_default();
    let bytes = value.to_string().len();
    if bytes <= RECORDED_BYTES_MAX {
        return entry(value);
    }
    entry(serde_json::json!({ "id": value["id"], "left_out_bytes": bytes }))
}

struct ToInbox {
    inbox: Inbox,
    places: Arc<Semaphore>,
}

impl Deliver for ToInbox {
    async fn deliver(&mut self, answer: Answer) {
        if let Ok(place) = Arc::clone(&self.places).acquire_owned().await {
            self.inbox.put(Fact::Runtime(answer, place));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::inbox::inbox;
    use crate::model::Redacted;

    #[tokio::test]
    async fn a_model_that_talks_fast_waits_outside_the_inbox() {
        let (inbox, mut reader) = inbox();
        let asks = Asks::new();
        let mut to = ToInbox { inbox, places: Arc::clone(&asks.places) };
        let delta = || Answer { id: AskId(1), body: AnswerBody::ModelDelta { text: Redacted::new("word ".to_owned()) } };
        for _ in 0..WAITING_MAX {
            to.deliver(delta()).await;
        }
        let mut next = Box::pin(to.deliver(delta()));
        assert!(futures_util::poll!(&mut next).is_pending());
        drop(reader.ready());
        assert!(futures_util::poll!(&mut next).is_ready());
        let left = std::iter::from_fn(|| reader.ready()).filter(|fact| matches!(fact, Fact::Runtime(..))).count();
        assert_eq!(left, WAITING_MAX);
    }

    #[test]
    fn a_question_too_long_for_the_recording_leaves_its_size() {
        let long = serde_json::json!({ "id": 7, "messages": "x".repeat(RECORDED_BYTES_MAX) });
        let Entry::Ask(short) = recorded(&long, Entry::Ask) else { panic!("an ask stays one") };
        assert_eq!(short["id"], 7);
        assert!(short["left_out_bytes"].as_u64().is_some_and(|bytes| bytes > RECORDED_BYTES_MAX as u64));
    }

    #[tokio::test]
    async fn the_end_of_a_call_ends_its_questions() {
        let asks = Asks::new();
        let stop = asks.all.child_token();
        drop(asks);
        stop.cancelled().await;
    }
}
