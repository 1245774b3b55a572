//! One conversation, stepwise: one turn at a time, cancelled or answered, ended once.

use super::ask::{Answer, AnswerBody, Ask, AskId, AskReason};
use super::assistant::Assistant;
use super::briefing;
use super::close::{CloseRecord, facts_of, summarise, written};
use super::dialogue::{Dialogue, History, Progress, Reply, Usage, Wanted};
use super::expected::ExpectedInput;
use super::transcript::{Note, Role, Transcript};
use super::value::Value;
use crate::model::{
    CallDirection, CallTransferIntent, ConversationId, EndCause, MessageMode, Millis, Redacted, RuntimeStatus, TriggeredBy, TurnId,
    TurnInput, TurnResult, VoiceSettings, WallTime,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use uuid::Uuid;

/// Answers of tools that later turns of the model are shown.
const NOTES_MAX: usize = 16;

/// The conversation runtime of one live call or chat (contract section 2).
pub struct VoiceRuntime {
    assistant: Arc<Assistant>,
    opening: RuntimeOpening,
    dialogue: Dialogue,
    transcript: Transcript,
    status: RuntimeStatus,
    output: VecDeque<RuntimeOutput>,
    /// Until its closing output was handed out.
    current: Option<TurnId>,
    /// The turn that runs or ran last; a cancel goes back to where it began.
    latest: Option<Box<Progress>>,
    /// Sentences of it that were handed out.
    handed: String,
    /// Its open questions, each with its place in the batch.
    open: Vec<(AskId, usize)>,
    briefings: Vec<(AskId, u32)>,
    next_ask: u32,
    notes: VecDeque<Note>,
    turns: u32,
    stray_answers: u64,
    closed: Option<Box<CloseRecord>>,
}

/// Everything the runtime will ever know about the world before the first turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuntimeOpening {
    pub conversation: ConversationId,
    pub from: Redacted<String>,
    pub to: Redacted<String>,
    pub direction: CallDirection,
    /// Values for declared variables; those of undeclared names, or that do not fit, are dropped ([`VoiceRuntime::refused_variables`]).
    pub variables: BTreeMap<String, Value>,
    pub seed: u64,
    pub wall: WallTime,
}

/// What follows from a turn, in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "output", rename_all = "snake_case")]
pub enum RuntimeOutput {
    Ask(Ask),
    /// This question needs no answer any more; whoever works on it may stop. Also comes after [`VoiceRuntime::cancel_turn`] and
    /// [`VoiceRuntime::end_session`]: poll after them, too.
    CancelAsk {
        id: AskId,
    },
    /// One sentence of a turn that is still being made.
    Speech {
        turn: TurnId,
        text: Redacted<String>,
    },
    /// Closes the turn. Its message holds the whole text, early sentences included.
    Ready {
        turn: TurnId,
        result: Box<TurnResult>,
    },
    /// Closes the turn without a result.
    Failed {
        turn: TurnId,
        error: String,
    },
    /// A turn suspends for a decision (its `session_status` is `awaiting_approval`); comes just before its `Ready`. The host stores it, shows it
    /// to operators and, past `timeout`, decides against it: [`TurnInput::ApprovalDecided`].
    ApprovalWanted {
        turn: TurnId,
        approval: ApprovalRequest,
    },
    /// Answers [`VoiceRuntime::begin_briefing`]; an empty text: there is nothing to say.
    Briefing {
        request: u32,
        text: Redacted<String>,
    },
}

/// What an operator is asked to decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    pub id: Uuid,
    /// The workflow node.
    pub node: String,
    pub reason: Redacted<String>,
    /// Past it the answer is no.
    pub timeout: Millis,
}

/// Something known about the end user from earlier conversations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MemoryFact {
    /// What it is about: a new fact under the same key replaces the old one. At most 64 characters.
    pub key: String,
    /// At most 500 characters.
    pub text: Redacted<String>,
}

/// Why a turn was not begun. Nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    #[error("{running} is still running; one turn at a time, retry when it is through")]
    Busy { running: TurnId },
    #[error("the assistant has asked to end; speak its last words and end the session")]
    EndRequested,
    #[error("the session is over; nothing can be said to it any more")]
    Ended,
}

impl VoiceRuntime {
    pub fn new(assistant: Arc<Assistant>, opening: RuntimeOpening) -> Self {
        let dialogue = Dialogue::new(&assistant, &opening);
        Self {
            assistant,
            opening,
            dialogue,
            transcript: Transcript::default(),
            status: RuntimeStatus::Idle,
            output: VecDeque::new(),
            current: None,
            latest: None,
            handed: String::new(),
            open: Vec::new(),
            briefings: Vec::new(),
            next_ask: 0,
            notes: VecDeque::new(),
            turns: 0,
            stray_answers: 0,
            closed: None,
        }
    }

    /// Takes one input. Its outputs come from [`Self::poll`]; the last of them closes the turn.
    ///
    /// # Errors
    /// [`TurnError`] where another turn runs, the assistant wants to end or the session is over.
    pub fn begin_turn(&mut self, turn: TurnId, input: TurnInput) -> Result<(), TurnError> {
        match self.status {
            RuntimeStatus::EndProcessing | RuntimeStatus::Ended => return Err(TurnError::Ended),
            RuntimeStatus::EndRequested => return Err(TurnError::EndRequested),
            RuntimeStatus::RunningTurn => return Err(TurnError::Busy { running: self.current.unwrap_or(turn) }),
            RuntimeStatus::Idle | RuntimeStatus::Error => {}
        }
        self.current = Some(turn);
        self.status = RuntimeStatus::RunningTurn;
        self.turns = self.turns.saturating_add(1);
        if let TurnInput::Said { text } | TurnInput::Keyed { text } = &input {
            self.transcript.push(Role::Caller, turn, text.expose());
        }
        self.handed.clear();
        let history = History { transcript: &self.transcript, notes: &self.notes };
        let mut progress = Box::new(self.dialogue.begin(&self.assistant, turn, &input, history));
        self.hand_out(&mut progress);
        self.latest = Some(progress);
        Ok(())
    }

    /// The next output of the running turn; `None` when there is nothing (more) to hand out now.
    pub fn poll(&mut self) -> Option<RuntimeOutput> {
        let output = self.output.pop_front()?;
        match &output {
            RuntimeOutput::Ready { result, .. } => {
                self.status = result.status;
                self.current = None;
            }
            RuntimeOutput::Failed { .. } => {
                self.status = RuntimeStatus::Error;
                self.current = None;
            }
            RuntimeOutput::Speech { text, .. } => {
                if !self.handed.is_empty() {
                    self.handed.push(' ');
                }
                self.handed.push_str(text.expose());
            }
            RuntimeOutput::Ask(_)
            | RuntimeOutput::CancelAsk { .. }
            | RuntimeOutput::ApprovalWanted { .. }
            | RuntimeOutput::Briefing { .. } => {}
        }
        Some(output)
    }

    /// The answer to an [`Ask`]. One whose id is not open (late, cancelled, never asked) is counted and dropped.
    pub fn answer(&mut self, answer: Answer) {
        let Answer { id, body } = answer;
        let is_last = !matches!(body, AnswerBody::ModelDelta { .. });
        if let Some(at) = self.open.iter().position(|(open, _)| *open == id) {
            let slot = self.open[at].1;
            if is_last {
                self.open.swap_remove(at);
            }
            let Some(mut progress) = self.latest.take() else { return };
            let history = History { transcript: &self.transcript, notes: &self.notes };
            self.dialogue.resume(&self.assistant, &mut progress, slot, body, history);
            self.hand_out(&mut progress);
            self.latest = Some(progress);
        } else if let Some(at) = self.briefings.iter().position(|(open, _)| *open == id) {
            if is_last {
                let (_, request) = self.briefings.swap_remove(at);
                let text = written(&body, briefing::MAX_CHARS).unwrap_or_else(|| briefing::extract(&self.transcript));
                self.output.push_back(RuntimeOutput::Briefing { request, text: Redacted::new(text) });
            }
        } else {
            self.stray_answers = self.stray_answers.saturating_add(1);
        }
    }

    /// The answer of `turn` is not wanted any more: the conversation goes back to where it stood before it, keeping what the caller said, what
    /// was spoken already, and what tools outside the worker did. A turn that is not the latest one is left alone.
    pub fn cancel_turn(&mut self, turn: TurnId) {
        if self.closed.is_some() {
            return;
        }
        let Some(mut progress) = self.latest.take_if(|latest| latest.turn == turn) else { return };
        self.dialogue.take_back(&mut progress);
        self.output.retain(|output| match output {
            RuntimeOutput::CancelAsk { .. } | RuntimeOutput::Briefing { .. } => true,
            RuntimeOutput::Ask(ask) => matches!(ask.why, AskReason::Briefing { .. }),
            RuntimeOutput::Speech { .. }
            | RuntimeOutput::Ready { .. }
            | RuntimeOutput::Failed { .. }
            | RuntimeOutput::ApprovalWanted { .. } => false,
        });
        self.drop_open();
        self.current = None;
        self.status = RuntimeStatus::Idle;
        self.transcript.interrupt(turn, &self.handed);
        self.keep_notes(&mut progress);
    }

    /// The caller cut in: of the words of `turn` only `text` was heard, and only that stays in the transcript.
    pub fn heard(&mut self, turn: TurnId, text: &str) {
        if self.closed.is_none() {
            self.transcript.keep_heard(turn, text);
        }
    }

    /// A whole turn, for a host that waits: [`Self::begin_turn`] and [`Self::poll`] to the end. Always exactly one message; a turn that
    /// cannot be begun or cannot finish without an answer from outside says so in `error` and is silent.
    pub fn run_turn(&mut self, turn: TurnId, input: TurnInput) -> TurnResult {
        if let Err(refused) = self.begin_turn(turn, input) {
            let mut result = TurnResult::saying(self.opening.conversation, self.status, "");
            result.error = Some(refused.to_string());
            return result;
        }
        while let Some(output) = self.poll() {
            match output {
                RuntimeOutput::Ready { result, .. } => return *result,
                RuntimeOutput::Failed { error, .. } => return self.failed(error),
                RuntimeOutput::Ask(_)
                | RuntimeOutput::CancelAsk { .. }
                | RuntimeOutput::Speech { .. }
                | RuntimeOutput::ApprovalWanted { .. }
                | RuntimeOutput::Briefing { .. } => {}
            }
        }
        self.cancel_turn(turn);
        self.failed(format!("{turn} waits for an answer; drive it with begin_turn, poll and answer"))
    }

    /// What this conversation was opened with.
    pub const fn opening(&self) -> &RuntimeOpening {
        &self.opening
    }

    /// What is known about the end user from earlier conversations; before the first turn, once. Later ones are ignored.
    pub fn recall(&mut self, facts: &[MemoryFact]) {
        if self.turns == 0 {
            self.dialogue.recall(facts);
        }
    }

    /// Makes the words a human hears before the caller is joined to them; answered by one [`RuntimeOutput::Briefing`].
    pub fn begin_briefing(&mut self, request: u32, mode: MessageMode, template: Option<&str>) {
        let template = template.map(|template| self.dialogue.fill(template));
        let id = AskId(self.next_ask);
        match briefing::plan(&self.assistant, &self.transcript, request, id, mode, template.as_deref()) {
            briefing::Plan::Say(text) => self.output.push_back(RuntimeOutput::Briefing { request, text: Redacted::new(text) }),
            briefing::Plan::Ask(ask) => {
                self.next_ask = self.next_ask.saturating_add(1);
                self.briefings.push((id, request));
                self.output.push_back(RuntimeOutput::Ask(*ask));
            }
        }
    }

    /// The conversation so far in a few sentences, made here and now: what stands in for a briefing that was not made in time.
    pub fn extract(&self) -> Redacted<String> {
        Redacted::new(summarise(&self.transcript))
    }

    /// The decision a suspended turn waits for.
    pub fn pending_approval(&self) -> Option<&ApprovalRequest> {
        self.dialogue.pending_approval()
    }

    /// The transfer that was asked for and is not over yet.
    pub fn pending_transfer(&self) -> Option<&CallTransferIntent> {
        self.dialogue.pending_transfer()
    }

    pub const fn status(&self) -> RuntimeStatus {
        self.status
    }

    pub const fn conversation(&self) -> ConversationId {
        self.opening.conversation
    }

    pub const fn assistant(&self) -> &Arc<Assistant> {
        &self.assistant
    }

    /// The assistant's voice settings with every `{{var}}` in their spoken texts filled; what the call core gets.
    pub fn voice_settings(&self) -> VoiceSettings {
        self.dialogue.voice_settings(&self.assistant)
    }

    /// What the next words of the caller are expected to be. Changes with each turn.
    pub fn expected_input(&self) -> ExpectedInput {
        self.dialogue.expected_input(&self.assistant)
    }

    /// The assistant's variables as they stand.
    pub const fn variables(&self) -> &BTreeMap<String, Value> {
        self.dialogue.variables()
    }

    /// What was said so far; bounded, see [`Transcript`].
    pub const fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Answers that came late or were never asked for.
    pub const fn stray_answers(&self) -> u64 {
        self.stray_answers
    }

    /// Names of opening variables that are not declared or did not fit their type; their values are not kept.
    pub fn refused_variables(&self) -> &[String] {
        self.dialogue.refused_variables()
    }

    /// Ends the conversation: a running turn is dropped, the status becomes `end_processing`, and the host runs the steps of
    /// [`super::CloseLog`] with this record. Ending again changes nothing and answers the same record.
    pub fn end_session(&mut self, triggered_by: TriggeredBy, cause: EndCause) -> CloseRecord {
        if let Some(record) = &self.closed {
            return (**record).clone();
        }
        if let Some(running) = self.current {
            self.cancel_turn(running);
        }
        self.drop_open();
        self.output.extend(self.briefings.drain(..).map(|(id, _)| RuntimeOutput::CancelAsk { id }));
        let record = CloseRecord {
            conversation: self.opening.conversation,
            triggered_by,
            cause,
            reason: cause.termination_reason(),
            transcript: self.transcript.clone(),
            variables: self.dialogue.variables().clone(),
            workflow_node: self.dialogue.node_id(&self.assistant).map(str::to_owned),
            turns: self.turns,
            summary: Redacted::new(summarise(&self.transcript)),
            facts: facts_of(&self.assistant, self.dialogue.variables()),
        };
        self.status = RuntimeStatus::EndProcessing;
        self.closed = Some(Box::new(record.clone()));
        record
    }

    /// The host has run (or given to the journal) every close step: `end_processing` becomes `ended`. Without an end before it, nothing.
    pub fn close_finished(&mut self) {
        if self.closed.is_some() {
            self.status = RuntimeStatus::Ended;
        }
    }

    /// What a step of the turn brought: sentences, questions, or its end.
    fn hand_out(&mut self, progress: &mut Progress) {
        let turn = progress.turn;
        for text in progress.speech.drain(..) {
            self.output.push_back(RuntimeOutput::Speech { turn, text: Redacted::new(text) });
        }
        if !progress.wanted.is_empty() || progress.is_through() {
            self.drop_open();
        }
        for (slot, Wanted { what, deadline, retry }) in progress.wanted.drain(..).enumerate() {
            let id = AskId(self.next_ask);
            self.next_ask = self.next_ask.saturating_add(1);
            self.open.push((id, slot));
            self.output.push_back(RuntimeOutput::Ask(Ask { id, why: AskReason::Turn { turn }, what, deadline, retry }));
        }
        if !progress.is_through() {
            return;
        }
        let reply = std::mem::take(&mut progress.reply);
        self.transcript.push(Role::Assistant, turn, &reply.text);
        self.keep_notes(progress);
        if let Some(approval) = reply.approval.clone() {
            self.output.push_back(RuntimeOutput::ApprovalWanted { turn, approval });
        }
        let result = Box::new(self.result_of(reply, &progress.usage));
        self.output.push_back(RuntimeOutput::Ready { turn, result });
    }

    /// Questions of the running turn whose answers nobody waits for any more.
    fn drop_open(&mut self) {
        self.output.extend(self.open.drain(..).map(|(id, _)| RuntimeOutput::CancelAsk { id }));
    }

    fn keep_notes(&mut self, progress: &mut Progress) {
        self.notes.extend(progress.notes.drain(..));
        while self.notes.len() > NOTES_MAX {
            self.notes.pop_front();
        }
    }

    fn result_of(&self, reply: Reply, usage: &Usage) -> TurnResult {
        let status = match (&reply.error, reply.end) {
            (_, true) => RuntimeStatus::EndRequested,
            (Some(_), false) => RuntimeStatus::Error,
            (None, false) => RuntimeStatus::Idle,
        };
        let word = |status| serde_json::to_value(status).ok().and_then(|word| word.as_str().map(str::to_owned));
        TurnResult {
            handoff: reply.handoff,
            call_transfer: reply.transfer,
            dtmf_input: reply.dtmf_input,
            session_status: reply.session_status.and_then(word),
            error: reply.error.map(|error| error.to_string()),
            model_used: usage.model.clone(),
            token_count: usage.tokens,
            latency_ms: usage.latency.map(|latency| latency.0),
            ..TurnResult::saying(self.opening.conversation, status, reply.text)
        }
    }

    fn failed(&self, error: String) -> TurnResult {
        TurnResult { error: Some(error), ..TurnResult::saying(self.opening.conversation, RuntimeStatus::Error, "") }
    }
}

/// Where it stands, never what was said.
impl fmt::Debug for VoiceRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("VoiceRuntime");
        shown.field("conversation", &self.opening.conversation).field("status", &self.status).field("turns", &self.turns);
        shown.field("node", &self.dialogue.node_id(&self.assistant)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
