//! Tests of turns with a language model: the model is a script, time is what its answers say.

use crate::model::{
    CallTransferIntent, ConversationId, EndCause, MessageMode, Millis, Redacted, RuntimeStatus, TransferOutcome, TriggeredBy, TurnId,
    TurnInput, TurnResult, WallTime,
};
use crate::runtime::*;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

const DESK: &str = r#"
name = "Desk"
persona = "You are calm."
instructions = "Calls come from {{caller_number}}."
[model]
role = "main"
fallback = ["backup"]
max_rounds = 4
[voice.first_speaking]
text = "Hello."
[variables.account]
type = "digits"
min_length = 4
max_length = 8
description = "the account number"
remember = true
[variables.state]
type = "string"
[variables.mood]
type = "enum"
values = ["good", "bad"]
[tools.transfer_call.targets.billing]
destination = "+4930100"
description = "invoices and payments"
said = "billing"
connecting_text = "I connect you."
[tools.transfer_call.targets.sales]
destination = "+4930200"
[tools.request_human_handoff]
text = "A colleague will join us."
[tools.end_session]
say = "Goodbye."
[tools.http.order_state]
description = "The state of an order"
url = "https://orders.example/{{order}}"
headers = { authorization = "Bearer ${secret:orders}" }
say = "One moment."
timeout_ms = 3000
inputs = { order = { type = "digits" } }
output = { state = "/state" }
[workflow]
start = "talk"
[[workflow.nodes]]
id = "talk"
kind = "agent"
instructions = "Help the caller. Their account is {{account}}."
required = ["account"]
optional = ["mood"]
reask_cap = 1
edges = [
  { to = "refund", means = "the caller wants a refund" },
  { to = "thanks" },
  { to = "give_up", otherwise = true },
]
[[workflow.nodes]]
id = "refund"
kind = "approval"
when = "missing(account) or account != '9999'"
say = "I have to ask a colleague."
reason = "refund for {{account}}"
timeout_seconds = 30
on_approve = "paid"
on_deny = "refused"
[[workflow.nodes]]
id = "paid"
kind = "action"
say = "You get your money back."
edges = [{ to = "more" }]
[[workflow.nodes]]
id = "refused"
kind = "action"
say = "That is not possible."
edges = [{ to = "more" }]
[[workflow.nodes]]
id = "thanks"
kind = "action"
say = "Thank you, {{account | spell}}."
edges = [{ to = "more" }]
[[workflow.nodes]]
id = "more"
kind = "agent"
say = "Anything else?"
instructions = "See what else there is."
[[workflow.nodes]]
id = "give_up"
kind = "action"
say = "I cannot help you without it."
tool = "end_session"
"#;

struct Talk {
    runtime: VoiceRuntime,
    turn: u32,
    /// Sentences of the running turn, as they came.
    speech: Vec<String>,
    asks: Vec<Ask>,
    cancelled: Vec<AskId>,
    ready: Vec<TurnResult>,
    briefings: Vec<String>,
    approvals: Vec<ApprovalRequest>,
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
        let runtime = VoiceRuntime::new(Arc::new(assistant), opening);
        let (speech, asks, cancelled, ready) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { runtime, turn: 0, speech, asks, cancelled, ready, briefings: Vec::new(), approvals: Vec::new() }
    }

    fn started() -> Self {
        let mut talk = Self::with(DESK);
        talk.give(TurnInput::Started);
        assert_eq!(text(&talk.take()), "Hello.", "the greeting is enough; the model is not asked for another");
        talk
    }

    fn give(&mut self, input: TurnInput) {
        self.turn += 1;
        self.speech.clear();
        self.runtime.begin_turn(TurnId(self.turn), input).unwrap();
        self.poll();
    }

    fn say(&mut self, words: &str) -> &mut Self {
        self.give(TurnInput::Said { text: words.into() });
        self
    }

    fn poll(&mut self) {
        while let Some(output) = self.runtime.poll() {
            match output {
                RuntimeOutput::Ask(ask) => self.asks.push(ask),
                RuntimeOutput::CancelAsk { id } => {
                    self.asks.retain(|ask| ask.id != id);
                    self.cancelled.push(id);
                }
                RuntimeOutput::Speech { text, .. } => self.speech.push(text.into_exposed()),
                RuntimeOutput::Ready { result, .. } => self.ready.push(*result),
                RuntimeOutput::Failed { error, .. } => panic!("{error}"),
                RuntimeOutput::ApprovalWanted { approval, .. } => self.approvals.push(approval),
                RuntimeOutput::Briefing { text, .. } => self.briefings.push(text.into_exposed()),
            }
        }
    }

    /// The question that waits; there is exactly one.
    #[track_caller]
    fn model(&self) -> ModelCall {
        assert_eq!(self.asks.len(), 1, "{:?}", self.asks);
        match &self.asks[0].what {
            Question::Model(call) => call.clone(),
            Question::HttpTool(call) => panic!("{call:?}"),
        }
    }

    #[track_caller]
    fn http(&self) -> HttpToolCall {
        match &self.asks[0].what {
            Question::HttpTool(call) => call.clone(),
            Question::Model(call) => panic!("{call:?}"),
        }
    }

    fn answer(&mut self, body: AnswerBody) {
        let id = self.asks[0].id;
        if !matches!(body, AnswerBody::ModelDelta { .. }) {
            self.asks.remove(0);
        }
        self.runtime.answer(Answer { id, body });
        self.poll();
    }

    fn delta(&mut self, text: &str) -> &mut Self {
        self.answer(AnswerBody::ModelDelta { text: text.into() });
        self
    }

    fn done(&mut self, text: &str, calls: &[(&str, &str)]) -> &mut Self {
        self.answer(done(text, calls));
        self
    }

    fn fail(&mut self, why: AskFailure) -> &mut Self {
        self.answer(AnswerBody::Failed { why, detail: "secret detail".to_owned(), elapsed: Millis(100) });
        self
    }

    fn hang(&mut self) -> &mut Self {
        self.answer(AnswerBody::TimedOut { elapsed: Millis(5_000) });
        self
    }

    fn http_done(&mut self, status: u16, body: serde_json::Value) -> &mut Self {
        self.answer(AnswerBody::HttpDone(HttpAnswer { status, body: Redacted::new(body), elapsed: Millis(200) }));
        self
    }

    /// The result of the turn, which is through. Its text begins with every sentence that came early, in order.
    #[track_caller]
    fn take(&mut self) -> TurnResult {
        assert_eq!(self.ready.len(), 1, "exactly one result; open: {:?}", self.asks);
        assert!(self.asks.is_empty(), "nothing stays open after a turn: {:?}", self.asks);
        let result = self.ready.remove(0);
        let early = self.speech.join(" ");
        assert!(text(&result).starts_with(&early), "early: {early:?}, whole: {:?}", text(&result));
        result
    }
}

fn done(text: &str, calls: &[(&str, &str)]) -> AnswerBody {
    let call = |(at, (name, arguments)): (usize, &(&str, &str))| ToolCall {
        id: format!("call-{at}"),
        name: (*name).to_owned(),
        arguments: (*arguments).into(),
    };
    AnswerBody::ModelDone(ModelAnswer {
        text: text.into(),
        tool_calls: calls.iter().enumerate().map(call).collect(),
        model: "test-model-1".to_owned(),
        tokens: Some(10),
        first_token: Some(Millis(20)),
        elapsed: Millis(50),
    })
}

fn text(result: &TurnResult) -> String {
    assert_eq!(result.messages.len(), 1);
    result.messages[0].content.clone()
}

fn tool_names(call: &ModelCall) -> Vec<&str> {
    call.tools.iter().map(|tool| tool.name.as_str()).collect()
}

fn shown(call: &ModelCall) -> String {
    serde_json::to_string(&call.messages).unwrap()
}

mod approvals;
mod failures;
mod properties;
mod samples;
mod speaking;
mod tools;
mod words;
