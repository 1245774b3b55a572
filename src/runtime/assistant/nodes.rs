//! The workflow of an assistant file: nodes and edges, then the checks of the whole graph.

use super::edges::{condition, edge};
use super::fault::Fault;
use super::language::{outputs, prompt};
use super::load::{Known, literal, required_text};
use super::reader::{Faults, Found, Section};
use super::tools::failure_entries;
use crate::model::{Bounded, Digit, DtmfInputSpec, Millis, TransferMode};
use crate::runtime::context::VariableKind;
use crate::runtime::matcher::nearest;
use crate::runtime::tools::Tools;
use crate::runtime::workflow::{ActionCall, Approval, GraphFault, Handoff, Node, NodeKind, TransferChanges, Workflow, check_graph};
use toml::de::{DeTable, DeValue};

const MAX_NODES: usize = 500;

/// The ids of all nodes in file order, before anything is checked; a node without one has an empty id.
pub(super) fn ids(document: &DeTable<'_>) -> Vec<String> {
    let nodes = document.get("workflow").and_then(|workflow| workflow.get_ref().get("nodes"));
    let Some(nodes) = nodes.and_then(|nodes| nodes.get_ref().as_array()) else { return Vec::new() };
    let id = |node: &toml::Spanned<DeValue<'_>>| node.get_ref().get("id").and_then(|id| id.get_ref().as_str().map(str::to_owned));
    nodes.iter().map(|node| id(node).unwrap_or_default()).collect()
}

/// Without a `[workflow]` the assistant is one node where only the platform tools listen.
pub(super) fn workflow(root: &mut Section<'_, '_>, known: &Known, tools: &Tools, faults: &mut Faults<'_>) -> Workflow {
    let Some(mut section) = root.section("workflow", faults) else {
        if root.value("workflow", faults).is_none()
            && !known.has_model
            && tools.targets.is_empty()
            && tools.end.is_none()
            && tools.human.is_none()
        {
            let detail = "without a [workflow] and without [tools] the assistant can do nothing".to_owned();
            faults.add(1, "workflow", Fault::DeadEnd { detail });
        }
        // The one node of such an assistant: with a model it may write every variable.
        let instructions = known.has_model.then(String::new);
        let optional = if known.has_model { known.variables.keys().cloned().collect() } else { Vec::new() };
        let node = Node { tools: true, instructions, optional, ..blank("assistant".to_owned(), 1) };
        return Workflow { nodes: vec![node], start: 0, max_steps: 32 };
    };
    let max_steps = section.number("max_steps", 1, 1_000, faults).and_then(|found| u32::try_from(found.value).ok()).unwrap_or(32);
    let mut nodes: Vec<Node> = Vec::new();
    let tables = section.sections("nodes", faults);
    if tables.is_empty() || tables.len() > MAX_NODES {
        faults.add(section.line, section.key("nodes"), Fault::BadValue { detail: format!("a workflow has 1 to {MAX_NODES} nodes") });
    }
    for table in tables {
        let node = node(table, known, tools, faults);
        if let Some(first) = nodes.iter().find(|other| other.id == node.id && !node.id.is_empty()) {
            faults.add(node.line, format!("workflow.nodes.{}", node.id), Fault::DuplicateNode { first: first.line });
        }
        nodes.push(node);
    }
    let start = match section.string("start", faults) {
        Some(found) => known.node(&found, faults).unwrap_or(0),
        None => {
            faults.add(section.line, section.key("start"), Fault::Missing);
            0
        }
    };
    section.finish(faults);
    let workflow = Workflow { nodes, start, max_steps };
    // A graph with broken edges has no honest reachability: name the causes first.
    if faults.is_empty() {
        check(&workflow, tools, faults);
    }
    workflow
}

fn check(workflow: &Workflow, tools: &Tools, faults: &mut Faults<'_>) {
    let entries = failure_entries(tools, |id| workflow.index_of(id));
    let can_leave = !tools.targets.is_empty() || tools.end.is_some() || tools.human.is_some();
    let start = workflow.nodes.get(workflow.start).map(|node| node.id.clone()).unwrap_or_default();
    for (index, fault) in check_graph(workflow, &entries, can_leave) {
        let Some(node) = workflow.nodes.get(index) else { continue };
        let fault = match fault {
            GraphFault::Unreachable => Fault::Unreachable { start: start.clone() },
            GraphFault::DeadEnd { detail } => Fault::DeadEnd { detail: detail.to_owned() },
        };
        faults.add(node.line, format!("workflow.nodes.{}", node.id), fault);
    }
}

impl Known {
    /// The index of a node that is named somewhere; a dangling name is a fault.
    pub(super) fn node(&self, found: &Found<String>, faults: &mut Faults<'_>) -> Option<usize> {
        let index = self.node_ids.iter().position(|id| *id == found.value);
        if index.is_none() {
            let suggestion = nearest(&found.value, self.node_ids.iter().map(String::as_str)).map(str::to_owned);
            faults.add(found.line, &found.key, Fault::DanglingEdge { node: found.value.clone(), suggestion });
        }
        index
    }

    /// `on_failure`: the name of an existing node.
    pub(super) fn failure_node(&self, section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
        let found = section.string("on_failure", faults)?;
        self.node(&found, faults).map(|_| found.value)
    }
}

fn blank(id: String, line: usize) -> Node {
    Node {
        id,
        line,
        kind: NodeKind::Agent,
        say: None,
        reprompts: Vec::new(),
        reask_cap: 2,
        collect: None,
        dtmf_input: None,
        set: Vec::new(),
        clear: Vec::new(),
        ends: false,
        handoff: None,
        tools: false,
        offered: None,
        instructions: None,
        required: Vec::new(),
        optional: Vec::new(),
        done_when: None,
        done: None,
        call: None,
        approval: None,
        edges: Vec::new(),
    }
}

fn node(mut section: Section<'_, '_>, known: &Known, tools: &Tools, faults: &mut Faults<'_>) -> Node {
    let id = required_text(&mut section, "id", faults);
    let is_id = |id: &str| id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_id(&id) {
        let detail = "an id is letters, digits and underscores, at most 64".to_owned();
        faults.add(section.line, section.key("id"), Fault::BadValue { detail });
    }
    if !id.is_empty() {
        section.path = format!("workflow.nodes.{id}");
    }
    let mut node = blank(id, section.line);
    let kind = required_text(&mut section, "kind", faults);
    node.say = known.text(&mut section, "say", faults);
    match kind.as_str() {
        "agent" => agent(&mut node, &mut section, known, tools, faults),
        "action" => action(&mut node, &mut section, known, tools, faults),
        "handoff" => handoff(&mut node, &mut section, known, tools, faults),
        "" => {}
        "approval" => approval(&mut node, &mut section, known, faults),
        _ => {
            let fault = Fault::NotOneOf { word: kind, allowed: "agent, action, handoff, approval".to_owned() };
            faults.add(section.line, section.key("kind"), fault);
            return node;
        }
    }
    let tables = section.sections("edges", faults);
    node.edges = tables.into_iter().filter_map(|table| edge(table, &node, known, faults)).collect();
    node.edges.sort_by_key(|edge| std::cmp::Reverse(edge.priority));
    if let Some(second) = node.edges.iter().filter(|edge| edge.otherwise).nth(1) {
        let detail = "a node has one otherwise edge".to_owned();
        faults.add(second.line, section.key("edges"), Fault::BadValue { detail });
    }
    section.finish(faults);
    node
}

fn agent(node: &mut Node, section: &mut Section<'_, '_>, known: &Known, tools: &Tools, faults: &mut Faults<'_>) {
    node.kind = NodeKind::Agent;
    offered_tools(node, section, tools, faults);
    node.instructions = prompt(section, "instructions", known, faults);
    for (name, list) in [("required", &mut node.required), ("optional", &mut node.optional)] {
        let Some(found) = section.strings(name, faults) else { continue };
        for variable in found.value.iter().filter(|variable| !known.variables.contains_key(*variable)) {
            faults.add(found.line, &found.key, known.unknown_variable(variable));
        }
        if node.instructions.is_none() {
            let detail = "only a model writes variables; without 'instructions' use 'collect'".to_owned();
            faults.add(found.line, &found.key, Fault::BadValue { detail });
        }
        *list = found.value;
    }
    node.done_when = condition(section, "done_when", known, faults).map(|(_, condition)| condition);
    if node.done_when.is_some() && node.instructions.is_none() {
        let detail = "only a node with 'instructions' is done by itself; others leave along their edges".to_owned();
        faults.add(section.line, section.key("done_when"), Fault::BadValue { detail });
    }
    node.done = prompt(section, "done", known, faults);
    asks(node, section, known, faults);
    if let Some(found) = section.string("collect", faults) {
        match known.variables.get(&found.value) {
            Some(spec) => {
                if let (VariableKind::Digits { max, .. }, None) = (&spec.kind, &node.dtmf_input) {
                    let max_digits = i64::try_from(*max).ok().and_then(|max| Bounded::try_from(max).ok());
                    node.dtmf_input = Some(DtmfInputSpec { max_digits, ..DtmfInputSpec::default() });
                }
                node.collect = Some(found.value);
            }
            None => faults.add(found.line, found.key, known.unknown_variable(&found.value)),
        }
    }
}

/// `tools`: true, false, or the names of those a model is offered.
fn offered_tools(node: &mut Node, section: &mut Section<'_, '_>, tools: &Tools, faults: &mut Faults<'_>) {
    node.tools = true;
    let Some(found) = section.value("tools", faults) else { return };
    if let Some(flag) = found.value.as_bool() {
        node.tools = flag;
        return;
    }
    let names = found.value.as_array().map(|items| items.iter().filter_map(|item| item.get_ref().as_str().map(str::to_owned)).collect());
    let names: Vec<String> = names.unwrap_or_default();
    let platform = [
        ("transfer_call", !tools.targets.is_empty()),
        ("request_human_handoff", tools.human.is_some()),
        ("end_session", tools.end.is_some()),
    ];
    let known: Vec<&str> =
        platform.iter().filter(|(_, set)| *set).map(|(name, _)| *name).chain(tools.http.keys().map(String::as_str)).collect();
    if names.is_empty() || names.iter().any(|name| !known.contains(&name.as_str())) {
        let detail = format!("true, false, or names of tools this file sets; there is: {}", known.join(", "));
        faults.add(found.line, &found.key, Fault::BadValue { detail });
    }
    node.offered = Some(names);
}

/// What a node that waits for the caller may be told.
fn asks(node: &mut Node, section: &mut Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) {
    if let Some(found) = section.strings("reprompt", faults) {
        for text in found.value {
            let one = Found { value: text, line: found.line, key: found.key.clone() };
            known.check_text(&one, faults);
            node.reprompts.push(one.value);
        }
    }
    if let Some(found) = section.number("reask_cap", 0, 10, faults) {
        node.reask_cap = u32::try_from(found.value).unwrap_or(0);
    }
    if let Some(dtmf) = section.section("dtmf_input", faults) {
        let (line, key) = (dtmf.line, dtmf.key("termination_digit"));
        let spec: DtmfInputSpec = dtmf.model(&[], faults);
        let is_key = |text: &str| text.chars().next().is_none_or(|key| Digit::from_char(key).is_some());
        if spec.termination_digit.as_ref().is_some_and(|text| !is_key(text.as_str())) {
            let detail = "a telephone key (0-9 * # A-D), or empty for none".to_owned();
            faults.add(line, key, Fault::BadValue { detail });
        }
        node.dtmf_input = Some(spec);
    }
}

fn action(node: &mut Node, section: &mut Section<'_, '_>, known: &Known, tools: &Tools, faults: &mut Faults<'_>) {
    node.kind = NodeKind::Action;
    if let Some(found) = section.string("tool", faults) {
        if found.value == "end_session" {
            node.ends = true;
        } else if tools.http.contains_key(&found.value) {
            node.call = Some(call(found.value, section, known, tools, faults));
        } else {
            let names: Vec<&str> = std::iter::once("end_session").chain(tools.http.keys().map(String::as_str)).collect();
            let allowed = format!("{} (a handoff node transfers)", names.join(", "));
            faults.add(found.line, found.key, Fault::NotOneOf { word: found.value, allowed });
        }
    }
    if let Some(found) = section.strings("clear", faults) {
        for name in &found.value {
            if !known.variables.contains_key(name) {
                faults.add(found.line, &found.key, known.unknown_variable(name));
            }
        }
        node.clear = found.value;
    }
    let Some(set) = section.section("set", faults) else { return };
    for (name, value, line) in set.entries(faults) {
        let key = set.key(&name);
        let Some(spec) = known.variables.get(&name) else {
            faults.add(line, key, known.unknown_variable(&name));
            continue;
        };
        let Some(text) = literal(value) else {
            faults.add(line, key, Fault::WrongType { expected: "text, number or boolean", found: value.type_str() });
            continue;
        };
        if !text.contains("{{") && spec.read_written(&text).is_none() {
            faults.add(line, key, Fault::BadValue { detail: "the value does not fit the variable's type and bounds".to_owned() });
            continue;
        }
        let found = Found { value: text, line, key };
        known.check_text(&found, faults);
        node.set.push((name, found.value));
    }
}

/// The tool of an action, fed by templates.
fn call(tool: String, section: &mut Section<'_, '_>, known: &Known, tools: &Tools, faults: &mut Faults<'_>) -> ActionCall {
    let mut with = Vec::new();
    if let Some(inner) = section.section("with", faults) {
        for (name, value, line) in inner.entries(faults) {
            let key = inner.key(&name);
            let inputs = tools.http.get(&tool).map(|tool| &tool.inputs);
            if inputs.is_none_or(|inputs| inputs.get(&name).is_none_or(|input| input.pinned.is_some())) {
                let names: Vec<&str> = inputs.into_iter().flat_map(|inputs| inputs.keys()).map(String::as_str).collect();
                faults.add(
                    line,
                    &key,
                    Fault::NotOneOf { word: name.clone(), allowed: format!("open inputs of {tool}: {}", names.join(", ")) },
                );
            }
            match literal(value) {
                Some(text) => {
                    let found = Found { value: text, line, key };
                    known.check_text(&found, faults);
                    with.push((name, found.value));
                }
                None => faults.add(line, key, Fault::WrongType { expected: "text, number or boolean", found: value.type_str() }),
            }
        }
    }
    let bind = section.section("bind", faults).map(|inner| outputs(&inner, known, faults)).unwrap_or_default();
    let failure_say = known.text(section, "failure_say", faults);
    let on_failure = section.string("on_failure", faults).and_then(|found| known.node(&found, faults));
    ActionCall { tool, with, bind, failure_say, on_failure }
}

fn approval(node: &mut Node, section: &mut Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) {
    node.kind = NodeKind::Approval;
    let when = condition(section, "when", known, faults).map(|(_, condition)| condition);
    let reason = known.text(section, "reason", faults);
    let seconds = section.number("timeout_seconds", 5, 3_600, faults).and_then(|found| u64::try_from(found.value).ok()).unwrap_or(120);
    let mut way = |name: &'static str, faults: &mut Faults<'_>| match section.string(name, faults) {
        Some(found) => known.node(&found, faults).unwrap_or(0),
        None => {
            faults.add(section.line, section.key(name), Fault::Missing);
            0
        }
    };
    let (on_approve, on_deny) = (way("on_approve", faults), way("on_deny", faults));
    if node.say.is_none() {
        faults.add(section.line, section.key("say"), Fault::Missing);
    }
    node.approval = Some(Approval { when, reason, timeout: Millis::from_secs(seconds), on_approve, on_deny });
}

/// What the node replaces of its target's settings.
fn changes(section: &mut Section<'_, '_>, known: &Known, faults: &mut Faults<'_>) -> TransferChanges {
    let mode = section.string("mode", faults).and_then(|found| match found.value.as_str() {
        "cold" => Some(TransferMode::Cold),
        "warm" => Some(TransferMode::Warm),
        _ => {
            faults.add(found.line, found.key, Fault::NotOneOf { word: found.value, allowed: "cold, warm".to_owned() });
            None
        }
    });
    TransferChanges {
        connecting_text: known.text(section, "connecting_text", faults),
        mode,
        max_retries: section.number("max_retries", 0, 5, faults).and_then(|found| Bounded::try_from(found.value).ok()),
        retry_text: known.text(section, "retry_text", faults),
    }
}

fn handoff(node: &mut Node, section: &mut Section<'_, '_>, known: &Known, tools: &Tools, faults: &mut Faults<'_>) {
    node.kind = NodeKind::Handoff;
    asks(node, section, known, faults);
    let on_failure = known.failure_node(section, faults);
    let reason = known.text(section, "reason", faults);
    node.handoff = Some(match section.strings("transfer", faults) {
        None => {
            if node.say.is_none() && tools.human.is_none() {
                faults.add(section.line, section.key("say"), Fault::Missing);
            }
            Handoff::Human { reason }
        }
        Some(found) => {
            let labels = tools.targets.keys().cloned().collect::<Vec<_>>().join(", ");
            for label in found.value.iter().filter(|label| !tools.targets.contains_key(*label)) {
                faults.add(found.line, &found.key, Fault::UnknownTarget { label: label.clone(), known: labels.clone() });
            }
            match found.value.len() {
                0 => faults.add(found.line, &found.key, Fault::BadValue { detail: "name at least one target".to_owned() }),
                1 => {}
                _ if node.say.is_none() => {
                    let detail = "a handoff that picks among many asks which one: give it a 'say'".to_owned();
                    faults.add(found.line, &found.key, Fault::BadValue { detail });
                }
                _ => {}
            }
            Handoff::Voice { labels: found.value, on_failure, changes: changes(section, known, faults) }
        }
    });
}
