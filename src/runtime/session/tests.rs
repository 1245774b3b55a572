//! Tests of session.

use super::*;
use crate::model::{Bounded, TransferMode, TransferOutcome};
use proptest::prelude::*;
use uuid::Uuid;

const FRONT_DESK: &str = include_str!("../../../config/assistants/front-desk.toml");
const CONCIERGE: &str = include_str!("../../../config/assistants/concierge.toml");
const REFUNDS: &str = include_str!("../../../config/assistants/refunds.toml");
const ECHO: &str = include_str!("../../../config/assistants/echo.toml");

struct Talk {
    runtime: VoiceRuntime,
    turn: u32,
}

impl Talk {
    fn with(text: &str) -> Self {
        let opening = RuntimeOpening {
            conversation: ConversationId(Uuid::from_u128(7)),
            from: "+4930555".into(),
            to: "+4930111".into(),
            direction: CallDirection::Inbound,
            variables: BTreeMap::new(),
            seed: 1,
            wall: WallTime(1_700_000_000_000),
        };
        let assistant = Assistant::load("test.toml", text).unwrap_or_else(|errors| panic!("{errors:?}"));
        Self { runtime: VoiceRuntime::new(Arc::new(assistant), opening), turn: 0 }
    }

    fn give(&mut self, input: TurnInput) -> TurnResult {
        self.turn += 1;
        self.runtime.run_turn(TurnId(self.turn), input)
    }

    fn start(&mut self) -> String {
        text(&self.give(TurnInput::Started))
    }

    fn say(&mut self, words: &str) -> TurnResult {
        self.give(TurnInput::Said { text: words.into() })
    }

    fn key(&mut self, keys: &str) -> TurnResult {
        self.give(TurnInput::Keyed { text: keys.into() })
    }

    fn transfer_ended(&mut self, outcome: TransferOutcome) -> TurnResult {
        self.give(TurnInput::TransferEnded { outcome, on_failure: None })
    }
}

fn text(result: &TurnResult) -> String {
    assert_eq!(result.messages.len(), 1);
    result.messages[0].content.clone()
}

#[test]
fn the_front_desk_takes_an_account_number_by_keypad_and_transfers_to_billing() {
    let mut talk = Talk::with(FRONT_DESK);
    let greeting = talk.give(TurnInput::Started);
    assert_eq!(text(&greeting), "Hello, this is the front desk. Please type your account number, then press the hash key.");
    let spec = greeting.dtmf_input.unwrap();
    assert_eq!((spec.max_digits, spec.termination_digit.unwrap().as_str()), (Some(Bounded::of(8)), "#"));
    assert_eq!(text(&talk.key("DTMF: 4572")), "I have 4 5 7 2. Is that right?");
    let help = talk.say("Yes, that's right.");
    assert_eq!((text(&help).as_str(), help.dtmf_input), ("How can I help you?", None));
    let result = talk.say("I have a question about my last invoice, please.");
    let intent = result.call_transfer.unwrap();
    assert_eq!((intent.destination.as_str(), intent.label.as_deref()), ("sip:billing@127.0.0.1:5072", Some("billing")));
    assert_eq!(intent.reason.as_deref(), Some("question about an invoice, account 4572"));
    assert_eq!(intent.connecting_text.as_deref(), Some("I will connect you to billing. One moment, please."));
    assert_eq!(talk.runtime.pending_transfer(), Some(&intent));
    assert_eq!((result.status, result.model_used, result.token_count, result.latency_ms), (RuntimeStatus::Idle, None, None, None));
    assert_eq!(text(&talk.transfer_ended(TransferOutcome::Confirmed)), "");
    assert_eq!(talk.runtime.pending_transfer(), None);
}

#[test]
fn the_front_desk_takes_the_number_by_voice_corrects_it_and_ends_on_goodbye() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    assert_eq!(text(&talk.say("it's four five seven three")), "I have 4 5 7 3. Is that right?");
    assert_eq!(text(&talk.say("no, that's wrong")), "Sorry about that. Please type your account number, then press the hash key.");
    talk.key("DTMF: 4572");
    talk.key("DTMF: 1");
    assert!(text(&talk.say("What are your opening hours?")).starts_with("We are open from nine to five"));
    let end = talk.say("no that is all, goodbye");
    assert_eq!((text(&end).as_str(), end.status), ("Thank you for calling. Goodbye.", RuntimeStatus::EndRequested));
    assert_eq!(talk.runtime.begin_turn(TurnId(99), TurnInput::Started), Err(TurnError::EndRequested));
}

#[test]
fn a_caller_who_is_not_understood_is_asked_again_and_then_the_fallback_is_taken() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    let first = talk.say("pardon");
    assert!(text(&first).starts_with("I need four to eight digits."));
    assert!(first.dtmf_input.is_some(), "each turn that waits here retunes again");
    assert!(text(&talk.key("DTMF: 12")).starts_with("You can also say"));
    assert_eq!(text(&talk.say("pardon")), "How can I help you?");
    for _ in 0..2 {
        assert_eq!(talk.say("blue elephants").status, RuntimeStatus::Idle);
    }
    assert_eq!(talk.say("blue elephants").status, RuntimeStatus::EndRequested);
}

#[test]
fn silence_asks_again_without_counting_as_a_misunderstanding() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    for reminder in 1..6 {
        let result = talk.give(TurnInput::Silent { reminder });
        assert!(text(&result).starts_with("Are you still there? I need four"), "{result:?}");
        assert!(result.dtmf_input.is_some());
    }
}

/// Pain 11.
#[test]
fn the_same_transfer_asked_again_while_the_first_connects_is_answered_as_in_progress() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    let first = talk.say("billing please").call_transfer.unwrap();
    for _ in 0..3 {
        let again = talk.say("billing please");
        assert_eq!((text(&again).as_str(), again.call_transfer), ("I am already connecting you. One moment, please.", None));
        assert_eq!(talk.runtime.pending_transfer(), Some(&first));
    }
    talk.transfer_ended(TransferOutcome::AlreadyInProgress);
    assert_eq!(talk.runtime.pending_transfer(), Some(&first), "the first one still runs");
    talk.transfer_ended(TransferOutcome::Refused { status: 603 });
    assert!(talk.say("billing please").call_transfer.is_some(), "after its end it may be asked for again");
}

#[test]
fn a_failed_transfer_goes_on_at_its_failure_node_which_knows_the_outcome() {
    for (outcome, words) in [
        (TransferOutcome::Failed { status: 486 }, "I'm sorry, billing is on another call."),
        (TransferOutcome::Refused { status: 603 }, "I'm sorry, I could not reach billing."),
    ] {
        let mut talk = Talk::with(FRONT_DESK);
        talk.start();
        let intent = talk.say("billing").call_transfer.unwrap();
        let back = talk.give(TurnInput::TransferEnded { outcome, on_failure: intent.on_failure });
        assert!(text(&back).starts_with(words), "{back:?}");
        assert_eq!(talk.say("no thank you").status, RuntimeStatus::EndRequested, "the assistant keeps helping");
    }
}

/// Pain 5.
#[test]
fn without_a_failure_node_the_caller_hears_busy_declined_and_no_answer_apart() {
    let plain = FRONT_DESK.replace("on_failure = \"billing_failed\"\n", "");
    let start = plain.find("[[workflow.nodes]]\nid = \"billing_failed\"").unwrap();
    let end = plain.find("[[workflow.nodes]]\nid = \"no_luck\"").unwrap();
    let plain = format!("{}{}", &plain[..start], &plain[end..]);
    let mut heard = Vec::new();
    for outcome in [
        TransferOutcome::Failed { status: 486 },
        TransferOutcome::Failed { status: 603 },
        TransferOutcome::NoNotify,
        TransferOutcome::NotAllowed,
    ] {
        let mut talk = Talk::with(&plain);
        talk.start();
        talk.say("billing");
        let back = talk.transfer_ended(outcome);
        assert!(back.dtmf_input.is_some(), "back at the node that waited");
        heard.push(text(&back));
        assert_eq!(text(&talk.key("DTMF: 4572")), "I have 4 5 7 2. Is that right?");
    }
    heard.sort();
    heard.dedup();
    assert_eq!(heard.len(), 4, "{heard:?}");
}

#[test]
fn an_unknown_failure_node_is_a_routing_error_and_the_next_turn_works() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    talk.say("billing");
    let lost = talk.give(TurnInput::TransferEnded { outcome: TransferOutcome::Unknown, on_failure: Some("nowhere".to_owned()) });
    assert_eq!((lost.error.as_deref(), lost.status), (Some("routing_error: nowhere"), RuntimeStatus::Error));
    assert_eq!(text(&lost), "");
    assert_eq!(talk.runtime.pending_transfer(), None);
    assert_eq!(talk.say("4572").status, RuntimeStatus::Idle);
}

const LOOP: &str = r#"
name = "Loop"
[voice.first_speaking]
text = "Hi."
[variables.size]
type = "number"
max = 5
[workflow]
start = "ask"
max_steps = 10
[[workflow.nodes]]
id = "ask"
kind = "agent"
say = "Well?"
edges = [{ to = "one", said = "spin" }, { to = "store", said = "store", priority = 5 }, { to = "people", keys = "0" }, { to = "pick", otherwise = true }]
[[workflow.nodes]]
id = "one"
kind = "action"
edges = [{ to = "two" }]
[[workflow.nodes]]
id = "two"
kind = "action"
edges = [{ to = "one" }]
[[workflow.nodes]]
id = "store"
kind = "action"
set = { size = "{{caller_said}}" }
edges = [{ to = "ask" }]
[[workflow.nodes]]
id = "people"
kind = "handoff"
say = "A colleague joins you."
reason = "pressed zero at {{hour}}"
edges = [{ to = "ask" }]
[[workflow.nodes]]
id = "pick"
kind = "handoff"
say = "Sales or support?"
transfer = ["sales", "support"]
on_failure = "ask"
edges = [{ to = "ask", otherwise = true }]
[tools.transfer_call.targets.sales]
destination = "+4930100"
said = "sales"
[tools.transfer_call.targets.support]
destination = "tel:+4930200"
mode = "warm"
said = "support"
warm = { briefing_template = "From {{caller_number}}" }
[tools.transfer_call.targets.secret]
destination = "+4930300"
said = "secret"
"#;

#[test]
fn a_graph_that_runs_in_circles_is_stopped_and_the_next_turn_works() {
    let mut talk = Talk::with(LOOP);
    talk.start();
    assert_eq!(talk.say("spin").error.as_deref(), Some("max_steps_exceeded"));
    assert_eq!(talk.runtime.status(), RuntimeStatus::Error);
    let stored = talk.say("store thirty seven");
    assert_eq!(
        stored.error.as_deref(),
        Some("node_execution_failed: ValueError: node 'store': variable 'size' cannot hold what is assigned to it")
    );
    assert!(!stored.error.unwrap().contains("thirty"));
    assert_eq!(talk.key("DTMF: 0").status, RuntimeStatus::Idle);
}

#[test]
fn of_two_edges_that_fit_the_higher_priority_is_taken() {
    let mut talk = Talk::with(LOOP);
    talk.start();
    let result = talk.say("spin and store");
    assert!(result.error.is_some_and(|error| error.starts_with("node_execution_failed")), "store has priority 5");
}

#[test]
fn a_human_is_asked_for_once_with_a_packet() {
    let mut talk = Talk::with(LOOP);
    talk.start();
    let result = talk.key("DTMF: 0");
    assert_eq!(text(&result), "A colleague joins you. Well?");
    let packet = result.handoff.unwrap();
    assert_eq!((packet["static_text"].as_str(), packet["reason"].as_str()), (Some("A colleague joins you."), Some("pressed zero at 22")));
    let again = talk.key("DTMF: 0");
    assert_eq!((again.handoff, again.error), (None, None));
}

#[test]
fn one_of_many_targets_is_picked_by_what_the_caller_says() {
    let mut talk = Talk::with(LOOP);
    talk.start();
    talk.say("hm");
    talk.say("hm");
    assert_eq!(text(&talk.say("hm")), "Sales or support?");
    assert_eq!(talk.say("the weather").call_transfer, None, "none of the two");
    let intent = talk.say("support please").call_transfer.unwrap();
    assert_eq!((intent.destination.as_str(), intent.on_failure.as_deref()), ("tel:+4930200", Some("ask")));
    assert_eq!(intent.warm.unwrap().briefing_template.unwrap().as_str(), "From +4930555");
}

#[test]
fn the_concierge_brings_the_caller_to_a_supervisor_who_is_told_what_it_is_about() {
    let mut talk = Talk::with(CONCIERGE);
    talk.start();
    assert_eq!(text(&talk.say("My delivery is broken")), "Shall I bring you to the supervisor?");
    let intent = talk.say("yes please").call_transfer.unwrap();
    let warm = intent.warm.as_ref().unwrap();
    assert_eq!((intent.mode, warm.max_hold_seconds.get(), intent.on_failure.as_deref()), (TransferMode::Warm, 90, Some("not_reached")));
    assert!(warm.briefing_template.as_ref().unwrap().as_str().ends_with("It is about: My delivery is broken."), "{warm:?}");
    let back = talk.give(TurnInput::TransferEnded { outcome: TransferOutcome::Failed { status: 486 }, on_failure: intent.on_failure });
    assert!(text(&back).starts_with("The supervisor is on another call."), "{back:?}");
    assert!(talk.key("DTMF: 1").call_transfer.is_some(), "it may be tried again");
}

/// The host has said the target's `failure_text`; a second apology would be one too many.
#[test]
fn after_a_warm_transfer_that_failed_the_assistant_listens_and_knows_why() {
    let plain = CONCIERGE.replace("on_failure = \"not_reached\"\n", "");
    let start = plain.find("[[workflow.nodes]]\nid = \"not_reached\"").unwrap();
    let end = plain.find("[[workflow.nodes]]\nid = \"goodbye\"").unwrap();
    let mut talk = Talk::with(&format!("{}{}", &plain[..start], &plain[end..]));
    talk.start();
    talk.say("My delivery is broken");
    assert!(talk.say("yes").call_transfer.is_some());
    let why = crate::model::FailureReason::Machine;
    let back = talk.transfer_ended(TransferOutcome::NotReached { why });
    assert_eq!((text(&back).as_str(), back.error), ("", None));
    assert_eq!(talk.runtime.dialogue.fill("{{transfer_outcome}}"), "machine");
    assert_eq!(talk.say("no").status, RuntimeStatus::EndRequested, "it listens where it did before");
}

#[test]
fn a_refund_above_the_limit_waits_for_a_colleague_and_a_small_one_does_not() {
    for (approved, said) in [(true, "You get 80 euros back."), (false, "I'm sorry, I can't pay 80 euros back.")] {
        let mut talk = Talk::with(REFUNDS);
        talk.start();
        let asked = talk.key("DTMF: 80");
        assert_eq!(
            (text(&asked).as_str(), asked.session_status.as_deref()),
            ("For 80 euros I have to ask a colleague. Please hold on.", Some("awaiting_approval"))
        );
        let wanted = talk.runtime.pending_approval().cloned().unwrap();
        assert_eq!((wanted.timeout, wanted.reason.expose().as_str()), (Millis(60_000), "Refund of 80 euros for +4930555"));
        let reminder = talk.give(TurnInput::Silent { reminder: 1 });
        assert_eq!(text(&reminder), "My colleague is still deciding. One moment, please.");
        let decided = talk.give(TurnInput::ApprovalDecided { approval: wanted.id, approved });
        assert!(text(&decided).starts_with(said), "{decided:?}");
        assert_eq!(text(&talk.say("yes")), "How many euros should we pay back?");
        assert!(talk.key("DTMF: 81").session_status.is_some());
        assert_ne!(talk.runtime.pending_approval().unwrap().id, wanted.id, "each question has its own id");
    }
    let mut talk = Talk::with(REFUNDS);
    talk.start();
    assert!(text(&talk.say("twenty")).starts_with("You get 20 euros back."));
    talk.say("yes");
    assert_eq!(text(&talk.say("goodbye, that was all")), "Thank you for calling. Goodbye.");
}

#[test]
fn a_caller_who_gives_up_while_a_colleague_decides_may_hang_up() {
    let mut talk = Talk::with(REFUNDS);
    talk.start();
    talk.key("DTMF: 80");
    assert_eq!(talk.say("goodbye").status, RuntimeStatus::EndRequested);
}

#[test]
fn a_caller_with_the_first_word_is_heard_by_the_start_node() {
    let mut talk = Talk::with(&FRONT_DESK.replace("first_speaker = \"agent\"", "first_speaker = \"user\""));
    assert_eq!(text(&talk.say("my number is 4572")), "I have 4 5 7 2. Is that right?");
}

#[test]
fn the_echo_repeats_and_words_that_look_like_a_template_stay_words() {
    let mut talk = Talk::with(ECHO);
    talk.start();
    assert_eq!(text(&talk.say("{{caller_number}} is mine")), "You said: {{caller_number}} is mine");
    assert_eq!(talk.say("goodbye").status, RuntimeStatus::EndRequested);
}

#[test]
fn only_one_turn_runs_at_a_time() {
    let mut talk = Talk::with(ECHO);
    talk.runtime.begin_turn(TurnId(1), TurnInput::Started).unwrap();
    assert_eq!(talk.runtime.status(), RuntimeStatus::RunningTurn);
    assert_eq!(talk.runtime.begin_turn(TurnId(2), TurnInput::Started), Err(TurnError::Busy { running: TurnId(1) }));
    assert!(matches!(talk.runtime.poll(), Some(RuntimeOutput::Ready { turn: TurnId(1), .. })));
    assert_eq!((talk.runtime.poll(), talk.runtime.status()), (None, RuntimeStatus::Idle));
}

#[test]
fn a_cancelled_turn_leaves_the_conversation_where_it_was() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    talk.say("billing");
    talk.runtime.cancel_turn(TurnId(2));
    assert_eq!((talk.runtime.pending_transfer(), talk.runtime.status()), (None, RuntimeStatus::Idle));
    talk.runtime.cancel_turn(TurnId(1));
    assert_eq!(text(&talk.key("DTMF: 4572")), "I have 4 5 7 2. Is that right?", "an older turn is left alone");
    let said: Vec<&str> = talk.runtime.transcript().entries().map(|entry| entry.text.expose().as_str()).collect();
    assert_eq!(said[1..3], ["billing", "DTMF: 4572"], "what the caller said stays");
}

#[test]
fn the_transcript_keeps_only_what_was_heard() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    talk.runtime.heard(TurnId(1), "Hello, this is");
    let first = talk.runtime.transcript().entries().next().unwrap().clone();
    assert_eq!((first.text.expose().as_str(), first.interrupted), ("Hello, this is", true));
}

#[test]
fn ending_twice_answers_the_same_and_creates_nothing() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    talk.say("I have a question about my invoice");
    let first = talk.runtime.end_session(TriggeredBy::Caller, EndCause::CallerHungUp);
    assert_eq!(talk.runtime.status(), RuntimeStatus::EndProcessing);
    let again = talk.runtime.end_session(TriggeredBy::Admin, EndCause::MaxDuration);
    assert_eq!(first, again);
    assert_eq!(first.reason.as_str(), "participant_left");
    assert_eq!(first.summary.expose(), "I have a question about my invoice.");
    talk.runtime.close_finished();
    assert_eq!(talk.runtime.status(), RuntimeStatus::Ended);
    assert_eq!(first.result(), TurnResult::bare(talk.runtime.conversation(), RuntimeStatus::Ended));
    let refused = talk.say("hello?");
    assert_eq!((text(&refused).as_str(), refused.status), ("", RuntimeStatus::Ended));
    assert_eq!(talk.runtime.end_session(TriggeredBy::Worker, EndCause::Orphaned), first, "nothing was added after the end");

    let mut silent = Talk::with(ECHO);
    let record = silent.runtime.end_session(TriggeredBy::Admin, EndCause::MaxDuration);
    assert!(record.transcript.is_empty() && record.summary.expose().is_empty() && record.turns == 0);
    silent.runtime.close_finished();
}

#[test]
fn answers_nobody_asked_for_are_counted() {
    let mut talk = Talk::with(ECHO);
    talk.runtime
        .answer(Answer { id: crate::runtime::ask::AskId(4), body: crate::runtime::ask::AnswerBody::TimedOut { elapsed: Millis(5) } });
    assert_eq!((talk.runtime.stray_answers(), talk.runtime.poll()), (1, None));
}

#[test]
fn opening_variables_are_taken_where_they_fit() {
    let mut opening = Talk::with(FRONT_DESK).runtime.opening;
    opening.variables = BTreeMap::from([
        ("account_number".to_owned(), Value::text("99")),
        ("colour".to_owned(), Value::text("red")),
        ("account_is_right".to_owned(), Value::text("yes")),
    ]);
    let runtime = VoiceRuntime::new(Arc::new(Assistant::load("t", FRONT_DESK).unwrap()), opening);
    assert_eq!(runtime.refused_variables(), ["account_number", "colour"]);
    assert_eq!(runtime.dialogue.variables().get("account_is_right"), Some(&Value::Boolean(true)));
}

#[test]
fn the_voice_settings_for_the_call_have_their_texts_filled() {
    let text =
        FRONT_DESK.replace("text = \"Hello, this", "ai_disclosure_text = \"{{assistant_name}} is a machine.\"\ntext = \"Hello, this");
    let voice = Talk::with(&text).runtime.voice_settings();
    assert_eq!(voice.first_speaking.ai_disclosure_text.unwrap().as_str(), "Front desk is a machine.");
}

#[test]
fn no_word_of_the_caller_is_in_a_debug_form() {
    let mut talk = Talk::with(FRONT_DESK);
    talk.start();
    talk.say("zebra crossing");
    talk.key("DTMF: 4572");
    let record = talk.runtime.end_session(TriggeredBy::Caller, EndCause::CallerHungUp);
    let shown = format!("{:?} {record:?}", talk.runtime);
    for secret in ["zebra", "4572", "+4930555"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("account_number"));
}

fn any_input() -> impl Strategy<Value = TurnInput> {
    let words = prop_oneof![
        Just("billing".to_owned()),
        Just("yes".to_owned()),
        Just("no".to_owned()),
        Just("opening hours".to_owned()),
        Just("spin".to_owned()),
        Just("goodbye".to_owned()),
        Just("four five six seven".to_owned()),
        "\\PC{0,30}",
    ];
    let outcome = prop_oneof![
        Just(TransferOutcome::Confirmed),
        Just(TransferOutcome::AlreadyInProgress),
        Just(TransferOutcome::CallerHungUp),
        (0u16..700).prop_map(|status| TransferOutcome::Failed { status }),
    ];
    prop_oneof![
        Just(TurnInput::Started),
        words.prop_map(|text| TurnInput::Said { text: text.into() }),
        "(DTMF: )?[0-9*#A-D]{0,70}".prop_map(|text| TurnInput::Keyed { text: text.into() }),
        any::<u32>().prop_map(|reminder| TurnInput::Silent { reminder }),
        any::<bool>().prop_map(|approved| TurnInput::ApprovalDecided { approval: Uuid::nil(), approved }),
        (outcome, proptest::option::of("[a-z_]{0,8}")).prop_map(|(outcome, on_failure)| TurnInput::TransferEnded { outcome, on_failure }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn whatever_comes_each_turn_has_one_message_and_a_status_that_fits(
        inputs in proptest::collection::vec((any_input(), any::<bool>()), 0..24),
        sample in 0usize..5,
    ) {
        let mut talk = Talk::with([FRONT_DESK, ECHO, LOOP, CONCIERGE, REFUNDS][sample]);
        for (input, cancel) in inputs {
            let was = talk.runtime.status();
            let result = talk.give(input);
            prop_assert_eq!(result.messages.len(), 1);
            prop_assert_eq!(result.session_id, Some(talk.runtime.conversation()));
            prop_assert_eq!(result.status, talk.runtime.status());
            prop_assert!(matches!(result.status, RuntimeStatus::Idle | RuntimeStatus::EndRequested | RuntimeStatus::Error));
            prop_assert_eq!(result.error.is_some(), result.status == RuntimeStatus::Error || was == RuntimeStatus::EndRequested);
            if let Some(intent) = &result.call_transfer {
                prop_assert_eq!(Some(intent), talk.runtime.pending_transfer());
                prop_assert!(result.dtmf_input.is_none() && result.status == RuntimeStatus::Idle);
            }
            if cancel {
                talk.runtime.cancel_turn(TurnId(talk.turn));
                prop_assert_eq!(talk.runtime.status() == RuntimeStatus::Idle, was != RuntimeStatus::EndRequested);
            }
        }
        let record = talk.runtime.end_session(TriggeredBy::Worker, EndCause::ServerShutdown);
        prop_assert_eq!(record, talk.runtime.end_session(TriggeredBy::Caller, EndCause::CallerHungUp));
    }
}
