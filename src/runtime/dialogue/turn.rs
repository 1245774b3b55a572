//! One input, or one answer from outside, taken into a turn.

use super::choose::{Input, Unclear, Way};
use super::judge::Then;
use super::progress::{Progress, Waiting};
use super::prompt::History;
use super::{Dialogue, Position, TurnFault};
use crate::model::{FirstSpeaker, FirstSpeakingMode, SessionStatus, TransferMode, TransferOutcome};
use crate::runtime::ask::AnswerBody;
use crate::runtime::assistant::Assistant;
use crate::runtime::context::VariableKind;
use crate::runtime::value::Value;
use crate::runtime::workflow::{Handoff, Node, TransferChanges};
use uuid::Uuid;

pub(super) struct Turn<'a> {
    pub(super) assistant: &'a Assistant,
    pub(super) dialogue: &'a mut Dialogue,
    pub(super) progress: &'a mut Progress,
    pub(super) history: History<'a>,
}

/// Fine is also a turn that now waits for an answer.
pub(super) type Outcome = Result<(), TurnFault>;

impl<'a> Turn<'a> {
    pub(super) fn started(&mut self) -> Outcome {
        match self.dialogue.position {
            Position::Fresh => {
                let first = &self.assistant.voice().first_speaking;
                match (first.first_speaker, first.mode) {
                    (FirstSpeaker::Agent, FirstSpeakingMode::Dynamic) => return self.begin_greeting(),
                    (FirstSpeaker::Agent, FirstSpeakingMode::Static) => {
                        self.progress.greeted = first.text.is_some();
                        self.say_opt(first.text.as_ref().map(|text| text.as_str()));
                    }
                    (FirstSpeaker::User, FirstSpeakingMode::Dynamic | FirstSpeakingMode::Static) => {}
                }
                self.enter(self.assistant.workflow().start)
            }
            Position::Waiting(node) => {
                self.say_opt(self.node(node).and_then(|node| node.say.as_deref()));
                Ok(())
            }
            Position::Suspended(_) | Position::Adrift => Ok(()),
        }
    }

    pub(super) fn after_greeting(&mut self) -> Outcome {
        self.progress.greeted = true;
        self.enter(self.assistant.workflow().start)
    }

    pub(super) fn said(&mut self, text: &str) -> Outcome {
        self.dialogue.system.insert("caller_said", Value::text(text));
        self.input(Input::Words(text))
    }

    pub(super) fn keyed(&mut self, text: &str) -> Outcome {
        let keys = self.dialogue.without_prefix(self.assistant, text);
        self.input(Input::Keys(keys.expose()))
    }

    /// A reminder asks again; it is no misunderstanding and does not count as one.
    pub(super) fn silent(&mut self) -> Outcome {
        if self.dialogue.pending.is_some() {
            return Ok(());
        }
        match self.dialogue.position {
            Position::Suspended(_) => self.say(&self.assistant.texts.awaiting_approval),
            Position::Waiting(index) => {
                self.say(&self.assistant.texts.still_there);
                self.say_opt(self.node(index).and_then(|node| node.reprompts.first().or(node.say.as_ref())).map(String::as_str));
            }
            Position::Fresh | Position::Adrift => self.say(&self.assistant.texts.still_there),
        }
        Ok(())
    }

    pub(super) fn transfer_ended(&mut self, outcome: TransferOutcome, on_failure: Option<&str>) -> Outcome {
        if outcome == TransferOutcome::AlreadyInProgress {
            self.say(&self.assistant.texts.transfer_in_progress);
            return Ok(());
        }
        let intent = self.dialogue.pending.take();
        self.dialogue.system.insert("transfer_outcome", Value::text(outcome.word()));
        if outcome.succeeded() || outcome == TransferOutcome::CallerHungUp {
            self.dialogue.position = Position::Adrift;
            return Ok(());
        }
        let announced = intent.as_ref().is_some_and(|intent| intent.mode == TransferMode::Warm);
        let node = on_failure.map(str::to_owned).or_else(|| intent.and_then(|intent| intent.on_failure));
        let Some(id) = node else {
            // After a warm transfer the caller has just heard its `failure_text`.
            if announced {
                return Ok(());
            }
            self.say(self.assistant.texts.after_transfer(outcome));
            return Ok(());
        };
        let index = self.assistant.workflow().index_of(&id).ok_or(TurnFault::Routing { node: id })?;
        self.enter(index)
    }

    /// A decision nobody waits for (late, or made twice) is a silent turn.
    pub(super) fn approval_decided(&mut self, id: Uuid, approved: bool) -> Outcome {
        let Position::Suspended(index) = self.dialogue.position else { return Ok(()) };
        if self.dialogue.approval.take_if(|asked| asked.id == id).is_none() {
            return Ok(());
        }
        let Some(approval) = self.node(index).and_then(|node| node.approval.as_ref()) else {
            return Err(TurnFault::Routing { node: String::new() });
        };
        self.dialogue.system.insert("approval", Value::text(if approved { "approved" } else { "denied" }));
        self.dialogue.position = Position::Adrift;
        self.progress.reply.session_status = Some(SessionStatus::Active);
        self.enter(if approved { approval.on_approve } else { approval.on_deny })
    }

    pub(super) fn answered(&mut self, slot: usize, body: AnswerBody) -> Outcome {
        match self.progress.waiting.take() {
            None => Ok(()),
            Some(Waiting::Talk(talk)) => self.talk_answered(talk, body),
            Some(Waiting::Calls(calls)) => self.call_answered(calls, slot, body),
            Some(Waiting::Action(index)) => self.action_answered(index, body),
            Some(Waiting::Judge(judge)) => self.judged(judge, body),
        }
    }

    fn input(&mut self, input: Input<'_>) -> Outcome {
        let busy = match self.dialogue.position {
            _ if self.dialogue.pending.is_some() => Some(&self.assistant.texts.transfer_in_progress),
            Position::Suspended(_) => Some(&self.assistant.texts.awaiting_approval),
            Position::Fresh | Position::Waiting(_) | Position::Adrift => None,
        };
        if let Some(text) = busy {
            match self.chosen_tool(input) {
                Some(Way::End) => return self.follow(Way::End),
                Some(Way::Node(_) | Way::Target(_) | Way::Human) | None => self.say(text),
            }
            return Ok(());
        }
        if self.dialogue.position == Position::Fresh {
            // The caller had the first word: the start node hears it instead of saying its own.
            self.progress.unheard = Some(input.kept());
            self.enter(self.assistant.workflow().start)?;
            let left = self.progress.unheard.is_some() && !self.progress.is_waiting();
            if !left || self.progress.reply.end || self.progress.reply.transfer.is_some() {
                return Ok(());
            }
            self.progress.unheard = None;
        }
        let way = match self.dialogue.position {
            Position::Waiting(index) => return self.hear(index, input),
            Position::Suspended(_) => return Ok(()),
            Position::Fresh | Position::Adrift => self.chosen_tool(input),
        };
        match way {
            Some(way) => self.follow(way),
            None => {
                self.say(&self.assistant.texts.not_understood);
                Ok(())
            }
        }
    }

    /// The waiting node collects, then its edges and the tools are asked, the highest priority first.
    pub(super) fn hear(&mut self, index: usize, input: Input<'_>) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        if node.is_free() {
            return self.hear_free(index, input);
        }
        let spec = node.collect.as_ref().and_then(|name| Some((name, self.assistant.variables.get(name)?)));
        let takes_anything = spec.is_some_and(|(_, spec)| matches!(spec.kind, VariableKind::Text));
        if takes_anything && let Ok(Some(way)) = self.chosen(node, input, true, false) {
            return self.follow(way);
        }
        let collected = spec.and_then(|(name, spec)| {
            let value = match input {
                Input::Words(text) => spec.read_speech(text, &self.assistant.matcher),
                Input::Keys(keys) => spec.read_keys(keys),
            };
            Some((name.clone(), value?))
        });
        let has_value = collected.is_some();
        self.dialogue.variables.extend(collected);
        let silent = spec.is_none() || has_value;
        let statements = match input {
            Input::Words(_) if self.assistant.model.is_some() => self.statements(node),
            Input::Words(_) | Input::Keys(_) => Vec::new(),
        };
        match self.chosen(node, input, !has_value, silent && statements.is_empty()) {
            Ok(Some(way)) => self.follow(way),
            Ok(None) | Err(Unclear) if !statements.is_empty() => self.judge(statements, Then::AskAgain { index, has_value, silent }),
            Ok(None) if has_value => self.ask_again(index, true),
            Ok(None) | Err(Unclear) => self.ask_again(index, false),
        }
    }

    pub(super) fn follow(&mut self, way: Way) -> Outcome {
        match way {
            Way::Node(index) => self.enter(index),
            Way::Target(label) => {
                let place = match self.dialogue.position {
                    Position::Waiting(index) => self.node(index),
                    Position::Fresh | Position::Suspended(_) | Position::Adrift => None,
                };
                match place.and_then(|node| node.handoff.as_ref()) {
                    Some(Handoff::Voice { on_failure, changes, .. }) => self.transfer(&label, on_failure.as_deref(), changes),
                    Some(Handoff::Human { .. }) | None => self.transfer(&label, None, &TransferChanges::default()),
                }
            }
            Way::Human => {
                let reason = self.assistant.tools.human.as_ref().and_then(|human| human.reason.as_deref());
                self.hand_to_human(None, reason, false);
                Ok(())
            }
            Way::End => {
                self.say_opt(self.assistant.tools.end.as_ref().map(|end| end.say.as_str()));
                self.progress.reply.end = true;
                Ok(())
            }
        }
    }

    /// `at_once`: the caller was understood, only no edge fits; asking again would not help.
    pub(super) fn ask_again(&mut self, index: usize, at_once: bool) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        let fallback = node.edges.iter().find(|edge| edge.otherwise).map(|edge| edge.to);
        let own = node.collect.as_ref().and_then(|name| self.assistant.variables.get(name)?.reask_cap);
        if let Some(to) = fallback
            && (at_once || self.dialogue.reasks >= own.unwrap_or(node.reask_cap))
        {
            return self.enter(to);
        }
        let count = usize::try_from(self.dialogue.reasks).unwrap_or(usize::MAX);
        self.dialogue.reasks = self.dialogue.reasks.saturating_add(1);
        match node.reprompts.get(count).or(node.reprompts.last()) {
            Some(text) => self.say(text),
            None => {
                self.say(&self.assistant.texts.not_understood);
                self.say_opt(node.say.as_deref());
            }
        }
        Ok(())
    }

    /// The node hears what comes next.
    pub(super) const fn stay(&mut self, index: usize) {
        self.dialogue.position = Position::Waiting(index);
    }

    pub(super) fn node(&self, index: usize) -> Option<&'a Node> {
        self.assistant.workflow().nodes.get(index)
    }

    pub(super) fn say(&mut self, text: &str) {
        let words = self.dialogue.fill(text);
        self.progress.append(&words);
    }

    pub(super) fn say_opt(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            self.say(text);
        }
    }
}
