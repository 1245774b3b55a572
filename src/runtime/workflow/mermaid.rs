//! The graph as Mermaid text.

use super::{Handoff, NodeKind, Workflow};
use std::fmt::Write as _;

/// Agents are boxes, actions are rounded, handoffs are hexagons, approvals diamonds; labels name the condition of an edge.
pub(super) fn draw(workflow: &Workflow) -> String {
    let mut drawing = String::from("flowchart TD\n");
    let mut line = |text: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(drawing, "    {text}");
    };
    if let Some(start) = workflow.nodes.get(workflow.start) {
        line(format!("start((start)) --> n_{}", start.id));
    }
    for node in &workflow.nodes {
        let name = quoted(&node.id);
        line(match node.kind {
            NodeKind::Agent => format!("n_{}[{name}]", node.id),
            NodeKind::Action => format!("n_{}({name})", node.id),
            NodeKind::Handoff => format!("n_{}{{{{{name}}}}}", node.id),
            NodeKind::Approval => format!("n_{}{{{name}}}", node.id),
        });
    }
    for node in &workflow.nodes {
        for edge in &node.edges {
            let Some(to) = workflow.nodes.get(edge.to) else { continue };
            let arrow = if edge.label.is_empty() { "-->".to_owned() } else { format!("-->|{}|", quoted(&edge.label)) };
            line(format!("n_{} {arrow} n_{}", node.id, to.id));
        }
        for (to, word) in node.side_ways() {
            if let Some(to) = workflow.nodes.get(to) {
                line(format!("n_{} -.->|{}| n_{}", node.id, quoted(word), to.id));
            }
        }
        if node.ends {
            line(format!("n_{} --> over((end))", node.id));
        }
        match &node.handoff {
            Some(Handoff::Voice { labels, on_failure, .. }) => {
                for label in labels {
                    line(format!("n_{} ==> t_{label}[[{}]]", node.id, quoted(&format!("transfer: {label}"))));
                }
                if let Some(to) = on_failure {
                    line(format!("n_{} -.->|\"on failure\"| n_{to}", node.id));
                }
            }
            Some(Handoff::Human { .. }) => line(format!("n_{} ==> human[[\"a human\"]]", node.id)),
            None => {}
        }
    }
    drawing
}

fn quoted(text: &str) -> String {
    let safe = text.replace('&', "&amp;").replace('"', "#quot;").replace('<', "&lt;").replace('>', "&gt;");
    format!("\"{safe}\"")
}
