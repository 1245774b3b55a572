//! A worker killed at every edge of every step of a close, over a real file, and started again.

use super::*;
use crate::host::clock::Clock;
use crate::model::{EndCause, OrganisationId, TerminationReason, TriggeredBy, TurnId};
use crate::runtime::Value;
use crate::store::{Jobs as _, NewConversation, SqliteConfig, SqliteStore, Transcripts as _};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

const OURS: OrganisationId = OrganisationId(Uuid::from_u128(1));

/// Stops a close where the test says: what follows never runs, as in a process that was killed there.
#[derive(Clone, Default)]
pub(super) struct Edges {
    deadly: Option<(CloseStep, Edge)>,
    died: Arc<Notify>,
}

impl Edges {
    pub(super) async fn reached(&self, step: CloseStep, edge: Edge) {
        if self.deadly == Some((step, edge)) {
            self.died.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

/// Counts `session.end` spans.
#[derive(Clone, Default)]
struct Spans(Arc<AtomicUsize>);

impl<S: tracing::Subscriber> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &tracing::span::Attributes<'_>, _: &tracing::span::Id, _: Context<'_, S>) {
        if attributes.metadata().name() == "session.end" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

fn conversation() -> ConversationId {
    ConversationId(Uuid::from_u128(7))
}

fn record() -> CloseRecord {
    let words = ["hello", "how can I help", "billing please"].into_iter().zip(0_u32..);
    let role = |n: u32| if n.is_multiple_of(2) { Role::Caller } else { Role::Assistant };
    CloseRecord {
        conversation: conversation(),
        triggered_by: TriggeredBy::Caller,
        cause: EndCause::CallerHungUp,
        reason: TerminationReason::ParticipantLeft,
        transcript: Transcript::of(words.map(|(text, n)| (role(n), TurnId(n), Redacted::new(text.to_owned())))),
        variables: BTreeMap::from([("topic".to_owned(), Value::text("billing"))]),
        workflow_node: None,
        turns: 3,
        summary: Redacted::default(),
        facts: Vec::new(),
    }
}

async fn store(path: &Path) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&SqliteConfig::at(path.join("w.sqlite"))).await.unwrap())
}

async fn with_an_open_row(path: &Path) -> Arc<SqliteStore> {
    use crate::store::Conversations as _;
    let store = store(path).await;
    store.put_organisation(OURS, "ours", WallTime(1)).await.unwrap();
    store.create(NewConversation::inbound_voice(conversation(), OURS, Uuid::nil(), WallTime(1))).await.unwrap();
    store
}

fn closer(store: &Arc<SqliteStore>, deadly: Option<(CloseStep, Edge)>) -> Closer {
    let mut closer = Closer::new(store.clone(), Writer::new(store.clone()).0, Clock::start(), Some(30));
    closer.edges.deadly = deadly;
    closer
}

/// Runs a close that dies where it is told to; the file is let go as a dead process lets it go.
async fn killed(store: Arc<SqliteStore>, at: (CloseStep, Edge)) {
    let closer = closer(&store, Some(at));
    let died = closer.edges.died.clone();
    let record = record();
    tokio::select! {
        () = died.notified() => {}
        ended = closer.try_close(conversation(), &record) => panic!("it should have died at {at:?}: {ended:?}"),
    }
    store.shut().await;
}

#[tokio::test]
async fn a_worker_killed_at_every_step_boundary_leaves_one_closed_row_one_transcript_and_no_duplicate() {
    // Pain 13: nothing stays "in progress"; pain 30: and the reason is known.
    use crate::store::{CloseLog as _, Conversations as _};
    let spans = Spans::default();
    let _log = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let mut edges = Vec::new();
    for step in CloseStep::ALL {
        edges.extend([Edge::Before, Edge::Between, Edge::After].map(|edge| (*step, edge)));
    }
    for at in edges {
        spans.0.store(0, Ordering::SeqCst);
        let folder = tempfile::tempdir().unwrap();
        killed(with_an_open_row(folder.path()).await, at).await;
        let restarted = store(folder.path()).await;
        let closer = closer(&restarted, None);
        closer.try_close(conversation(), &record()).await.unwrap();
        closer.try_close(conversation(), &record()).await.unwrap();

        let row = restarted.get(OURS, conversation()).await.unwrap().unwrap();
        assert_eq!((row.status, row.termination_reason), (SessionStatus::Closed, Some(TerminationReason::ParticipantLeft)), "{at:?}");
        assert!(row.retention_expires_at.is_some(), "{at:?}");
        assert_eq!(row.context_variables["topic"], "billing", "{at:?}");
        let words: Vec<_> = restarted.messages(conversation(), None, 10).await.unwrap();
        let words: Vec<_> = words.iter().map(|message| (message.seq, message.message.content.expose().as_str())).collect();
        assert_eq!(words, [(0, "hello"), (1, "how can I help"), (2, "billing please")], "{at:?}");
        assert_eq!(restarted.jobs(conversation()).await.unwrap().len(), 3, "{at:?}");
        assert_eq!(restarted.close_steps(conversation()).await.unwrap().len(), CloseStep::ALL.len(), "{at:?}");
        // Killed between the note and the span itself, the span is lost rather than told twice.
        let told = usize::from(at != (CloseStep::SessionEndSpan, Edge::Between));
        assert_eq!(spans.0.load(Ordering::SeqCst), told, "{at:?}");
    }
}

#[tokio::test]
async fn a_chat_closes_without_losing_the_variables_on_its_row() {
    use crate::store::Conversations as _;
    let folder = tempfile::tempdir().unwrap();
    let store = with_an_open_row(folder.path()).await;
    let kept = serde_json::Map::from_iter([("topic".to_owned(), serde_json::json!("billing"))]);
    store.set_context(conversation(), kept.clone(), WallTime(2)).await.unwrap();
    let record = CloseRecord { variables: BTreeMap::new(), transcript: Transcript::default(), ..record() };
    closer(&store, None).try_close_as(conversation(), &record, SessionStatus::Expired).await.unwrap();
    let row = store.get(OURS, conversation()).await.unwrap().unwrap();
    assert_eq!((row.status, row.context_variables), (SessionStatus::Expired, kept));
}
