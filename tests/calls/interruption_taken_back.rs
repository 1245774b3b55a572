//! Pains 31 and 32: what a cough, a nod, our own echo or a voice on hold cut or nearly cut is not lost, and nothing unheard is in the transcript.

use crate::scenario::*;
use voice_worker::call::{CallSettings, Command, Event, TimerKind};
use voice_worker::model::{Bounded, Notice, TurnId, UtteranceId};

const TEXT: &str = "One two three four.";

/// An assistant that any voice interrupts.
fn touchy() -> CallSettings {
    let mut settings = quiet();
    settings.voice.interruption_min_words = Bounded::of(0);
    settings
}

fn speaking(settings: CallSettings, text: &str) -> (Scenario, TurnId, UtteranceId) {
    let (mut call, turn) = Scenario::asked(settings);
    call.ready(turn, result(text));
    let utterance = call.play(text);
    call.event(Event::PlaybackStarted { utterance });
    (call, turn, utterance)
}

fn heard_reports(call: &mut Scenario) -> Vec<String> {
    let reports = call.orders().into_iter().filter_map(|command| match command {
        Command::ReportHeard { text, .. } => Some(text.into_exposed()),
        _ => None,
    });
    reports.collect()
}

#[test]
fn pain_32_a_cough_that_cut_a_sentence_gives_its_unheard_words_back() {
    let (mut call, _, utterance) = speaking(touchy(), TEXT);
    call.event(Event::SpeechStarted { leg: LEG });
    assert!(call.has_cut(utterance));
    call.cut_after(utterance, 500, 1_000);
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("");
    let rest = call.play("three four.");
    call.played(rest);
    assert!(heard_reports(&mut call).is_empty(), "all of it was heard in the end");
}

#[test]
fn a_voice_that_never_becomes_words_gives_the_rest_back_after_a_while() {
    let (mut call, _, utterance) = speaking(touchy(), TEXT);
    call.event(Event::SpeechStarted { leg: LEG });
    call.cut_after(utterance, 250, 1_000);
    call.event(Event::SpeechEnded { leg: LEG });
    call.wakes(1_500, TimerKind::Resume);
    call.pass(1_499);
    assert!(!call.has(|command| matches!(command, Command::Play { .. })));
    call.pass(1);
    call.play("two three four.");
}

#[test]
fn the_report_of_what_was_heard_may_come_after_the_false_alarm() {
    let (mut call, _, utterance) = speaking(touchy(), TEXT);
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("uh-huh");
    assert!(!call.has(|command| matches!(command, Command::Play { .. })), "how much was heard is not known yet");
    call.cut_after(utterance, 750, 1_000);
    call.play("four.");
}

#[test]
fn real_words_confirm_the_cut_and_the_unheard_words_are_not_in_the_transcript() {
    let (mut call, turn, utterance) = speaking(touchy(), TEXT);
    call.event(Event::SpeechStarted { leg: LEG });
    call.cut_after(utterance, 500, 1_000);
    assert!(heard_reports(&mut call).is_empty(), "it may yet go on");
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("something else please");
    let orders = call.orders();
    assert!(orders.contains(&Command::ReportHeard { turn, text: "One two".into() }), "{orders:?}");
    call.pass(5_000);
    assert!(!call.has(|command| matches!(command, Command::Play { .. })), "nothing is taken back after that");
}

#[test]
fn a_key_confirms_the_cut() {
    let (mut call, turn, utterance) = speaking(touchy(), TEXT);
    call.event(Event::SpeechStarted { leg: LEG });
    call.cut_after(utterance, 500, 1_000);
    call.keys("1");
    assert!(call.has(|command| *command == Command::ReportHeard { turn, text: "One two".into() }));
}

#[test]
fn a_call_that_ends_in_between_tells_what_was_heard() {
    let (mut call, turn, utterance) = speaking(touchy(), TEXT);
    call.event(Event::SpeechStarted { leg: LEG });
    call.cut_after(utterance, 500, 1_000);
    call.event(Event::MediaLost { leg: LEG });
    assert!(call.has(|command| *command == Command::ReportHeard { turn, text: "One two".into() }));
}

#[test]
fn pain_32_our_own_words_that_come_back_neither_cut_nor_ask() {
    let text = "Shall I put you through to billing or to technical support?";
    let (mut call, _, utterance) = speaking(quiet(), text);
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::PartialTranscript { leg: LEG, text: "put you through to billing".into() });
    assert!(!call.has_cut(utterance));
    call.played(utterance);
    call.event(Event::SpeechEnded { leg: LEG });
    call.pass(1_000);
    call.words("put you through to billing or to technical support");
    assert!(call.has(|command| matches!(command, Command::Notify(Notice::SpeechIgnored { words: 9, on_hold: false, .. }))));
    assert!(!call.has(|command| matches!(command, Command::RunTurn { .. })));
}

#[test]
fn a_caller_who_repeats_our_words_after_us_is_answered() {
    let text = "Your number is four five seven two nine, right?";
    let (mut call, _, utterance) = speaking(quiet(), text);
    call.played(utterance);
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("four five seven two nine right");
    call.turn(&said("four five seven two nine right"));
}

#[test]
fn what_is_said_before_a_hold_is_answered_and_what_is_said_on_hold_is_told_to_operators() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::LegHeld { leg: LEG, held: true });
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("I would like to book");
    call.turn(&said("I would like to book"));
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("la la la");
    let ignored = |command: &Command| matches!(command, Command::Notify(Notice::SpeechIgnored { words: 3, on_hold: true, .. }));
    assert!(call.has(ignored));
    call.take();
    call.event(Event::LegHeld { leg: LEG, held: false });
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::SpeechEnded { leg: LEG });
    call.words("hello again");
    assert!(!call.has(ignored));
}

#[test]
fn the_music_of_a_hold_does_not_cut() {
    let (mut call, _, utterance) = speaking(touchy(), TEXT);
    call.event(Event::LegHeld { leg: LEG, held: true });
    call.event(Event::SpeechStarted { leg: LEG });
    assert!(!call.has_cut(utterance));
}

#[test]
fn a_trigger_phrase_cuts_whatever_the_word_count_and_nothing_cuts_where_interruptions_are_off() {
    let mut settings = quiet();
    settings.voice.interruption_trigger_phrases = vec!["stop".to_owned()];
    let (mut call, _, utterance) = speaking(settings.clone(), TEXT);
    call.event(Event::SpeechStarted { leg: LEG });
    call.event(Event::PartialTranscript { leg: LEG, text: "Stop!".into() });
    assert!(call.has_cut(utterance));
    settings.voice.interruptions_enabled = false;
    let (mut call, _, utterance) = speaking(settings, TEXT);
    call.words("stop right now please");
    assert!(!call.has_cut(utterance));
}
