//! A failing engine costs a turn, not the call; one that keeps failing ends it with an apology.

use crate::scenario::*;
use voice_worker::call::{Command, Event};
use voice_worker::model::{EndCause, Notice, RuntimeStatus, TurnResult};

const APOLOGY: &str = "Sorry, I did not get that. Could you say it again?";
const GOODBYE: &str = "I'm sorry, I can't go on right now. Please call again later. Goodbye.";

#[test]
fn a_turn_that_times_out_is_apologised_for_and_the_next_one_works() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.pass(15_000);
    assert!(call.has(|command| *command == Command::CancelTurn { turn }));
    assert!(call.has(|command| *command == Command::Notify(Notice::TurnTimedOut { turn })));
    let apology = call.play(APOLOGY);
    call.ready(turn, result("Too late."));
    call.played(apology);
    call.words("hello again");
    let next = call.turn(&said("hello again"));
    call.ready(next, result("Hello."));
    call.play("Hello.");
}

#[test]
fn three_failed_turns_in_a_row_end_the_call_after_a_goodbye() {
    let (mut call, mut turn) = Scenario::asked(quiet());
    for _ in 0..2 {
        call.event(Event::TurnFailed { turn, error: "model".to_owned() });
        let apology = call.play(APOLOGY);
        call.played(apology);
        call.words("once more");
        turn = call.turn(&said("once more"));
    }
    call.ready(turn, TurnResult { error: Some("max_steps_exceeded".to_owned()), ..result("") });
    let goodbye = call.play(GOODBYE);
    call.played(goodbye);
    call.released_and_closes(EndCause::EngineFailed);
}

#[test]
fn a_turn_that_works_forgives_the_failures_before_it() {
    let (mut call, mut turn) = Scenario::asked(quiet());
    for round in 0..6 {
        if round % 2 == 0 {
            call.ready(turn, TurnResult { status: RuntimeStatus::Error, ..result("I stumbled.") });
            let words = call.play("I stumbled.");
            call.played(words);
        } else {
            call.ready(turn, result(""));
        }
        call.words("go on");
        turn = call.turn(&said("go on"));
    }
}

#[test]
fn a_recogniser_that_dies_is_started_again_and_then_the_keypad_carries_the_call() {
    let mut call = Scenario::talking(keypad(2));
    for _ in 0..2 {
        call.event(Event::RecognitionFailed { leg: LEG });
        assert_eq!(call.orders(), [Command::Listen { leg: LEG }]);
    }
    call.event(Event::RecognitionFailed { leg: LEG });
    assert_eq!(call.notices(), [Notice::RecognitionFailed { leg: LEG, given_up: true }]);
    call.keys("12");
    call.turn(&keyed("DTMF: 12"));
}

#[test]
fn without_ears_and_keys_the_call_ends_with_words() {
    let mut call = Scenario::talking(quiet());
    for _ in 0..3 {
        call.event(Event::RecognitionFailed { leg: LEG });
    }
    let goodbye = call.play(GOODBYE);
    call.played(goodbye);
    call.released_and_closes(EndCause::EngineFailed);
}

#[test]
fn speech_that_fails_again_and_again_ends_the_call_and_once_does_not() {
    let (mut call, mut turn) = Scenario::asked(quiet());
    for round in 0..3 {
        call.ready(turn, result("Words."));
        let utterance = call.play("Words.");
        call.event(Event::PlaybackFailed { utterance });
        assert!(call.has(|command| *command == Command::ReportHeard { turn, text: "".into() }));
        if round < 2 {
            call.words("I hear nothing");
            turn = call.turn(&said("I hear nothing"));
        }
    }
    call.released_and_closes(EndCause::EngineFailed);
}

#[test]
fn an_utterance_that_is_never_reported_does_not_hold_the_call() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, result("Words."));
    let utterance = call.play("Words.");
    call.words("and then what");
    assert!(call.has_cut(utterance));
    assert!(!call.has_turn(), "the report comes first");
    call.pass(2_000);
    assert!(call.has(|command| *command == Command::ReportHeard { turn, text: "".into() }));
    call.turn(&said("and then what"));
}
