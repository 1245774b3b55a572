//! Messages as the world really writes them: every one gets the answer it deserves, and none leaves anything behind.

use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip/trunk").join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn everything() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip");
    let mut files: Vec<PathBuf> = ["torture", "trunk"]
        .iter()
        .flat_map(|folder| fs::read_dir(root.join(folder)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "sip"))
        .collect();
    files.sort();
    assert!(files.len() > 80, "only {} fixtures", files.len());
    files
}

fn rings_and_is_answered(name: &str) {
    let mut bench = Bench::new();
    bench.endpoint.receive(bench.at, Bench::source(), &fixture(name));
    let events = bench.events();
    let leg = match &events[..] {
        [LegEvent::Incoming { leg, .. }] => *leg,
        other => panic!("{name}: {other:?}, answers {:?}", bench.statuses()),
    };
    bench.endpoint.order(bench.at, Order::Ring { leg }).unwrap();
    let answered = bench.endpoint.order(bench.at, Order::Answer { leg, media: media("192.0.2.1", 6000) });
    assert!(answered.is_ok(), "{name}: {answered:?}");
    assert_eq!(bench.statuses(), [100, 180, 200], "{name}");
    bench.release(leg);
    bench.pass(70_000);
    bench.heard();
    assert_eq!(released(&bench.events()).len(), 1, "{name}");
    bench.ends_empty();
}

fn refused_with(name: &str, status: u16, header: &str) {
    let mut bench = Bench::new();
    bench.endpoint.receive(bench.at, Bench::source(), &fixture(name));
    let answers = bench.responses();
    let last = answers.last().unwrap_or_else(|| panic!("{name}: no answer"));
    assert_eq!(last.status, status, "{name}");
    assert!(header.is_empty() || last.headers.contains(header), "{name}: no {header}");
    assert_eq!(bench.events(), [], "{name}");
}

#[test]
fn odd_but_legal_invites_ring_and_are_answered() {
    for name in [
        "compact-names.sip",
        "folded-via.sip",
        "tel-request-uri.sip",
        "ipv6-request-uri.sip",
        "latin1-display-name.sip",
        "angle-in-display-name.sip",
        "two-vias-one-line.sip",
        "space-before-semicolon.sip",
    ] {
        rings_and_is_answered(name);
    }
}

#[test]
fn what_cannot_be_taken_is_refused_with_the_header_that_helps() {
    refused_with("unknown-method.sip", 501, "");
    refused_with("require-unknown.sip", 420, "Unsupported");
}

/// RFC 4028 section 9: 422 only to a caller that knows session timers; another one is simply answered.
#[test]
fn a_session_of_a_minute_is_too_short_for_a_caller_that_knows_timers() {
    rings_and_is_answered("session-expires-60.sip");
    let knows = String::from_utf8(fixture("session-expires-60.sip"))
        .unwrap()
        .replace("Session-Expires: 60", "Session-Expires: 60\r\nSupported: timer");
    let mut bench = Bench::new();
    bench.say(&knows);
    let refusal = bench.responses().pop().unwrap();
    assert_eq!((refusal.status, refusal.headers.contains("Min-SE")), (422, true));
    assert_eq!(bench.events(), []);
}

/// What left, unread: the refusal of a broken message repeats its broken headers, as RFC 3261 section 8.2.6.2 wants.
fn sent(bench: &mut Bench) -> Vec<Vec<u8>> {
    std::iter::from_fn(|| bench.endpoint.poll_transmit()).map(|one| one.bytes.to_vec()).collect()
}

#[test]
fn every_fixture_leaves_the_endpoint_empty() {
    for path in everything() {
        let mut bench = Bench::new();
        bench.endpoint.receive(bench.at, Bench::source(), &fs::read(&path).unwrap());
        sent(&mut bench);
        for event in bench.events() {
            if let LegEvent::Incoming { leg, .. } = event {
                bench.release(leg);
            }
        }
        bench.pass(70_000);
        sent(&mut bench);
        bench.events();
        assert!(bench.endpoint.is_empty(), "{}: {:?}", path.display(), bench.endpoint.counts());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Bytes changed anywhere in any of them, in the middle of a live call: no panic, and the call is still there.
    #[test]
    fn no_mutated_message_panics_or_costs_another_call(which in 0_usize..80, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12)) {
        let files = everything();
        let mut bytes = fs::read(&files[which % files.len()]).unwrap();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        let mut bench = Bench::new();
        let leg = bench.call_in();
        bench.endpoint.receive(bench.at, Bench::source(), &bytes);
        sent(&mut bench);
        bench.pass(1_000);
        bench.release(leg);
        prop_assert!(sent(&mut bench).iter().any(|bytes| bytes.starts_with(b"BYE ")), "the live call was lost");
    }
}
