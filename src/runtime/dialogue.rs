//! Where one conversation stands. [`Dialogue::begin`] moves it by one input, [`Dialogue::resume`] by one answer from outside; a turn that fails
//! leaves it as it was.

mod agent;
mod calls;
mod choose;
mod judge;
mod progress;
mod prompt;
mod turn;
mod walk;

pub(crate) use progress::{Progress, Usage, Wanted};
pub(crate) use prompt::History;

use super::ask::AnswerBody;
use super::assistant::Assistant;
use super::context::weekday_and_hour;
use super::session::{ApprovalRequest, MemoryFact, RuntimeOpening};
use super::template;
use super::tools::cut;
use super::value::{Decimal, Value};
use crate::model::{
    CallDirection, CallTransferIntent, ConversationId, DtmfInputSpec, Redacted, SessionStatus, Text, TransferOutcome, TurnId, TurnInput,
    VoiceSettings,
};
use std::collections::BTreeMap;
use turn::Turn;

#[derive(Clone)]
pub(crate) struct Dialogue {
    conversation: ConversationId,
    position: Position,
    /// How often the waiting node did not understand in a row.
    reasks: u32,
    variables: BTreeMap<String, Value>,
    system: BTreeMap<&'static str, Value>,
    pending: Option<CallTransferIntent>,
    handed_off: bool,
    approval: Option<ApprovalRequest>,
    /// Decisions asked for so far; their ids are made of it.
    approvals: u32,
    /// The retune of the last turn; its prefix is the one the next keypad input carries.
    retune: Option<DtmfInputSpec>,
    refused: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// No turn yet.
    Fresh,
    /// The node that hears what the caller says next.
    Waiting(usize),
    /// An operator decides at this node; until then nothing moves.
    Suspended(usize),
    /// No node listens; the platform tools do.
    Adrift,
}

/// What one input leads to.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) end: bool,
    pub(crate) transfer: Option<CallTransferIntent>,
    pub(crate) dtmf_input: Option<DtmfInputSpec>,
    pub(crate) handoff: Option<serde_json::Map<String, serde_json::Value>>,
    pub(crate) session_status: Option<SessionStatus>,
    /// Asked for in this turn.
    pub(crate) approval: Option<ApprovalRequest>,
    pub(crate) error: Option<TurnFault>,
}

/// The contract's vocabulary for `TurnResult.error`; never holds a word of the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TurnFault {
    #[error("max_steps_exceeded")]
    MaxSteps,
    #[error("routing_error: {node}")]
    Routing { node: String },
    #[error("node_execution_failed: {kind}: {detail}")]
    Node { kind: &'static str, detail: String },
}

impl Dialogue {
    pub(crate) fn new(assistant: &Assistant, opening: &RuntimeOpening) -> Self {
        let mut variables: BTreeMap<String, Value> =
            assistant.variables.iter().filter_map(|(name, spec)| Some((name.clone(), spec.default.clone()?))).collect();
        let mut refused = Vec::new();
        for (name, value) in &opening.variables {
            let fits =
                assistant.variables.get(name).and_then(|spec| spec.checked(value.clone()).or_else(|| spec.read_written(&value.render())));
            match fits {
                Some(value) => drop(variables.insert(name.clone(), value)),
                None => refused.push(name.clone()),
            }
        }
        let (weekday, hour) = weekday_and_hour(opening.wall, assistant.utc_offset_minutes);
        let direction = match opening.direction {
            CallDirection::Inbound => "inbound",
            CallDirection::Outbound => "outbound",
        };
        let mut system = BTreeMap::from([
            ("assistant_name", Value::text(assistant.name())),
            ("caller_number", Value::text(opening.from.expose())),
            ("called_number", Value::text(opening.to.expose())),
            ("direction", Value::text(direction)),
            ("weekday", Value::text(weekday)),
        ]);
        system.extend(Decimal::from_whole(hour).map(|hour| ("hour", Value::Number(hour))));
        Self {
            conversation: opening.conversation,
            position: Position::Fresh,
            reasks: 0,
            variables,
            system,
            pending: None,
            handed_off: false,
            approval: None,
            approvals: 0,
            retune: None,
            refused,
        }
    }

    pub(crate) fn begin(&mut self, assistant: &Assistant, turn: TurnId, input: &TurnInput, history: History<'_>) -> Progress {
        let ends_transfer = match input {
            TurnInput::TransferEnded { outcome, .. } => *outcome != TransferOutcome::AlreadyInProgress,
            TurnInput::Started
            | TurnInput::Said { .. }
            | TurnInput::Keyed { .. }
            | TurnInput::Silent { .. }
            | TurnInput::ApprovalDecided { .. } => false,
        };
        let mut progress = Progress::new(turn, self.clone(), ends_transfer);
        let mut turn = Turn { assistant, dialogue: self, progress: &mut progress, history };
        let outcome = match input {
            TurnInput::Started => turn.started(),
            TurnInput::Said { text } => turn.said(text.expose()),
            TurnInput::Keyed { text } => turn.keyed(text.expose()),
            TurnInput::Silent { reminder: _ } => turn.silent(),
            TurnInput::TransferEnded { outcome, on_failure } => turn.transfer_ended(*outcome, on_failure.as_deref()),
            TurnInput::ApprovalDecided { approval, approved } => turn.approval_decided(*approval, *approved),
        };
        self.close(assistant, &mut progress, outcome.err());
        progress
    }

    /// The answer to the `slot`-th question of the batch that is open.
    pub(crate) fn resume(&mut self, assistant: &Assistant, progress: &mut Progress, slot: usize, body: AnswerBody, history: History<'_>) {
        let outcome = Turn { assistant, dialogue: self, progress, history }.answered(slot, body);
        self.close(assistant, progress, outcome.err());
    }

    /// Once the turn waits for nothing more: what is left to say about it.
    fn close(&mut self, assistant: &Assistant, progress: &mut Progress, failed: Option<TurnFault>) {
        if let Some(fault) = failed {
            self.take_back(progress);
            progress.wanted.clear();
            progress.waiting = None;
            let mut text = progress.spoken().to_owned();
            if !text.is_empty() {
                text = format!("{text} {}", self.fill(&assistant.texts.apology_cut_short));
            }
            progress.reply = Reply { text, error: Some(fault), ..Reply::default() };
        }
        if !progress.is_through() {
            return;
        }
        let reply = &mut progress.reply;
        if reply.error.is_none() {
            reply.error = progress.fault.take();
        }
        if let (Position::Waiting(node), None, false) = (self.position, &self.pending, reply.end) {
            reply.dtmf_input = assistant.workflow().nodes.get(node).and_then(|node| node.dtmf_input.clone());
        }
        reply.session_status = match self.position {
            Position::Suspended(_) => Some(SessionStatus::AwaitingApproval),
            Position::Fresh | Position::Waiting(_) | Position::Adrift if self.handed_off => Some(SessionStatus::WaitingForHuman),
            Position::Fresh | Position::Waiting(_) | Position::Adrift => reply.session_status,
        };
        self.retune.clone_from(&reply.dtmf_input);
    }

    /// Back to where the turn began; what tools outside did stays done.
    pub(crate) fn take_back(&mut self, progress: &mut Progress) {
        *self = (*progress.before).clone();
        self.variables.extend(progress.bound.drain(..));
        if progress.ends_transfer {
            self.pending = None; // it is over, whatever became of the answer to it
        }
    }

    pub(crate) const fn pending_transfer(&self) -> Option<&CallTransferIntent> {
        self.pending.as_ref()
    }

    pub(crate) const fn pending_approval(&self) -> Option<&ApprovalRequest> {
        self.approval.as_ref()
    }

    /// Facts of earlier conversations, one a line, as the system variable `memory`.
    pub(crate) fn recall(&mut self, facts: &[MemoryFact]) {
        let lines: Vec<String> = facts.iter().map(|fact| format!("{}: {}", fact.key, fact.text.expose())).collect();
        self.system.insert("memory", Value::text(lines.join("\n")));
    }

    pub(crate) fn refused_variables(&self) -> &[String] {
        &self.refused
    }

    pub(crate) const fn variables(&self) -> &BTreeMap<String, Value> {
        &self.variables
    }

    pub(crate) fn node_id<'a>(&self, assistant: &'a Assistant) -> Option<&'a str> {
        match self.position {
            Position::Waiting(node) | Position::Suspended(node) => assistant.workflow().nodes.get(node).map(|node| node.id.as_str()),
            Position::Fresh | Position::Adrift => None,
        }
    }

    pub(crate) fn voice_settings(&self, assistant: &Assistant) -> VoiceSettings {
        fn filled<const MAX: usize>(dialogue: &Dialogue, text: Option<&Text<MAX>>) -> Option<Text<MAX>> {
            text.map(|text| cut(dialogue.fill(text.as_str())))
        }
        let mut voice = assistant.voice().clone();
        voice.first_speaking.text = filled(self, voice.first_speaking.text.as_ref());
        voice.first_speaking.ai_disclosure_text = filled(self, voice.first_speaking.ai_disclosure_text.as_ref());
        voice.silence_reminder_message = filled(self, voice.silence_reminder_message.as_ref());
        voice.silence_end_message = filled(self, voice.silence_end_message.as_ref());
        voice.voicemail_message = filled(self, voice.voicemail_message.as_ref());
        voice
    }

    fn value(&self, name: &str) -> Option<Value> {
        self.system.get(name).or_else(|| self.variables.get(name)).cloned()
    }

    pub(crate) fn fill(&self, text: &str) -> String {
        template::fill(text, |name| self.value(name).map(|value| value.render()))
    }

    /// Keypad text without the prefix in force: that of the last retune, else the assistant's.
    fn without_prefix<'t>(&self, assistant: &Assistant, text: &'t str) -> Redacted<&'t str> {
        let own = &assistant.voice().dtmf;
        let in_force = own.retuned(self.retune.as_ref());
        let prefixes = [in_force.dtmf_prefix.as_str(), own.dtmf_prefix.as_str()];
        let keys = prefixes.into_iter().filter(|prefix| !prefix.is_empty()).find_map(|prefix| text.strip_prefix(prefix));
        Redacted::new(keys.unwrap_or(text).trim())
    }
}

#[cfg(test)]
mod tests;
