//! Pains 14 and 15: the goodbye plays out, then the phone call really ends.

use crate::scenario::*;
use voice_worker::call::{Command, Event, LegFailure, ReleaseReason, ReleasedBy, TimerKind};
use voice_worker::model::{EndCause, Notice};

#[test]
fn the_goodbye_plays_out_before_the_bye() {
    let (mut call, turn) = Scenario::asked(keypad(4));
    call.ready(turn, ending("Goodbye, and thank you."));
    let goodbye = call.play("Goodbye, and thank you.");
    call.event(Event::SpeechStarted { leg: LEG });
    call.words("thank you very much goodbye");
    call.keys("1");
    assert!(!call.has_cut(goodbye) && !call.releases(EndCause::AssistantEnded));
    call.wakes(60_000, TimerKind::LastWords);
    call.played(goodbye);
    call.released_and_closes(EndCause::AssistantEnded);
}

#[test]
fn a_goodbye_that_never_ends_does_not_keep_the_line() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, ending("Goodbye."));
    call.pass(60_000);
    assert!(call.has(|command| *command == Command::Notify(Notice::EndStepTimedOut { step: "last_words".to_owned() })));
    call.released_and_closes(EndCause::AssistantEnded);
}

#[test]
fn a_silent_last_turn_ends_at_once() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, ending(""));
    call.released_and_closes(EndCause::AssistantEnded);
}

#[test]
fn every_step_of_the_end_has_a_deadline() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, ending("Goodbye."));
    call.pass(60_000 + 34_000 + 10_000);
    assert!(call.call.is_finished());
    let timed_out = call.notices().into_iter().filter(|notice| matches!(notice, Notice::EndStepTimedOut { .. })).count();
    assert_eq!(timed_out, 3);
}

#[test]
fn the_caller_hanging_up_during_the_goodbye_does_not_change_the_cause() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, ending("Goodbye."));
    call.caller_hangs_up();
    assert!(!call.has(|command| matches!(command, Command::Release { .. })));
    call.closes(EndCause::AssistantEnded);
}

#[test]
fn a_release_that_could_not_be_queued_is_ordered_again() {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, ending(""));
    assert!(call.releases(EndCause::AssistantEnded));
    call.take();
    call.event(Event::LegFailed { leg: LEG, why: LegFailure::Overloaded });
    call.wakes(500, TimerKind::Release);
    call.pass(500);
    assert!(call.releases(EndCause::AssistantEnded));
    call.gone(ReleasedBy::Local, ReleaseReason::Bye);
    call.closes(EndCause::AssistantEnded);
}
