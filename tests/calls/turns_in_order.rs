//! One turn at a time; what comes meanwhile is answered next, in order.

use crate::scenario::*;
use voice_worker::call::{Command, Event, TimerKind};
use voice_worker::model::{Bounded, Notice, TurnResult};

#[test]
fn words_spoken_while_a_turn_is_computed_are_one_next_input() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.wakes(15_000, TimerKind::Turn);
    call.words("and my number");
    call.words("is ten");
    assert!(!call.has_turn());
    call.ready(turn, result("Yes."));
    let yes = call.play("Yes.");
    assert!(!call.has_turn(), "the answer is heard first");
    call.played(yes);
    call.turn(&said("and my number is ten"));
}

#[test]
fn sentences_are_spoken_as_they_come_and_not_twice() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.event(Event::TurnSpeech { turn, text: "First.".into() });
    call.play("First.");
    call.pass(10_000);
    call.event(Event::TurnSpeech { turn, text: "Second.".into() });
    call.play("Second.");
    call.wakes(15_000, TimerKind::Turn);
    call.ready(turn, result("First. Second. Third."));
    call.play("Third.");
    assert!(!call.has(|command| matches!(command, Command::Play { .. })));
}

#[test]
fn an_answer_to_another_turn_is_counted_and_dropped() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(voice_worker::model::TurnId(turn.0 + 1), result("Not mine."));
    assert_eq!(call.notices(), [Notice::Stale { what: "turn_ready".to_owned() }]);
    call.ready(turn, result("Mine."));
    call.play("Mine.");
    call.ready(turn, result("Mine again."));
    assert!(!call.has(|command| matches!(command, Command::Play { .. })));
}

#[test]
fn partial_words_stand_in_for_final_ones_that_do_not_come() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::PartialTranscript { leg: LEG, text: "I want tickets".into() });
    call.event(Event::SpeechEnded { leg: LEG });
    call.wakes(250, TimerKind::FinalWords);
    call.pass(250);
    let turn = call.turn(&said("I want tickets"));
    call.words("I want tickets.");
    assert_eq!(call.orders(), [], "the same words again are no new input");
    call.ready(turn, result("Which?"));
    call.play("Which?");
}

#[test]
fn final_words_that_differ_replace_the_partial_ones_before_the_answer() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::PartialTranscript { leg: LEG, text: "I want".into() });
    call.event(Event::SpeechEnded { leg: LEG });
    call.pass(250);
    let turn = call.turn(&said("I want"));
    call.words("I want tickets");
    assert!(call.has(|command| *command == Command::CancelTurn { turn }));
    call.turn(&said("I want tickets"));
}

#[test]
fn final_words_within_the_grace_are_used_alone() {
    let mut settings = quiet();
    settings.voice.interruption_final_transcript_grace_ms = Bounded::of(600);
    let mut call = Scenario::talking(settings);
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::PartialTranscript { leg: LEG, text: "I want".into() });
    call.event(Event::SpeechEnded { leg: LEG });
    call.pass(500);
    call.words("I want tickets");
    let turn = call.turn(&said("I want tickets"));
    call.pass(5_000);
    call.ready(turn, result(""));
    assert_eq!(call.orders(), []);
}

#[test]
fn while_a_human_is_awaited_silence_does_not_end_the_call() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, TurnResult { handoff: Some(serde_json::Map::new()), ..result("") });
    assert!(call.notices().contains(&Notice::HandoffRequested { turn }));
    call.wakes(20_000, TimerKind::Waiting);
    call.words("are they coming");
    let turn = call.turn(&said("are they coming"));
    call.ready(turn, result(""));
    call.pass(60_000);
    assert!(!call.call.is_finished());
}
