//! Many writes in one transaction: the same rows as one by one, all or none, and quick.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;
use voice_worker::model::{CallTime, ConversationId, OrganisationId, SessionStatus, TerminationReason, TriggeredBy, WallTime};
use voice_worker::store::{
    Batch, Batches, CloseLog, CloseLogEntry, CloseStep, CloseWrite, Closing, Conversation, Conversations, Job, JobKind, Jobs, LiveUpdate,
    Message, NewConversation, NewMessage, NotWritten, NumberedMessage, Offered, Role, SqliteConfig, SqliteStore, Store,
    TIMELINE_MAX_ENTRIES, TimelineEntry, Timelines, Transcripts, Writer,
};

const OURS: OrganisationId = OrganisationId(Uuid::from_u128(0xA));

fn id(n: u128) -> ConversationId {
    ConversationId(Uuid::from_u128(n))
}

fn inbound(n: u128, at: u64) -> NewConversation {
    NewConversation::inbound_voice(id(n), OURS, Uuid::from_u128(0xE), WallTime(at))
}

fn numbered(seq: u32, text: &str) -> NumberedMessage {
    NumberedMessage { seq, message: NewMessage::new(Uuid::from_u128(0x5_0000 + u128::from(seq)), Role::User, text, WallTime(5_000)) }
}

async fn open(dir: &TempDir) -> SqliteStore {
    SqliteStore::open(&SqliteConfig::at(dir.path().join("w.sqlite"))).await.unwrap()
}

fn closing(n: u128) -> CloseWrite {
    CloseWrite {
        conversation: id(n),
        context: Map::from_iter([("pin".to_owned(), json!("4711"))]),
        messages: vec![numbered(0, "it's \"me\"\u{1F600}\n"), numbered(1, "goodbye")],
        closing: Closing {
            status: SessionStatus::Closed,
            reason: TerminationReason::ParticipantLeft,
            triggered_by: TriggeredBy::Caller,
            ended_at: WallTime(9_000),
            closed_at: WallTime(9_100),
            retention_expires_at: Some(WallTime(99_000)),
        },
        jobs: &[JobKind::Scrub, JobKind::Summary],
    }
}

/// What a conversation is in the store: row, messages, steps, jobs.
async fn everything(store: &dyn Store, n: u128) -> (Option<Conversation>, Vec<Message>, Vec<CloseLogEntry>, Vec<Job>) {
    let row = store.get(OURS, id(n)).await.unwrap();
    let messages = store.messages(id(n), None, 100).await.unwrap();
    (row, messages, store.close_steps(id(n)).await.unwrap(), store.jobs(id(n)).await.unwrap())
}

#[tokio::test]
async fn a_batch_leaves_what_its_writes_would_have_left_one_by_one() {
    let dirs = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (together, alone) = (open(&dirs[0]).await, open(&dirs[1]).await);
    for store in [&together, &alone] {
        store.put_organisation(OURS, "o", WallTime(1)).await.unwrap();
    }
    let mut new = inbound(1, 1_000);
    new.external_id = Some("outside".to_owned());
    new.channel_subtype = Some("kiosk".to_owned());
    new.tool_input_overrides = Some(Map::from_iter([("zone".to_owned(), json!(null))]));
    new.ttl_expires_at = Some(WallTime(77_000));
    new.metadata = Map::from_iter([("caller".to_owned(), json!("+4930'\"123"))]);
    let entry = TimelineEntry { seq: 0, at: CallTime::from_millis(5), kind: "event".to_owned(), text: "rings".to_owned() };
    let late = TimelineEntry { seq: TIMELINE_MAX_ENTRIES, ..entry.clone() };
    let batch = Batch {
        creates: vec![new.clone(), inbound(2, 2_000)],
        recordings: BTreeMap::from([(id(1), ("/r/1.jsonl".to_owned(), WallTime(1_001)))]),
        statuses: BTreeMap::from([(id(2), (SessionStatus::Active, WallTime(2_001)))]),
        timelines: vec![(id(1), vec![entry.clone(), late.clone()])],
        closes: vec![closing(1)],
    };
    together.write_batch(&batch).await.unwrap();

    let close = closing(1);
    alone.create(new).await.unwrap();
    alone.create(inbound(2, 2_000)).await.unwrap();
    alone.set_recording(id(1), "/r/1.jsonl", WallTime(1_001)).await.unwrap();
    alone.set_status(id(2), SessionStatus::Active, WallTime(2_001)).await.unwrap();
    alone.append_timeline(id(1), vec![entry, late]).await.unwrap();
    alone.set_context(id(1), close.context, WallTime(9_100)).await.unwrap();
    alone.flush(id(1), close.messages).await.unwrap();
    alone.close(id(1), close.closing).await.unwrap();
    alone.queue_jobs(id(1), close.jobs, WallTime(9_100)).await.unwrap();
    for step in CloseStep::ALL {
        alone.note_close_step(id(1), CloseLogEntry { step: *step, at: WallTime(9_100) }).await.unwrap();
    }
    for n in [1, 2] {
        assert_eq!(everything(&together, n).await, everything(&alone, n).await, "conversation {n}");
    }
    assert_eq!(together.timeline(id(1)).await.unwrap(), alone.timeline(id(1)).await.unwrap());
}

#[tokio::test]
async fn a_batch_that_needs_a_closer_look_writes_nothing_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir).await;
    store.put_organisation(OURS, "o", WallTime(1)).await.unwrap();
    store.create(inbound(1, 1_000)).await.unwrap();
    let refused = [
        ("a close of no row", Batch { closes: vec![closing(9)], ..Batch::default() }),
        ("a close twice", Batch { closes: vec![closing(1), closing(1)], ..Batch::default() }),
        ("a status of no row", Batch { statuses: BTreeMap::from([(id(9), (SessionStatus::Active, WallTime(1)))]), ..Batch::default() }),
        ("a timeline of no row", {
            let entry = TimelineEntry { seq: 0, at: CallTime::ZERO, kind: "event".to_owned(), text: String::new() };
            Batch { timelines: vec![(id(9), vec![entry])], ..Batch::default() }
        }),
    ];
    for (what, mut batch) in refused {
        batch.creates.push(inbound(5, 5_000));
        assert!(store.write_batch(&batch).await.is_err(), "{what}");
        assert!(store.get(OURS, id(5)).await.unwrap().is_none(), "{what} left something");
    }
    // Numbers that hold other words are not overwritten, and not passed over.
    store.flush(id(1), vec![numbered(0, "other words")]).await.unwrap();
    assert!(store.write_batch(&Batch { closes: vec![closing(1)], ..Batch::default() }).await.is_err());
    assert_eq!(store.get(OURS, id(1)).await.unwrap().unwrap().status, SessionStatus::Ringing);
    assert!(store.close_steps(id(1)).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_writer_takes_what_waits_in_one_transaction_and_a_bad_one_costs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(open(&dir).await);
    store.put_organisation(OURS, "o", WallTime(1)).await.unwrap();
    let (writer, task) = Writer::new(Arc::clone(&store));
    for n in 1..=50 {
        assert_eq!(writer.offer(LiveUpdate::Create(Box::new(inbound(n, 1)))), Offered::Queued);
    }
    // Of a conversation that is not there: refuses the batch, not the others.
    writer.offer(LiveUpdate::Status { conversation: id(99), status: SessionStatus::Active, at: WallTime(1) });
    let closes = async {
        assert_eq!(writer.close(closing(98)).await, Err(NotWritten), "no row: to be looked at step by step");
        assert_eq!(writer.close(closing(7)).await, Ok(()));
        let stats = writer.stats();
        let counted = (stats.written(), stats.failed());
        drop(writer);
        counted
    };
    let ((), counted) = tokio::time::timeout(Duration::from_secs(20), futures_util::future::join(task, closes)).await.unwrap();
    assert_eq!(counted, (50, 1));
    assert_eq!(store.open(100).await.unwrap().len(), 49);
}
