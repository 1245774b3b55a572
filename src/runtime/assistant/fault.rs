//! What can be wrong with an assistant file: what, where, and what is allowed.

use std::fmt;

/// One fault of an assistant file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadError {
    /// The name the text was loaded under, usually a path.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// Dotted path of the key; nodes are named by their id: `workflow.nodes.menu.edges.0.to`.
    pub key: String,
    pub fault: Fault,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.key, self.fault)
    }
}

impl std::error::Error for LoadError {}

/// The reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("not {format}: {detail}")]
    Syntax { format: &'static str, detail: String },
    #[error("unknown key{}; allowed here: {allowed}", suggestion.as_ref().map(|word| format!(", did you mean '{word}'?")).unwrap_or_default())]
    UnknownKey { suggestion: Option<String>, allowed: String },
    #[error("required key is missing")]
    Missing,
    #[error("expected {expected}, found {found}")]
    WrongType { expected: &'static str, found: &'static str },
    #[error("{detail}")]
    BadValue { detail: String },
    #[error("{value} is outside {min}..={max}")]
    OutOfRange { value: i64, min: i64, max: i64 },
    #[error("'{word}' is not allowed; one of: {allowed}")]
    NotOneOf { word: String, allowed: String },
    #[error("there is no node '{node}'{}", suggestion.as_ref().map(|word| format!("; did you mean '{word}'?")).unwrap_or_default())]
    DanglingEdge { node: String, suggestion: Option<String> },
    #[error("no edge leads here from the start node '{start}'; remove the node or lead to it")]
    Unreachable { start: String },
    #[error("dead end: {detail}")]
    DeadEnd { detail: String },
    #[error("there is no variable '{name}'{}; declare it under [variables]", suggestion.as_ref().map(|word| format!(" (did you mean '{word}'?)")).unwrap_or_default())]
    UnknownVariable { name: String, suggestion: Option<String> },
    #[error("there is no transfer target '{label}'; known: {known}")]
    UnknownTarget { label: String, known: String },
    #[error("the id is used twice; the first is in line {first}")]
    DuplicateNode { first: usize },
    #[error("first_speaker is agent and mode is static: give the text here, or let the start node say it")]
    MissingGreeting,
    #[error("column {column}: {detail}")]
    Expression { column: usize, detail: String },
}
