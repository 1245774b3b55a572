//! The demonstration as a test: one whole call over SIP and RTP on loopback, with scripted speech always and with the models where they are.

use std::path::Path;
use std::time::Duration;
use voice_worker::cli::demo::{Outcome, Seen, Speaker, Stage, Story, play, scripted_speech};
use voice_worker::speech::{LocalConfig, Speech};

/// Far above what the call takes, far below what a test run can bear.
const BOUND: Duration = Duration::from_secs(100);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_goes_as_scripted_without_models() {
    let out = tempfile::tempdir().unwrap();
    let (outcome, seen) = performed(out.path(), scripted_speech(Story::Cold), Story::Cold).await;
    assert_went_well(&outcome, &seen);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_goes_as_scripted_with_real_speech() {
    let Some(speech) = local() else { return };
    let out = tempfile::tempdir().unwrap();
    let (outcome, seen) = performed(out.path(), speech, Story::Cold).await;
    assert_went_well(&outcome, &seen);
    let understood = seen.iter().any(|seen| seen.speaker == Speaker::Worker && seen.text.to_lowercase().contains("invoice"));
    assert!(understood, "the ear heard no invoice: {seen:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_warm_demonstration_goes_as_scripted_without_models() {
    let out = tempfile::tempdir().unwrap();
    let (outcome, seen) = performed(out.path(), scripted_speech(Story::Warm), Story::Warm).await;
    assert_went_well(&outcome, &seen);
}

async fn performed(out: &Path, speech: Speech, story: Story) -> (Outcome, Vec<Seen>) {
    let assistants = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/assistants");
    let stage = Stage { out: out.to_path_buf(), assistants, speech, story };
    let mut seen = Vec::new();
    let played = tokio::time::timeout(BOUND, play(stage, |one| seen.push(one.clone()))).await;
    let outcome = played.expect("the demonstration ends by itself").expect("it can be given");
    (outcome, seen)
}

fn assert_went_well(outcome: &Outcome, seen: &[Seen]) {
    let story: Vec<String> = seen.iter().map(|seen| format!("{} {:?} {}", seen.at, seen.speaker, seen.text)).collect();
    assert!(outcome.missing.is_empty(), "missing: {:#?}\n{story:#?}", outcome.missing);
    assert!(outcome.replay.starts_with("same:"), "{}", outcome.replay);
    assert!(outcome.recording.is_file() && outcome.audio.is_file());
    assert!(outcome.timeline.len() > 10, "{:#?}", outcome.timeline);
    for speaker in [Speaker::Caller, Speaker::Assistant, Speaker::Billing, Speaker::Worker, Speaker::Network] {
        assert!(seen.iter().any(|seen| seen.speaker == speaker), "nothing was seen of {speaker:?}: {story:#?}");
    }
}

fn local() -> Option<Speech> {
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    match Speech::local(&LocalConfig { models, cores: 2, cache_bytes: 16 << 20 }) {
        Ok(speech) => Some(speech),
        Err(why) => {
            #[expect(
                clippy::disallowed_methods,
                reason = "in continuous integration the models are there, and a skipped test is a failed one"
            )]
            let must = std::env::var_os("CI").is_some();
            assert!(!must, "{why}");
            eprintln!("SKIPPED: {why}");
            None
        }
    }
}
