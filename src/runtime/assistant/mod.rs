mod fault;

pub use fault::{Fault, LoadError};

use super::workflow::Workflow;
use crate::model::VoiceSettings;
use std::collections::BTreeMap;

/// A checked assistant: persona, voice, tools and workflow. Exists only in valid form.
#[derive(Clone, Debug)]
pub struct Assistant {
    name: String,
    voice: VoiceSettings,
    workflow: Workflow,
}

impl Assistant {
    /// Reads and checks one assistant file.
    ///
    /// # Errors
    /// Every fault found, in the order of their lines; `source_name` names the file in them.
    pub fn load(source_name: &str, text: &str) -> Result<Self, Vec<LoadError>> {
        let _ = (source_name, text);
        Ok(Self { name: String::new(), voice: VoiceSettings::default(), workflow: Workflow })
    }

    /// The same assistant with other destinations for the named transfer targets.
    ///
    /// # Errors
    /// [`LoadError`] for each label that is no target and each destination that is no number or URI.
    pub fn with_destinations(self, _: &BTreeMap<String, String>) -> Result<Self, Vec<LoadError>> {
        Ok(self)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub const fn voice(&self) -> &VoiceSettings {
        &self.voice
    }

    pub const fn workflow(&self) -> &Workflow {
        &self.workflow
    }

    /// Every destination a transfer of this assistant may dial: the allow-list of the host.
    pub fn destinations(&self) -> Vec<&str> {
        Vec::new()
    }
}
