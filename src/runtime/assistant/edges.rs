//! Edges of a workflow and the conditions that nodes share with them.

use super::fault::Fault;
use super::load::Known;
use super::reader::{Faults, Found, Section};
use crate::model::Digit;
use crate::runtime::expression::{Condition, ExpressionFault};
use crate::runtime::workflow::{Edge, Meaning, Node, NodeKind};

pub(super) fn edge(mut section: Section<'_, '_>, node: &Node, known: &Known, faults: &mut Faults<'_>) -> Option<Edge> {
    let to = match section.string("to", faults) {
        Some(found) => known.node(&found, faults),
        None => {
            faults.add(section.line, section.key("to"), Fault::Missing);
            None
        }
    };
    let mut label = Vec::new();
    let when = condition(&mut section, "when", known, faults).map(|(text, condition)| {
        label.push(text);
        condition
    });
    if let Some(found) = section.strings("said", faults) {
        label.push(found.value.join(" / "));
    }
    let said = known.phrases(&mut section, "said", faults);
    let keys = section.strings("keys", faults).map(|found| {
        if !found.value.iter().all(|keys| !keys.is_empty() && keys.chars().all(|key| Digit::from_char(key).is_some())) {
            faults.add(found.line, found.key, Fault::BadValue { detail: "telephone keys: 0-9 * # A-D".to_owned() });
        }
        label.push(format!("keys {}", found.value.join(" / ")));
        found.value
    });
    let means = section.string("means", faults).map(|found| {
        label.push(found.value.clone());
        meaning(&found, known, faults)
    });
    let otherwise = section.boolean("otherwise", faults).is_some_and(|found| found.value);
    if otherwise {
        label.push("otherwise".to_owned());
    }
    let edge = Edge {
        to: to.unwrap_or(0),
        line: section.line,
        when,
        said,
        keys: keys.unwrap_or_default(),
        means,
        priority: section.number("priority", -1_000, 1_000, faults).map_or(0, |found| found.value),
        otherwise,
        label: label.join("; "),
    };
    if node.kind == NodeKind::Action && edge.listens() {
        let detail = "an action does not wait for the caller; 'said' and 'keys' belong on an agent node".to_owned();
        faults.add(section.line, section.key("said"), Fault::BadValue { detail });
    }
    if otherwise && (edge.when.is_some() || edge.listens() || edge.means.is_some()) {
        let detail = "otherwise stands alone, without when, said, keys and means".to_owned();
        faults.add(section.line, section.key("otherwise"), Fault::BadValue { detail });
    }
    section.finish(faults);
    to.map(|_| edge)
}

/// A condition over variables, as written and as parsed.
pub(super) fn condition(
    section: &mut Section<'_, '_>,
    name: &'static str,
    known: &Known,
    faults: &mut Faults<'_>,
) -> Option<(String, Condition)> {
    let found = section.string(name, faults)?;
    match Condition::parse(&found.value, &|name| known.kind_of(name)) {
        Ok(condition) => Some((found.value, condition)),
        Err(fault) => {
            let fault = match fault {
                ExpressionFault::Syntax { column, detail } => Fault::Expression { column, detail },
                ExpressionFault::UnknownVariable { name } => known.unknown_variable(&name),
            };
            faults.add(found.line, found.key, fault);
            None
        }
    }
}

/// Words that a condition about the caller begins with; what matters to the matcher comes after them.
const OPENINGS: &[&str] = &[
    "the", "caller", "user", "customer", "wants", "want", "wishes", "would", "like", "asks", "ask", "says", "say", "said", "is", "has",
    "to", "for", "about", "that", "they", "a", "an", "asking", "calling", "talks", "mentions", "needs",
];

/// A condition in plain words. For the matcher its beginning ("the caller wants to …") is left out.
fn meaning(found: &Found<String>, known: &Known, faults: &mut Faults<'_>) -> Meaning {
    let words: Vec<&str> = found.value.split_whitespace().collect();
    let from = words.iter().position(|word| !OPENINGS.contains(&word.to_lowercase().as_str())).unwrap_or(0);
    let phrase = known.matcher.phrase(&words[from..].join(" "));
    if phrase.is_none() || found.value.chars().count() > 500 {
        let detail = "a condition in plain words, at most 500 characters: the caller wants to cancel an order".to_owned();
        faults.add(found.line, &found.key, Fault::BadValue { detail });
    }
    Meaning { text: found.value.clone(), phrases: phrase.into_iter().collect() }
}
