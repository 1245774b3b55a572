//! The way through the graph: nodes that act act, until one waits, the call is given away or the session ends.

use super::judge::{Statement, Then};
use super::progress::Waiting;
use super::turn::{Outcome, Turn};
use super::{Position, TurnFault};
use crate::model::Millis;
use crate::runtime::ask::{AnswerBody, Question};
use crate::runtime::close::summarise;
use crate::runtime::dialogue::choose::Way;
use crate::runtime::matcher::{Choice, Phrase};
use crate::runtime::session::ApprovalRequest;
use crate::runtime::value::Value;
use crate::runtime::workflow::{ActionCall, Approval, Edge, Handoff, Node, NodeKind, TransferChanges};
use serde_json::json;
use uuid::Uuid;

impl Turn<'_> {
    pub(super) fn enter(&mut self, start: usize) -> Outcome {
        let mut index = start;
        loop {
            self.progress.steps += 1;
            if self.progress.steps > self.assistant.workflow().max_steps {
                return Err(TurnFault::MaxSteps);
            }
            let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
            self.dialogue.reasks = 0;
            match (node.kind, &node.handoff, &node.approval) {
                (NodeKind::Action, ..) => {
                    self.act(node)?;
                    if let Some(call) = &node.call {
                        return self.begin_action(index, call);
                    }
                    if node.ends {
                        self.progress.reply.end = true;
                        return Ok(());
                    }
                    match self.way_on(node) {
                        Some(edge) if edge.means.is_some() => return self.leave(index),
                        Some(edge) => index = edge.to,
                        None => return Err(TurnFault::Routing { node: node.id.clone() }),
                    }
                }
                (NodeKind::Handoff, Some(Handoff::Voice { labels, on_failure, changes }), _) => {
                    return self.hand_over(index, labels, on_failure.as_deref(), changes);
                }
                (NodeKind::Handoff, Some(Handoff::Human { reason }), _) => {
                    self.hand_to_human(node.say.as_deref(), reason.as_deref(), false);
                    return self.leave(index);
                }
                (NodeKind::Approval, _, Some(approval)) => {
                    let open = |condition: &crate::runtime::expression::Condition| condition.holds(&|name| self.dialogue.value(name));
                    if approval.when.as_ref().is_none_or(open) {
                        self.suspend(index, node, approval);
                        return Ok(());
                    }
                    index = approval.on_approve;
                }
                (NodeKind::Agent, ..) | (NodeKind::Handoff, None, _) | (NodeKind::Approval, _, None) => return self.arrive(index, node),
            }
        }
    }

    /// A node that waits for the caller: it hears what is still unheard, or says its text, or its model speaks.
    fn arrive(&mut self, index: usize, node: &Node) -> Outcome {
        self.stay(index);
        if let Some(heard) = self.progress.unheard.take() {
            return self.hear(index, heard.input());
        }
        // Nothing is left to talk about here; where no edge fits, there is all the same.
        if node.is_free()
            && node.can_be_done()
            && node.done.is_none()
            && self.is_done(node)
            && let Some(to) = self.plain_edge(node)
        {
            return self.enter(to);
        }
        match &node.say {
            Some(text) => self.say(text),
            None if node.is_free() && !self.progress.greeted => return self.begin_talk(index, true),
            None => {}
        }
        Ok(())
    }

    /// Along the edge that fits; plain words are judged where they come first.
    pub(super) fn leave(&mut self, index: usize) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        match self.way_on(node) {
            Some(edge) if edge.means.is_some() => self.judge(self.statements(node), Then::Leave { index }),
            Some(_) | None => self.leave_by_conditions(index),
        }
    }

    /// Along the first edge that fits without a judgement; a node that can wait does so where there is none.
    pub(super) fn leave_by_conditions(&mut self, index: usize) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        match self.plain_edge(node) {
            Some(to) => self.enter(to),
            None if node.kind == NodeKind::Action => Err(TurnFault::Routing { node: node.id.clone() }),
            None => {
                if self.dialogue.position == Position::Fresh {
                    self.dialogue.position = Position::Adrift;
                }
                Ok(())
            }
        }
    }

    /// Where the first edge leads that fits without a judgement, else the one that is left.
    fn plain_edge(&self, node: &Node) -> Option<usize> {
        let plain = node.edges.iter().find(|edge| !edge.otherwise && !edge.listens() && edge.means.is_none() && self.holds(edge));
        plain.or_else(|| node.edges.iter().find(|edge| edge.otherwise)).map(|edge| edge.to)
    }

    /// The first edge of a node that waits for nobody; one with plain words is still to be judged.
    fn way_on<'n>(&self, node: &'n Node) -> Option<&'n Edge> {
        let open = node.edges.iter().filter(|edge| !edge.otherwise && !edge.listens() && self.holds(edge));
        open.chain(node.edges.iter().filter(|edge| edge.otherwise)).next()
    }

    pub(super) fn holds(&self, edge: &Edge) -> bool {
        edge.when.as_ref().is_none_or(|condition| condition.holds(&|name| self.dialogue.value(name)))
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

    fn begin_action(&mut self, index: usize, call: &ActionCall) -> Outcome {
        let Some(tool) = self.assistant.tools.http.get(&call.tool) else {
            return Err(TurnFault::Node { kind: "LookupError", detail: format!("no tool '{}'", call.tool) });
        };
        let Ok(arguments) = tool.fill_arguments(&call.with, &|text| self.dialogue.fill(text)) else {
            self.dialogue.system.insert("tool_outcome", Value::text("bad_input"));
            return self.action_failed(index, call);
        };
        if self.progress.reply.text.is_empty() {
            self.say_opt(tool.say.as_deref());
        }
        self.progress.flush();
        let Some(patience) = self.progress.patience(self.assistant.max_wait) else {
            self.dialogue.system.insert("tool_outcome", Value::text("timed_out"));
            return self.action_failed(index, call);
        };
        let request = tool.request(&arguments, &|name| self.dialogue.value(name));
        self.progress.want(Question::HttpTool(request), Millis(tool.timeout.0.min(patience.0)), tool.retry);
        self.progress.waiting = Some(Waiting::Action(index));
        Ok(())
    }

    pub(super) fn action_answered(&mut self, index: usize, body: AnswerBody) -> Outcome {
        let Some(call) = self.node(index).and_then(|node| node.call.as_ref()) else {
            return Err(TurnFault::Routing { node: String::new() });
        };
        let own = self.assistant.tools.http.get(&call.tool).map(|tool| tool.outputs.as_slice()).unwrap_or_default();
        let outputs: Vec<(String, String)> = own.iter().chain(&call.bind).cloned().collect();
        self.take_http(&outputs, body);
        if self.dialogue.system.get("tool_outcome") == Some(&Value::text("ok")) {
            return self.leave(index);
        }
        self.action_failed(index, call)
    }

    fn action_failed(&mut self, index: usize, call: &ActionCall) -> Outcome {
        self.say_opt(call.failure_say.as_deref());
        match call.on_failure {
            Some(to) => self.enter(to),
            None => self.leave(index),
        }
    }

    fn suspend(&mut self, index: usize, node: &Node, approval: &Approval) {
        self.say_opt(node.say.as_deref());
        self.dialogue.approvals = self.dialogue.approvals.saturating_add(1);
        let name = format!("approval {}", self.dialogue.approvals);
        let asked = ApprovalRequest {
            id: Uuid::new_v5(&self.dialogue.conversation.0, name.as_bytes()),
            node: node.id.clone(),
            reason: approval.reason.as_deref().map(|reason| self.dialogue.fill(reason)).unwrap_or_default().into(),
            timeout: approval.timeout,
        };
        self.dialogue.approval = Some(asked.clone());
        self.progress.reply.approval = Some(asked);
        self.dialogue.position = Position::Suspended(index);
    }

    /// One target is fixed; of many, the one the caller has named, else the node asks.
    fn hand_over(&mut self, index: usize, labels: &[String], on_failure: Option<&str>, changes: &TransferChanges) -> Outcome {
        let Some(node) = self.node(index) else { return Err(TurnFault::Routing { node: String::new() }) };
        if let [only] = labels {
            self.say_opt(node.say.as_deref());
            if self.dialogue.position == Position::Fresh {
                self.dialogue.position = Position::Adrift;
            }
            return self.transfer(only, on_failure, changes);
        }
        let said = self.dialogue.system.get("caller_said").map(Value::render).unwrap_or_default();
        let targets: Vec<(&String, &[Phrase])> =
            labels.iter().filter_map(|label| Some((label, self.assistant.tools.targets.get(label)?.said.as_slice()))).collect();
        let matcher = &self.assistant.matcher;
        match matcher.choose(targets.iter().map(|(_, said)| *said).enumerate(), &matcher.hear(&said)) {
            Choice::One(picked) => self.transfer(targets[picked].0, on_failure, changes),
            Choice::Nothing | Choice::Ambiguous if self.assistant.model.is_some() && !said.is_empty() => {
                let statement = |(label, phrases): &(&String, &[Phrase])| {
                    let about = self.assistant.tools.targets.get(*label).and_then(|target| target.description.clone());
                    let text = format!("the caller wants to be connected to {label} ({})", about.unwrap_or_default());
                    Statement { way: Way::Target((*label).clone()), text, phrases: phrases.to_vec() }
                };
                self.judge(targets.iter().map(statement).collect(), Then::AskWhich { index })
            }
            Choice::Nothing | Choice::Ambiguous => {
                self.say_opt(node.say.as_deref());
                self.stay(index);
                Ok(())
            }
        }
    }

    pub(super) fn transfer(&mut self, label: &str, on_failure: Option<&str>, changes: &TransferChanges) -> Outcome {
        if self.dialogue.pending.is_some() {
            self.say(&self.assistant.texts.transfer_in_progress);
            return Ok(());
        }
        let Some(target) = self.assistant.tools.targets.get(label) else {
            return Err(TurnFault::Node { kind: "LookupError", detail: format!("no transfer target '{label}'") });
        };
        let intent = target.intent(label, on_failure, changes, &|text| self.dialogue.fill(text));
        self.dialogue.pending = Some(intent.clone());
        self.progress.reply.transfer = Some(intent);
        Ok(())
    }

    /// The packet for the human. `quiet`: the assistant has said something fitting already.
    pub(super) fn hand_to_human(&mut self, say: Option<&str>, reason: Option<&str>, quiet: bool) {
        if self.dialogue.handed_off {
            self.say(&self.assistant.texts.handoff_in_progress);
            return;
        }
        let text = say.or_else(|| self.assistant.tools.human.as_ref().map(|human| human.text.as_str())).unwrap_or_default();
        if !quiet {
            self.say(text);
        }
        self.dialogue.handed_off = true;
        let variables: serde_json::Map<_, _> =
            self.dialogue.variables.iter().map(|(name, value)| (name.clone(), value.to_json())).collect();
        let transcript = self.history.transcript;
        let summary = Some(summarise(transcript)).filter(|summary| !summary.is_empty());
        let last = transcript.entries().next_back().map(|entry| entry.seq);
        self.progress.reply.handoff = Some(serde_json::Map::from_iter([
            ("static_text".to_owned(), json!(self.dialogue.fill(text))),
            ("reason".to_owned(), json!(reason.map(|reason| self.dialogue.fill(reason)))),
            ("context_vars".to_owned(), serde_json::Value::Object(variables)),
            ("summary".to_owned(), json!(summary)),
            ("transcript_ptr".to_owned(), json!({"conversation_id": self.dialogue.conversation.0, "up_to_seq": last})),
            ("transfer_to".to_owned(), serde_json::Value::Null),
            ("transfer_label".to_owned(), serde_json::Value::Null),
        ]));
    }
}
