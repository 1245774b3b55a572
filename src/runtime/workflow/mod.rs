//! The graph an assistant follows, as it is after every check.
//!
//! An `agent` node says its text and waits for the caller; an `action` node acts and goes on at once; a `handoff` node gives the call away;
//! an `approval` node waits for an operator. Where an agent node has instructions, a language model speaks and decides there.
//! Edges are looked at by priority, the highest first; among those of one priority, what was said decides before conditions alone do.
//! Owns: nodes, edges, the checks of the whole graph, its drawing. Does not: read files (`assistant`) or move through the graph (`dialogue`).

mod check;
mod mermaid;

pub(crate) use check::{GraphFault, check_graph};

use super::expression::Condition;
use super::matcher::Phrase;
use crate::model::{Bounded, DtmfInputSpec, Millis, TransferMode};

/// A checked graph.
#[derive(Clone, Debug)]
pub struct Workflow {
    pub(crate) nodes: Vec<Node>,
    pub(crate) start: usize,
    /// Nodes entered in one turn before it fails with `max_steps_exceeded`.
    pub(crate) max_steps: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    Agent,
    Action,
    Handoff,
    Approval,
}

#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) line: usize,
    pub(crate) kind: NodeKind,
    pub(crate) say: Option<String>,
    /// Said in turn when the caller was not understood; the last one repeats.
    pub(crate) reprompts: Vec<String>,
    pub(crate) reask_cap: u32,
    pub(crate) collect: Option<String>,
    pub(crate) dtmf_input: Option<DtmfInputSpec>,
    /// Variable and template or literal, in file order.
    pub(crate) set: Vec<(String, String)>,
    pub(crate) clear: Vec<String>,
    /// Action: end the session after `say`.
    pub(crate) ends: bool,
    pub(crate) handoff: Option<Handoff>,
    /// Whether the platform tools listen here.
    pub(crate) tools: bool,
    /// The tools a model is offered here, by name; `None`: all of them.
    pub(crate) offered: Option<Vec<String>>,
    /// Agent: a model speaks here, told this. A template.
    pub(crate) instructions: Option<String>,
    /// Agent with a model: the node is done once all of these have a value.
    pub(crate) required: Vec<String>,
    /// Agent with a model: may be written, too.
    pub(crate) optional: Vec<String>,
    /// Agent with a model: also needed for being done.
    pub(crate) done_when: Option<Condition>,
    /// Agent with a model: the model says when this holds.
    pub(crate) done: Option<String>,
    /// Action: a tool behind HTTP.
    pub(crate) call: Option<ActionCall>,
    pub(crate) approval: Option<Approval>,
    /// Highest priority first, file order within one.
    pub(crate) edges: Vec<Edge>,
}

#[derive(Clone, Debug)]
pub(crate) enum Handoff {
    /// One label: fixed. More: picked by what the caller says.
    Voice {
        labels: Vec<String>,
        on_failure: Option<String>,
        changes: TransferChanges,
    },
    Human {
        reason: Option<String>,
    },
}

/// What a handoff node replaces of its target's settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct TransferChanges {
    pub(crate) connecting_text: Option<String>,
    pub(crate) mode: Option<TransferMode>,
    pub(crate) max_retries: Option<Bounded<0, 5>>,
    pub(crate) retry_text: Option<String>,
}

/// An action's tool, fed and read by templates and pointers alone.
#[derive(Clone, Debug)]
pub(crate) struct ActionCall {
    pub(crate) tool: String,
    /// Input and template.
    pub(crate) with: Vec<(String, String)>,
    /// Variable and JSON pointer, beside those of the tool itself.
    pub(crate) bind: Vec<(String, String)>,
    pub(crate) failure_say: Option<String>,
    pub(crate) on_failure: Option<usize>,
}

/// The workflow stands still until an operator has decided.
#[derive(Clone, Debug)]
pub(crate) struct Approval {
    /// Without it always; where it does not hold, nobody is asked and the node is as good as approved.
    pub(crate) when: Option<Condition>,
    pub(crate) reason: Option<String>,
    pub(crate) timeout: Millis,
    pub(crate) on_approve: usize,
    pub(crate) on_deny: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) to: usize,
    pub(crate) line: usize,
    pub(crate) when: Option<Condition>,
    pub(crate) said: Vec<Phrase>,
    pub(crate) keys: Vec<String>,
    /// A condition in plain words.
    pub(crate) means: Option<Meaning>,
    pub(crate) priority: i64,
    /// Taken when nothing else was, after the re-asks.
    pub(crate) otherwise: bool,
    /// For the drawing.
    pub(crate) label: String,
}

/// Judged by a model where the assistant has one, by the matcher otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Meaning {
    pub(crate) text: String,
    pub(crate) phrases: Vec<Phrase>,
}

impl Edge {
    /// Needs input to be taken.
    pub(crate) fn listens(&self) -> bool {
        !self.said.is_empty() || !self.keys.is_empty()
    }

    /// Taken whatever the variables are, once it is looked at.
    pub(crate) fn is_unconditional(&self) -> bool {
        self.when.is_none() && !self.listens() && self.means.is_none()
    }
}

impl Node {
    /// A model speaks here.
    pub(crate) fn is_free(&self) -> bool {
        self.instructions.is_some()
    }

    /// Says by itself when it is through with the caller.
    pub(crate) fn can_be_done(&self) -> bool {
        !self.required.is_empty() || self.done_when.is_some() || self.done.is_some()
    }

    /// Where else than along its edges it leads inside the graph, with the word for it.
    pub(crate) fn side_ways(&self) -> Vec<(usize, &'static str)> {
        let failed = self.call.as_ref().and_then(|call| call.on_failure).map(|to| (to, "on failure"));
        let decided = self.approval.iter().flat_map(|approval| [(approval.on_approve, "approved"), (approval.on_deny, "denied")]);
        failed.into_iter().chain(decided).collect()
    }
}

impl Workflow {
    /// The graph as Mermaid text (`flowchart TD`).
    pub fn mermaid(&self) -> String {
        mermaid::draw(self)
    }

    /// Ids and kinds of the nodes, in file order.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, NodeKind)> {
        self.nodes.iter().map(|node| (node.id.as_str(), node.kind))
    }

    pub(crate) fn index_of(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.id == id)
    }
}
