//! Tests of collect.

use super::*;
use crate::model::{Bounded, Text};

fn key(digit: char) -> Digit {
    Digit::from_char(digit).unwrap()
}

fn at(millis: u64) -> CallTime {
    CallTime::from_millis(millis)
}

fn spec(max: u32) -> DtmfInputSpec {
    DtmfInputSpec { max_digits: Some(Bounded::of(max)), prefix: Some(Text::try_from("PIN: ").unwrap()), ..DtmfInputSpec::default() }
}

fn tuned(max: u32) -> Collector {
    let mut collector = Collector::new(&DtmfSettings::default());
    assert!(collector.retune(Some(&spec(max))));
    collector
}

#[test]
fn a_full_count_ends_at_once_and_its_terminator_is_not_the_next_input() {
    let mut collector = tuned(2);
    assert_eq!(collector.press(at(0), key('1')), Progress::Waiting(Millis(3_000)));
    assert_eq!(collector.press(at(100), key('2')), Progress::Done("PIN: 12".to_owned()));
    assert!(collector.keep(at(200), Kept::Asked, key('#')));
    assert_eq!(collector.held(), 0);
    assert!(collector.keep(at(300), Kept::Asked, key('#')), "a second one is a key of its own");
    assert_eq!(collector.held(), 1);
}

#[test]
fn a_late_terminator_is_a_key_of_its_own() {
    let mut collector = tuned(1);
    collector.press(at(0), key('1'));
    assert_eq!(collector.press(at(3_001), key('#')), Progress::Done("PIN: ".to_owned()));
}

#[test]
fn kept_keys_fill_one_collection_and_the_rest_waits() {
    let mut collector = tuned(3);
    for (millis, digit) in [(0, '1'), (10, '2'), (20, '3'), (30, '#'), (40, '4'), (50, '5')] {
        assert!(collector.keep(at(millis), Kept::Asked, key(digit)));
    }
    assert_eq!(collector.resume(at(60)), Progress::Done("PIN: 123".to_owned()));
    assert_eq!(collector.resume(at(70)), Progress::Waiting(Millis(3_000)));
    assert_eq!(collector.time_out(), Progress::Done("PIN: 45".to_owned()));
    assert_eq!(collector.time_out(), Progress::Nothing);
}

#[test]
fn keys_nobody_asked_for_grow_old_and_asked_ones_do_not() {
    let mut collector = Collector::new(&DtmfSettings::default());
    collector.keep(at(0), Kept::Unasked, key('7'));
    collector.keep(at(0), Kept::Asked, key('8'));
    assert_eq!(collector.resume(at(10)), Progress::Nothing, "the keypad is off");
    collector.retune(Some(&spec(1)));
    assert_eq!(collector.resume(at(30_001)), Progress::Done("PIN: 8".to_owned()));
}

#[test]
fn no_more_than_sixty_four_keys_are_held() {
    let mut collector = Collector::new(&DtmfSettings::default());
    for _ in 0..DIGITS_MAX {
        assert!(collector.keep(at(0), Kept::Asked, key('1')));
    }
    assert!(!collector.keep(at(0), Kept::Asked, key('2')));
    assert_eq!(collector.held(), DIGITS_MAX);
}

#[test]
fn null_restores_the_assistants_settings() {
    let mut collector = tuned(3);
    assert!(collector.retune(None));
    assert_eq!(collector.settings(), &DtmfSettings::default());
    assert!(!collector.retune(None));
}
