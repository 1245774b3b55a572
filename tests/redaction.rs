//! Nothing that callers say, key or are called from reaches a log line.
//!
//! A whole conversation is driven through core and runtime while a log layer reads every event at every level; the layer panics at the first line
//! that holds a secret. The same secrets must not be in any `Debug` form that code might put into a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use voice_worker::call::{CallSettings, Command, Event};
use voice_worker::cli::demo::{Stage, Story, play, scripted_speech};
use voice_worker::host::Assistants;
use voice_worker::model::ConversationId;
use voice_worker::replay::Entry;
use voice_worker::replay::transcript::{Faults, parse, transcript_replay};
use voice_worker::telemetry;

/// What the caller of the scripts below says, keys and calls from.
const SECRETS: &[&str] = &["4572", "zanzibar", "15550100"];

const SCRIPT: &str = r##"
{"dtmf": "4572#"}
{"caller": "yes my name is zanzibar"}
{"caller": "zanzibar wants billing please"}
"##;

/// Reads every event; panics where a secret is in one.
#[derive(Clone, Default)]
struct Guard {
    lines: Arc<Mutex<usize>>,
}

struct Reader<'a>(&'a mut String);

impl Visit for Reader<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        *self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl<S: tracing::Subscriber> Layer<S> for Guard {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let mut line = String::new();
        event.record(&mut Reader(&mut line));
        *self.lines.lock().expect("no test panics while it counts") += 1;
        assert_clean(&line);
    }
}

fn assert_clean(text: &str) {
    for secret in SECRETS {
        assert!(!text.to_lowercase().contains(secret), "a secret reached a log line: {text}");
    }
}

fn entries() -> Vec<Entry> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/assistants/front-desk.toml");
    let assistant = Assistants::load_one(&path, &fs::read_to_string(&path).expect("readable"), &BTreeMap::new()).expect("the sample loads");
    let settings = CallSettings { voice: assistant.assistant.voice().clone(), ..CallSettings::default() };
    let steps = parse(SCRIPT).expect("the script reads");
    let found = transcript_replay(&assistant.assistant, settings, &steps, Faults::default(), 1);
    assert!(found.finished);
    found.lines.into_iter().map(|line| line.entry).collect()
}

#[test]
fn no_notice_of_a_call_brings_a_secret_into_the_log() {
    let guard = Guard::default();
    let lines = Arc::clone(&guard.lines);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(guard), || {
        for entry in entries() {
            if let Entry::Command(Command::Notify(notice)) = entry {
                telemetry::report(ConversationId(uuid::Uuid::nil()), &notice);
            }
        }
        let secret_error = voice_worker::model::Notice::TurnFailed {
            turn: voice_worker::model::TurnId(1),
            error: "node_execution_failed: ValueError: 45724572 is no date".to_owned(),
        };
        telemetry::report(ConversationId(uuid::Uuid::nil()), &secret_error);
    });
    assert!(*lines.lock().unwrap() > 1, "nothing was logged, so nothing was checked");
}

#[test]
fn no_debug_form_of_an_event_or_command_holds_a_secret() {
    let mut seen = 0;
    for entry in entries() {
        match entry {
            Entry::Event(event) => assert_clean(&format!("{event:?}")),
            Entry::Command(command) => assert_clean(&format!("{command:?}")),
            _ => continue,
        }
        seen += 1;
    }
    assert!(seen > 20, "only {seen} entries were looked at");
}

#[test]
fn the_guard_notices_a_secret() {
    let caught = std::panic::catch_unwind(|| {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(Guard::default()), || {
            tracing::info!(number = "+15550100", "a line that should not be");
        });
    });
    assert!(caught.is_err());
    let event = Event::Transcript { leg: voice_worker::model::LegId(0), text: "zanzibar".into(), confidence_permille: 1 };
    assert_clean(&format!("{event:?}"));
}

/// What the caller of the demonstration keys and says, and some of what is said to them.
const SPOKEN: &[&str] = &["invoice", "that is right", "4 7 1 1", "4, 7, 1, 1", "account number"];
const KEYED: &str = "4711";

/// Keeps every line of the process that holds a secret, spans and all levels included, and counts the rest.
#[derive(Clone, Default)]
struct Listener {
    seen: Arc<Mutex<(usize, Vec<String>)>>,
}

/// Texts only: a number that is logged as a number is a count or a time.
struct Texts<'a>(&'a mut String);

impl Visit for Texts<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        *self.0 += &format!("{}={value:?} ", field.name());
    }

    fn record_u64(&mut self, _: &Field, _: u64) {}

    fn record_i64(&mut self, _: &Field, _: i64) {}
}

impl Listener {
    fn hear(&self, target: &str, record: impl FnOnce(&mut Texts<'_>)) {
        let mut line = format!("{target}: ");
        record(&mut Texts(&mut line));
        let lower = line.to_lowercase();
        let mut seen = self.seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen.0 += 1;
        if SPOKEN.iter().any(|words| lower.contains(words)) || stands_alone(&lower, KEYED) {
            seen.1.push(line);
        }
    }
}

/// Not as a part of an id, a port or another number.
fn stands_alone(text: &str, word: &str) -> bool {
    let part = |neighbour: Option<char>| neighbour.is_some_and(|letter| letter.is_ascii_alphanumeric() || "-.:".contains(letter));
    text.match_indices(word).any(|(at, _)| {
        !part(text[..at].chars().next_back()) && !text[at + word.len()..].starts_with(|letter: char| letter.is_ascii_alphanumeric())
    })
}

impl<S: tracing::Subscriber> Layer<S> for Listener {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        self.hear(event.metadata().target(), |texts| event.record(texts));
    }

    fn on_new_span(&self, span: &tracing::span::Attributes<'_>, _: &tracing::span::Id, _: Context<'_, S>) {
        self.hear(span.metadata().target(), |texts| span.record(texts));
    }

    fn on_record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>, _: Context<'_, S>) {
        self.hear("record", |texts| values.record(texts));
    }
}

/// A whole worker and its callers over SIP and RTP, with every line of every crate at every level.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_log_of_a_real_call_holds_nothing_that_was_said_or_keyed() {
    let listener = Listener::default();
    let seen = Arc::clone(&listener.seen);
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(listener)).expect("no other test sets it");
    let out = tempfile::tempdir().expect("a folder");
    let assistants = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/assistants");
    let stage = Stage { out: out.path().to_path_buf(), assistants, speech: scripted_speech(Story::Cold), story: Story::Cold };
    let played = tokio::time::timeout(Duration::from_secs(100), play(stage, |_| {})).await;
    let outcome = played.expect("the call ends by itself").expect("it can be made");
    assert!(outcome.missing.is_empty(), "{:#?}", outcome.missing);
    let recording = fs::read_to_string(&outcome.recording).expect("it was recorded");
    assert!(recording.contains("invoice") && recording.contains("account number"), "the words were really said");
    let (lines, leaks) = &*seen.lock().expect("nobody panics while listening");
    assert!(*lines > 15, "only {lines} lines were heard");
    assert!(leaks.is_empty(), "{} of {lines} lines hold what was said or keyed: {:#?}", leaks.len(), &leaks[..leaks.len().min(10)]);
}

#[test]
fn keys_are_found_where_they_stand_alone() {
    for leak in ["digits=4711", "\"4711#\"", "text: 4711 ", "signal=4711\r\n"] {
        assert!(stands_alone(leak, KEYED), "{leak}");
    }
    for other in ["127.0.0.1:47112", "id=a4711b", "0-4711-9", "port 14711"] {
        assert!(!stands_alone(other, KEYED), "{other}");
    }
}
