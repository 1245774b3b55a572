//! What is wrong with a graph as a whole: nodes nobody reaches, nodes nobody leaves.

use super::{Handoff, NodeKind, Workflow};
use std::collections::BTreeSet;

/// A fault of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GraphFault {
    Unreachable,
    DeadEnd { detail: &'static str },
}

/// Every fault with the index of its node. `entries` are nodes that are reached from outside the graph: `on_failure` of transfer targets.
pub(crate) fn check_graph(workflow: &Workflow, entries: &BTreeSet<usize>, tools_can_leave: bool) -> Vec<(usize, GraphFault)> {
    let reached = reachable(workflow, entries);
    let mut faults = Vec::new();
    for (index, node) in workflow.nodes.iter().enumerate() {
        if !reached.contains(&index) {
            faults.push((index, GraphFault::Unreachable));
        }
        let has_fallback = node.edges.iter().any(|edge| edge.otherwise);
        let always = node.edges.iter().any(|edge| edge.is_unconditional() && !edge.otherwise);
        let many = matches!(&node.handoff, Some(Handoff::Voice { labels, .. }) if labels.len() > 1);
        let detail = match node.kind {
            NodeKind::Agent if node.edges.is_empty() && (node.is_free() || node.tools && tools_can_leave) => None,
            NodeKind::Agent if node.is_free() && always && !node.can_be_done() => {
                Some("this edge is never taken: say with 'required', 'done_when' or 'done' when the node is through")
            }
            NodeKind::Agent if node.is_free() => None,
            NodeKind::Agent if node.edges.is_empty() => Some("nothing leads on from here; give it edges"),
            NodeKind::Agent if always && node.collect.is_none() => None,
            NodeKind::Agent if has_fallback => None,
            NodeKind::Agent => Some("nothing is left when the caller is not understood; add an edge with otherwise = true"),
            NodeKind::Action if node.ends || has_fallback || always => None,
            NodeKind::Action if node.edges.is_empty() => Some("an action needs an edge, or tool = \"end_session\""),
            NodeKind::Action => Some("no edge is left when none of its conditions holds; add an edge with otherwise = true"),
            NodeKind::Handoff if many && !has_fallback => {
                Some("nothing is left when no target was picked; add an edge with otherwise = true")
            }
            NodeKind::Handoff | NodeKind::Approval => None,
        };
        faults.extend(detail.map(|detail| (index, GraphFault::DeadEnd { detail })));
    }
    faults
}

fn reachable(workflow: &Workflow, entries: &BTreeSet<usize>) -> BTreeSet<usize> {
    let mut open: Vec<usize> = entries.iter().copied().chain([workflow.start]).collect();
    let mut reached = BTreeSet::new();
    while let Some(index) = open.pop() {
        let Some(node) = workflow.nodes.get(index) else { continue };
        if !reached.insert(index) {
            continue;
        }
        open.extend(node.edges.iter().map(|edge| edge.to));
        open.extend(node.side_ways().into_iter().map(|(to, _)| to));
        if let Some(Handoff::Voice { on_failure: Some(id), .. }) = &node.handoff {
            open.extend(workflow.index_of(id));
        }
    }
    reached
}
