//! The graph an assistant follows, as it is after every check.
//!
//! An `agent` node says its text and waits for the caller; an `action` node acts and goes on at once; a `handoff` node gives the call away.
//! Edges are looked at by priority, the highest first; among those of one priority, what was said decides before conditions alone do.
//! Owns: nodes, edges, the checks of the whole graph, its drawing. Does not: read files (`assistant`) or move through the graph (`dialogue`).

mod check;
mod mermaid;

pub(crate) use check::{GraphFault, check_graph};

use super::expression::Condition;
use super::matcher::Phrase;
use crate::model::DtmfInputSpec;

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
    /// Highest priority first, file order within one.
    pub(crate) edges: Vec<Edge>,
}

#[derive(Clone, Debug)]
pub(crate) enum Handoff {
    /// One label: fixed. More: picked by what the caller says.
    Voice {
        labels: Vec<String>,
        on_failure: Option<String>,
    },
    Human {
        reason: Option<String>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) to: usize,
    pub(crate) line: usize,
    pub(crate) when: Option<Condition>,
    pub(crate) said: Vec<Phrase>,
    pub(crate) keys: Vec<String>,
    pub(crate) priority: i64,
    /// Taken when nothing else was, after the re-asks.
    pub(crate) otherwise: bool,
    /// For the drawing.
    pub(crate) label: String,
}

impl Edge {
    /// Needs input to be taken.
    pub(crate) fn listens(&self) -> bool {
        !self.said.is_empty() || !self.keys.is_empty()
    }

    /// Taken whatever the variables are, once it is looked at.
    pub(crate) fn is_unconditional(&self) -> bool {
        self.when.is_none() && !self.listens()
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
