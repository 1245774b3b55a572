//! A peer that holds is not silent and not lost; one whose media stopped is.

use crate::scenario::*;
use voice_worker::call::{Event, TimerKind};
use voice_worker::model::EndCause;

#[test]
fn silence_does_not_count_while_the_peer_holds() {
    let mut call = Scenario::talking(quiet());
    call.wakes(30_000, TimerKind::Silence);
    call.pass(10_000);
    call.event(Event::LegHeld { leg: LEG, held: true });
    call.wakes(590_000, TimerKind::MaxDuration);
    call.event(Event::MediaLost { leg: LEG });
    call.pass(60_000);
    call.event(Event::LegHeld { leg: LEG, held: false });
    call.wakes(30_000, TimerKind::Silence);
}

#[test]
fn a_hold_ends_with_the_longest_call() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::LegHeld { leg: LEG, held: true });
    call.pass(600_000);
    call.released_and_closes(EndCause::MaxDuration);
}

#[test]
fn media_that_stops_ends_the_call_as_that() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::MediaLost { leg: LEG });
    call.released_and_closes(EndCause::MediaLost);
}

#[test]
fn facts_about_a_leg_that_does_not_exist_change_nothing() {
    let mut call = Scenario::talking(quiet());
    call.event(Event::MediaLost { leg: voice_worker::model::LegId(5) });
    assert_eq!(call.orders(), []);
    call.wakes(30_000, TimerKind::Silence);
}
