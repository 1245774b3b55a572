//! Pains 31 and 32: an interruption cuts what is spoken now, tells the runtime what was heard, and touches nothing else.

use crate::scenario::*;
use voice_worker::call::{CallSettings, Command, Event, TimerKind};
use voice_worker::model::{Bounded, TurnId, UtteranceId};

fn speaking(settings: CallSettings) -> (Scenario, TurnId, UtteranceId) {
    let (mut call, turn) = Scenario::asked(settings);
    call.ready(turn, result("One two three four."));
    let utterance = call.play("One two three four.");
    call.event(Event::PlaybackStarted { utterance });
    (call, turn, utterance)
}

#[test]
fn the_runtime_learns_what_was_heard_before_the_next_turn() {
    let (mut call, turn, utterance) = speaking(quiet());
    call.words("no wait");
    assert_eq!(call.orders(), [Command::CutPlayback { leg: LEG, utterance }]);
    call.cut_after(utterance, 500, 1_000);
    assert_eq!(call.orders()[0], Command::ReportHeard { turn, text: "One two".into() });
    call.cut_after(utterance, 500, 1_000);
    assert_eq!(call.orders(), [], "a report that comes twice is stale");
}

#[test]
fn the_next_reply_plays_whole_after_an_interruption() {
    let (mut call, _, utterance) = speaking(quiet());
    call.words("no wait");
    call.cut_after(utterance, 500, 1_000);
    let next = call.turn(&said("no wait"));
    call.take();
    call.ready(next, result("Yes?"));
    let reply = call.play("Yes?");
    call.cut_after(utterance, 700, 1_000);
    assert!(!call.has_cut(reply));
    call.played(reply);
    assert!(!call.has(|command| matches!(command, Command::ReportHeard { .. })));
}

#[test]
fn a_cough_or_one_word_does_not_interrupt_and_is_answered_afterwards() {
    let (mut call, _, utterance) = speaking(quiet());
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("uh-huh");
    assert!(!call.has_cut(utterance));
    call.played(utterance);
    call.turn(&said("uh-huh"));
}

#[test]
fn with_no_minimum_the_voice_alone_interrupts_once_it_lasts() {
    let mut settings = quiet();
    settings.voice.interruption_min_words = Bounded::of(0);
    settings.voice.interruption_min_duration_ms = Bounded::of(400);
    let (mut call, _, utterance) = speaking(settings);
    call.event(Event::SpeechStarted { leg: LEG });
    call.wakes(400, TimerKind::BargeIn);
    call.pass(399);
    assert!(!call.has_cut(utterance));
    call.pass(1);
    assert!(call.has_cut(utterance));
}

#[test]
fn a_turn_interrupted_in_its_first_sentences_is_not_wanted_any_more() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.event(Event::TurnSpeech { turn, text: "First sentence.".into() });
    let first = call.play("First sentence.");
    call.event(Event::PartialTranscript { leg: LEG, text: "no wait".into() });
    assert!(call.has_cut(first) && call.has(|command| *command == Command::CancelTurn { turn }));
    call.event(Event::TurnSpeech { turn, text: "Second sentence.".into() });
    assert!(!call.has(|command| matches!(command, Command::Play { .. })));
}

#[test]
fn hard_phrases_cut_what_nothing_else_cuts() {
    let mut settings = quiet();
    settings.voice.interruptions_enabled = false;
    settings.voice.interruption_hard_phrases = vec!["let me speak".to_owned()];
    let (mut call, _, utterance) = speaking(settings);
    call.words("this is long and boring");
    assert!(!call.has_cut(utterance));
    call.words("please let me speak");
    assert!(call.has_cut(utterance));
}

#[test]
fn a_second_interruption_waits_for_the_back_off() {
    let (mut call, _, utterance) = speaking(quiet());
    call.words("no wait");
    call.cut_after(utterance, 100, 1_000);
    let turn = call.turn(&said("no wait"));
    call.ready(turn, result("Yes, what?"));
    let reply = call.play("Yes, what?");
    call.pass(999);
    call.event(Event::PartialTranscript { leg: LEG, text: "I mean".into() });
    assert!(!call.has_cut(reply));
    call.pass(1);
    call.event(Event::PartialTranscript { leg: LEG, text: "I mean that".into() });
    assert!(call.has_cut(reply));
}
