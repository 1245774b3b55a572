//! Pains 18–20: no key is lost, doubled or re-labelled, and a full count does not wait.

use crate::scenario::*;
use voice_worker::call::{Command, TimerKind};
use voice_worker::model::{Bounded, TurnResult};

#[test]
fn a_full_count_ends_the_collection_at_once() {
    let mut call = Scenario::talking(keypad(3));
    call.keys("12");
    call.wakes(3_000, TimerKind::InterDigit);
    call.pass(2_000);
    call.keys("3");
    call.turn(&keyed("DTMF: 123"));
}

#[test]
fn the_terminator_ends_it_and_is_not_in_the_text() {
    let mut call = Scenario::talking(keypad(32));
    call.keys("4572#");
    call.turn(&keyed("DTMF: 4572"));
}

#[test]
fn a_pause_ends_it_and_each_key_starts_the_pause_anew() {
    let mut call = Scenario::talking(keypad(32));
    call.keys("4");
    call.pass(2_999);
    call.keys("5");
    call.pass(2_999);
    assert!(!call.has_turn());
    call.wakes(1, TimerKind::InterDigit);
    call.pass(1);
    call.turn(&keyed("DTMF: 45"));
}

#[test]
fn keys_typed_while_a_turn_is_computed_belong_to_the_collection_it_asks_for() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.keys("12");
    assert!(!call.has_turn());
    call.ready(turn, TurnResult { dtmf_input: Some(collect(4)), ..result("Your number?") });
    assert!(call.has(|command| matches!(command, Command::Collecting { settings, .. } if settings.dtmf_max_digits == Bounded::of(4) && settings.dtmf_enabled)));
    let question = call.play("Your number?");
    call.keys("34#");
    assert!(call.has_cut(question), "a key cuts what may be cut");
    call.cut_after(question, 100, 1_000);
    let turn = call.turn(&keyed("DTMF: 1234"));
    call.ready(turn, result(""));
    assert!(!call.has_turn(), "the # belonged to the number");
    assert!(call.has(|command| matches!(command, Command::Collecting { settings, .. } if !settings.dtmf_enabled)), "null restores");
}

#[test]
fn keys_before_the_question_wait_for_it_but_not_for_ever() {
    let mut call = Scenario::talking(quiet());
    call.keys("7");
    call.pass(20_000);
    call.words("hello there");
    let turn = call.turn(&said("hello there"));
    call.ready(turn, TurnResult { dtmf_input: Some(collect(1)), ..result("") });
    let turn = call.turn(&keyed("DTMF: 7"));
    call.ready(turn, result(""));
    call.keys("8");
    call.words("and more");
    let turn = call.turn(&said("and more"));
    call.pass(5_000);
    call.ready(turn, result("A long explanation."));
    let words = call.play("A long explanation.");
    call.pass(26_000);
    call.played(words);
    call.words("I see it");
    let turn = call.turn(&said("I see it"));
    call.ready(turn, TurnResult { dtmf_input: Some(collect(1)), ..result("") });
    assert!(!call.has_turn(), "half a minute later it is noise");
}

#[test]
fn a_key_cuts_a_turns_first_sentences_but_its_answer_still_tunes_the_keypad() {
    let (mut call, turn) = Scenario::asked(keypad(8));
    call.event(voice_worker::call::Event::TurnSpeech { turn, text: "Please type.".into() });
    let first = call.play("Please type.");
    call.keys("5");
    assert!(call.has_cut(first));
    call.cut_after(first, 100, 900);
    call.ready(turn, TurnResult { dtmf_input: Some(collect(2)), ..result("Please type. Your pin.") });
    assert!(!call.has(|command| matches!(command, Command::Play { .. } | Command::CancelTurn { .. })));
    call.keys("6");
    call.turn(&keyed("DTMF: 56"));
}

#[test]
fn noise_does_not_break_a_number_that_is_being_typed() {
    let mut call = Scenario::talking(keypad(4));
    call.keys("12");
    call.words("hm hm");
    assert!(!call.has_turn());
    call.keys("34");
    let turn = call.turn(&said("hm hm"));
    call.ready(turn, result(""));
    call.turn(&keyed("DTMF: 1234"));
}

#[test]
fn keys_typed_before_the_leg_is_confirmed_open_the_first_collection() {
    let mut call = Scenario::inbound(keypad(3));
    call.keys("12");
    call.event(voice_worker::call::Event::LegAnswered { leg: LEG });
    call.keys("3");
    call.turn(&keyed("DTMF: 123"));
}
