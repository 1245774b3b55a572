//! Conditions in plain words, briefings, and what is written after the end.

use super::*;

const WORDS: &str = r#"
name = "Words"
[voice.first_speaking]
text = "Hello."
[tools.transfer_call.targets.sales]
destination = "+4930100"
description = "new contracts"
said = "sales"
[tools.transfer_call.targets.support]
destination = "+4930200"
description = "things that do not work"
said = "support"
[workflow]
start = "ask"
[[workflow.nodes]]
id = "ask"
kind = "agent"
say = "Yes?"
edges = [
  { to = "cancelled", means = "the caller wants to cancel an order" },
  { to = "pick", means = "the caller asks for a colleague" },
  { to = "bye", said = "goodbye" },
  { to = "bye", otherwise = true },
]
reask_cap = 1
[[workflow.nodes]]
id = "cancelled"
kind = "action"
say = "I cancel it."
edges = [{ to = "angry", means = "the caller is angry" }, { to = "bye", otherwise = true }]
[[workflow.nodes]]
id = "angry"
kind = "action"
say = "I am very sorry."
tool = "end_session"
[[workflow.nodes]]
id = "pick"
kind = "handoff"
say = "Sales or support?"
transfer = ["sales", "support"]
mode = "warm"
connecting_text = "Here we go."
max_retries = 3
edges = [{ to = "bye", otherwise = true }]
[[workflow.nodes]]
id = "bye"
kind = "action"
say = "Goodbye."
tool = "end_session"
"#;

fn with_model() -> Talk {
    let mut talk = Talk::with(&WORDS.replacen("name = \"Words\"", "name = \"Words\"\n[model]\nrole = \"main\"\njudge = \"small\"", 1));
    talk.give(TurnInput::Started);
    talk.take();
    talk
}

#[test]
fn without_a_model_plain_words_are_matched() {
    let mut talk = Talk::with(WORDS);
    talk.give(TurnInput::Started);
    talk.take();
    talk.say("please cancel my order");
    assert_eq!(text(&talk.take()), "I cancel it. Goodbye.");
}

#[test]
fn with_a_model_plain_words_are_judged_and_phrases_are_not() {
    let mut talk = with_model();
    talk.say("I do not need that stuff any more, you fools!");
    let call = talk.model();
    assert_eq!((call.role.as_str(), call.choice), ("small", ToolChoice::Required));
    assert!(shown(&call).contains("1. the caller wants to cancel an order\\n2. the caller asks for a colleague"), "{}", shown(&call));
    talk.done("", &[("choose", r#"{"option": 1}"#)]);
    assert_eq!(talk.speech, ["I cancel it."]);
    talk.done("1", &[]);
    assert_eq!(text(&talk.take()), "I cancel it. I am very sorry.");

    let mut talk = with_model();
    talk.say("goodbye");
    assert_eq!(text(&talk.take()), "Goodbye.", "a phrase needs no judge");
}

#[test]
fn a_judge_that_fails_or_talks_nonsense_is_replaced_by_the_matcher() {
    for kind in 0..4 {
        let mut talk = with_model();
        talk.say("please cancel my order");
        match kind {
            0 => talk.hang(),
            1 => talk.fail(AskFailure::ServerError),
            2 => talk.done("none of your business", &[]),
            _ => talk.done("", &[("choose", r#"{"option": 77}"#)]),
        };
        talk.done("0", &[]);
        let result = talk.take();
        assert_eq!((text(&result).as_str(), result.error), ("I cancel it. Goodbye.", None));
    }
}

#[test]
fn where_nothing_fits_the_caller_is_asked_again_and_then_the_fallback_is_taken() {
    let mut talk = with_model();
    talk.say("blue elephants").done("", &[("choose", r#"{"option": "0"}"#)]);
    assert_eq!(text(&talk.take()), "Sorry, I did not get that. Yes?");
    talk.say("blue elephants").done("", &[("choose", r#"{"option": 0}"#)]);
    assert_eq!(text(&talk.take()), "Goodbye.");
}

#[test]
fn one_of_many_targets_is_picked_by_the_model_and_the_node_sets_how() {
    let mut talk = with_model();
    talk.say("my printer is broken, get me somebody").done("2", &[]).done("", &[("choose", r#"{"option": 2}"#)]);
    let result = talk.take();
    let intent = result.call_transfer.unwrap();
    assert_eq!(
        (intent.label.as_deref(), intent.connecting_text.as_deref(), intent.max_retries.get()),
        (Some("support"), Some("Here we go."), 3)
    );
    assert_eq!(intent.mode, crate::model::TransferMode::Warm);
}

#[test]
fn a_briefing_is_written_by_the_model_or_from_the_callers_own_words() {
    let mut talk = Talk::started();
    talk.say("My invoice is much too high.").done("I see.", &[]);
    talk.take();
    talk.runtime.begin_briefing(1, MessageMode::Prompt, Some("Name the number {{caller_number}}."));
    talk.poll();
    assert!(
        shown(&talk.model()).contains("Name the number +4930555.") && shown(&talk.model()).contains("Caller: My invoice is much too high.")
    );
    talk.done("**Hello.** A caller thinks the invoice is too high.", &[]);
    talk.runtime.begin_briefing(2, MessageMode::AiSummary, None);
    talk.poll();
    talk.hang();
    talk.runtime.begin_briefing(3, MessageMode::Static, Some("From {{caller_number}}"));
    talk.poll();
    let extract = "The caller said: My invoice is much too high.";
    assert_eq!(talk.briefings, ["Hello. A caller thinks the invoice is too high.", extract, "From +4930555"]);
    let mut silent = Talk::started();
    silent.runtime.begin_briefing(1, MessageMode::AiSummary, None);
    silent.poll();
    assert_eq!(silent.briefings, [""], "there is nothing to say about a caller who said nothing");
}

#[test]
fn a_briefing_beside_a_turn_disturbs_neither() {
    let mut talk = Talk::started();
    talk.say("My invoice is too high.");
    talk.runtime.begin_briefing(1, MessageMode::AiSummary, None);
    talk.poll();
    assert_eq!(talk.asks.len(), 2);
    talk.asks.reverse();
    talk.done("About an invoice.", &[]).done("I see.", &[]);
    assert_eq!(talk.briefings, ["About an invoice."]);
    assert_eq!(text(&talk.take()), "I see.");
}

#[test]
fn after_the_end_summary_and_facts_come_from_the_model_or_from_what_is_known() {
    let mut talk = Talk::started();
    talk.say("I am Ada, account 4572, and my invoice is too high.").done("Ok.", &[("set_variables", r#"{"account": "4572"}"#)]);
    talk.take();
    let assistant = Arc::clone(talk.runtime.assistant());
    let record = talk.runtime.end_session(TriggeredBy::Caller, EndCause::CallerHungUp);
    let fact = |key: &str, text: &str| MemoryFact { key: key.to_owned(), text: text.into() };
    assert_eq!(record.facts, [fact("account", "4572")]);
    let ask = summary_ask(&assistant, &record.transcript).unwrap();
    assert_eq!(ask.why, AskReason::After { job: PostJob::Summary });
    assert_eq!(read_summary(&done("An invoice.", &[]), &record.transcript), "An invoice.");
    let failed = AnswerBody::TimedOut { elapsed: Millis(1) };
    assert_eq!(read_summary(&failed, &record.transcript), summarise(&record.transcript));
    assert!(memory_ask(&assistant, &record.transcript).is_some());
    let found = read_memory(&done("- Name: Ada\n* account: 1\nnonsense\n: x\n", &[]), &assistant, &record.variables);
    assert_eq!(found, [fact("account", "4572"), fact("name", "Ada")]);
    assert_eq!(read_memory(&failed, &assistant, &record.variables), [fact("account", "4572")]);
}
