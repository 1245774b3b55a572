//! One input taken through the graph.

use super::choose::{Input, Unclear, Way};
use super::{Dialogue, Position, Reply, TurnFault};
use crate::model::{FirstSpeaker, TransferOutcome};
use crate::runtime::assistant::Assistant;
use crate::runtime::context::VariableKind;
use crate::runtime::matcher::{Choice, Phrase};
use crate::runtime::value::Value;
use crate::runtime::workflow::{Edge, Handoff, Node, NodeKind};

pub(super) struct Turn<'a> {
    pub(super) assistant: &'a Assistant,
    dialogue: &'a mut Dialogue,
    pub(super) reply: Reply,
    steps: u32,
}

type Outcome = Result<(), TurnFault>;

impl<'a> Turn<'a> {
    pub(super) fn new(assistant: &'a Assistant, dialogue: &'a mut Dialogue) -> Self {
        Self { assistant, dialogue, reply: Reply::default(), steps: 0 }
    }

    pub(super) fn started(&mut self) -> Outcome {
        match self.dialogue.position {
            Position::Fresh => {
                let first = &self.assistant.voice().first_speaking;
                if let (FirstSpeaker::Agent, Some(greeting)) = (first.first_speaker, &first.text) {
                    self.say(greeting.as_str());
                }
                self.enter(self.assistant.workflow().start, false)
            }
            Position::Waiting(node) => {
                self.say_opt(self.node(node).and_then(|node| node.say.as_deref()));
                Ok(())
            }
            Position::Adrift => Ok(()),
        }
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
        self.say(&self.assistant.texts.still_there);
        if let Position::Waiting(node) = self.dialogue.position {
            self.say_opt(self.node(node).and_then(|node| node.reprompts.first().or(node.say.as_ref())).map(String::as_str));
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
        let node = on_failure.map(str::to_owned).or_else(|| intent.and_then(|intent| intent.on_failure));
        let Some(id) = node else {
            self.say(self.assistant.texts.after_transfer(outcome));
            return Ok(());
        };
        let index = self.assistant.workflow().index_of(&id).ok_or(TurnFault::Routing { node: id })?;
        self.enter(index, false)
    }

    fn input(&mut self, input: Input<'_>) -> Outcome {
        if self.dialogue.pending.is_some() {
            match self.chosen_tool(input) {
                Some(Way::End) => return self.follow(Way::End),
                Some(Way::Node(_) | Way::Target(_) | Way::Human) | None => self.say(&self.assistant.texts.transfer_in_progress),
            }
            return Ok(());
        }
        if self.dialogue.position == Position::Fresh {
            // The caller had the first word: the start node hears it instead of saying its own.
            self.enter(self.assistant.workflow().start, true)?;
            if self.reply.end || self.reply.transfer.is_some() {
                return Ok(());
            }
        }
        let way = match self.dialogue.position {
            Position::Waiting(index) => return self.hear(index, input),
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
    fn hear(&mut self, index: usize, input: Input<'_>) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
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
        match self.chosen(node, input, !has_value, spec.is_none() || has_value) {
            Ok(Some(way)) => self.follow(way),
            Ok(None) if has_value => self.ask_again(index, true),
            Ok(None) | Err(Unclear) => self.ask_again(index, false),
        }
    }

    fn follow(&mut self, way: Way) -> Outcome {
        match way {
            Way::Node(index) => self.enter(index, false),
            Way::Target(label) => {
                let place = match self.dialogue.position {
                    Position::Waiting(index) => self.node(index),
                    Position::Fresh | Position::Adrift => None,
                };
                let on_failure = match place.and_then(|node| node.handoff.as_ref()) {
                    Some(Handoff::Voice { on_failure, .. }) => on_failure.as_deref(),
                    Some(Handoff::Human { .. }) | None => None,
                };
                self.transfer(&label, on_failure)
            }
            Way::Human => {
                let reason = self.assistant.tools.human.as_ref().and_then(|human| human.reason.as_deref());
                self.hand_to_human(None, reason);
                Ok(())
            }
            Way::End => {
                self.say_opt(self.assistant.tools.end.as_ref().map(|end| end.say.as_str()));
                self.reply.end = true;
                Ok(())
            }
        }
    }

    /// `at_once`: the caller was understood, only no edge fits; asking again would not help.
    fn ask_again(&mut self, index: usize, at_once: bool) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        let fallback = node.edges.iter().find(|edge| edge.otherwise).map(|edge| edge.to);
        if let Some(to) = fallback
            && (at_once || self.dialogue.reasks >= node.reask_cap)
        {
            return self.enter(to, false);
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

    /// Walks until a node waits, the call is given away or the session ends. `quiet`: the first agent node says nothing.
    fn enter(&mut self, start: usize, quiet: bool) -> Outcome {
        let mut index = start;
        loop {
            self.steps += 1;
            if self.steps > self.assistant.workflow().max_steps {
                return Err(TurnFault::MaxSteps);
            }
            let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
            self.dialogue.reasks = 0;
            match (node.kind, &node.handoff) {
                (NodeKind::Action, _) => {
                    self.act(node)?;
                    if node.ends {
                        self.reply.end = true;
                        return Ok(());
                    }
                    index = self.way_on(node).ok_or_else(|| TurnFault::Routing { node: node.id.clone() })?;
                }
                (NodeKind::Handoff, Some(Handoff::Voice { labels, on_failure })) => {
                    return self.hand_over(index, labels, on_failure.as_deref());
                }
                (NodeKind::Handoff, Some(Handoff::Human { reason })) => {
                    self.hand_to_human(node.say.as_deref(), reason.as_deref());
                    match self.way_on(node) {
                        Some(next) => index = next,
                        None => {
                            if self.dialogue.position == Position::Fresh {
                                self.dialogue.position = Position::Adrift;
                            }
                            return Ok(());
                        }
                    }
                }
                (NodeKind::Agent, _) | (NodeKind::Handoff, None) => {
                    if !quiet {
                        self.say_opt(node.say.as_deref());
                    }
                    self.dialogue.position = Position::Waiting(index);
                    return Ok(());
                }
            }
        }
    }

    /// One target is fixed; of many, the one the caller has named, else the node asks.
    fn hand_over(&mut self, index: usize, labels: &[String], on_failure: Option<&str>) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        if let [only] = labels {
            self.say_opt(node.say.as_deref());
            if self.dialogue.position == Position::Fresh {
                self.dialogue.position = Position::Adrift;
            }
            return self.transfer(only, on_failure);
        }
        let said = self.dialogue.system.get("caller_said").map(Value::render).unwrap_or_default();
        let targets: Vec<(&String, &[Phrase])> =
            labels.iter().filter_map(|label| Some((label, self.assistant.tools.targets.get(label)?.said.as_slice()))).collect();
        let matcher = &self.assistant.matcher;
        match matcher.choose(targets.iter().map(|(_, said)| *said).enumerate(), &matcher.hear(&said)) {
            Choice::One(picked) => self.transfer(targets[picked].0, on_failure),
            Choice::Nothing | Choice::Ambiguous => {
                self.say_opt(node.say.as_deref());
                self.dialogue.position = Position::Waiting(index);
                Ok(())
            }
        }
    }

    fn transfer(&mut self, label: &str, on_failure: Option<&str>) -> Outcome {
        if self.dialogue.pending.is_some() {
            self.say(&self.assistant.texts.transfer_in_progress);
            return Ok(());
        }
        let Some(target) = self.assistant.tools.targets.get(label) else {
            return Err(TurnFault::Node { kind: "LookupError", detail: format!("no transfer target '{label}'") });
        };
        let intent = target.intent(label, on_failure, &|text| self.dialogue.fill(text));
        self.dialogue.pending = Some(intent.clone());
        self.reply.transfer = Some(intent);
        Ok(())
    }

    /// The packet's engine half: text, reason, variables. The host adds summary and transcript pointer.
    fn hand_to_human(&mut self, say: Option<&str>, reason: Option<&str>) {
        if self.dialogue.handed_off {
            self.say(&self.assistant.texts.handoff_in_progress);
            return;
        }
        let text = say.or_else(|| self.assistant.tools.human.as_ref().map(|human| human.text.as_str())).unwrap_or_default();
        self.say(text);
        self.dialogue.handed_off = true;
        let variables = self.dialogue.variables.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
        let reason = reason.map(|reason| self.dialogue.fill(reason));
        self.reply.handoff = Some(serde_json::Map::from_iter([
            ("static_text".to_owned(), serde_json::Value::String(self.dialogue.fill(text))),
            ("reason".to_owned(), reason.map_or(serde_json::Value::Null, serde_json::Value::String)),
            ("context_vars".to_owned(), serde_json::Value::Object(variables)),
        ]));
    }

    fn act(&mut self, node: &Node) -> Outcome {
        for name in &node.clear {
            self.dialogue.variables.remove(name);
        }
        for (name, written) in &node.set {
            let text = self.dialogue.fill(written);
            let value = self.assistant.variables.get(name).and_then(|spec| spec.read_written(&text));
            let Some(value) = value else {
                let detail = format!("node '{}': variable '{name}' cannot hold what is assigned to it", node.id);
                return Err(TurnFault::Node { kind: "ValueError", detail });
            };
            self.dialogue.variables.insert(name.clone(), value);
        }
        self.say_opt(node.say.as_deref());
        Ok(())
    }

    /// The edge of a node that waits for nobody.
    fn way_on(&self, node: &Node) -> Option<usize> {
        let open = node.edges.iter().filter(|edge| !edge.otherwise && !edge.listens() && self.holds(edge));
        open.chain(node.edges.iter().filter(|edge| edge.otherwise)).map(|edge| edge.to).next()
    }

    pub(super) fn holds(&self, edge: &Edge) -> bool {
        edge.when.as_ref().is_none_or(|condition| condition.holds(&|name| self.dialogue.value(name)))
    }

    fn node(&self, index: usize) -> Option<&'a Node> {
        self.assistant.workflow().nodes.get(index)
    }

    fn say(&mut self, text: &str) {
        let words = self.dialogue.fill(text);
        let words = words.trim();
        if !self.reply.text.is_empty() && !words.is_empty() {
            self.reply.text.push(' ');
        }
        self.reply.text.push_str(words);
    }

    fn say_opt(&mut self, text: Option<&str>) {
        if let Some(text) = text {
            self.say(text);
        }
    }
}
