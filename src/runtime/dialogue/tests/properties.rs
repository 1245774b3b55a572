//! Whatever models and tools answer, in whatever order: one end a turn, one transfer, no panic.

use super::*;

fn any_call() -> impl Strategy<Value = (String, String)> {
    let name = prop_oneof![
        Just("set_variables"),
        Just("transfer_call"),
        Just("request_human_handoff"),
        Just("end_session"),
        Just("take_path"),
        Just("order_state"),
        Just("step_done"),
        Just("launch_rocket"),
    ];
    let arguments = prop_oneof![
        Just(String::new()),
        Just(r#"{"label": "billing"}"#.to_owned()),
        Just(r#"{"order": "77"}"#.to_owned()),
        Just(r#"{"path": "1"}"#.to_owned()),
        Just(r#"{"account": "4572"}"#.to_owned()),
        Just(r#"{"account": {"a": [1, null]}}"#.to_owned()),
        "\\PC{0,20}",
    ];
    (name.prop_map(str::to_owned), arguments)
}

fn any_body() -> impl Strategy<Value = AnswerBody> {
    let words = prop_oneof![Just("Hello there. ".to_owned()), Just("One. Two! Three?".to_owned()), Just(String::new()), "\\PC{0,40}"];
    let calls = proptest::collection::vec(any_call(), 0..4);
    let json = prop_oneof![Just(json!({"state": "sent"})), Just(json!(null)), Just(json!([1, {"state": 2}])), Just(json!("text"))];
    prop_oneof![
        3 => words.clone().prop_map(|text| AnswerBody::ModelDelta { text: text.into() }),
        4 => (words, calls).prop_map(|(text, calls)| {
            let calls: Vec<(&str, &str)> = calls.iter().map(|(name, arguments)| (name.as_str(), arguments.as_str())).collect();
            done(&text, &calls)
        }),
        2 => (any::<u16>(), json, 0u64..4_000).prop_map(|(status, body, elapsed)| {
            AnswerBody::HttpDone(HttpAnswer { status: status % 700, body: Redacted::new(body), elapsed: Millis(elapsed) })
        }),
        1 => (0u64..30_000).prop_map(|elapsed| AnswerBody::TimedOut { elapsed: Millis(elapsed) }),
        1 => Just(AnswerBody::Failed { why: AskFailure::ServerError, detail: String::new(), elapsed: Millis(u64::MAX) }),
    ]
}

#[derive(Clone, Debug)]
enum Move {
    Input(TurnInput),
    /// An answer to the n-th question ever asked, open or not.
    Answer(usize, AnswerBody),
    /// To the newest question.
    Newest(AnswerBody),
    Cancel,
    Heard(usize),
    Brief,
}

fn any_move() -> impl Strategy<Value = Move> {
    let input = prop_oneof![
        Just(TurnInput::Started),
        Just(TurnInput::Said { text: "I want my money back".into() }),
        Just(TurnInput::Keyed { text: "DTMF: 4572".into() }),
        Just(TurnInput::Silent { reminder: 1 }),
        Just(TurnInput::TransferEnded { outcome: TransferOutcome::NoNotify, on_failure: None }),
        any::<bool>().prop_map(|approved| TurnInput::ApprovalDecided { approval: Uuid::nil(), approved }),
    ];
    prop_oneof![
        3 => input.prop_map(Move::Input),
        2 => (any::<usize>(), any_body()).prop_map(|(which, body)| Move::Answer(which, body)),
        9 => any_body().prop_map(Move::Newest),
        1 => Just(Move::Cancel),
        1 => (0usize..30).prop_map(Move::Heard),
        1 => Just(Move::Brief),
    ]
}

/// What came out, judged as it comes.
#[derive(Default)]
struct Watch {
    running: Option<TurnId>,
    early: Vec<String>,
    asked: Vec<AskId>,
    pending: bool,
}

impl Watch {
    fn look(&mut self, runtime: &mut VoiceRuntime) -> Result<(), TestCaseError> {
        while let Some(output) = runtime.poll() {
            match output {
                RuntimeOutput::Ask(ask) => {
                    prop_assert!(!self.asked.contains(&ask.id), "an id is used once");
                    prop_assert!(ask.deadline.0 > 0);
                    self.asked.push(ask.id);
                }
                RuntimeOutput::CancelAsk { id } => prop_assert!(self.asked.contains(&id)),
                RuntimeOutput::Speech { turn, text } => {
                    prop_assert_eq!(Some(turn), self.running, "speech belongs to the running turn");
                    prop_assert!(!text.expose().trim().is_empty());
                    self.early.push(text.into_exposed());
                }
                RuntimeOutput::Ready { turn, result } => {
                    prop_assert_eq!(Some(turn), self.running.take(), "each turn is closed once");
                    prop_assert_eq!(result.messages.len(), 1);
                    prop_assert!(text(&result).starts_with(&self.early.join(" ")), "{:?} {:?}", text(&result), self.early);
                    if result.call_transfer.is_some() {
                        prop_assert!(!self.pending, "one transfer at a time");
                        self.pending = true;
                    }
                    if result.error.is_some() {
                        prop_assert!(matches!(result.status, RuntimeStatus::Error | RuntimeStatus::EndRequested));
                    }
                    prop_assert_eq!(result.model_used.is_none() && result.token_count.is_some(), false);
                }
                RuntimeOutput::Failed { .. } => prop_assert!(false, "a turn always has a result"),
                RuntimeOutput::ApprovalWanted { .. } | RuntimeOutput::Briefing { .. } => {}
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(160))]

    #[test]
    fn whatever_is_answered_each_turn_ends_once_and_transfers_at_most_once(moves in proptest::collection::vec(any_move(), 1..60)) {
        let mut talk = Talk::with(DESK);
        let (runtime, mut watch, mut turn) = (&mut talk.runtime, Watch::default(), 0);
        for step in moves {
            match step {
                Move::Input(input) => {
                    let ends_transfer = matches!(input, TurnInput::TransferEnded { .. });
                    turn += 1;
                    if runtime.begin_turn(TurnId(turn), input).is_ok() {
                        watch.running = Some(TurnId(turn));
                        watch.early.clear();
                        watch.pending &= !ends_transfer;
                    } else {
                        turn -= 1;
                    }
                }
                Move::Answer(which, body) if !watch.asked.is_empty() => {
                    let id = watch.asked[which % watch.asked.len()];
                    runtime.answer(Answer { id, body });
                }
                Move::Answer(_, body) => runtime.answer(Answer { id: AskId(9_999), body }),
                Move::Newest(body) => {
                    if let Some(id) = watch.asked.last() {
                        runtime.answer(Answer { id: *id, body });
                    }
                }
                Move::Cancel => {
                    let before = runtime.pending_transfer().is_some();
                    runtime.cancel_turn(TurnId(turn));
                    if watch.running.take().is_some() || before {
                        watch.pending = runtime.pending_transfer().is_some();
                    }
                }
                Move::Heard(chars) => {
                    let text: String = "Hello there. One. Two!".chars().take(chars).collect();
                    runtime.heard(TurnId(turn), &text);
                }
                Move::Brief => runtime.begin_briefing(1, MessageMode::AiSummary, None),
            }
            watch.look(runtime)?;
            prop_assert_eq!(runtime.status() == RuntimeStatus::RunningTurn, watch.running.is_some());
        }
        let record = runtime.end_session(TriggeredBy::Worker, EndCause::ServerShutdown);
        watch.look(runtime)?;
        prop_assert_eq!(record, runtime.end_session(TriggeredBy::Caller, EndCause::CallerHungUp));
    }
}
