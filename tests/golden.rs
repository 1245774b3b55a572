//! Recordings and transcripts that must come out today as they did.
//!
//! `tests/golden/*.jsonl` are recordings of real calls, made by the worker; `tests/golden/transcripts/*.jsonl` are hand-written. A change of the
//! core that is meant shows here as a first difference with its event: read it, then record the calls anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use voice_worker::call::{CallSettings, Command, Event};
use voice_worker::host::Assistants;
use voice_worker::replay::transcript::{Faults, ReferFault, TranscriptReplay, parse, transcript_replay};
use voice_worker::replay::{
    AgentReplayError, Entry, Header, Line, Masker, Recording, SCHEMA, agent_replay, decode, encode, encode_header, host_replay,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder(name))
        .expect("the folder is there")
        .map(|entry| entry.expect("the folder is readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{name} is empty");
    files
}

fn recordings() -> Vec<(PathBuf, Recording)> {
    files("tests/golden")
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            let recording = decode(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            (path, recording)
        })
        .collect()
}

fn play(path: &Path) -> TranscriptReplay {
    let text = fs::read_to_string(path).expect("readable");
    let steps = parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let source = folder("config/assistants/front-desk.toml");
    let assistant =
        Assistants::load_one(&source, &fs::read_to_string(&source).expect("readable"), &BTreeMap::new()).expect("the sample loads");
    let settings = CallSettings { voice: assistant.assistant.voice().clone(), ..CallSettings::default() };
    let refer = if text.starts_with("# fault: refer=486@notify") { ReferFault::Failed(486) } else { ReferFault::None };
    transcript_replay(&assistant.assistant, settings, &steps, Faults { refer }, 1)
}

#[test]
fn recorded_calls_replay_to_the_same_commands() {
    for (path, recording) in recordings() {
        let found = host_replay(&recording);
        if let Some(difference) = &found.difference {
            panic!("{}: {difference}", path.display());
        }
        assert!(found.events > 3 && found.commands > 3, "{}: almost nothing was replayed", path.display());
        assert!(found.finished && recording.is_whole(), "{}: the call did not come to its end", path.display());
    }
}

#[test]
fn transcripts_meet_their_expectations() {
    for path in files("tests/golden/transcripts") {
        let found = play(&path);
        let unmet: Vec<String> = found.unmet.iter().map(ToString::to_string).collect();
        assert!(unmet.is_empty(), "{}:\n{}", path.display(), unmet.join("\n"));
        assert!(found.expectations > 0 && found.finished, "{}: nothing expected, or the caller is stranded", path.display());
    }
}

#[test]
fn an_expectation_that_is_not_met_names_its_line_and_what_was_seen() {
    let source = folder("config/assistants/front-desk.toml");
    let assistant =
        Assistants::load_one(&source, &fs::read_to_string(&source).expect("readable"), &BTreeMap::new()).expect("the sample loads");
    let steps =
        parse("{\"expect\": {\"spoken\": \"good evening\", \"dtmf\": {\"max_digits\": 9}, \"end\": \"transferred\"}}").expect("a step");
    let settings = CallSettings { voice: assistant.assistant.voice().clone(), ..CallSettings::default() };
    let found = transcript_replay(&assistant.assistant, settings, &steps, Faults::default(), 1);
    let unmet: Vec<String> = found.unmet.iter().map(ToString::to_string).collect();
    assert_eq!(unmet.len(), 3, "{unmet:?}");
    assert!(unmet[0].starts_with("line 1: expected to hear “good evening”, but heard “Hello, this is the front desk"), "{}", unmet[0]);
}

#[test]
fn a_changed_decision_is_found_with_the_event_that_caused_it() {
    for (path, mut recording) in recordings() {
        // As if today's core spoke other words than the one that was recorded.
        let spoken = recording.lines.iter_mut().find_map(|line| match &mut line.entry {
            Entry::Command(Command::Play { text, .. }) => Some((line.seq, text)),
            _ => None,
        });
        let Some((seq, text)) = spoken else { panic!("{}: nothing is spoken", path.display()) };
        *text = "something else".into();
        let difference = host_replay(&recording).difference.expect("a changed command is a difference");
        assert!(difference.seq < seq, "{}", path.display());
        let said = difference.to_string();
        assert!(said.contains("something else") && said.contains("first difference at"), "{said}");
    }
}

/// Every hand-written call, recorded and masked: its replay must be as exact as that of the open recording, and hold no word of it.
#[test]
fn a_masked_recording_replays_exactly() {
    for path in files("tests/golden/transcripts") {
        let found = play(&path);
        let mut masker = Masker::new();
        let header = Header {
            schema: SCHEMA,
            build: "test".to_owned(),
            conversation: voice_worker::model::ConversationId(uuid::Uuid::nil()),
            wall: voice_worker::model::WallTime(0),
            seed: 1,
            settings_digest: String::new(),
            assistant_digest: String::new(),
            assistant: "front-desk".to_owned(),
            masked: true,
            sealed: None,
        };
        let mut text = encode_header(&header).expect("encodes");
        for line in &found.lines {
            let masked = Line { entry: masker.mask(line.entry.clone()), ..line.clone() };
            text += &encode(&masked).expect("encodes");
        }
        assert!(!text.contains("invoice question about") && !text.contains("4572"), "{}", path.display());
        let recording = decode(&text).expect("decodes");
        let replayed = host_replay(&recording);
        if let Some(difference) = replayed.difference {
            panic!("{}: {difference}", path.display());
        }
        assert!(replayed.finished && recording.is_whole(), "{}", path.display());
    }
}

#[test]
fn a_recorded_call_comes_out_of_todays_runtime_as_it_did() {
    let samples = Assistants::built_in("front-desk", Vec::new()).expect("the samples load");
    for (path, recording) in recordings() {
        let assigned = samples.all().find(|assigned| assigned.name == recording.header.assistant).expect("a sample");
        let opened = recording.lines.iter().find_map(|line| match &line.entry {
            Entry::Event(Event::Offered(opening)) => Some(opening.clone()),
            _ => None,
        });
        assert!(opened.is_some(), "{}", path.display());
        let found = agent_replay(&recording, Arc::clone(&assigned.assistant)).unwrap_or_else(|error| panic!("{error}"));
        // The demonstration dials its own desk: the destination alone is not the file's.
        let differs = found.difference.filter(|difference| difference.field != "call_transfer.destination");
        assert!(differs.is_none(), "{}: {}", path.display(), differs.expect("checked"));
        assert!(found.turns > 0, "{}: nothing was compared", path.display());
    }
}

#[test]
fn a_turn_that_comes_out_otherwise_is_named_with_its_field() {
    let samples = Assistants::built_in("front-desk", Vec::new()).expect("the samples load");
    let desk = samples.all().find(|assigned| assigned.name == "front-desk").expect("a sample");
    let (_, mut recording) = recordings().remove(0);
    let result = recording.lines.iter_mut().find_map(|line| match &mut line.entry {
        Entry::Event(Event::TurnReady { result, .. }) => Some(result),
        _ => None,
    });
    result.expect("a turn").messages[0].content = "Something else.".to_owned();
    let difference = agent_replay(&recording, Arc::clone(&desk.assistant)).expect("it replays").difference.expect("it differs");
    assert_eq!((difference.field.as_str(), &difference.recorded), ("messages[0].content", &"Something else.".into()));
    recording.header.masked = true;
    assert_eq!(agent_replay(&recording, Arc::clone(&desk.assistant)), Err(AgentReplayError::Masked));
}
