//! The sample front desk with the real voice and the real ear: a softphone types, speaks, and is transferred.

use crate::phones::{PjPhone, long_enough, pjsip};
use crate::sound::{loud_ms, read, tone_ms, write, write_tone};
use crate::support::variable;
use crate::worker::{Setup, Site, text};
use serde_json::json;
use std::path::{Path, PathBuf};
use voice_worker::speech::{LocalConfig, SpeakRequest, Speech};

const SECOND: f64 = 700.0;

/// Folder of the speech weights. `None`: not fetched, and said so.
fn models() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    if voice_worker::speech::models::check(&folder).require_whole().is_ok() {
        return Some(folder);
    }
    let why = "needs the speech weights (make models)";
    assert!(variable("CI").is_none(), "in CI this test must run: it {why}");
    eprintln!("SKIPPED: {why}");
    None
}

/// What a caller says, spoken by the worker's own voice, half a second of silence around it.
fn speak(models: &Path, sentences: &[(&str, PathBuf)]) {
    let voice =
        Speech::local(&LocalConfig { models: models.to_path_buf(), cores: 1, cache_bytes: 1 << 20 }).expect("the weights are whole");
    for (sentence, file) in sentences {
        let samples =
            voice.synthesizer.speak(SpeakRequest::plain(*sentence)).and_then(|stream| stream.blocking_all()).expect("it can be said");
        let pause = || std::iter::repeat_n(0_i16, 4_000);
        write(file, pause().chain(samples).chain(pause()));
    }
}

#[tokio::test]
async fn a_softphone_types_speaks_and_is_transferred_by_the_front_desk() {
    let (Some(python), Some(models)) = (pjsip(), models()) else { return };
    let mut site = Site::new(Setup::with("front-desk", "")).await;
    let sentences = [("Yes, that is right.", site.path("yes.wav")), ("I have a question about my invoice.", site.path("invoice.wav"))];
    let weights = models.clone();
    tokio::task::spawn_blocking(move || speak(&weights, &sentences)).await.expect("it spoke");
    write_tone(&site.path("second.wav"), SECOND, (1, 1), 2);
    let human = PjPhone::start(&python, &site, "human", 0, &["--answer", "--play", "second.wav"]);
    human.event("ready", &[]).await;

    let desk =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/assistants/front-desk.toml")).expect("it is there");
    let destination = "sip:billing@127.0.0.1:5072";
    assert!(desk.contains(destination));
    site.setup = Setup::with("front-desk", desk.replace(destination, &human.uri));
    site.setup.speech = format!("engine = \"local\"\nmodels_dir = \"{}\"", models.display());
    let worker = site.start().await;
    let mut caller = PjPhone::start(&python, &worker.site, "caller", 4, &["--dial", &worker.uri()]);
    let id = worker.live(1, &["talking"]).await.remove(0);

    worker.quiet_after(&id, "account number").await;
    caller.order("dtmf 4711#").await;
    worker.quiet_after(&id, "Is that right?").await;
    caller.order("play yes.wav").await;
    worker.quiet_after(&id, "How can I help you?").await;
    caller.order("play invoice.wav").await;
    caller.event("refer-in", &[("call", json!(0))]).await;
    caller.state(1, "CONFIRMED").await;
    human.state(0, "CONFIRMED").await;
    let (row, recorded) = worker.one_call_ended("transferred").await;
    assert_eq!(row["context_variables"]["account_number"], "4711", "{row}");
    let said: Vec<String> = recorded.events("transcript").iter().map(|event| text(&event["text"]).to_lowercase()).collect();
    assert!(said.iter().any(|words| words.contains("invoice")), "{said:?}");

    caller.order("play invoice.wav").await;
    long_enough(&worker.site.path("caller-1.wav")).await;
    long_enough(&worker.site.path("human-0.wav")).await;
    let (by_caller, by_human) = (caller.finish().await, human.finish().await);
    assert!(loud_ms(&read(&by_caller(0), 0)) > 3_000, "the caller hears the worker speak");
    assert!(tone_ms(&read(&by_caller(1), 0), SECOND) > 500, "the caller hears the human");
    assert!(loud_ms(&read(&by_human(0), 0)) > 500, "the human hears the caller");
    let wav = worker.recording(&id, "wav");
    assert!(loud_ms(&read(&wav, 0)) > 500 && loud_ms(&read(&wav, 1)) > 3_000, "the worker recorded both sides");
    worker.stop().await;
}
