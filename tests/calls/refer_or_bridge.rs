//! Pain 3: where a REFER cannot do it, a second leg of ours does; and what the target is told on the way.

use crate::scenario::*;
use voice_worker::call::{CallSettings, Command, Event, LegFailure, ReferProfile, ReleaseReason, ReleasedBy, TimerKind};
use voice_worker::model::{
    AttemptRecord, AttemptWay, Bounded, CallTransferIntent, EndCause, FailureReason, FallbackMode, LegId, Redacted, TransferOutcome,
    TurnInput,
};

fn bridging() -> CallSettings {
    let mut settings = quiet();
    settings.transfer.bridge_on_failure = true;
    settings
}

fn once() -> CallTransferIntent {
    CallTransferIntent { max_retries: Bounded::of(0), ..CallTransferIntent::cold("+4930") }
}

fn dialled(call: &mut Scenario) -> LegId {
    match call.remove("Dial", |command| matches!(command, Command::Dial { .. })) {
        Command::Dial { leg, destination, .. } => {
            assert_eq!(destination.expose(), "+4930");
            leg
        }
        _ => unreachable!(),
    }
}

fn records(call: &Scenario) -> Vec<AttemptRecord> {
    let record = |command: &Command| if let Command::NoteAttempt { record } = command { Some((**record).clone()) } else { None };
    call.fresh.iter().filter_map(record).collect()
}

#[test]
fn a_refused_refer_becomes_a_bridge_without_a_briefing() {
    let mut call = Scenario::transferring(bridging(), once());
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 603 });
    let words = call.play("I could not reach them. Let me try once more.");
    let refer = records(&call).pop().unwrap();
    assert_eq!((refer.way, refer.fallback_mode), (AttemptWay::Refer, Some(FallbackMode::Bridge)));
    call.played(words);
    let leg = dialled(&mut call);
    call.event(Event::LegAnswered { leg });
    assert!(!call.has(|command| matches!(command, Command::Play { leg: to, .. } if *to == leg)), "nobody is briefed");
    let Command::Bridge { request, .. } = call.remove("Bridge", |command| matches!(command, Command::Bridge { .. })) else {
        unreachable!()
    };
    call.event(Event::BridgeUp { request });
    call.event(Event::LegReleased { leg, by: ReleasedBy::Remote, why: ReleaseReason::Bye });
    let last = records(&call).pop().unwrap();
    assert_eq!((last.way, last.attempt, last.failure_reason), (AttemptWay::Dial, 2, None));
    call.released_and_closes(EndCause::Transferred);
}

#[test]
fn a_bridge_that_fails_too_gives_the_caller_back() {
    let mut call = Scenario::transferring(bridging(), once());
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 501 });
    let words = call.play("I could not reach them. Let me try once more.");
    call.played(words);
    let leg = dialled(&mut call);
    call.event(Event::LegFailed { leg, why: LegFailure::Status { status: 486 } });
    let sorry = call.play("I'm sorry, I could not connect you. I can keep helping you here.");
    call.played(sorry);
    let outcome = TransferOutcome::NotReached { why: FailureReason::Busy };
    call.turn(&TurnInput::TransferEnded { outcome, on_failure: None });
}

#[test]
fn who_was_reached_and_said_no_is_not_dialled_again() {
    let mut call = Scenario::transferring(bridging(), once());
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.event(Event::ReferProgress { leg: LEG, request, status: 486 });
    assert!(!call.has(|command| matches!(command, Command::Dial { .. })));
    call.play("I'm sorry, I could not connect you. I can keep helping you here.");
}

#[test]
fn a_trunk_that_refuses_every_refer_is_never_asked() {
    let mut settings = quiet();
    settings.transfer.refer = ReferProfile::Refuses;
    let mut call = Scenario::transferring(settings, once());
    assert!(!call.has_refer());
    dialled(&mut call);
}

#[test]
fn on_a_trunk_that_never_notifies_the_acceptance_is_the_success() {
    let mut settings = quiet();
    settings.transfer.refer = ReferProfile::AcceptsWithoutNotify;
    let mut call = Scenario::transferring(settings, once());
    let request = call.refer();
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.wakes(30_000, TimerKind::ReferNotify);
    call.pass(30_000);
    call.released_and_closes(EndCause::Transferred);
}

#[test]
fn reason_and_summary_travel_in_the_header_the_trunk_has_for_them() {
    let mut settings = quiet();
    settings.transfer.header = Some("User-to-User".to_owned());
    let intent = CallTransferIntent { reason: Some("billing".to_owned()), ..once() };
    let mut call = Scenario::transferring(settings.clone(), intent.clone());
    assert!(!call.has_refer(), "the summary is being made");
    let Command::ComposeBriefing { request, .. } = call.remove("summary", |command| matches!(command, Command::ComposeBriefing { .. }))
    else {
        unreachable!()
    };
    call.event(Event::BriefingComposed { request, text: "Anna asks about May.".into() });
    let told = |call: &Scenario| {
        call.fresh.iter().find_map(|command| match command {
            Command::Refer { headers, reason, .. } => Some((headers.clone(), reason.clone())),
            _ => None,
        })
    };
    let header = |text: &str| vec![("User-to-User".to_owned(), Redacted::from(text))];
    assert_eq!(told(&call), Some((header("billing; Anna asks about May."), None)));
    let mut call = Scenario::transferring(settings, intent);
    call.wakes(5_000, TimerKind::Compose);
    call.pass(5_000);
    assert_eq!(told(&call), Some((header("billing"), None)), "a summary that does not come is not waited for");
}
