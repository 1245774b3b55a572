//! Calls the worker places: through a trunk, from a number of its own, to a softphone.

use crate::assistants::DESK;
use crate::phones::{PjPhone, pjsip};
use crate::sound::{read, tone_ms};
use crate::worker::{Setup, Site, Worker, text};
use serde_json::{Value, json};
use voice_worker::api::number_id;

/// The hum of the scripted voice.
const HUM: f64 = 400.0;
const OURS: &str = "+4930123456";

/// A worker whose trunk ends at a telephone; only numbers of one country may be dialled.
async fn worker_and_phone(phone: &[&str], more: &str) -> Option<(Worker, PjPhone)> {
    let python = pjsip()?;
    let mut site = Site::new(Setup::with("desk", "")).await;
    let phone = PjPhone::start(&python, &site, "callee", 4, phone);
    phone.event("ready", &[]).await;
    let address = format!("address = \"127.0.0.1:{}\"\nallow_destinations = [\"+49\"]", site.port(4));
    let route = format!("[[assistants.route]]\nnumber = \"{OURS}\"\nassistant = \"desk\"\ntrunk = \"loopback\"\n{more}");
    site.setup = Setup::with("desk", DESK).trunk(&address).more(&route);
    Some((site.start().await, phone))
}

async fn place(worker: &Worker, to: &str) -> (u16, Value) {
    worker.post("/v1/voice/outbound", &json!({"from_phone_number_id": number_id(OURS), "to_phone_number": to})).await
}

#[tokio::test]
async fn a_callee_answers_hears_the_assistant_and_hangs_up() {
    let Some((worker, mut phone)) = worker_and_phone(&["--answer"], "").await else { return };
    let (status, placed) = place(&worker, "+4917012345678").await;
    assert_eq!(status, 200, "{placed}");
    let call = phone.event("incoming", &[]).await;
    assert!(text(&call["remote"]).contains(OURS), "it comes from our number: {call}");
    let id = worker.live(1, &["talking"]).await.remove(0);
    worker.quiet_after(&id, "Type your number.").await;
    phone.order("bye").await;
    let (row, _) = worker.one_call_ended("participant_left").await;
    assert_eq!((&row["id"], &row["origin"]), (&json!(id), &json!("outbound")), "{row}");
    let heard = phone.finish().await;
    assert!(tone_ms(&read(&heard(0), 0), HUM) > 500, "the callee hears the assistant");
    worker.stop().await;
}

#[tokio::test]
async fn busy_declined_and_nobody_there_are_told_apart() {
    for (phone, reason) in [(&["--reject", "486"][..], "callee_busy"), (&["--reject", "603"], "callee_declined"), (&[], "callee_no_answer")]
    {
        let Some((worker, phone)) = worker_and_phone(phone, "[deadlines]\nsetup_ms = 2000").await else { return };
        let (status, placed) = place(&worker, "+4917012345678").await;
        assert_eq!(status, 200, "{placed}");
        worker.one_call_ended(reason).await;
        drop(phone.finish().await);
        worker.stop().await;
    }
}

#[tokio::test]
async fn toll_fraud_what_is_not_allowed_is_not_dialled() {
    let Some((worker, phone)) = worker_and_phone(&["--answer"], "[transfer]\nattempts_per_hour = 0").await else { return };
    let (status, refused) = place(&worker, "+900123456789").await;
    assert_eq!(status, 403, "outside the allow-list: {refused}");
    let (status, refused) = place(&worker, "+4917012345678").await;
    assert_eq!(status, 403, "over the limit: {refused}");
    assert_eq!(worker.metric("voice_worker_calls_refused_total{why=\"limit\"}").await, Some(1.0));
    assert_eq!(worker.metric("voice_worker_calls_refused_total{why=\"destination\"}").await, Some(1.0));
    worker.nothing_is_left().await;
    assert!(phone.find("incoming", &[]).is_none(), "it never rang");
    drop(phone.finish().await);
    worker.stop().await;
}
