//! The other direction is the same program: only who answers differs.

use crate::scenario::*;
use voice_worker::call::{Command, Direction, Event, LegFailure, ReleaseReason, ReleasedBy, TimerKind};
use voice_worker::model::{EndCause, TurnInput};

#[test]
fn the_callee_answers_and_hears_the_greeting_that_is_ready() {
    let mut call = Scenario::offered(Direction::Outbound, Default::default());
    let turn = call.turn(&TurnInput::Started);
    call.ready(turn, result("Hello, this is the clinic."));
    call.wakes(60_000, TimerKind::Setup);
    call.event(Event::LegRinging { leg: LEG });
    assert_eq!(call.orders(), []);
    call.event(Event::LegAnswered { leg: LEG });
    call.play("Hello, this is the clinic.");
}

#[test]
fn every_refusal_has_its_own_cause_and_owes_nothing() {
    let cases = [
        (486, EndCause::CalleeBusy),
        (603, EndCause::CalleeDeclined),
        (404, EndCause::CalleeNotFound),
        (480, EndCause::CalleeUnavailable),
        (408, EndCause::CalleeNoAnswer),
        (503, EndCause::SipFailed),
    ];
    for (status, cause) in cases {
        let mut call = Scenario::offered(Direction::Outbound, quiet());
        call.event(Event::LegFailed { leg: LEG, why: LegFailure::Status { status } });
        assert!(!call.has(|command| matches!(command, Command::Release { .. })));
        call.closes(cause);
    }
}

#[test]
fn a_callee_that_rings_out_is_cancelled() {
    let mut call = Scenario::offered(Direction::Outbound, quiet());
    call.event(Event::LegRinging { leg: LEG });
    call.pass(60_000);
    call.event(Event::LegAnswered { leg: LEG });
    call.released_and_closes(EndCause::CalleeNoAnswer);
}

#[test]
fn an_order_ends_a_ringing_leg_and_its_487_is_the_end_of_it() {
    let mut call = Scenario::offered(Direction::Outbound, quiet());
    call.admin_hangs_up();
    call.event(Event::LegFailed { leg: LEG, why: LegFailure::Status { status: 487 } });
    call.gone(ReleasedBy::Local, ReleaseReason::Cancelled);
    call.closes(EndCause::AdminEnded(voice_worker::model::TerminationReason::AgentInitiated));
}

#[test]
fn a_refusal_that_comes_while_the_cancel_waits_to_be_queued_is_the_end_of_the_leg() {
    let mut call = Scenario::offered(Direction::Outbound, quiet());
    call.admin_hangs_up();
    call.take();
    call.event(Event::LegFailed { leg: LEG, why: LegFailure::Overloaded });
    call.event(Event::LegFailed { leg: LEG, why: LegFailure::Status { status: 503 } });
    assert!(!call.has(|command| matches!(command, Command::Release { .. })));
    call.closes(EndCause::AdminEnded(voice_worker::model::TerminationReason::AgentInitiated));
}
