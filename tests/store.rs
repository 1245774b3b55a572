//! One contract, every store. A new implementation adds one test that calls [`contract`].

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

#[path = "store/people.rs"]
mod people;

use futures_util::future::join_all;
use serde_json::{Map, json};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;
use voice_worker::model::{
    CallTime, ConversationId, OrganisationId, SessionStatus, TerminationReason, TransferMode, TriggeredBy, WallTime,
};
use voice_worker::store::{
    CloseLogEntry, CloseStep, Closing, Flushed, JobKind, JobState, ListFilter, LiveUpdate, NewConversation, NewMessage, NumberedMessage,
    Offered, Role, SqliteConfig, SqliteStore, Store, StoreError, TIMELINE_MAX_ENTRIES, TimelineEntry, TransferAttempt, Writer,
};

const OURS: OrganisationId = OrganisationId(Uuid::from_u128(0xA));
const THEIRS: OrganisationId = OrganisationId(Uuid::from_u128(0xB));

fn id(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n))
}

fn inbound(n: u128, at: u64) -> NewConversation {
    NewConversation::inbound_voice(id(n), OURS, Uuid::from_u128(0xE), WallTime(at))
}

fn closing(reason: TerminationReason, at: u64) -> Closing {
    Closing {
        status: SessionStatus::Closed,
        reason,
        triggered_by: TriggeredBy::Caller,
        ended_at: WallTime(at),
        closed_at: WallTime(at + 1),
        retention_expires_at: Some(WallTime(at + 1_000)),
    }
}

fn said(n: u128, role: Role, text: &str) -> NewMessage {
    NewMessage::new(Uuid::from_u128(n), role, text, WallTime(5_000))
}

fn numbered(seq: u32, text: &str) -> NumberedMessage {
    NumberedMessage { seq, message: said(0x5_0000 + u128::from(seq), Role::User, text) }
}

async fn open(dir: &tempfile::TempDir) -> SqliteStore {
    SqliteStore::open(&SqliteConfig::at(dir.path().join("state/w.sqlite"))).await.unwrap()
}

#[tokio::test]
async fn sqlite_keeps_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract(Arc::new(open(&dir).await)).await;
}

/// What every store does. The store is empty when it comes.
async fn contract(store: Arc<dyn Store>) {
    for organisation in [OURS, THEIRS] {
        store.put_organisation(organisation, "name", WallTime(1)).await.unwrap();
        store.put_organisation(organisation, "other name", WallTime(2)).await.unwrap();
    }
    rows(store.as_ref()).await;
    transcripts(store.as_ref()).await;
    concurrent_appends(&store).await;
    lists(store.as_ref()).await;
    the_end_of_a_call(store.as_ref()).await;
    attempts(store.as_ref()).await;
    people::handoffs(store.as_ref()).await;
    people::approvals(store.as_ref()).await;
    people::chats(store.as_ref()).await;
    people::upkeep(store.as_ref()).await;
    deletes(store.as_ref()).await;
}

async fn rows(store: &dyn Store) {
    let mut new = inbound(1, 1_000);
    new.external_id = Some("call-7".to_owned());
    new.metadata = Map::from_iter([("caller".to_owned(), json!("+4930"))]);
    let created = store.create(new.clone()).await.unwrap();
    assert!(created.new && created.row.status == SessionStatus::Ringing && created.row.message_count == 0);
    assert_eq!(store.get(OURS, id(1)).await.unwrap(), Some(created.row.clone()));

    // Again, by the same external id or the same id: the same row.
    let again = store.create(NewConversation { id: id(2), ..new.clone() }).await.unwrap();
    assert!(!again.new && again.row == created.row);
    assert!(!store.create(NewConversation { external_id: None, ..new.clone() }).await.unwrap().new);
    // An external id is an organisation's own; an id is everyone's.
    assert!(store.create(NewConversation { id: id(3), organisation: THEIRS, ..new.clone() }).await.unwrap().new);
    let foreign = NewConversation { organisation: THEIRS, external_id: None, ..new };
    assert!(matches!(store.create(foreign).await, Err(StoreError::NotFound(_))));

    // Another organisation's row looks like none.
    assert_eq!(store.get(THEIRS, id(1)).await.unwrap(), None);
    assert_eq!(store.get(OURS, id(99)).await.unwrap(), None);

    assert_eq!(store.set_status(id(1), SessionStatus::Active, WallTime(1_100)).await.unwrap(), SessionStatus::Active);
    assert!(matches!(store.set_status(id(99), SessionStatus::Active, WallTime(1)).await, Err(StoreError::NotFound(_))));
    store.set_recording(id(1), "a/b.jsonl", WallTime(1_200)).await.unwrap();
    store.set_context(id(1), Map::from_iter([("name".to_owned(), json!("Ada"))]), WallTime(1_300)).await.unwrap();
    let row = store.get(OURS, id(1)).await.unwrap().unwrap();
    assert_eq!((row.recording_path.as_deref(), row.context_variables["name"].as_str()), (Some("a/b.jsonl"), Some("Ada")));
    assert_eq!(row.updated_at, WallTime(1_300));

    let open: Vec<_> = store.open(10).await.unwrap().iter().map(|row| row.id).collect();
    assert_eq!(open, [id(1), id(3)]);
}

async fn transcripts(store: &dyn Store) {
    // Voice: numbered by the call, flushed at its end, and once more after a crash.
    let words = vec![numbered(0, "hello"), numbered(1, "an account")];
    assert_eq!(store.flush(id(1), words.clone()).await.unwrap(), Flushed { written: 2, already: 0 });
    let more: Vec<_> = words.into_iter().chain([numbered(2, "goodbye")]).collect();
    assert_eq!(store.flush(id(1), more).await.unwrap(), Flushed { written: 1, already: 2 });
    // The caller heard less of it than was stored while the call ran: the same message, other words.
    assert_eq!(store.flush(id(1), vec![numbered(1, "an acc")]).await.unwrap(), Flushed { written: 0, already: 1 });
    assert_eq!(store.messages(id(1), Some(0), 1).await.unwrap()[0].message.content.expose(), "an acc");
    // Another speaker's words under a taken id: refused, and nothing of that flush is kept.
    let mut other = numbered(1, "changed");
    other.message.role = if other.message.role == Role::User { Role::Assistant } else { Role::User };
    let clash = store.flush(id(1), vec![numbered(3, "new"), other]).await;
    assert!(matches!(clash, Err(StoreError::SeqTaken { seq: 1, .. })), "{clash:?}");
    assert_eq!(store.messages(id(1), None, 10).await.unwrap().len(), 3);
    assert!(matches!(store.flush(id(99), vec![numbered(0, "x")]).await, Err(StoreError::NotFound(_))));

    // HTTP: numbered by the store, the same message twice is one.
    let turn = vec![said(1, Role::User, "hi"), said(2, Role::Assistant, "hello")];
    assert_eq!(store.append(id(1), turn.clone()).await.unwrap(), [3, 4]);
    assert_eq!(store.append(id(1), turn).await.unwrap(), [3, 4]);
    assert!(matches!(store.append(id(99), vec![said(9, Role::User, "x")]).await, Err(StoreError::NotFound(_))));

    let tail = store.messages(id(1), Some(2), 10).await.unwrap();
    assert_eq!(tail.iter().map(|message| message.seq).collect::<Vec<_>>(), [3, 4]);
    assert_eq!((tail[1].message.role, tail[1].message.content.expose().as_str()), (Role::Assistant, "hello"));
    assert_eq!(store.messages(id(1), Some(4), 10).await.unwrap(), []);
    assert_eq!(store.messages(id(1), None, 2).await.unwrap().len(), 2);
    let last = store.last_messages(id(1), 2).await.unwrap();
    assert_eq!(last.iter().map(|message| message.seq).collect::<Vec<_>>(), [3, 4]);
    let row = store.get(OURS, id(1)).await.unwrap().unwrap();
    assert_eq!((row.message_count, row.first_message_at), (5, Some(WallTime(5_000))));
}

/// Numbers stay without gap and without double however many writers there are.
async fn concurrent_appends(store: &Arc<dyn Store>) {
    store.create(inbound(4, 1_500)).await.unwrap();
    let appends = (0..20_u128).map(|n| store.append(id(4), vec![said(0x100 + n, Role::User, "x")]));
    let mut numbers: Vec<u32> = join_all(appends).await.into_iter().flat_map(Result::unwrap).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
}

async fn lists(store: &dyn Store) {
    for n in 10..15 {
        store.create(inbound(n, 2_000)).await.unwrap();
    }
    let mut filter = ListFilter { limit: 3, started_after: Some(WallTime(1_900)), ..ListFilter::of(OURS) };
    let mut seen = Vec::new();
    loop {
        let page = store.list(filter.clone()).await.unwrap();
        seen.extend(page.items.iter().map(|row| row.id.0.as_u128()));
        match page.next {
            Some(next) => filter.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, [14, 13, 12, 11, 10], "each once, newest first, though all started in the same moment");

    let count = async |filter| store.list(filter).await.unwrap().items.len();
    assert_eq!(count(ListFilter { status: Some(SessionStatus::Active), ..ListFilter::of(OURS) }).await, 1);
    assert_eq!(count(ListFilter { channel: Some("chat".to_owned()), ..ListFilter::of(OURS) }).await, 0);
    assert_eq!(count(ListFilter { end_user: Some(Uuid::from_u128(0xF)), ..ListFilter::of(OURS) }).await, 0);
    assert_eq!(count(ListFilter::of(THEIRS)).await, 1);
}

async fn the_end_of_a_call(store: &dyn Store) {
    let step = |step, at| CloseLogEntry { step, at: WallTime(at) };
    store.note_close_step(id(1), step(CloseStep::TranscriptFlush, 20)).await.unwrap();
    store.note_close_step(id(1), step(CloseStep::WorkflowCleanUp, 10)).await.unwrap();
    store.note_close_step(id(1), step(CloseStep::WorkflowCleanUp, 30)).await.unwrap();
    let steps = store.close_steps(id(1)).await.unwrap();
    assert_eq!(steps, [step(CloseStep::WorkflowCleanUp, 10), step(CloseStep::TranscriptFlush, 20)]);
    assert!(matches!(store.note_close_step(id(99), step(CloseStep::SessionEndSpan, 1)).await, Err(StoreError::NotFound(_))));

    let first = store.close(id(1), closing(TerminationReason::ParticipantLeft, 9_000)).await.unwrap();
    assert!(first.first);
    assert_eq!((first.row.status, first.row.termination_reason), (SessionStatus::Closed, Some(TerminationReason::ParticipantLeft)));
    assert_eq!(first.row.triggered_by, Some(TriggeredBy::Caller));
    assert_eq!((first.row.ended_at, first.row.retention_expires_at), (Some(WallTime(9_000)), Some(WallTime(10_000))));
    // The one true cause stays.
    let second = store.close(id(1), closing(TerminationReason::Orphaned, 9_500)).await.unwrap();
    assert!(!second.first && second.row == first.row);
    assert_eq!(store.set_status(id(1), SessionStatus::Active, WallTime(9_600)).await.unwrap(), SessionStatus::Closed);
    assert!(store.open(100).await.unwrap().iter().all(|row| row.id != id(1)));
    assert!(matches!(store.close(id(99), closing(TerminationReason::Error, 1)).await, Err(StoreError::NotFound(_))));

    assert_eq!(store.queue_jobs(id(1), JobKind::ALL, WallTime(50)).await.unwrap(), 3);
    assert_eq!(store.queue_jobs(id(1), JobKind::ALL, WallTime(60)).await.unwrap(), 0);
    let taken = store.take_job(WallTime(100), WallTime(0)).await.unwrap().unwrap();
    assert_eq!((taken.state, taken.attempts), (JobState::Running, 1));
    store.finish_job(taken.id, JobState::Done, WallTime(110)).await.unwrap();
    let next = store.take_job(WallTime(120), WallTime(0)).await.unwrap().unwrap();
    assert_ne!(next.id, taken.id);
    store.take_job(WallTime(125), WallTime(0)).await.unwrap().unwrap();
    assert_eq!(store.take_job(WallTime(130), WallTime(0)).await.unwrap(), None);
    // Its taker died.
    let stale = store.take_job(WallTime(900), WallTime(121)).await.unwrap().unwrap();
    assert_eq!((stale.id, stale.attempts), (next.id, 2));
    assert_eq!(store.jobs(id(1)).await.unwrap().len(), 3);

    let line = |seq, text: &str| TimelineEntry { seq, at: CallTime::from_millis(7), kind: "event".to_owned(), text: text.to_owned() };
    assert_eq!(store.append_timeline(id(1), vec![line(0, "offered"), line(TIMELINE_MAX_ENTRIES, "too late")]).await.unwrap(), 1);
    store.append_timeline(id(1), vec![line(0, "again"), line(1, "answered")]).await.unwrap();
    assert_eq!(store.timeline(id(1)).await.unwrap(), [line(0, "offered"), line(1, "answered")]);
}

async fn attempts(store: &dyn Store) {
    let mut attempt = TransferAttempt {
        id: Uuid::from_u128(0x77),
        conversation: id(1),
        number: 1,
        mode: TransferMode::Cold,
        destination: "+4940".into(),
        label: Some("support".to_owned()),
        status: "dialling".to_owned(),
        created_at: WallTime(70),
        dialled_at: Some(WallTime(71)),
        answered_at: None,
        decided_at: None,
        decision: None,
        ended_at: None,
        failure_reason: None,
        fallback_mode: None,
        briefing_snippet: None,
        transfer: 1,
        destination_index: 2,
        briefed_at: None,
        bridged_at: None,
        consult_recording: None,
    };
    store.put_attempt(attempt.clone()).await.unwrap();
    assert_eq!(store.failed_transfers(OURS, None, 10).await.unwrap(), []);
    attempt.status = "failed".to_owned();
    attempt.failure_reason = Some("busy".to_owned());
    attempt.ended_at = Some(WallTime(80));
    store.put_attempt(attempt.clone()).await.unwrap();
    assert_eq!(store.attempts(id(1)).await.unwrap(), [attempt.clone()]);
    let failed = store.failed_transfers(OURS, None, 10).await.unwrap();
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0].attempt, failed[0].caller.as_ref().unwrap().expose().as_str()), (&attempt, "+4930"));
    assert_eq!(store.failed_transfers(THEIRS, None, 10).await.unwrap(), []);
    let after = Some((attempt.created_at, attempt.id));
    assert_eq!(store.failed_transfers(OURS, after, 10).await.unwrap(), [], "the page after the last one");
}

async fn deletes(store: &dyn Store) {
    assert!(matches!(store.delete(OURS, id(10)).await, Err(StoreError::StillLive(_))));
    assert!(!store.delete(THEIRS, id(1)).await.unwrap(), "not theirs to delete");
    assert!(store.delete(OURS, id(1)).await.unwrap());
    assert!(!store.delete(OURS, id(1)).await.unwrap());
    assert_eq!(store.get(OURS, id(1)).await.unwrap(), None);
    assert_eq!(store.messages(id(1), None, 10).await.unwrap(), []);
    assert_eq!(store.timeline(id(1)).await.unwrap(), []);
    assert_eq!(store.jobs(id(1)).await.unwrap(), []);
    assert_eq!(store.attempts(id(1)).await.unwrap(), []);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_the_store_was_dropped_and_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(&dir).await);
    store.put_organisation(OURS, "o", WallTime(1)).await.unwrap();
    store.create(inbound(1, 1)).await.unwrap();
    store.flush(id(1), vec![numbered(0, "hello")]).await.unwrap();
    // Dropped, not shut: what a kill does.
    drop(store);
    let store = open(&dir).await;
    let store: &dyn Store = &store;
    assert_eq!(store.open(10).await.unwrap().len(), 1);
    assert_eq!(store.messages(id(1), None, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_store_that_is_locked_by_another_process_says_so_and_works_afterwards() {
    let dir = tempfile::tempdir().unwrap();
    let config = SqliteConfig { busy_timeout: Duration::from_millis(50), ..SqliteConfig::at(dir.path().join("w.sqlite")) };
    let store = SqliteStore::open(&config).await.unwrap();
    let store: &dyn Store = &store;
    store.put_organisation(OURS, "o", WallTime(1)).await.unwrap();
    let other = sqlx::SqlitePool::connect(&format!("sqlite:{}", config.path.display())).await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let refused = store.create(inbound(1, 1)).await.unwrap_err();
    assert!(refused.is_transient(), "{refused:?}");
    assert_eq!(store.open(10).await.unwrap().len(), 0, "reading goes on");
    lock.rollback().await.unwrap();
    assert!(store.create(inbound(1, 1)).await.unwrap().new);
}

#[tokio::test]
async fn a_place_that_cannot_be_opened_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = SqliteStore::open(&SqliteConfig::at(file.join("w.sqlite"))).await.unwrap_err().to_string();
    assert!(error.contains("file/w.sqlite") && error.contains("writable"), "{error}");
    std::fs::write(dir.path().join("text"), "this is no database, and it is long enough to be taken for one".repeat(20)).unwrap();
    assert!(SqliteStore::open(&SqliteConfig::at(dir.path().join("text"))).await.is_err());
}

#[tokio::test]
async fn a_full_writer_drops_and_counts_and_never_makes_a_call_wait() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(&dir).await);
    store.put_organisation(OURS, "o", WallTime(1)).await.unwrap();
    let (writer, task) = Writer::with_capacity(Arc::clone(&store), 2);
    let ring = |n| writer.offer(LiveUpdate::Create(Box::new(inbound(n, 1))));
    // The task has not run yet: the third finds no room.
    assert_eq!([ring(1), ring(2), ring(3)], [Offered::Queued, Offered::Queued, Offered::Dropped]);
    assert_eq!((writer.depth(), writer.stats().dropped()), (2, 1));
    let observer = writer.clone();
    drop(writer);
    let stats = async {
        while observer.stats().written() < 2 {
            tokio::task::yield_now().await;
        }
        observer.offer(LiveUpdate::Status { conversation: id(9), status: SessionStatus::Active, at: WallTime(1) });
        while observer.stats().failed() < 1 {
            tokio::task::yield_now().await;
        }
        drop(observer);
    };
    // The task ends by itself when the last handle is gone.
    tokio::time::timeout(Duration::from_secs(10), async { futures_util::future::join(task, stats).await }).await.unwrap();
    assert_eq!(store.open(10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn two_workers_on_one_file_lose_and_double_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] = [Arc::new(open(&dir).await), Arc::new(open(&dir).await)];
    stores[0].put_organisation(OURS, "o", WallTime(1)).await.unwrap();
    stores[0].create(inbound(1, 1)).await.unwrap();
    let appends = (0..20_u32).map(|n| stores[(n % 2) as usize].append(id(1), vec![said(u128::from(n) + 1, Role::User, "x")]));
    let mut numbers: Vec<u32> = join_all(appends).await.into_iter().flat_map(Result::unwrap).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_database_is_for_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _store = open(&dir).await;
    for name in ["w.sqlite", "w.sqlite-wal"] {
        let mode = std::fs::metadata(dir.path().join("state").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn what_callers_said_is_in_no_debug_output() {
    let mut new = inbound(1, 1);
    new.metadata = Map::from_iter([("caller".to_owned(), json!("+4930123456"))]);
    new.context_variables = Map::from_iter([("pin".to_owned(), json!("4711"))]);
    let shown = format!("{new:?} {:?}", LiveUpdate::Create(Box::new(new.clone())));
    assert!(!shown.contains("4930") && !shown.contains("4711"), "{shown}");
    assert!(!format!("{:?}", numbered(0, "my pin")).contains("my pin"));
}
