//! One chat's runtime: driven through a turn, and made again from what it was told.

use super::Deltas;
use crate::api::{ChatAnswer, ChatError, assistant_id};
use crate::host::handoff;
use crate::host::shells::Shells;
use crate::model::{
    CallDirection, CallTransferIntent, Millis, Redacted, RuntimeStatus, SessionStatus, TransferOutcome, TurnId, TurnInput, TurnResult,
    WallTime,
};
use crate::runtime::shell::Deliver;
use crate::runtime::{
    Answer, AnswerBody, ApprovalRequest, Ask, AskId, Decimal, MemoryFact, RuntimeOpening, RuntimeOutput, Value as RuntimeValue,
    VoiceRuntime,
};
use crate::store::{ChatCommit, ChatInput, Committed, Conversation, NewMessage, Role, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

/// Transfers that one turn may ask for; each is answered as not possible here.
const TRANSFERS_MAX: usize = 2;
/// Facts of earlier conversations that a chat begins with.
const FACTS_MAX: u32 = 50;
/// Answers that wait to be given to the runtime; a model that talks faster waits.
const ANSWERS_MAX: usize = 32;

/// What a runtime was told, in order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    Opening { opening: Box<RuntimeOpening>, facts: Vec<MemoryFact> },
    Input(TurnInput),
    Answer(Box<Answer>),
}

/// A runtime and its place in the conversation.
pub(super) struct Session {
    runtime: VoiceRuntime,
    assistant: String,
    /// Number of the next turn.
    number: u32,
    /// Id of the runtime's next turn: one of ours may be several of its.
    next: u32,
    /// What was not stored with a turn yet.
    told: Vec<Told>,
}

/// Why a session cannot be made from the store.
pub(super) enum Lost {
    NoAssistant,
    /// It would answer something else than was stored.
    Diverged,
    Store(StoreError),
}

/// The runtime was left in the middle of a turn.
struct Broken {
    error: String,
}

/// A turn before it is stored.
pub(super) struct Turned {
    id: Uuid,
    text: String,
    status: SessionStatus,
    pub(super) ended: bool,
    handoff: Option<Map<String, Value>>,
    approval: Option<ApprovalRequest>,
    /// The runtime was left in the middle of it: nothing of the turn is told again, and the runtime is let go.
    pub(super) cut_short: bool,
    error: Option<String>,
    model: Option<String>,
    tokens: Option<u64>,
    latency: Option<u64>,
    ttft: Option<Millis>,
    source: &'static str,
    digest: String,
}

impl Session {
    /// As it stood after its last stored turn; a fresh one where there is none.
    pub(super) async fn from_store(shells: &Shells, row: &Conversation) -> Result<Self, Lost> {
        let name = row.assistant.clone().ok_or(Lost::NoAssistant)?;
        let assigned = shells.assistants.named(&name).ok_or(Lost::NoAssistant)?;
        let stored = shells.store.chat_inputs(row.id).await.map_err(Lost::Store)?;
        let told = |input: &ChatInput| serde_json::from_value::<Vec<Told>>(input.inputs.expose().clone()).map_err(|_| Lost::Diverged);
        let first = stored.first().map(told).transpose()?;
        let (opening, facts) = match first.and_then(|told| told.into_iter().next()) {
            Some(Told::Opening { opening, facts }) => (*opening, facts),
            Some(_) => return Err(Lost::Diverged),
            None => (opening(row), recalled(shells, row).await),
        };
        let mut runtime = VoiceRuntime::new(Arc::clone(&assigned.assistant), opening.clone());
        runtime.recall(&facts);
        let mut session = Self { runtime, assistant: name, number: 0, next: 0, told: Vec::new() };
        if stored.is_empty() {
            session.told.push(Told::Opening { opening: Box::new(opening), facts });
        }
        for input in &stored {
            let said = session.tell_again(told(input)?);
            if digest(&said) != input.said_digest {
                return Err(Lost::Diverged);
            }
            session.number = input.number + 1;
        }
        Ok(session)
    }

    /// What the runtime says when it is told the same once more; nobody else is asked.
    fn tell_again(&mut self, told: Vec<Told>) -> Vec<String> {
        let mut said = Vec::new();
        let (mut inputs, mut answers) = (Vec::new(), VecDeque::new());
        for one in told {
            match one {
                Told::Opening { .. } => {}
                Told::Input(input) => inputs.push(input),
                Told::Answer(answer) => answers.push_back(*answer),
            }
        }
        for input in inputs {
            let turn = self.next_turn();
            if self.runtime.begin_turn(turn, input).is_err() {
                break;
            }
            loop {
                match self.runtime.poll() {
                    Some(RuntimeOutput::Ready { result, .. }) => {
                        said.push(text_of(&result));
                        break;
                    }
                    Some(RuntimeOutput::Failed { error, .. }) => {
                        said.push(error);
                        break;
                    }
                    Some(_) => {}
                    None => match answers.pop_front() {
                        Some(answer) => self.runtime.answer(answer),
                        None => break,
                    },
                }
            }
        }
        said
    }

    /// The conversation waits for a person: the assistant hears nothing and says nothing.
    pub(super) fn listens(&self) -> Turned {
        Turned { status: SessionStatus::WaitingForHuman, source: "human", ..Turned::saying(Vec::new()) }
    }

    /// Runs the input through the runtime, its questions through the shell.
    pub(super) async fn answers(&mut self, shells: &Arc<Shells>, input: TurnInput, within: Duration, to: &mut Deltas) -> Turned {
        let mut asks = Asks::new(Arc::clone(shells));
        let whole = self.run(input, &mut asks, to);
        let broken = match tokio::time::timeout(within, whole).await {
            Ok(Ok(turned)) => return turned,
            Ok(Err(Broken { error })) => error,
            Err(_) => "the turn took too long".to_owned(),
        };
        self.told.retain(|told| matches!(told, Told::Opening { .. }));
        Turned { error: Some(broken), cut_short: true, ..Turned::saying(Vec::new()) }
    }

    async fn run(&mut self, mut input: TurnInput, asks: &mut Asks, to: &mut Deltas) -> Result<Turned, Broken> {
        let mut turned = Turned::saying(Vec::new());
        let mut said = Vec::new();
        for _ in 0..=TRANSFERS_MAX {
            let result = self.one(input, asks, &mut turned, to).await?;
            said.push(result.as_ref().map_or_else(String::clone, text_of));
            match turned.takes(result) {
                // No telephone, no transfer: the assistant is told, and says what it says then.
                Some(intent) => input = TurnInput::TransferEnded { outcome: TransferOutcome::Unsupported, on_failure: intent.on_failure },
                None => break,
            }
        }
        turned.digest = digest(&said);
        Ok(turned)
    }

    /// One turn of the runtime; the inner error is its own `Failed`.
    async fn one(
        &mut self,
        input: TurnInput,
        asks: &mut Asks,
        turned: &mut Turned,
        to: &mut Deltas,
    ) -> Result<Result<TurnResult, String>, Broken> {
        let turn = self.next_turn();
        self.told.push(Told::Input(input.clone()));
        self.runtime.begin_turn(turn, input).map_err(|error| Broken { error: error.to_string() })?;
        let mut streamed = String::new();
        loop {
            while let Some(output) = self.runtime.poll() {
                match output {
                    RuntimeOutput::Speech { text, .. } => {
                        let gap = if streamed.is_empty() { "" } else { " " };
                        let piece = format!("{gap}{}", text.expose());
                        to.say(&piece);
                        streamed.push_str(&piece);
                    }
                    RuntimeOutput::Ask(ask) => asks.begin(ask),
                    RuntimeOutput::CancelAsk { id } => asks.cancel(id),
                    RuntimeOutput::ApprovalWanted { approval, .. } => turned.approval = Some(approval),
                    RuntimeOutput::Briefing { .. } => {}
                    RuntimeOutput::Ready { result, .. } => {
                        to.say(text_of(&result).strip_prefix(streamed.as_str()).unwrap_or_default());
                        return Ok(Ok(*result));
                    }
                    RuntimeOutput::Failed { error, .. } => return Ok(Err(error)),
                }
            }
            let Some(answer) = asks.next().await else {
                return Err(Broken { error: "the turn waits for an answer that nobody gives".to_owned() });
            };
            if let AnswerBody::ModelDone(done) = &answer.body {
                turned.ttft = turned.ttft.or(done.first_token);
            }
            if !matches!(answer.body, AnswerBody::ModelDelta { .. }) {
                // The whole text comes with the last answer: its pieces need not be told again.
                self.told.push(Told::Answer(Box::new(answer.clone())));
            }
            self.runtime.answer(answer);
        }
    }

    fn next_turn(&mut self) -> TurnId {
        let turn = TurnId(self.next);
        self.next += 1;
        turn
    }

    /// The turn as it is to be stored.
    pub(super) fn commit(
        &mut self,
        row: &Conversation,
        turned: &Turned,
        said: Option<Redacted<String>>,
        at: WallTime,
        ttl_expires_at: WallTime,
    ) -> ChatCommit {
        let message = |place: u8, role, text: Redacted<String>| {
            let mut message = NewMessage::new(Uuid::new_v5(&turned.id, &[place]), role, text, at);
            message.turn = Some(turned.id);
            message
        };
        let mut messages: Vec<NewMessage> = said.into_iter().map(|text| message(0, Role::User, text)).collect();
        if !turned.text.is_empty() {
            let mut answer = message(1, Role::Assistant, Redacted::new(turned.text.clone()));
            answer.producing_assistant = Some(assistant_id(&self.assistant));
            answer.model_used.clone_from(&turned.model);
            (answer.token_count, answer.latency_ms) = (turned.tokens, turned.latency);
            messages.push(answer);
        }
        let variables = self.runtime.variables().iter().map(|(name, value)| (name.clone(), value.to_json()));
        let kept = row.context_variables.clone().into_iter().chain(variables).collect();
        ChatCommit {
            input: ChatInput {
                number: self.number,
                turn: turned.id,
                inputs: Redacted::new(serde_json::to_value(&self.told).unwrap_or_default()),
                said_digest: turned.digest.clone(),
            },
            messages,
            variables: Redacted::new(kept),
            status: turned.status,
            handoff: turned.handoff.as_ref().map(|packet| handoff::new(row.id, Some(turned.id), packet, at)),
            approval: turned.approval.as_ref().map(|wanted| handoff::approval(row.id, wanted, at)),
            ttl_expires_at,
            at,
        }
    }

    /// What the client hears of it.
    pub(super) fn stored(&mut self, row: &Conversation, turned: Turned, stored: Committed) -> Result<ChatAnswer, ChatError> {
        let message_seqs = match stored {
            Committed::Stored(seqs) => seqs,
            Committed::Over(status) => return Err(ChatError::NotOpen(status)),
            Committed::Overtaken => return Err(ChatError::Busy),
        };
        self.number += 1;
        self.told.clear();
        Ok(ChatAnswer {
            turn: turned.id,
            conversation: row.id,
            text: Redacted::new(turned.text),
            assistant: Some(assistant_id(&self.assistant)),
            decision_source: turned.source,
            message_seqs,
            session_status: turned.status,
            ttft_ms: turned.ttft.map(|ttft| ttft.0),
            ended: turned.ended,
            error: turned.error,
        })
    }
}

impl Turned {
    fn saying(said: Vec<String>) -> Self {
        Self {
            id: Uuid::now_v7(),
            digest: digest(&said),
            text: String::new(),
            status: SessionStatus::Active,
            ended: false,
            handoff: None,
            approval: None,
            cut_short: false,
            error: None,
            model: None,
            tokens: None,
            latency: None,
            ttft: None,
            source: "workflow",
        }
    }

    /// Takes in what the runtime answered; the transfer it wants, if it wants one.
    fn takes(&mut self, result: Result<TurnResult, String>) -> Option<CallTransferIntent> {
        let result = match result {
            Ok(result) => result,
            Err(error) => {
                self.error = Some(error);
                return None;
            }
        };
        let text = text_of(&result);
        if !self.text.is_empty() && !text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&text);
        if result.model_used.is_some() {
            self.source = "model";
        }
        self.model = result.model_used.or(self.model.take());
        self.tokens = sum(self.tokens, result.token_count);
        self.latency = sum(self.latency, result.latency_ms);
        self.error = result.error.or(self.error.take());
        self.ended = result.status == RuntimeStatus::EndRequested;
        let status = result.session_status.as_deref().and_then(SessionStatus::parse).filter(|status| !status.is_terminal());
        if result.handoff.is_some() {
            self.handoff = result.handoff;
            self.status = SessionStatus::WaitingForHuman;
        }
        self.status = status.unwrap_or(self.status);
        result.call_transfer
    }
}

fn sum(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    if a.is_none() && b.is_none() { None } else { Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))) }
}

fn text_of(result: &TurnResult) -> String {
    let said: Vec<&str> = result.messages.iter().map(|message| message.content.as_str()).collect();
    said.join(" ")
}

fn digest(said: &[String]) -> String {
    let mut hash = Sha256::new();
    for text in said {
        hash.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn opening(row: &Conversation) -> RuntimeOpening {
    let given = row.context_variables.iter().filter_map(|(name, value)| Some((name.clone(), value_of(value)?)));
    RuntimeOpening {
        conversation: row.id,
        from: Redacted::default(),
        to: Redacted::default(),
        direction: CallDirection::Inbound,
        variables: given.collect::<BTreeMap<_, _>>(),
        seed: row.id.0.as_u64_pair().1,
        wall: row.created_at,
    }
}

/// Objects, lists and numbers that no variable can hold are left out.
fn value_of(json: &Value) -> Option<RuntimeValue> {
    match json {
        Value::String(text) => Some(RuntimeValue::text(text.clone())),
        Value::Bool(flag) => Some(RuntimeValue::Boolean(*flag)),
        Value::Number(number) => Decimal::parse(&number.to_string()).map(RuntimeValue::Number),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What earlier conversations taught about the end user; a store that does not answer taught nothing.
async fn recalled(shells: &Shells, row: &Conversation) -> Vec<MemoryFact> {
    match shells.store.recall(row.organisation, row.end_user, FACTS_MAX).await {
        Ok(facts) => facts.into_iter().map(|fact| MemoryFact { key: fact.name, text: fact.value }).collect(),
        Err(error) => {
            tracing::warn!(conversation = %row.id, %error, "a conversation begins without what is known of its end user");
            Vec::new()
        }
    }
}

/// One turn's questions: each a task of its own, gone when the turn is.
struct Asks {
    shells: Arc<Shells>,
    open: BTreeMap<AskId, CancellationToken>,
    sender: mpsc::Sender<Answer>,
    answers: mpsc::Receiver<Answer>,
    all: CancellationToken,
    _all_end_with_this: DropGuard,
}

impl Asks {
    fn new(shells: Arc<Shells>) -> Self {
        let all = CancellationToken::new();
        let (sender, answers) = mpsc::channel(ANSWERS_MAX);
        Self { shells, open: BTreeMap::new(), sender, answers, _all_end_with_this: all.clone().drop_guard(), all }
    }

    fn begin(&mut self, ask: Ask) {
        let stop = self.all.child_token();
        self.open.insert(ask.id, stop.clone());
        let mut to = ToTurn(self.sender.clone());
        let runtime = Arc::clone(&self.shells.runtime);
        self.shells.tasks.spawn("ask", async move {
            tokio::select! {
                biased;
                // Dropping the work drops its connection.
                () = stop.cancelled() => {}
                report = runtime.carry_out(ask, &mut to) => drop(report),
            }
        });
    }

    fn cancel(&mut self, ask: AskId) {
        if let Some(stop) = self.open.remove(&ask) {
            stop.cancel();
        }
    }

    /// The next answer; `None` where no question is open.
    async fn next(&mut self) -> Option<Answer> {
        while !self.open.is_empty() {
            let answer = self.answers.recv().await?;
            let is_last = !matches!(answer.body, AnswerBody::ModelDelta { .. });
            let is_open = if is_last { self.open.remove(&answer.id).is_some() } else { self.open.contains_key(&answer.id) };
            if is_open {
                return Some(answer);
            }
        }
        None
    }
}

struct ToTurn(mpsc::Sender<Answer>);

impl Deliver for ToTurn {
    async fn deliver(&mut self, answer: Answer) {
        // The turn is gone: nobody waits for it.
        let _ = self.0.send(answer).await;
    }
}
