//! Pain 17: the cause in the record is the one that was.

use crate::scenario::*;
use voice_worker::call::{Event, LegFailure, ReleaseReason as Why, ReleasedBy as By, TimerKind};
use voice_worker::model::{Bounded, EndCause};

#[test]
fn every_way_to_lose_a_leg_has_its_own_cause() {
    let cases = [
        (By::Remote, Why::Bye, EndCause::CallerHungUp),
        (By::Network, Why::SessionExpired, EndCause::ConnectionLost),
        (By::Network, Why::DialogLost, EndCause::ConnectionLost),
        (By::Network, Why::TransportLost, EndCause::ConnectionLost),
        (By::Local, Why::Bye, EndCause::ConnectionLost),
    ];
    for (by, why, cause) in cases {
        let mut call = Scenario::talking(quiet());
        call.gone(by, why);
        call.closes(cause);
    }
}

#[test]
fn a_call_without_a_common_codec_is_refused_as_that() {
    let mut call = Scenario::inbound(Default::default());
    call.event(Event::LegFailed { leg: LEG, why: LegFailure::NoMedia });
    assert!(call.has(|command| matches!(command, voice_worker::call::Command::Reject { status: 488, .. })));
    call.gone(By::Local, Why::Rejected);
    call.closes(EndCause::SetupFailed);
}

#[test]
fn the_longest_call_ends_at_its_limit_whatever_it_does() {
    let mut settings = quiet();
    settings.voice.max_call_duration_ms = Bounded::of(20_000);
    settings.voice.silence_timeout_ms = Bounded::of(0);
    let mut call = Scenario::talking(settings);
    call.wakes(20_000, TimerKind::MaxDuration);
    call.pass(10_000);
    call.words("still here you know");
    call.wakes(10_000, TimerKind::MaxDuration);
    call.pass(10_000);
    call.released_and_closes(EndCause::MaxDuration);
}

#[test]
fn facts_that_were_lost_end_the_call_as_overloaded() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::Overloaded);
    call.released_and_closes(EndCause::Overloaded);
}

#[test]
fn a_timer_that_was_due_before_an_event_runs_before_it() {
    let mut settings = quiet();
    settings.voice.silence_timeout_ms = Bounded::of(5_000);
    let mut call = Scenario::talking(settings);
    call.now = voice_worker::model::CallTime::from_millis(5_005);
    call.caller_hangs_up();
    call.closes(EndCause::SilenceTimeout);
}

#[test]
fn an_answer_that_could_not_be_made_is_a_refusal_and_no_bye() {
    let mut call = Scenario::inbound(quiet());
    call.event(Event::LegFailed { leg: LEG, why: LegFailure::NoMedia });
    assert!(call.has(|command| matches!(command, voice_worker::call::Command::Reject { status: 488, .. })));
    call.gone(By::Local, Why::Rejected);
    call.closes(EndCause::SetupFailed);
}
