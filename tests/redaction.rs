//! Nothing that callers say, key or are called from reaches a log line.
//!
//! A whole conversation is driven through core and runtime while a log layer reads every event at every level; the layer panics at the first line
//! that holds a secret. The same secrets must not be in any `Debug` form that code might put into a line.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};
use voice_worker::call::{CallSettings, Command, Event};
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
