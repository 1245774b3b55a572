//! The contract's types against the published OpenAPI: names, types, bounds and defaults.
//!
//! `contract/openapi-facts.json` holds those facts as they were read out of the published document. Three things are held against it: the document
//! itself where it lies beside the checkout, the behaviour of our types (each bound is probed, nothing is listed twice), and the OpenAPI document
//! the worker generates.

#![allow(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

#[path = "contract/facts.rs"]
mod facts;
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
