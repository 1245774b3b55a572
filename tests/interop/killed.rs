//! kill -9 at every point of a call: the next worker closes the row once, with its words and its true cause, and nothing is live.

use crate::assistants::{DESK, switchboard};
use crate::support::{Peer, program, sipp};
use crate::worker::{Setup, Site, Worker, binary, text, until};
use serde_json::Value;
use sqlx::{ConnectOptions, Connection};
use std::fs;
use std::time::Duration;

const BOUND: Duration = Duration::from_secs(30);

/// A worker with a call that this scenario makes, in one of these phases; its row is stored.
async fn with_call(setup: Setup, scenario: &str, more: &[&str], phase: &str) -> Option<(Worker, Peer, String)> {
    let program = program("sipp", "sip-tester")?;
    let worker = Worker::start(setup).await;
    let media = worker.site.port(10).to_string();
    let caller = sipp(program, scenario, worker.udp, &[&["-m", "1", "-mp", &media], more].concat());
    let id = worker.live(1, &[phase]).await.remove(0);
    until("its row is stored", BOUND, async || (worker.ask("GET", &row(&id)).await.0 == 200).then_some(())).await;
    Some((worker, caller, id))
}

fn row(id: &str) -> String {
    format!("/v1/v2/conversations/{id}")
}

/// Starts a worker on what a dead one left, twice: the second finds nothing to do. Answers the row and the messages.
async fn closed_once(site: Site, id: &str, reason: &str) -> (Site, [Value; 2]) {
    let (site, first) = closed(site, id, reason).await;
    let (site, second) = closed(site, id, reason).await;
    assert_eq!(first, second, "the second start changes nothing");
    (site, second)
}

async fn closed(site: Site, id: &str, reason: &str) -> (Site, [Value; 2]) {
    let worker = site.start().await;
    let row = worker.closed(1).await.remove(0);
    assert_eq!((text(&row["id"]), text(&row["termination_reason"])), (id, reason));
    let (_, poll) = worker.ask("GET", &format!("{}/messages", self::row(id))).await;
    worker.nothing_is_left().await;
    (worker.stop().await, [row, poll])
}

#[tokio::test]
async fn before_the_call_is_up() {
    // The caller never acknowledges the answer.
    let setup = Setup::with("desk", DESK);
    let Some((worker, caller, id)) = with_call(setup, "uac_no_ack.xml", &[], "answering").await else { return };
    let site = worker.kill().await;
    drop(caller);
    closed_once(site, &id, "orphaned").await;
}

#[tokio::test]
async fn while_the_caller_is_spoken_to() {
    let Some((worker, caller, id)) = with_call(Setup::with("desk", DESK), "uac_wait_bye.xml", &[], "talking").await else { return };
    worker.recording_says(&id, &["playback_ended"]).await;
    let (_, row) = worker.ask("GET", &row(&id)).await;
    assert_eq!(row["status"], "active", "{row}");
    let site = worker.kill().await;
    drop(caller);
    let (_, [_, poll]) = closed_once(site, &id, "orphaned").await;
    assert!(poll["messages"].to_string().contains("Type your number"), "{poll}");
}

#[tokio::test]
async fn while_a_transfer_waits_for_its_outcome() {
    let assistant = switchboard("sip:desk@127.0.0.1:9", false);
    let Some((worker, caller, id)) = with_call(Setup::with("board", assistant), "uac_refer_silent.xml", &[], "transferring").await else {
        return;
    };
    worker.recording_says(&id, &["\"refer_answered\""]).await;
    let site = worker.kill().await;
    drop(caller);
    let (_, [_, poll]) = closed_once(site, &id, "orphaned").await;
    assert!(poll["messages"].to_string().contains("One moment"), "{poll}");
}

#[tokio::test]
async fn while_the_close_waits_for_the_database() {
    let setup = Setup::with("desk", DESK);
    let Some((worker, caller, id)) = with_call(setup, "uac_cps.xml", &["-d", "1500"], "talking").await else { return };
    worker.recording_says(&id, &["playback_ended"]).await;
    // Another program holds the database, so the close cannot go through.
    let database = sqlx::sqlite::SqliteConnectOptions::new().filename(worker.site.path("state/voice-worker.sqlite"));
    let mut held = database.connect().await.expect("the database opens");
    sqlx::query("BEGIN IMMEDIATE").execute(&mut held).await.expect("it is free");
    worker.recording_says(&id, &["\"end_session\""]).await;
    let site = worker.kill().await;
    held.close().await.expect("it lets go");
    caller.finish(BOUND).await.expect_success();
    // The call had ended: it keeps the cause it ended for.
    let (_, [_, poll]) = closed_once(site, &id, "participant_left").await;
    assert!(poll["messages"].to_string().contains("Type your number"), "{poll}");
}

#[tokio::test]
async fn an_encrypted_recording_is_the_journal_of_a_killed_worker_and_opens_with_its_key_alone() {
    let mut site = Site::new(encrypted()).await;
    let key = site.path("recording-key");
    fs::write(&key, "5a".repeat(32)).expect("it can be written");
    site.setup.recording = site.setup.recording.replace("KEY", &key.display().to_string());
    let Some(program) = program("sipp", "sip-tester") else { return };
    let worker = site.start().await;
    let media = worker.site.port(10).to_string();
    let caller = sipp(program, "uac_wait_bye.xml", worker.udp, &["-m", "1", "-mp", &media]);
    let id = worker.live(1, &["talking"]).await.remove(0);
    // Nothing can be read in the file; the words are in it when it has this many lines.
    until("some lines are written", BOUND, async || (worker.recording_text(&id).lines().count() > 12).then_some(())).await;
    let written = worker.recording_text(&id);
    assert!(!written.contains("Type your") && !written.contains("transcript") && written.contains("\"sealed\""), "{written}");
    let recording = worker.recording(&id, "jsonl");
    assert!(!worker.recording(&id, "wav").exists(), "no audio lies open beside it");
    let site = worker.kill().await;
    drop(caller);

    let replay = async |key: Option<&std::path::Path>| {
        let mut command = binary();
        command.arg("replay").arg(&recording).args(["--timeline", "--reveal"]);
        if let Some(key) = key {
            command.arg("--key-file").arg(key);
        }
        Peer::start("replay", command).finish(BOUND).await
    };
    let read = replay(Some(&key)).await;
    assert!(read.code == Some(0) && read.output.contains("Type your number") && read.output.contains(": same"), "{}", read.output);
    let without = replay(None).await;
    assert!(without.code == Some(1) && without.output.contains("--key-file"), "{}", without.output);
    let other = site.path("other-key");
    fs::write(&other, "5b".repeat(32)).expect("it can be written");
    let wrong = replay(Some(&other)).await;
    assert!(wrong.code == Some(1) && wrong.output.contains("the key given is"), "{}", wrong.output);

    let (_, [_, poll]) = closed_once(site, &id, "orphaned").await;
    assert!(poll["messages"].to_string().contains("Type your number"), "{poll}");
}

fn encrypted() -> Setup {
    let mut setup = Setup::with("desk", DESK);
    setup.recording = "mode = \"encrypted\"\nkey_file = \"KEY\"".to_owned();
    setup
}
