//! sipp calls the whole worker: what it decided stands in its row, its recording and its gauges.

use crate::assistants::{DESK, switchboard};
use crate::support::{Peer, program, sipp};
use crate::worker::{Recorded, Setup, Worker, text};
use serde_json::Value;
use std::time::Duration;

/// As much as any of these calls may take.
const BOUND: Duration = Duration::from_secs(30);
/// RFC 3261's timers ten times as fast, for what waits 64*T1.
const FAST: &str = "t1_ms = 50\nt2_ms = 500\nt4_ms = 500";

fn caller(worker: &Worker, program: std::path::PathBuf, scenario: &str, more: &[&str]) -> Peer {
    let media = worker.site.port(10).to_string();
    sipp(program, scenario, worker.udp, &[&["-m", "1", "-mp", &media], more].concat())
}

/// One call by one scenario; answers its row and its recording.
async fn one_call(setup: Setup, scenario: &str, more: &[&str], reason: &str) -> Option<(Value, Recorded)> {
    let program = program("sipp", "sip-tester")?;
    let worker = Worker::start(setup).await;
    caller(&worker, program, scenario, more).finish(BOUND).await.expect_success();
    let ended = worker.one_call_ended(reason).await;
    worker.stop().await;
    Some(ended)
}

#[tokio::test]
async fn a_caller_is_greeted_and_hangs_up() {
    let desk = Setup::with("desk", DESK);
    let Some((row, recorded)) = one_call(desk, "uac_cps.xml", &["-d", "700"], "participant_left").await else { return };
    assert!(row["message_count"].as_u64() >= Some(1), "the greeting is in the transcript: {row}");
    assert_eq!(recorded.events("playback_started").len(), 1, "{}", recorded.story());
    assert_eq!(recorded.events("leg_released")[0]["by"], "remote");
}

#[tokio::test]
async fn a_caller_over_tcp_is_served_as_well() {
    let Some(program) = program("sipp", "sip-tester") else { return };
    let worker = Worker::start(Setup::with("desk", DESK)).await;
    let peer = sipp(program, "uac_cps.xml", worker.tcp, &["-t", "t1", "-m", "1", "-d", "200", "-mp", &worker.site.port(10).to_string()]);
    peer.finish(BOUND).await.expect_success();
    worker.one_call_ended("participant_left").await;
    worker.stop().await;
}

#[tokio::test]
async fn a_cancel_that_crosses_the_answer_ends_the_call_once() {
    let desk = Setup::with("desk", DESK);
    let Some((_, recorded)) = one_call(desk, "uac_cancel_at_once.xml", &[], "participant_left").await else { return };
    let released = recorded.events("leg_released");
    assert_eq!(released.len(), 1, "{}", recorded.story());
    assert_eq!(released[0]["by"], "remote", "{}", recorded.story());
}

#[tokio::test]
async fn hold_is_recorded_and_taken_back() {
    let desk = Setup::with("desk", DESK);
    let Some((_, recorded)) = one_call(desk, "uac_hold.xml", &[], "participant_left").await else { return };
    let held: Vec<&Value> = recorded.events("leg_held").iter().map(|event| &event["held"]).collect();
    assert_eq!(held, [true, false], "{}", recorded.story());
}

#[tokio::test]
async fn a_late_offer_becomes_a_call_with_audio() {
    let desk = Setup::with("desk", DESK);
    let Some((_, recorded)) = one_call(desk, "uac_late_offer.xml", &["-d", "500"], "participant_left").await else { return };
    assert_eq!(recorded.events("playback_started").len(), 1, "{}", recorded.story());
}

#[tokio::test]
async fn a_session_timer_is_agreed_and_refreshed() {
    let desk = Setup::with("desk", DESK);
    one_call(desk, "uac_session_timer.xml", &[], "participant_left").await;
}

#[tokio::test]
async fn a_caller_that_requires_reliable_provisionals_gets_them() {
    let desk = Setup::with("desk", DESK);
    one_call(desk, "uac_prack.xml", &[], "participant_left").await;
}

#[tokio::test]
async fn a_repeated_invite_is_one_call() {
    let desk = Setup::with("desk", DESK);
    one_call(desk, "uac_retransmit.xml", &[], "participant_left").await;
}

#[tokio::test]
async fn an_answer_nobody_acknowledges_ends_in_a_bye() {
    let fast = Setup::with("desk", DESK).sip(FAST).more("[deadlines]\nacknowledge_ms = 4000\nrelease_ms = 4000\nrefer_answer_ms = 4000");
    let Some((_, recorded)) = one_call(fast, "uac_no_ack.xml", &[], "connection_timeout").await else { return };
    assert_eq!(recorded.events("leg_answered").len(), 0, "{}", recorded.story());
}

#[tokio::test]
async fn keys_as_telephone_events_are_each_heard_once() {
    let desk = Setup::with("desk", DESK);
    let Some((row, recorded)) = one_call(desk, "uac_dtmf_pcap.xml", &[], "participant_left").await else { return };
    assert_eq!(recorded.keys(), ("123#".to_owned(), vec!["rfc4733".to_owned()]), "{}", recorded.story());
    assert_eq!(row["context_variables"]["account"], "123", "{row}");
}

#[tokio::test]
async fn keys_by_info_are_heard_with_their_source() {
    let desk = Setup::with("desk", DESK);
    let Some((_, recorded)) = one_call(desk, "uac_dtmf_info.xml", &[], "participant_left").await else { return };
    assert_eq!(recorded.keys(), ("55".to_owned(), vec!["sip_info".to_owned()]), "{}", recorded.story());
}

#[tokio::test]
async fn two_calls_at_once_are_two_conversations() {
    let Some(program) = program("sipp", "sip-tester") else { return };
    let worker = Worker::start(Setup::with("desk", DESK)).await;
    let media = worker.site.port(10).to_string();
    let peer = sipp(program, "uac_cps.xml", worker.udp, &["-m", "2", "-l", "2", "-r", "50", "-d", "1500", "-mp", &media]);
    let both = worker.live(2, &["talking"]).await;
    assert_ne!(both[0], both[1]);
    peer.finish(BOUND).await.expect_success();
    for row in worker.closed(2).await {
        assert_eq!(row["termination_reason"], "participant_left", "{row}");
        worker.replayed(text(&row["id"])).await;
    }
    worker.nothing_is_left().await;
    worker.stop().await;
}

#[tokio::test]
async fn options_are_answered_by_a_worker_that_takes_calls() {
    let Some(program) = program("sipp", "sip-tester") else { return };
    let worker = Worker::start(Setup::with("desk", DESK)).await;
    caller(&worker, program, "uac_options.xml", &[]).finish(BOUND).await.expect_success();
    worker.nothing_is_left().await;
    worker.stop().await;
}

async fn transferred(scenario: &str, more: &str, reason: &str, outcome: &str) -> Option<Recorded> {
    let setup = Setup::with("switchboard", switchboard("sip:desk@127.0.0.1:9", reason == "participant_left")).more(more);
    let (_, recorded) = one_call(setup, scenario, &[], reason).await?;
    assert_eq!(recorded.commands("refer").len(), 1, "{}", recorded.story());
    assert_eq!(recorded.transfer_outcomes(), [outcome], "{}", recorded.story());
    Some(recorded)
}

#[tokio::test]
async fn a_transfer_that_is_reported_done_ends_the_call_as_transferred() {
    transferred("uac_accept_refer.xml", "", "transferred", "confirmed").await;
}

#[tokio::test]
async fn a_busy_target_brings_the_caller_back_to_the_assistant() {
    let Some(recorded) = transferred("uac_refer_fail_486.xml", "", "participant_left", "busy").await else { return };
    assert_eq!(recorded.events("refer_progress").len(), 2, "{}", recorded.story());
}

#[tokio::test]
async fn a_refused_refer_brings_the_caller_back_to_the_assistant() {
    transferred("uac_refer_rejected.xml", "", "participant_left", "declined").await;
}

#[tokio::test]
async fn a_silent_transfer_is_given_up_by_its_own_deadline() {
    transferred("uac_refer_silent.xml", "[deadlines]\nrefer_notify_ms = 1000", "agent_initiated", "no_notify").await;
}
