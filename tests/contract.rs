//! The contract's types against the published OpenAPI: names, types, bounds and defaults.
//!
//! `contract/openapi-facts.json` holds those facts as they were read out of the published document. Three things are held against it: the document
//! itself where it lies beside the checkout, the behaviour of our types (each bound is probed, nothing is listed twice), and the OpenAPI document
//! the worker generates.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

#[path = "contract/differences.rs"]
mod differences;
#[path = "contract/facts.rs"]
mod facts;
#[path = "contract/operations.rs"]
mod operations;
#[path = "contract/probe.rs"]
mod probe;

use facts::{Facts, extract};
use probe::{Probe, through};
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use voice_worker::model::{
    AssistantMessage, CallTransferIntent, DtmfInputSpec, RuntimeStatus, TerminationReason, TurnResult, WarmTransferConfig,
    WarmTransferTargetOverride,
};

/// Schema names as published; `SessionStatus` is the runtime's there.
const OBJECTS: [(&str, Probe); 6] = [
    ("TurnResult", through::<TurnResult>),
    ("AssistantMessage", through::<AssistantMessage>),
    ("CallTransferIntent", through::<CallTransferIntent>),
    ("WarmTransferConfig", through::<WarmTransferConfig>),
    ("WarmTransferTargetOverride", through::<WarmTransferTargetOverride>),
    ("DtmfInputSpec", through::<DtmfInputSpec>),
];
const ENUMS: [(&str, Probe); 2] = [("SessionStatus", through::<RuntimeStatus>), ("SessionTerminationReason", through::<TerminationReason>)];
/// Words of the later edition, ours besides the published ones.
const LATER_REASONS: [&str; 2] = ["orphaned", "capacity_rejected"];

fn names() -> Vec<&'static str> {
    OBJECTS.iter().chain(&ENUMS).map(|(name, _)| *name).collect()
}

fn committed() -> Facts {
    serde_json::from_str(include_str!("contract/openapi-facts.json")).unwrap()
}

fn published() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    ["..", "../..", "../../.."].iter().map(|up| here.join(up).join("shared/feather/openapi-1.21-voice.json")).find(|path| path.is_file())
}

#[test]
fn the_committed_facts_are_those_of_the_published_document() {
    let Some(path) = published() else {
        // Past the test harness's capture: a skipped check must be seen.
        let _ = std::io::stderr()
            .write_all(b"contract: the published OpenAPI document is not beside this checkout; the committed facts stand alone\n");
        return;
    };
    let document: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let found = extract(&document, &names());
    if found != committed() {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi-facts.json");
        std::fs::write(&copy, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        panic!("the published facts have changed; they are in {}: compare them with tests/contract/openapi-facts.json", copy.display());
    }
}

#[test]
fn our_types_take_and_give_what_is_published() {
    let facts = committed();
    let mut faults = Vec::new();
    for (name, probe) in OBJECTS {
        probe::object(name, &facts, probe, &mut faults);
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn our_words_are_the_published_ones() {
    let facts = committed();
    for (name, probe) in ENUMS {
        let mut expected = facts[name].words.clone();
        if name == "SessionTerminationReason" {
            expected.extend(LATER_REASONS.map(str::to_owned));
        }
        for word in &expected {
            assert_eq!(probe(Value::from(word.as_str())), Ok(Value::from(word.as_str())), "{name}");
        }
        // Serde names every word it knows when it refuses one.
        let refused = probe(Value::from("no such word")).unwrap_err();
        let known: Vec<&str> = refused.split('`').skip(3).step_by(2).collect();
        assert_eq!(known, expected, "{name}: {refused}");
    }
    let all: Vec<&str> = TerminationReason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(all[..all.len() - LATER_REASONS.len()], facts["SessionTerminationReason"].words);
}

#[test]
fn the_document_the_worker_generates_says_the_same() {
    let document = serde_json::to_value(voice_worker::api::openapi()).unwrap();
    let mut generated = extract(&document, &names());
    let reasons = &mut generated.get_mut("SessionTerminationReason").unwrap().words;
    reasons.retain(|word| !LATER_REASONS.contains(&word.as_str()));
    for (name, expected) in committed() {
        let found = &generated[&name];
        for (field, fact) in &expected.fields {
            assert_eq!(found.fields.get(field), Some(fact), "{name}.{field}: left is generated, right is published");
        }
        assert_eq!(found, &expected, "{name}");
    }
}

fn generated() -> Value {
    serde_json::to_value(voice_worker::api::openapi()).unwrap()
}

fn published_document() -> Option<Value> {
    published().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
}

#[test]
fn the_committed_operations_are_those_of_the_published_document() {
    let Some(document) = published_document() else {
        let _ = std::io::stderr()
            .write_all(b"contract: the published OpenAPI document is not beside this checkout; the committed operations stand alone\n");
        return;
    };
    let found = operations::operations(&document);
    let committed: operations::Operations = serde_json::from_str(include_str!("contract/operations-facts.json")).unwrap();
    if found != committed {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("operations-facts.json");
        std::fs::write(&copy, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
        panic!("the published operations have changed: compare {} with tests/contract/operations-facts.json", copy.display());
    }
}

/// The later edition's spelling is the same operations once more.
fn without_the_later_edition(mut ours: operations::Operations) -> operations::Operations {
    let names: Vec<String> = ours.keys().filter(|name| name.contains(" /v1/v2/")).cloned().collect();
    for name in names {
        let later = name.replace("/v1/v2/", "/v1/");
        let twin = ours.remove(&later).unwrap_or_else(|| panic!("{later} is not served"));
        let same = operations::Operation { id: ours[&name].id.clone(), ..twin };
        assert_eq!(same, ours[&name], "{later}");
    }
    ours
}

#[test]
fn every_difference_from_the_published_operations_has_a_reason_and_every_reason_a_difference() {
    let committed: operations::Operations = serde_json::from_str(include_str!("contract/operations-facts.json")).unwrap();
    let ours = without_the_later_edition(operations::operations(&generated()));
    let found = operations::differences(&committed, &ours);
    let unexplained: Vec<&String> =
        found.iter().filter(|line| !differences::DIFFERENCES.iter().any(|(pattern, _)| fits(pattern, line))).collect();
    let listed: Vec<String> = unexplained.iter().map(|line| format!("    ({line:?}, \"\"),")).collect();
    assert!(listed.is_empty(), "differences without a reason in tests/contract/differences.rs:\n{}", listed.join("\n"));
    for (pattern, reason) in differences::DIFFERENCES {
        assert!(found.iter().any(|line| fits(pattern, line)), "this row is stale: {pattern:?}");
        assert!(reason.len() > 10, "{pattern:?} needs a reason");
    }
}

#[test]
fn the_worker_says_of_itself_what_the_golden_file_says() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract/openapi.json");
    let now = serde_json::to_string_pretty(&generated()).unwrap() + "\n";
    let before = std::fs::read_to_string(&golden).unwrap_or_default();
    if now != before {
        let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("openapi.json");
        std::fs::write(&copy, &now).unwrap();
        let line = now.lines().zip(before.lines()).position(|(now, before)| now != before).unwrap_or(0) + 1;
        panic!("the API has changed at line {line} of {}; if it was meant to, copy {} over it", golden.display(), copy.display());
    }
}

/// `*` stands for anything, also for nothing.
fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == line,
        Some((head, rest)) => line.strip_prefix(head).is_some_and(|line| {
            let mut starts = line.char_indices().map(|(at, _)| at).chain([line.len()]);
            starts.any(|at| fits(rest, &line[at..]))
        }),
    }
}
