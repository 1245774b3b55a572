//! A silent caller is reminded, then released; the timer counts only silence.

use crate::scenario::*;
use voice_worker::call::{CallSettings, Event, TimerKind};
use voice_worker::model::{Bounded, EndCause, SilenceEndAction, SilenceReminderMode, Text, TurnInput};

fn reminding(count: i64) -> CallSettings {
    let mut settings = quiet();
    settings.voice.silence_reminder_count = Bounded::try_from(count).unwrap();
    settings.voice.silence_reminder_message = Some(Text::try_from("Hello?").unwrap());
    settings.voice.silence_end_action = SilenceEndAction::SpeakThenHangup;
    settings.voice.silence_end_message = Some(Text::try_from("Bye then.").unwrap());
    settings
}

#[test]
fn reminders_then_the_end_message_then_the_end() {
    let mut call = Scenario::talking(reminding(2));
    for _ in 0..2 {
        call.wakes(30_000, TimerKind::Silence);
        call.pass(30_000);
        let hello = call.play("Hello?");
        call.played(hello);
    }
    call.pass(30_000);
    let bye = call.play("Bye then.");
    call.played(bye);
    call.released_and_closes(EndCause::SilenceTimeout);
}

#[test]
fn by_default_silence_ends_the_call_without_a_word() {
    let mut call = Scenario::talking(quiet());
    call.pass(30_000);
    call.released_and_closes(EndCause::SilenceTimeout);
}

#[test]
fn a_word_starts_the_reminders_over() {
    let mut call = Scenario::talking(reminding(1));
    call.pass(30_000);
    let hello = call.play("Hello?");
    call.played(hello);
    call.event(Event::SpeechStarted { leg: LEG });
    call.wakes(569_000, TimerKind::MaxDuration);
    call.pass(5_000);
    call.event(Event::SpeechEnded { leg: LEG });
    call.wakes(30_000, TimerKind::Silence);
    call.pass(30_000);
    call.play("Hello?");
}

#[test]
fn an_automatic_reminder_is_a_turn() {
    let mut settings = reminding(1);
    settings.voice.silence_reminder_mode = SilenceReminderMode::Auto;
    let mut call = Scenario::talking(settings);
    call.pass(30_000);
    let turn = call.turn(&TurnInput::Silent { reminder: 1 });
    call.ready(turn, result("Shall I go on?"));
    let words = call.play("Shall I go on?");
    call.played(words);
    call.wakes(30_000, TimerKind::Silence);
}

#[test]
fn zero_means_never() {
    let mut settings = quiet();
    settings.voice.silence_timeout_ms = Bounded::of(0);
    let call = Scenario::talking(settings);
    call.wakes(600_000, TimerKind::MaxDuration);
}
