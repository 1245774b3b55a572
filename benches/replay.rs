//! How long today's core takes for a recorded hour: reading the recording, and replaying it. `cargo bench --bench replay`.
//!
//! The hour is made, not waited for: core and runtime talk on the transcript desk in virtual time. A turn every ten seconds or so, every fifth
//! one over the assistant's words, every seventh by keypad, as a talkative caller would.
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement has a clock and talks to whoever runs it")]
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::sync::Arc;
use std::time::{Duration, Instant};
use voice_worker::call::CallSettings;
use voice_worker::model::{CallTime, ConversationId, Digit, Millis, WallTime};
use voice_worker::replay::transcript::{Desk, Faults};
use voice_worker::replay::{Entry, Header, Line, SCHEMA, decode, encode, encode_header, host_replay};
use voice_worker::runtime::Assistant;

const HOUR: CallTime = CallTime::from_millis(3_600_000);
const ASSISTANT: &str = r#"
name = "Echo"
[voice]
max_call_duration_ms = 14400000
[voice.first_speaking]
text = "Hello. I repeat what you say."
[workflow]
start = "listen"
[[workflow.nodes]]
id = "listen"
kind = "agent"
edges = [{ to = "repeat" }]
[[workflow.nodes]]
id = "repeat"
kind = "action"
say = "You said: {{caller_said}}"
edges = [{ to = "listen" }]
"#;
const SAID: &str = "I would like to know whether the parcel that I sent last Tuesday has arrived at its destination by now";

fn main() {
    let text = recording();
    let recording = decode(&text).expect("a recording just made can be read");
    let found = host_replay(&recording);
    assert!(found.difference.is_none() && found.length >= HOUR, "{found:?}");
    println!(
        "A call of {} s: {} events, {} commands, {} KiB.",
        found.length.millis() / 1_000,
        found.events,
        found.commands,
        text.len() / 1_024
    );
    report("replay of one hour", || drop(host_replay(&recording)));
    report("reading its recording", || drop(decode(&text)));
}

fn recording() -> String {
    let assistant = Arc::new(Assistant::load("echo.toml", ASSISTANT).expect("a sound assistant"));
    let settings = CallSettings { voice: assistant.voice().clone(), ..CallSettings::default() };
    let mut desk = Desk::new(Arc::clone(&assistant), settings, Faults::default(), 1);
    let keys: Vec<Digit> = "4711#".chars().filter_map(Digit::from_char).collect();
    // A turn takes some 12 seconds of words; with pauses 300 of them are an hour.
    for turn in 0..300 {
        match turn {
            turn if turn % 7 == 6 => desk.press(&keys),
            turn if turn % 5 == 4 => desk.say_over(SAID),
            _ => desk.say(SAID),
        }
        if turn % 5 != 3 {
            desk.pass(Millis(1_500));
        }
    }
    desk.hang_up();
    let header = Header {
        schema: SCHEMA,
        build: env!("CARGO_PKG_VERSION").to_owned(),
        conversation: ConversationId(uuid::Uuid::from_u128(1)),
        wall: WallTime(0),
        seed: 1,
        settings_digest: String::new(),
        assistant_digest: String::new(),
        assistant: "echo".to_owned(),
        masked: false,
        sealed: None,
    };
    let mut lines = desk.into_lines();
    if let Some(last) = lines.last().cloned() {
        lines.push(Line { seq: last.seq + 1, at: last.at, entry: Entry::Closed });
    }
    let body = lines.iter().map(|line| encode(line).expect("a line can be written"));
    body.fold(encode_header(&header).expect("a header can be written"), |text, line| text + &line)
}

/// Middle and best of many runs; the best is what the machine can do when it does nothing else.
fn report(what: &str, mut work: impl FnMut()) {
    let mut spans: Vec<Duration> = (0..50)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    spans.sort_unstable();
    let millis = |span: Duration| span.as_secs_f64() * 1_000.0;
    println!("{what}: {:.2} ms (best of 50: {:.2} ms)", millis(spans[25]), millis(spans[0]));
}
