//! The call is answered with its first words at hand, and never rings for long without them.

use crate::scenario::*;
use voice_worker::call::{CallSettings, Command, Event, TimerKind};
use voice_worker::model::{EndCause, FirstSpeaker, Text, TurnInput};

fn greeting() -> CallSettings {
    let mut settings = CallSettings::default();
    settings.voice.first_speaking.text = Some(Text::try_from("Good day.").unwrap());
    settings
}

#[test]
fn the_answer_waits_shortly_for_the_greeting() {
    let mut call = Scenario::inbound(greeting());
    assert!(matches!(call.orders()[..], [Command::Ring { .. }, Command::RunTurn { input: TurnInput::Started, .. }]));
    call.wakes(1_000, TimerKind::Greeting);
    call.pass(999);
    assert_eq!(call.take(), []);
    call.pass(1);
    assert_eq!(call.orders(), [Command::Answer { leg: LEG }]);
    call.wakes(14_000, TimerKind::Turn);
}

#[test]
fn a_ready_greeting_is_answered_at_once_and_spoken_when_the_leg_is_up() {
    let mut call = Scenario::inbound(greeting());
    let turn = call.turn(&TurnInput::Started);
    call.event(Event::TurnSpeech { turn, text: "Good day.".into() });
    assert!(call.has(|command| matches!(command, Command::Answer { .. })));
    call.ready(turn, result("Good day. What can I do?"));
    assert!(!call.has(|command| matches!(command, Command::Play { .. })), "nobody listens yet");
    call.wakes(34_000, TimerKind::Acknowledge);
    call.take();
    call.event(Event::LegAnswered { leg: LEG });
    let first = call.play("Good day.");
    let second = call.play("What can I do?");
    assert!(first < second);
    call.wakes(120_000, TimerKind::Utterance);
    call.played(first);
    call.played(second);
    call.wakes(30_000, TimerKind::Silence);
}

#[test]
fn the_disclosure_comes_first_even_when_the_caller_does_and_nothing_cuts_it() {
    let mut settings = keypad(4);
    settings.voice.first_speaking.ai_disclosure_text = Some(Text::try_from("You speak with a machine.").unwrap());
    settings.voice.interruption_hard_phrases = vec!["stop".to_owned()];
    let mut call = Scenario::inbound(settings);
    assert!(call.has(|command| matches!(command, Command::Answer { .. })), "nobody to wait for");
    call.event(Event::LegAnswered { leg: LEG });
    let disclosure = call.play("You speak with a machine.");
    call.words("stop it now please");
    call.keys("1234");
    assert!(!call.has_cut(disclosure) && !call.has_turn());
    call.played(disclosure);
    let turn = call.turn(&said("stop it now please"));
    call.ready(turn, result(""));
    call.turn(&keyed("DTMF: 1234"));
}

#[test]
fn a_greeting_that_cannot_be_made_is_replaced_by_the_configured_one() {
    let mut call = Scenario::inbound(greeting());
    let turn = call.turn(&TurnInput::Started);
    call.event(Event::TurnFailed { turn, error: "model".to_owned() });
    call.event(Event::LegAnswered { leg: LEG });
    call.play("Good day.");
    let mut settings = greeting();
    settings.voice.first_speaking.text = Some(Text::try_from("Good day {{name}}.").unwrap());
    let mut call = Scenario::inbound(settings.clone());
    call.pass(15_000);
    call.event(Event::LegAnswered { leg: LEG });
    call.play(&settings.texts.apology);
}

#[test]
fn a_200_that_is_never_acknowledged_ends_the_call_as_that() {
    let mut call = Scenario::inbound(quiet());
    call.pass(34_000);
    call.released_and_closes(EndCause::NeverAcknowledged);
}

#[test]
fn the_first_speaker_decides_whether_there_is_a_first_turn() {
    let mut settings = quiet();
    let mut call = Scenario::inbound(settings.clone());
    assert!(!call.has_turn());
    settings.voice.first_speaking.first_speaker = FirstSpeaker::Agent;
    let mut other = Scenario::inbound(settings);
    other.turn(&TurnInput::Started);
    call.take();
}
