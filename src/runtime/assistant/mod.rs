//! Assistants: one TOML (or JSON) file holds the persona, the voice settings, the tools and the workflow.
//!
//! Owns: reading and checking such a file. Every fault is found in one go and names file, line, key and what is allowed; an [`Assistant`]
//! exists only without faults. Does not: open files (text in, assistant out) or run conversations.

mod edges;
mod fault;
mod json;
mod language;
mod load;
mod nodes;
mod prompts;
mod reader;
mod tools;

pub use fault::{Fault, LoadError};

use super::context::VariableSpec;
use super::http_tool::HeaderPart;
use super::language::ModelUse;
use super::matcher::Matcher;
use super::tools::{Texts, Tools, is_destination};
use super::workflow::Workflow;
use crate::model::{Millis, VoiceSettings};
use std::collections::BTreeMap;
use std::fmt;

/// A checked assistant: persona, voice, tools and workflow. Exists only in valid form.
#[derive(Clone)]
pub struct Assistant {
    pub(super) name: String,
    /// Who speaks, for the model. A template.
    pub(super) persona: Option<String>,
    /// What holds everywhere, for the model. A template.
    pub(super) instructions: Option<String>,
    /// `None`: deterministic.
    pub(super) model: Option<ModelUse>,
    pub(super) voice: VoiceSettings,
    pub(super) variables: BTreeMap<String, VariableSpec>,
    pub(super) tools: Tools,
    pub(super) texts: Texts,
    pub(super) matcher: Matcher,
    pub(super) workflow: Workflow,
    pub(super) utc_offset_minutes: i64,
    /// Longest silence of one turn: questions to models and tools share it.
    pub(super) max_wait: Millis,
}

impl Assistant {
    /// Reads and checks one assistant file: JSON where `source_name` ends in `.json`, TOML otherwise; the same keys, the same faults.
    ///
    /// # Errors
    /// Every fault found, in the order of their lines; `source_name` names the file in them.
    pub fn load(source_name: &str, text: &str) -> Result<Self, Vec<LoadError>> {
        load::load(source_name, text)
    }

    /// The same assistant with other destinations for the named transfer targets.
    ///
    /// # Errors
    /// [`LoadError`] for each label that is no target and each destination that is no number or URI; `file` is then `targets`, line 1.
    pub fn with_destinations(mut self, destinations: &BTreeMap<String, String>) -> Result<Self, Vec<LoadError>> {
        let mut faults = Vec::new();
        let known = self.tools.targets.keys().cloned().collect::<Vec<_>>().join(", ");
        for (label, destination) in destinations {
            let fault = match self.tools.targets.get_mut(label) {
                None => Fault::UnknownTarget { label: label.clone(), known: known.clone() },
                Some(_) if !is_destination(destination) => tools::bad_destination(),
                Some(target) => {
                    target.destination.clone_from(destination);
                    continue;
                }
            };
            faults.push(LoadError { file: "targets".to_owned(), line: 1, key: label.clone(), fault });
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether what this variable holds is kept for later conversations with the same end user.
    pub fn remembers(&self, variable: &str) -> bool {
        self.variables.get(variable).is_some_and(|spec| spec.remember)
    }

    /// As written; [`super::VoiceRuntime::voice_settings`] has the `{{var}}` filled.
    pub const fn voice(&self) -> &VoiceSettings {
        &self.voice
    }

    pub const fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// The roles of language models it asks; empty: it is deterministic. The host's configuration must know them.
    pub fn model_roles(&self) -> Vec<&str> {
        self.model.as_ref().map(ModelUse::roles).unwrap_or_default()
    }

    /// The names of the secrets its HTTP tools refer to; the host's configuration must know them.
    pub fn secrets(&self) -> Vec<&str> {
        let headers = self.tools.http.values().flat_map(|tool| &tool.headers);
        let mut names: Vec<&str> = headers
            .flat_map(|(_, parts)| parts)
            .filter_map(|part| match part {
                HeaderPart::Secret(name) => Some(name.as_str()),
                HeaderPart::Template(_) => None,
            })
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Every destination a transfer of this assistant may dial: the allow-list of the host.
    pub fn destinations(&self) -> Vec<&str> {
        let targets = self.tools.targets.values();
        targets.flat_map(|target| [&target.destination].into_iter().chain(&target.warm_destinations)).map(String::as_str).collect()
    }
}

impl fmt::Debug for Assistant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assistant").field("name", &self.name).field("nodes", &self.workflow.nodes.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
