//! A model speaks: its sentences go out as they come, its calls are carried out, its failures never leave the caller in silence.

use super::TurnFault;
use super::calls::Terminal;
use super::choose::{Input, Way};
use super::progress::{Progress, Waiting};
use super::prompt;
use super::turn::{Outcome, Turn};
use crate::model::{Millis, Redacted};
use crate::runtime::ask::{AnswerBody, AskFailure, ChatMessage, ModelAnswer, ModelCall, Question, ToolChoice};
use crate::runtime::language::ModelUse;
use crate::runtime::matcher::fold;
use crate::runtime::sentences::Sentences;
use crate::runtime::workflow::Node;
use std::collections::BTreeMap;

/// Rounds of wrong calls in one turn before the model is given up.
const FAULTS_MAX: u32 = 2;
const GREET: &str = "The call is connected. You speak first: greet the caller in one or two sentences.";
const GO_ON: &str = "(The caller waits for you to speak.)";

/// A model's part of one turn, over all its rounds.
#[derive(Default)]
pub(super) struct Talk {
    /// `None`: the first words of the call.
    pub(super) node: Option<usize>,
    /// Place in the chain of roles.
    role: usize,
    rounds: u32,
    /// What it called and was answered in this turn.
    pub(super) exchanges: Vec<ChatMessage>,
    sentences: Sentences,
    /// Something of the current answer was given out.
    spoke: bool,
    /// It has said something, in whichever round.
    has_spoken: bool,
    pub(super) faults: u32,
    /// Required variables without a value when it began.
    missing: usize,
    /// The node was entered in this turn: the caller has not answered it yet.
    entered: bool,
    /// Answers of tools in this turn, by name and arguments: the same call is not made twice.
    pub(super) results: BTreeMap<(String, String), String>,
}

impl Turn<'_> {
    pub(super) fn begin_talk(&mut self, index: usize, entered: bool) -> Outcome {
        let missing = self.node(index).map_or(0, |node| self.missing(node));
        self.ask_model(Talk { node: Some(index), missing, entered, ..Talk::default() })
    }

    pub(super) fn begin_greeting(&mut self) -> Outcome {
        self.ask_model(Talk::default())
    }

    /// The next round: the model hears what it said and what its tools answered.
    pub(super) fn ask_model(&mut self, mut talk: Talk) -> Outcome {
        let Some(model) = &self.assistant.model else {
            return self.talk_failed(talk, TurnFault::node("ModelError", "the assistant names no model"));
        };
        talk.rounds += 1;
        self.progress.rounds += 1;
        if talk.rounds > model.max_rounds || self.progress.rounds > 2 * model.max_rounds {
            return self.talk_failed(talk, TurnFault::MaxSteps);
        }
        let said_now = self.progress.reply.text.clone();
        self.progress.flush();
        let Some(patience) = self.progress.patience(self.assistant.max_wait) else {
            return self.talk_failed(talk, TurnFault::node("ModelTimeout", "the caller has waited long enough"));
        };
        let call = self.model_call(model, &talk, patience, if talk.exchanges.is_empty() { &said_now } else { "" });
        (talk.sentences, talk.spoke) = (Sentences::default(), false);
        self.progress.want(Question::Model(call), model.timeout, model.retry);
        self.progress.waiting = Some(Waiting::Talk(talk));
        Ok(())
    }

    fn model_call(&self, model: &ModelUse, talk: &Talk, patience: Millis, said_now: &str) -> ModelCall {
        let node = talk.node.and_then(|index| self.node(index));
        let mut system = prompt::system(self.assistant, self.dialogue, node, said_now);
        let first = &self.assistant.voice().first_speaking;
        let opening = talk.node.is_none().then(|| first.instructions.as_ref().map(|text| self.dialogue.fill(text.as_str()))).flatten();
        if let Some(opening) = opening {
            system = format!("{system}\n\nFor your first words:\n{opening}");
        }
        let mut messages = vec![ChatMessage::System { text: Redacted::new(system) }];
        messages.extend(prompt::window(self.history, model.window));
        messages = prompt::ends_with_caller(messages, if talk.node.is_none() { GREET } else { GO_ON });
        messages.extend(talk.exchanges.iter().cloned());
        ModelCall {
            role: model.chain.get(talk.role).cloned().unwrap_or_default(),
            messages,
            tools: node.map(|node| self.tool_specs(node)).unwrap_or_default(),
            choice: ToolChoice::Auto,
            max_output_tokens: model.max_output_tokens,
            first_token: Millis(model.first_token.0.min(patience.0)),
            stall: Millis(model.stall.0.min(patience.0)),
        }
    }

    /// An answer, or a piece of one, of the model that speaks.
    pub(super) fn talk_answered(&mut self, mut talk: Talk, body: AnswerBody) -> Outcome {
        match body {
            AnswerBody::ModelDelta { text } => {
                let sentences = talk.sentences.push(text.expose());
                self.speak(&mut talk, sentences);
                self.progress.flush();
                if talk.sentences.is_full() {
                    return self.talk_over(talk);
                }
                self.progress.waiting = Some(Waiting::Talk(talk));
                Ok(())
            }
            AnswerBody::ModelDone(answer) => self.talk_done(talk, answer),
            AnswerBody::Failed { why, elapsed, .. } => {
                self.took(&talk, elapsed);
                self.next_model(talk, "ModelError", why.word())
            }
            AnswerBody::TimedOut { elapsed } => {
                self.took(&talk, elapsed);
                self.next_model(talk, "ModelTimeout", "no answer in time")
            }
            AnswerBody::HttpDone(_) => self.next_model(talk, "ModelError", AskFailure::BadAnswer.word()),
        }
    }

    fn talk_done(&mut self, mut talk: Talk, answer: ModelAnswer) -> Outcome {
        self.progress.count(&answer);
        if !talk.spoke {
            self.progress.waited(answer.elapsed);
        }
        let sentences = talk.sentences.finish(answer.text.expose());
        self.speak(&mut talk, sentences);
        if !answer.tool_calls.is_empty() {
            return self.begin_calls(talk, &answer.text, answer.tool_calls);
        }
        if !talk.has_spoken {
            return self.next_model(talk, "ModelError", "empty answer");
        }
        self.talk_over(talk)
    }

    /// A call that came to nothing took its time; while it spoke the caller did not wait.
    fn took(&mut self, talk: &Talk, elapsed: Millis) {
        self.progress.took(elapsed);
        if !talk.spoke {
            self.progress.waited(elapsed);
        }
    }

    /// A sentence is said once a turn, however often the model comes back to it.
    fn speak(&mut self, talk: &mut Talk, sentences: Vec<String>) {
        for sentence in sentences {
            (talk.spoke, talk.has_spoken) = (true, true);
            if self.progress.said.insert(fold(&sentence)) {
                self.progress.append(&sentence);
            }
        }
    }

    /// It failed: another one is asked where the caller has heard nothing of this answer, else the turn ends with an apology.
    pub(super) fn next_model(&mut self, mut talk: Talk, kind: &'static str, detail: &str) -> Outcome {
        let chain = self.assistant.model.as_ref().map(|model| model.chain.as_slice()).unwrap_or_default();
        let role = chain.get(talk.role).cloned().unwrap_or_default();
        if !talk.spoke && talk.role + 1 < chain.len() {
            talk.role += 1;
            talk.rounds = talk.rounds.saturating_sub(1);
            return self.ask_model(talk);
        }
        self.talk_failed(talk, TurnFault::Node { kind, detail: format!("role '{role}': {detail}") })
    }

    /// The caller hears an apology; the conversation stays where it is.
    pub(super) fn talk_failed(&mut self, talk: Talk, fault: TurnFault) -> Outcome {
        self.progress.fault = Some(fault);
        let Some(index) = talk.node else {
            // A greeting that failed is still a greeting.
            let text = self.assistant.voice().first_speaking.text.as_ref().map(|text| text.as_str().to_owned());
            self.say(&text.unwrap_or_else(|| self.assistant.texts.greeting.clone()));
            return self.after_greeting();
        };
        let texts = &self.assistant.texts;
        self.say(if talk.spoke { &texts.apology_cut_short } else { &texts.apology });
        self.stay(index);
        Ok(())
    }

    /// The model has said what it had to say.
    pub(super) fn talk_over(&mut self, talk: Talk) -> Outcome {
        let Some(index) = talk.node else { return self.after_greeting() };
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        self.stay(index);
        if node.can_be_done() && node.done.is_none() && self.is_done(node) {
            return self.leave_free(index);
        }
        let by_condition = |edge: &&crate::runtime::workflow::Edge| {
            edge.when.is_some() && !edge.listens() && edge.means.is_none() && !edge.otherwise && self.holds(edge)
        };
        if let Some(to) = node.edges.iter().find(by_condition).map(|edge| edge.to) {
            return self.enter(to);
        }
        if talk.entered || node.required.is_empty() {
            return Ok(());
        }
        if self.missing(node) < talk.missing {
            self.dialogue.reasks = 0;
            return Ok(());
        }
        let fallback = node.edges.iter().find(|edge| edge.otherwise).map(|edge| edge.to);
        match fallback {
            Some(to) if self.dialogue.reasks >= self.reask_cap(node) => self.enter(to),
            Some(_) | None => {
                self.dialogue.reasks = self.dialogue.reasks.saturating_add(1);
                Ok(())
            }
        }
    }

    /// What the model's calls came to, all of them answered.
    pub(super) fn calls_over(&mut self, mut talk: Talk, terminal: Option<Terminal>, faulty: Option<String>, quiet: bool) -> Outcome {
        let index = talk.node.unwrap_or_default();
        if let Some(terminal) = terminal {
            self.stay(index);
            return self.finish_by(terminal, index);
        }
        if let Some(detail) = faulty {
            talk.faults += 1;
            if talk.faults > FAULTS_MAX {
                return self.talk_failed(talk, TurnFault::Node { kind: "ToolError", detail });
            }
        } else if quiet && talk.spoke {
            // It spoke and only noted something: another round would add nothing but silence.
            return self.talk_over(talk);
        }
        self.ask_model(talk)
    }

    fn finish_by(&mut self, terminal: Terminal, index: usize) -> Outcome {
        match terminal {
            Terminal::Transfer { label, reason } => {
                self.follow(Way::Target(label))?;
                let said = reason.filter(|reason| !reason.is_empty());
                for intent in [&mut self.dialogue.pending, &mut self.progress.reply.transfer].into_iter().flatten() {
                    intent.reason = intent.reason.take().or_else(|| said.clone());
                }
                Ok(())
            }
            Terminal::Human { reason } => {
                let quiet = !self.progress.reply.text.is_empty();
                let own = self.assistant.tools.human.as_ref().and_then(|human| human.reason.clone());
                self.hand_to_human(None, own.or(reason).as_deref(), quiet);
                Ok(())
            }
            Terminal::End if self.progress.reply.text.is_empty() => self.follow(Way::End),
            Terminal::End => {
                self.progress.reply.end = true;
                Ok(())
            }
            Terminal::Path(to) => self.enter(to),
            Terminal::Done => self.leave_free(index),
        }
    }

    /// The node is through: along the edge that fits, or it stays until one does. Plain words are the model's own to follow.
    pub(super) fn leave_free(&mut self, index: usize) -> Outcome {
        self.stay(index);
        self.leave_by_conditions(index)
    }

    /// A node with a model hears the caller: keys and phrases of its edges first, then the model.
    pub(super) fn hear_free(&mut self, index: usize, input: Input<'_>) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        if let Ok(Some(way)) = self.chosen(node, input, false, false) {
            return self.follow(way);
        }
        if let Input::Keys(keys) = input {
            let names = node.collect.iter().chain(&node.required);
            let open = names.filter(|name| !self.dialogue.variables.contains_key(*name));
            let taken = open.filter_map(|name| Some((name.clone(), self.assistant.variables.get(name)?.read_keys(keys)?))).next();
            let took = taken.is_some();
            self.dialogue.variables.extend(taken);
            if took && node.can_be_done() && node.done.is_none() && self.is_done(node) {
                return self.leave_free(index);
            }
        }
        self.begin_talk(index, false)
    }

    pub(super) fn is_done(&self, node: &Node) -> bool {
        let condition = node.done_when.as_ref().is_none_or(|condition| condition.holds(&|name| self.dialogue.value(name)));
        condition && self.missing(node) == 0
    }

    fn missing(&self, node: &Node) -> usize {
        node.required.iter().filter(|name| !self.dialogue.variables.contains_key(*name)).count()
    }

    /// The tightest cap of what is still missing, else the node's own.
    fn reask_cap(&self, node: &Node) -> u32 {
        let missing = node.required.iter().filter(|name| !self.dialogue.variables.contains_key(*name));
        missing.filter_map(|name| self.assistant.variables.get(name)?.reask_cap).min().unwrap_or(node.reask_cap)
    }
}

impl TurnFault {
    pub(super) fn node(kind: &'static str, detail: &str) -> Self {
        Self::Node { kind, detail: detail.to_owned() }
    }
}

impl Progress {
    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}
