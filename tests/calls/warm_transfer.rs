//! Pains 6–12: a human is found, told and asked before the two are joined; the caller is never lost on the way.

use crate::scenario::*;
use voice_worker::call::{
    AdminOrder, AnswerVerdict, BridgeFailure, CallSettings, Command, Event, LegFailure, ReleaseReason, ReleasedBy, TimerKind, ToneKind,
};
use voice_worker::model::{
    AttemptRecord, Bounded, CallTransferIntent, Digit, DigitSource, EndCause, FailureReason, FallbackMode, LegId, MessageMode, Millis,
    Notice, RequestId, SessionStatus, SupervisorDecision, Text, TransferMode, TransferOutcome, TurnInput, WarmTransferConfig,
    WarmTransferTargetOverride,
};
use voice_worker::replay::{Entry, Who, Words, moment};

const HOLD: &str = "One moment — I'll place you on a brief hold while I connect you.";
const COMFORT: &str = "Thanks for your patience — I'm still working on connecting you.";
const RETRY: &str = "I couldn't reach them that way — let me try connecting you directly.";
const SORRY: &str = "I'm sorry, I wasn't able to connect you right now. I can keep helping you here.";
const QUESTION: &str = "Press 1 or say yes to take the call, 2 or no to decline, 3 or again to hear this once more.";
const FALLBACK: &str = "Hello. A caller would like to speak with you.";

fn warm(change: impl FnOnce(&mut WarmTransferConfig)) -> CallTransferIntent {
    let mut config = WarmTransferConfig::default();
    change(&mut config);
    CallTransferIntent {
        mode: TransferMode::Warm,
        warm: Some(config),
        max_retries: Bounded::of(0),
        warm_destinations: vec!["+4931".to_owned()],
        ..CallTransferIntent::cold("+4930")
    }
}

/// On hold, the announcement played: the first destination is dialled.
fn dialling(settings: CallSettings, intent: CallTransferIntent) -> (Scenario, Dialled) {
    let mut call = Scenario::transferring(settings, intent);
    let words = call.play(HOLD);
    assert!(!call.has(|command| matches!(command, Command::Dial { .. })), "the announcement plays first");
    call.played(words);
    let dialled = call.dialled();
    (call, dialled)
}

struct Dialled {
    leg: LegId,
    destination: String,
    ring: Millis,
}

/// He answered, was told and asked; his word is awaited.
fn asked(call: &mut Scenario, leg: LegId) {
    call.event(Event::LegAnswered { leg });
    let briefing = call.compose_request();
    if let Some(request) = briefing {
        call.event(Event::BriefingComposed { request, text: "Anna wants tickets.".into() });
    }
    call.says_to(leg, "Anna wants tickets.");
    let question = call.says_to(leg, QUESTION);
    assert!(call.has(|command| *command == Command::Listen { leg }));
    let _ = question;
    call.play_out(leg);
}

impl Scenario {
    fn dialled(&mut self) -> Dialled {
        match self.remove("Dial", |command| matches!(command, Command::Dial { .. })) {
            Command::Dial { leg, destination, ring, .. } => Dialled { leg, destination: destination.into_exposed(), ring },
            _ => unreachable!(),
        }
    }

    fn compose_request(&mut self) -> Option<RequestId> {
        let found = self.fresh.iter().rev().find_map(|command| match command {
            Command::ComposeBriefing { request, .. } => Some(*request),
            _ => None,
        });
        self.fresh.retain(|command| !matches!(command, Command::ComposeBriefing { .. }));
        found
    }

    fn says_to(&mut self, wanted: LegId, words: &str) -> voice_worker::model::UtteranceId {
        let to_him = |command: &Command| matches!(command, Command::Play { leg, text, .. } if *leg == wanted && text.expose() == words);
        match self.remove(words, to_him) {
            Command::Play { leg, utterance, .. } => {
                self.playing.push((leg, utterance));
                utterance
            }
            _ => unreachable!(),
        }
    }

    fn play_out(&mut self, leg: LegId) {
        for (at, utterance) in std::mem::take(&mut self.playing) {
            assert_eq!(at, leg);
            self.played(utterance);
        }
    }

    fn key_of(&mut self, leg: LegId, key: char) {
        self.event(Event::DigitPressed { leg, digit: Digit::from_char(key).unwrap(), source: DigitSource::Rfc4733 });
    }

    fn words_of(&mut self, leg: LegId, text: &str) {
        self.event(Event::Transcript { leg, text: text.into(), confidence_permille: 900 });
    }

    fn bridge(&mut self, leg: LegId) -> RequestId {
        match self.remove("Bridge", |command| matches!(command, Command::Bridge { .. })) {
            Command::Bridge { a, b, request } => {
                assert_eq!((a, b), (LEG, leg));
                request
            }
            _ => unreachable!(),
        }
    }

    fn leg_gone(&mut self, leg: LegId, by: ReleasedBy) {
        self.event(Event::LegReleased { leg, by, why: ReleaseReason::Bye });
    }

    fn releases_leg(&self, wanted: LegId) -> bool {
        self.has(|command| matches!(command, Command::Release { leg, .. } if *leg == wanted))
    }

    fn records(&self) -> Vec<AttemptRecord> {
        let records = self.fresh.iter().filter_map(|command| match command {
            Command::NoteAttempt { record } => Some((**record).clone()),
            _ => None,
        });
        records.collect()
    }

    fn last_record(&self) -> AttemptRecord {
        self.records().pop().unwrap()
    }

    /// The caller is back with the assistant, which is told why.
    fn back_because(&mut self, why: FailureReason) {
        assert!(self.has(|command| *command == Command::StopHoldMusic { leg: LEG }));
        assert!(self.has(|command| *command == Command::Listen { leg: LEG }));
        let sorry = self.play(SORRY);
        self.played(sorry);
        self.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::NotReached { why }, on_failure: None });
    }

    fn music_on(&self) -> bool {
        self.has(|command| *command == Command::StartHoldMusic { leg: LEG })
    }
}

#[test]
fn a_human_is_told_asked_and_joined_and_the_call_ends_as_transferred() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    assert_eq!((first.destination.as_str(), first.ring), ("+4930", Millis(30_000)));
    assert!(call.music_on());
    let leg = first.leg;
    call.event(Event::LegRinging { leg });
    asked(&mut call, leg);
    call.key_of(leg, '1');
    let request = call.bridge(leg);
    assert!(call.has(|command| *command == Command::StopHoldMusic { leg: LEG }));
    call.wakes(20_000, TimerKind::BridgeConfirm);
    call.event(Event::BridgeUp { request });
    for at in [LEG, leg] {
        assert!(call.has(|command| *command == Command::Tone { leg: at, kind: ToneKind::Bridged }));
    }
    assert!(call.has(|command| *command == Command::NoteStatus { status: SessionStatus::Transferred }));
    let record = call.last_record();
    assert_eq!((record.decision, record.failure_reason), (Some(SupervisorDecision::Accepted), None));
    assert!(record.dialled_at <= record.answered_at && record.answered_at < record.briefed_at && record.bridged_at.is_some());
    assert!(record.ended_at.is_none());
    call.take();
    call.pass(600_000);
    call.words("are you the manager");
    call.keys("1");
    call.words_of(leg, "yes I am");
    assert_eq!(call.orders(), [], "the two talk; nothing of it is for the assistant");
    call.leg_gone(leg, ReleasedBy::Remote);
    assert!(call.last_record().ended_at.is_some());
    call.released_and_closes(EndCause::Transferred);
}

#[test]
fn when_the_bridged_caller_leaves_the_human_is_released() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    asked(&mut call, first.leg);
    call.words_of(first.leg, "Yes, put them through.");
    let request = call.bridge(first.leg);
    call.event(Event::BridgeUp { request });
    call.caller_hangs_up();
    assert!(call.releases_leg(first.leg));
    call.leg_gone(first.leg, ReleasedBy::Local);
    call.closes(EndCause::Transferred);
}

#[test]
fn no_call_ends_before_its_second_leg_is_gone_or_given_up() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    call.caller_hangs_up();
    assert!(call.releases_leg(first.leg));
    let Command::EndSession { request, .. } = call.remove("EndSession", |command| matches!(command, Command::EndSession { .. })) else {
        unreachable!()
    };
    call.event(Event::SessionEnded { request });
    assert!(!call.call.is_finished(), "the second leg still rings");
    call.event(Event::LegFailed { leg: first.leg, why: LegFailure::Overloaded });
    call.take();
    call.pass(500);
    assert!(call.releases_leg(first.leg), "the order that could not be queued is given again");
    call.pass(34_000);
    assert!(call.call.is_finished(), "and at last it is given up");
}

#[test]
fn the_caller_hangs_up_and_the_human_is_released_at_once_in_every_state() {
    for state in 0..5 {
        let (mut call, first) = dialling(quiet(), warm(|config| config.detect_supervisor_voicemail = true));
        let leg = first.leg;
        if state > 0 {
            call.event(Event::LegAnswered { leg });
        }
        if state > 1 {
            call.event(Event::AnswerClassified { leg, verdict: AnswerVerdict::Human, after_beep: false });
        }
        if state > 2 {
            let request = call.compose_request().unwrap();
            call.event(Event::BriefingComposed { request, text: "Anna.".into() });
        }
        if state > 3 {
            call.key_of(leg, '1');
        }
        call.caller_hangs_up();
        assert!(call.releases_leg(leg), "state {state}");
        assert_eq!(call.last_record().failure_reason, Some(FailureReason::CallerHungUp));
        assert_eq!(call.last_record().fallback_mode, Some(FallbackMode::None));
        call.take();
        call.key_of(leg, '1');
        assert!(!call.has(|command| matches!(command, Command::Bridge { .. })), "never joined to an empty call");
    }
}

#[test]
fn busy_then_declined_then_the_caller_is_back_and_the_assistant_knows_why() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    call.event(Event::LegFailed { leg: first.leg, why: LegFailure::Status { status: 486 } });
    let record = call.last_record();
    assert_eq!((record.failure_reason, record.fallback_mode), (Some(FailureReason::Busy), Some(FallbackMode::NextDestination)));
    let words = call.play(RETRY);
    call.played(words);
    let second = call.dialled();
    assert_eq!(second.destination, "+4931");
    assert!(!call.releases_leg(first.leg), "it is gone already");
    asked(&mut call, second.leg);
    call.key_of(second.leg, '2');
    assert!(call.releases_leg(second.leg));
    let record = call.last_record();
    assert_eq!((record.failure_reason, record.decision), (Some(FailureReason::Declined), Some(SupervisorDecision::Declined)));
    assert_eq!((record.attempt, record.destination_index, record.fallback_mode), (2, 1, Some(FallbackMode::Assistant)));
    call.back_because(FailureReason::Declined);
}

#[test]
fn retries_go_through_those_who_may_still_say_yes() {
    let intent = CallTransferIntent { max_retries: Bounded::of(1), ..warm(|config| config.max_hold_seconds = Bounded::of(300)) };
    let (mut call, first) = dialling(quiet(), intent);
    call.event(Event::LegFailed { leg: first.leg, why: LegFailure::Status { status: 603 } });
    let words = call.play(RETRY);
    call.played(words);
    let second = call.dialled();
    call.event(Event::LegFailed { leg: second.leg, why: LegFailure::NoAnswer });
    let words = call.play(RETRY);
    call.played(words);
    let third = call.dialled();
    assert_eq!(third.destination, "+4931", "who declined is not asked again");
    assert_eq!(call.records().iter().rev().nth(1).unwrap().fallback_mode, Some(FallbackMode::Retry));
}

#[test]
fn a_machine_is_not_briefed_and_a_human_is_not_kept_waiting_for_the_verdict() {
    let detect = || warm(|config| config.detect_supervisor_voicemail = true);
    let (mut call, first) = dialling(quiet(), detect());
    let request = call.compose_request().unwrap();
    call.event(Event::BriefingComposed { request, text: "Anna wants tickets.".into() });
    call.event(Event::LegAnswered { leg: first.leg });
    assert!(call.has(|command| matches!(command, Command::ClassifyAnswer { leg, .. } if *leg == first.leg)));
    call.event(Event::AnswerClassified { leg: first.leg, verdict: AnswerVerdict::Machine, after_beep: true });
    assert!(call.releases_leg(first.leg));
    assert!(!call.has(|command| matches!(command, Command::Play { leg, .. } if *leg == first.leg)), "no word to the machine");
    assert_eq!(call.last_record().failure_reason, Some(FailureReason::Machine));
    let words = call.play(RETRY);
    call.played(words);
    let second = call.dialled();
    call.event(Event::LegAnswered { leg: second.leg });
    call.wakes(4_000, TimerKind::Classify);
    call.pass(4_000);
    call.says_to(second.leg, "Anna wants tickets.");
}

#[test]
fn the_human_who_answers_does_not_hear_silence_while_the_words_are_made() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    call.event(Event::LegAnswered { leg: first.leg });
    call.wakes(5_000, TimerKind::Compose);
    call.pass(5_000);
    call.says_to(first.leg, FALLBACK);
    call.says_to(first.leg, QUESTION);
}

#[test]
fn a_silent_human_is_reminded_once_and_then_not_reached() {
    let (mut call, first) = dialling(quiet(), warm(|config| config.detect_supervisor_silence = true));
    asked(&mut call, first.leg);
    call.pass(15_000);
    call.says_to(first.leg, "Hello — are you available to take this call?");
    call.play_out(first.leg);
    call.pass(15_000);
    assert!(call.releases_leg(first.leg));
    assert_eq!(call.last_record().failure_reason, Some(FailureReason::SilentSupervisor));
}

#[test]
fn words_that_decide_nothing_bring_the_question_again_and_repeat_brings_all() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    asked(&mut call, first.leg);
    call.words_of(first.leg, "Who is this?");
    call.says_to(first.leg, QUESTION);
    call.play_out(first.leg);
    call.words_of(first.leg, "Say that again please");
    call.says_to(first.leg, "Anna wants tickets.");
    call.says_to(first.leg, QUESTION);
}

#[test]
fn a_greeting_is_no_decision() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    call.event(Event::LegAnswered { leg: first.leg });
    call.words_of(first.leg, "Yes? Hello?");
    let request = call.compose_request().unwrap();
    call.event(Event::BriefingComposed { request, text: "Anna.".into() });
    call.words_of(first.leg, "Yes?");
    assert!(!call.has(|command| matches!(command, Command::Bridge { .. })));
    call.key_of(first.leg, '1');
    call.bridge(first.leg);
}

#[test]
fn no_decision_in_time_is_not_reached() {
    let (mut call, first) = dialling(quiet(), warm(|config| config.max_briefing_seconds = Bounded::of(15)));
    asked(&mut call, first.leg);
    call.pass(15_000);
    assert!(call.releases_leg(first.leg));
    assert_eq!(call.last_record().failure_reason, Some(FailureReason::BriefingTimeout));
}

#[test]
fn keys_of_one_leg_never_act_on_the_other_and_the_caller_on_hold_is_not_heard() {
    let (mut call, first) = dialling(keypad(2), warm(|_| {}));
    assert!(call.has(|command| *command == Command::StopListening { leg: LEG }));
    asked(&mut call, first.leg);
    call.take();
    call.keys("12");
    call.words("yes yes connect me");
    assert_eq!(call.orders(), [], "the caller cannot accept himself");
    call.key_of(first.leg, '2');
    let words = call.play(RETRY);
    call.played(words);
    let second = call.dialled();
    call.event(Event::LegFailed { leg: second.leg, why: LegFailure::NoAnswer });
    let sorry = call.play(SORRY);
    call.played(sorry);
    let turn =
        call.turn(&TurnInput::TransferEnded { outcome: TransferOutcome::NotReached { why: FailureReason::NoAnswer }, on_failure: None });
    call.ready(turn, result(""));
    assert!(!call.has_turn(), "neither the keys nor the words on hold are anybody's input");
}

#[test]
fn the_caller_is_reassured_at_the_interval_and_never_when_it_is_zero() {
    let (mut call, _first) = dialling(quiet(), warm(|config| config.reassurance_interval_seconds = Bounded::of(10)));
    for _ in 0..2 {
        call.pass(10_000);
        let words = call.play(COMFORT);
        call.played(words);
    }
    let (mut call, _first) = dialling(quiet(), warm(|config| config.reassurance_interval_seconds = Bounded::of(0)));
    call.pass(29_000);
    assert!(!call.has(|command| matches!(command, Command::Play { .. })));
}

#[test]
fn nobody_answers_and_the_hold_never_outlasts_its_limit() {
    let intent = CallTransferIntent {
        max_retries: Bounded::of(5),
        ..warm(|config| {
            config.max_hold_seconds = Bounded::of(60);
            config.reassurance_interval_seconds = Bounded::of(0);
        })
    };
    let (mut call, first) = dialling(quiet(), intent);
    call.pass(30_000);
    assert!(call.releases_leg(first.leg), "a CANCEL");
    let words = call.play(RETRY);
    call.played(words);
    let second = call.dialled();
    assert_eq!(second.ring, Millis(23_000), "what is left of the hold, but for the time after the answer");
    call.pass(23_000);
    assert_eq!(call.records().iter().rev().nth(1).unwrap().fallback_mode, Some(FallbackMode::Assistant));
    let skipped = call.last_record();
    assert_eq!((skipped.failure_reason, skipped.dialled_at), (Some(FailureReason::DoesNotFit), None));
    call.back_because(FailureReason::NoAnswer);
}

#[test]
fn the_hold_ends_even_while_a_human_thinks() {
    let (mut call, first) = dialling(quiet(), warm(|config| config.max_hold_seconds = Bounded::of(15)));
    asked(&mut call, first.leg);
    call.wakes(12_000, TimerKind::Hold);
    call.pass(12_000);
    assert!(call.releases_leg(first.leg));
    assert_eq!(call.last_record().failure_reason, Some(FailureReason::HoldExhausted));
    call.back_because(FailureReason::HoldExhausted);
}

#[test]
fn a_bridge_that_fails_or_is_not_confirmed_ends_and_the_next_is_tried() {
    for late in [false, true] {
        let (mut call, first) = dialling(quiet(), warm(|config| config.bridge_confirm_seconds = Bounded::of(5)));
        asked(&mut call, first.leg);
        call.key_of(first.leg, '1');
        let request = call.bridge(first.leg);
        if late {
            call.pass(5_000);
            assert!(call.has(|command| *command == Command::Unbridge { a: LEG, b: first.leg }));
        } else {
            call.event(Event::BridgeFailed { request, why: BridgeFailure::NoMedia });
        }
        assert!(call.releases_leg(first.leg));
        assert_eq!(call.last_record().failure_reason, Some(FailureReason::BridgeFailed));
        let words = call.play(RETRY);
        call.played(words);
        assert_eq!(call.dialled().destination, "+4931");
        assert!(call.music_on(), "the music is back");
    }
}

#[test]
fn the_briefing_is_made_as_configured_and_the_override_is_for_its_destination() {
    let template = |text: &str| Some(Text::try_from(text).unwrap());
    let intent = CallTransferIntent {
        warm_overrides: Some(WarmTransferTargetOverride {
            briefing_template: template("Desk: {{name}}"),
            message_mode: Some(MessageMode::Static),
        }),
        ..warm(|config| {
            config.message_mode = MessageMode::Prompt;
            config.briefing_template = template("Be brief.");
        })
    };
    let (mut call, first) = dialling(quiet(), intent);
    let composed = |call: &mut Scenario| match call.remove("briefing", |command| matches!(command, Command::ComposeBriefing { .. })) {
        Command::ComposeBriefing { mode, template, .. } => (mode, template.unwrap().as_str().to_owned()),
        _ => unreachable!(),
    };
    assert_eq!(composed(&mut call), (MessageMode::Static, "Desk: {{name}}".to_owned()));
    call.event(Event::LegFailed { leg: first.leg, why: LegFailure::NoAnswer });
    let words = call.play(RETRY);
    call.played(words);
    call.dialled();
    assert_eq!(composed(&mut call), (MessageMode::Prompt, "Be brief.".to_owned()));
}

#[test]
fn destinations_outside_the_allow_list_are_not_dialled() {
    let settings = CallSettings { transfer_allowed: Some(vec!["+4931".to_owned()]), ..quiet() };
    let (mut call, first) = dialling(settings, warm(|_| {}));
    assert_eq!(first.destination, "+4931");
    let skipped = call.records().into_iter().find(|record| record.destination_index == 0 && record.failure_reason.is_some()).unwrap();
    assert_eq!((skipped.failure_reason, skipped.dialled_at), (Some(FailureReason::NotAllowed), None));
    call.take();
    let settings = CallSettings { transfer_allowed: Some(Vec::new()), ..quiet() };
    let call = Scenario::transferring(settings, warm(|_| {}));
    assert!(call.has(|command| matches!(command, Command::Notify(Notice::TransferRefused { why }) if why == "not_allowed")));
}

#[test]
fn a_call_dials_no_more_than_its_limit() {
    let mut settings = quiet();
    settings.transfer.attempts_per_call = 1;
    let (mut call, first) = dialling(settings, warm(|_| {}));
    call.event(Event::LegFailed { leg: first.leg, why: LegFailure::NoAnswer });
    assert_eq!(call.last_record().failure_reason, Some(FailureReason::LimitReached));
    call.back_because(FailureReason::NoAnswer);
}

#[test]
fn an_order_ends_the_call_and_both_legs_whatever_the_transfer_does() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    asked(&mut call, first.leg);
    call.admin_hangs_up();
    assert!(call.releases_leg(first.leg) && call.releases_leg(LEG));
    assert_eq!(call.last_record().failure_reason, Some(FailureReason::Interrupted));
    call.leg_gone(first.leg, ReleasedBy::Local);
    let cause = EndCause::AdminEnded(voice_worker::model::TerminationReason::AgentInitiated);
    call.released_and_closes(cause);
}

#[test]
fn an_operator_speaks_to_the_caller_on_hold_and_not_into_a_bridge() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    call.event(Event::Ordered(AdminOrder::Say { text: "We are on it.".into() }));
    let words = call.play("We are on it.");
    call.played(words);
    asked(&mut call, first.leg);
    call.key_of(first.leg, '1');
    let request = call.bridge(first.leg);
    call.event(Event::BridgeUp { request });
    call.take();
    call.event(Event::Ordered(AdminOrder::Say { text: "Hello?".into() }));
    assert_eq!(call.notices(), [Notice::SayRefused { phase: "bridged".to_owned() }]);
    assert_eq!(call.orders(), []);
}

#[test]
fn an_accepted_caller_is_handed_over_where_the_trunk_replaces_dialogs() {
    let mut settings = quiet();
    settings.transfer.replaces = true;
    let (mut call, first) = dialling(settings.clone(), warm(|_| {}));
    asked(&mut call, first.leg);
    call.key_of(first.leg, '1');
    let request = handed(&mut call, first.leg);
    call.event(Event::ReferAnswered { leg: LEG, request, status: 202 });
    call.leg_gone(first.leg, ReleasedBy::Remote);
    call.event(Event::ReferProgress { leg: LEG, request, status: 200 });
    assert!(call.last_record().failure_reason.is_none());
    call.released_and_closes(EndCause::Transferred);

    let (mut call, first) = dialling(settings, warm(|_| {}));
    asked(&mut call, first.leg);
    call.key_of(first.leg, '1');
    let request = handed(&mut call, first.leg);
    call.event(Event::ReferAnswered { leg: LEG, request, status: 501 });
    call.bridge(first.leg);
}

fn handed(call: &mut Scenario, leg: LegId) -> RequestId {
    match call.remove("ReferReplacing", |command| matches!(command, Command::ReferReplacing { .. })) {
        Command::ReferReplacing { leg: on, request, other } => {
            assert_eq!((on, other), (LEG, leg));
            request
        }
        _ => unreachable!(),
    }
}

/// Pain 30: afterwards anybody can read what happened and why.
#[test]
fn the_timeline_tells_the_story_in_plain_words() {
    let (mut call, first) = dialling(quiet(), warm(|_| {}));
    call.event(Event::LegFailed { leg: first.leg, why: LegFailure::Status { status: 486 } });
    let words = call.play(RETRY);
    call.played(words);
    let second = call.dialled();
    call.fresh.push(Command::Dial {
        leg: second.leg,
        request: RequestId(99),
        destination: second.destination.clone().into(),
        headers: Vec::new(),
        ring: second.ring,
    });
    call.event(Event::LegAnswered { leg: second.leg });
    call.key_of(second.leg, '1');
    let lines: Vec<_> = call.fresh.iter().map(|command| Entry::Command(command.clone())).collect();
    let story: Vec<String> = lines.iter().filter_map(|entry| moment(call.now, entry, Words::Masked)).map(|moment| moment.text).collect();
    for sentence in [
        "a briefing is being made",
        "the caller hears hold music",
        "attempt 1 failed: busy; the next destination is tried",
        "dials the configured destination, for 30000 ms at most",
    ] {
        assert!(story.iter().any(|told| told == sentence), "{sentence} is not in {story:#?}");
    }
    let key = Event::DigitPressed { leg: second.leg, digit: Digit::from_char('1').unwrap(), source: DigitSource::Rfc4733 };
    let told = moment(call.now, &Entry::Event(key), Words::Masked).unwrap();
    assert_eq!(told.who, Who::Human, "a human's key is not the caller's");
}
