//! What an operator does to a worker with a call up: ends it, stops it, kills it, and what is left then.

use crate::assistants::DESK;
use crate::phones::{PjPhone, pjsip};
use crate::support::{Peer, program, sipp};
use crate::worker::{KEY, Setup, Worker, text, until};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::process::Command;

const BOUND: Duration = Duration::from_secs(30);
const UNKNOWN: &str = "/v1/v2/conversations/00000000-0000-7000-8000-000000000000/end_session";

/// curl's answer: status and body.
async fn curl(worker: &Worker, path: &str, key: &str) -> Option<(String, Value)> {
    let mut command = Command::new(program("curl", "curl")?);
    command.args(["-sS", "-m", "30", "-X", "POST", "-H", &format!("x-api-key: {key}"), "-w", "\n%{http_code}"]);
    command.arg(format!("http://{}{path}", worker.api));
    let done = Peer::start("curl", command).finish(BOUND).await;
    assert_eq!(done.code, Some(0), "{}", done.output);
    let (body, status) = done.output.trim_end().rsplit_once('\n').expect("a body and a status");
    Some((status.to_owned(), serde_json::from_str(body).unwrap_or(Value::Null)))
}

#[tokio::test]
async fn end_session_by_curl_hangs_up_a_softphone_and_again_answers_the_same() {
    let Some(python) = pjsip() else { return };
    let worker = Worker::start(Setup::with("desk", DESK)).await;
    let phone = PjPhone::start(&python, &worker.site, "caller", 0, &["--dial", &worker.uri()]);
    let id = worker.live(1, &["talking"]).await.remove(0);
    phone.state(0, "CONFIRMED").await;
    let path = format!("/v1/v2/conversations/{id}/end_session");

    let (status, _) = worker.ask_as("POST", &path, "another-key").await;
    assert_eq!(status, 401);
    assert_eq!(worker.ask("POST", UNKNOWN).await.0, 404);
    assert_eq!(worker.live(1, &["talking"]).await, std::slice::from_ref(&id), "neither of them touched the call");

    let Some((status, body)) = curl(&worker, &path, KEY).await else { return };
    assert_eq!((status.as_str(), &body["status"]), ("200", &json!("ended")), "{body}");
    // The answer leaves after the close pipeline: the row is closed already.
    let (_, row) = worker.ask("GET", &format!("/v1/v2/conversations/{id}")).await;
    assert_eq!((&row["status"], &row["termination_reason"]), (&json!("closed"), &json!("agent_initiated")), "{row}");
    let gone = phone.state(0, "DISCONNECTED").await;
    assert_eq!(gone["code"], 200, "by BYE: {gone}");

    let (status, again) = worker.ask("POST", &path).await;
    assert_eq!((status, &again), (200, &body), "a second order answers the same");
    let (_, recorded) = worker.one_call_ended("agent_initiated").await;
    let ends = recorded.commands("end_session");
    assert_eq!((ends.len(), &ends[0]["triggered_by"]), (1, &json!("admin")), "{}", recorded.story());
    drop(phone.finish().await);
    worker.stop().await;
}

#[tokio::test]
async fn a_draining_worker_refuses_calls_finishes_its_own_and_ends_the_last_at_the_deadline() {
    let Some(sipp_program) = program("sipp", "sip-tester") else { return };
    let mut setup = Setup::with("desk", DESK);
    setup.drain_deadline_seconds = 4;
    let worker = Worker::start(setup).await;
    let media = worker.site.port(10).to_string();
    let short = sipp(sipp_program.clone(), "uac_cps.xml", worker.udp, &["-m", "1", "-d", "2000", "-mp", &media]);
    worker.live(1, &["talking"]).await;
    let other = worker.site.port(14).to_string();
    let long = sipp(sipp_program.clone(), "uac_wait_bye.xml", worker.udp, &["-m", "1", "-mp", &other]);
    let both = worker.live(2, &["talking"]).await;

    worker.signal("TERM").await;
    let draining = async || worker.ask("GET", "/ready").await.1["reasons"].to_string().contains("draining").then_some(());
    until("the worker says that it drains", Duration::from_secs(5), draining).await;
    let refused = sipp(sipp_program.clone(), "uac_503.xml", worker.udp, &["-m", "1", "-mp", &worker.site.port(6).to_string()]);
    refused.finish(BOUND).await.expect_success();
    sipp(sipp_program, "uac_options_503.xml", worker.udp, &["-m", "1", "-mp", &worker.site.port(6).to_string()])
        .finish(BOUND)
        .await
        .expect_success();
    assert_eq!(worker.live(2, &["talking"]).await, both, "the calls go on");
    short.finish(BOUND).await.expect_success();
    long.finish(BOUND).await.expect_success();
    let site = worker.ended(BOUND).await;

    let again = site.start().await;
    let mut reasons: Vec<String> = again.closed(2).await.iter().map(|row| text(&row["termination_reason"]).to_owned()).collect();
    reasons.sort();
    assert_eq!(reasons, ["participant_left", "server_shutdown"]);
    for id in &both {
        again.replayed(id).await;
    }
    again.stop().await;
}
