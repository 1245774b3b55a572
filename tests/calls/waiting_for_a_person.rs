//! The caller who waits for an operator or for an approval is never left in silence, and never for ever.

use crate::scenario::*;
use uuid::Uuid;
use voice_worker::call::{AdminOrder, Command, Direction, Event, TimerKind};
use voice_worker::model::{EndCause, Notice, SessionStatus, TurnInput, TurnResult};

const WAITING: &str = "Thank you for waiting. I am still on it.";
const NOBODY: &str = "I'm sorry, nobody is free right now. I can keep helping you here.";

fn handed_off() -> Scenario {
    let (mut call, turn) = Scenario::asked(quiet());
    let answer = TurnResult {
        handoff: Some(serde_json::Map::new()),
        session_status: Some("waiting_for_human".to_owned()),
        ..result("A colleague will join.")
    };
    call.ready(turn, answer);
    let words = call.play("A colleague will join.");
    call.played(words);
    call
}

fn suspended() -> Scenario {
    let (mut call, turn) = Scenario::asked(quiet());
    call.ready(turn, TurnResult { session_status: Some("awaiting_approval".to_owned()), ..result("Let me ask.") });
    let words = call.play("Let me ask.");
    call.played(words);
    call
}

fn status(call: &Scenario, wanted: SessionStatus) -> bool {
    call.has(|command| *command == Command::NoteStatus { status: wanted })
}

fn music(call: &Scenario, on: bool) -> bool {
    let wanted = if on { Command::StartHoldMusic { leg: LEG } } else { Command::StopHoldMusic { leg: LEG } };
    call.has(|command| *command == wanted)
}

#[test]
fn who_waits_for_an_operator_hears_music_and_that_he_is_not_forgotten() {
    let mut call = handed_off();
    assert!(status(&call, SessionStatus::WaitingForHuman) && music(&call, true));
    call.pass(19_000);
    let words = call.play(WAITING);
    call.played(words);
    call.event(Event::Ordered(AdminOrder::Say { text: "Hi, this is Ben.".into() }));
    assert!(music(&call, false));
    let words = call.play("Hi, this is Ben.");
    call.played(words);
    call.take();
    call.pass(60_000);
    assert_eq!(call.orders(), [], "an operator is there: no more music, no more excuses, and no silence time-out");
    call.event(Event::Ordered(AdminOrder::ResolveHandoff));
    call.released_and_closes(EndCause::HandoffResolved);
}

#[test]
fn when_no_operator_comes_the_assistant_goes_on() {
    let mut call = handed_off();
    call.pass(299_000);
    call.play(NOBODY);
    assert!(status(&call, SessionStatus::Active) && music(&call, false));
}

#[test]
fn an_approval_resumes_the_turn_that_waits_for_it() {
    for approved in [true, false] {
        let mut call = suspended();
        assert!(status(&call, SessionStatus::AwaitingApproval) && music(&call, true));
        let approval = Uuid::from_u128(7);
        call.event(Event::Ordered(AdminOrder::DecideApproval { approval, approved }));
        assert!(status(&call, SessionStatus::Active) && music(&call, false));
        call.turn(&TurnInput::ApprovalDecided { approval, approved });
    }
}

#[test]
fn an_approval_that_never_comes_is_a_refusal() {
    let mut call = suspended();
    call.wakes(19_000, TimerKind::Waiting);
    let started = call.now;
    while !call.has_turn() && call.now < started.after(voice_worker::model::Millis(400_000)) {
        call.pass(1_000);
        if call.has(|command| matches!(command, Command::Play { text, .. } if text.expose() == WAITING)) {
            let words = call.play(WAITING);
            call.played(words);
        }
    }
    call.turn(&TurnInput::ApprovalDecided { approval: Uuid::nil(), approved: false });
}

#[test]
fn the_end_of_the_call_ends_the_music() {
    let mut call = handed_off();
    call.admin_hangs_up();
    assert!(music(&call, false));
}

#[test]
fn operators_words_before_the_answer_wait_and_at_the_end_are_refused() {
    let mut call = Scenario::offered(Direction::Inbound, quiet());
    call.event(Event::Ordered(AdminOrder::Say { text: "Welcome.".into() }));
    assert!(!call.has(|command| matches!(command, Command::Play { .. })));
    call.event(Event::LegAnswered { leg: LEG });
    call.play("Welcome.");
    call.admin_hangs_up();
    call.take();
    call.event(Event::Ordered(AdminOrder::Say { text: "Wait!".into() }));
    assert_eq!(call.notices(), [Notice::SayRefused { phase: "ending".to_owned() }]);
}
