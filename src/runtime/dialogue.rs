use super::assistant::Assistant;
use super::session::RuntimeOpening;
use super::value::Value;
use crate::model::{CallTransferIntent, DtmfInputSpec, TurnInput, VoiceSettings};
use std::collections::BTreeMap;

#[derive(Clone, Debug)]
pub(crate) struct Dialogue {
    variables: BTreeMap<String, Value>,
}

#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub(crate) text: String,
    pub(crate) end: bool,
    pub(crate) transfer: Option<CallTransferIntent>,
    pub(crate) dtmf_input: Option<DtmfInputSpec>,
    pub(crate) handoff: Option<serde_json::Map<String, serde_json::Value>>,
    pub(crate) error: Option<String>,
}

impl Dialogue {
    pub(crate) fn new(_: &Assistant, opening: &RuntimeOpening) -> Self {
        Self { variables: opening.variables.clone() }
    }
    pub(crate) fn answer(&mut self, _: &Assistant, _: &TurnInput) -> Reply {
        Reply::default()
    }
    pub(crate) fn pending_transfer(&self) -> Option<&CallTransferIntent> {
        None
    }
    pub(crate) fn voice_settings(&self, assistant: &Assistant) -> VoiceSettings {
        assistant.voice().clone()
    }
    pub(crate) fn refused_variables(&self) -> &[String] {
        &[]
    }
    pub(crate) fn variables(&self) -> &BTreeMap<String, Value> {
        &self.variables
    }
    pub(crate) fn node_id<'a>(&self, _: &'a Assistant) -> Option<&'a str> {
        None
    }
}
