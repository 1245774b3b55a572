//! Softphones call the worker, type, speak, are transferred to each other, and hear and are heard.

use crate::assistants::reception;
use crate::phones::{Baresip, PjPhone, long_enough, pjsip};
use crate::sound::{loud_ms, read, tone_ms, write_tone};
use crate::worker::{Setup, Site};
use serde_json::json;

/// The hum of the scripted voice.
const HUM: f64 = 400.0;
const FIRST: f64 = 1_000.0;
const SECOND: f64 = 700.0;
/// Without a pause.
const STEADY: (u32, u32) = (1, 1);

#[tokio::test]
async fn baresip_calls_types_is_transferred_to_pjsip_and_both_are_heard() {
    let Some(python) = pjsip() else { return };
    let mut site = Site::new(Setup::with("reception", "")).await;
    let (first, second) = (site.path("first.wav"), site.path("second.wav"));
    write_tone(&first, FIRST, (200, 1_000), 60);
    write_tone(&second, SECOND, STEADY, 2);
    let human = PjPhone::start(&python, &site, "human", 0, &["--answer", "--play", "second.wav"]);
    let Some(mut caller) = Baresip::start(&site, "alice", 4, &first).await else { return };
    human.event("ready", &[]).await;
    site.setup = Setup::with("reception", reception(&human.uri));
    let worker = site.start().await;

    caller.order("dial", &worker.uri()).await;
    let id = worker.live(1, &["talking"]).await.remove(0);
    worker.recording_says(&id, &["playback_ended"]).await;
    for key in ["4", "2", "#"] {
        caller.order("sndcode", key).await;
        worker.recording_says(&id, &["digit_pressed", &format!("\"{key}\"")]).await;
    }
    human.state(0, "CONFIRMED").await;
    let (row, recorded) = worker.one_call_ended("transferred").await;
    assert_eq!(recorded.keys(), ("42#".to_owned(), vec!["rfc4733".to_owned()]), "{}", recorded.story());
    assert_eq!(recorded.transfer_outcomes(), ["confirmed"], "{}", recorded.story());
    assert_eq!(row["context_variables"]["account"], "42");

    // They talk without the worker for a while.
    long_enough(&worker.site.path("human-0.wav")).await;
    let heard_by_caller = caller.finish().await;
    let heard_by_human = human.finish().await;
    let [from_worker, from_human] = &heard_by_caller[..] else { panic!("two calls were recorded: {heard_by_caller:?}") };
    assert!(tone_ms(&read(from_worker, 0), HUM) > 500, "the caller hears the worker");
    assert!(tone_ms(&read(from_human, 0), SECOND) > 500, "the caller hears the human");
    assert!(tone_ms(&read(&heard_by_human(0), 0), FIRST) > 200, "the human hears the caller");
    let wav = worker.recording(&id, "wav");
    assert!(tone_ms(&read(&wav, 0), FIRST) > 200, "the worker heard the caller");
    assert!(tone_ms(&read(&wav, 1), HUM) > 500, "the worker recorded itself: {} ms of sound", loud_ms(&read(&wav, 1)));
    worker.stop().await;
}

#[tokio::test]
async fn pjsip_calls_types_holds_and_is_transferred_to_baresip() {
    let Some(python) = pjsip() else { return };
    let mut site = Site::new(Setup::with("reception", "")).await;
    let (first, second) = (site.path("first.wav"), site.path("second.wav"));
    write_tone(&first, FIRST, (200, 1_000), 2);
    write_tone(&second, SECOND, STEADY, 60);
    let Some(human) = Baresip::start(&site, "human", 4, &second).await else { return };
    site.setup = Setup::with("reception", reception(&human.uri));
    let worker = site.start().await;
    let mut caller = PjPhone::start(&python, &worker.site, "caller", 0, &["--dial", &worker.uri(), "--play", "first.wav"]);

    let id = worker.live(1, &["talking"]).await.remove(0);
    caller.state(0, "CONFIRMED").await;
    worker.recording_says(&id, &["playback_ended"]).await;
    caller.order("hold").await;
    worker.recording_says(&id, &["leg_held", "true"]).await;
    caller.order("resume").await;
    worker.recording_says(&id, &["leg_held", "false"]).await;
    caller.order("dtmf 77#").await;
    caller.event("refer-in", &[("call", json!(0))]).await;
    caller.state(1, "CONFIRMED").await;
    let (_, recorded) = worker.one_call_ended("transferred").await;
    assert_eq!(recorded.keys(), ("77#".to_owned(), vec!["rfc4733".to_owned()]), "{}", recorded.story());
    long_enough(&worker.site.path("caller-1.wav")).await;
    let heard_by_caller = caller.finish().await;
    let heard_by_human = human.finish().await;
    assert!(tone_ms(&read(&heard_by_caller(0), 0), HUM) > 500, "the caller hears the worker");
    assert!(tone_ms(&read(&heard_by_caller(1), 0), SECOND) > 500, "the caller hears the human");
    assert!(tone_ms(&read(&heard_by_human[0], 0), FIRST) > 200, "the human hears the caller");
    worker.stop().await;
}
