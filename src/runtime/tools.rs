//! The platform tools: `transfer_call`, `request_human_handoff`, `end_session`. What they are set to, and the intent they make.

use super::http_tool::HttpTool;
use super::matcher::Phrase;
use super::workflow::TransferChanges;
use crate::model::{Bounded, CallTransferIntent, Text, TransferMode, TransferOutcome, WarmTransferConfig, WarmTransferTargetOverride};
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tools {
    /// By label.
    pub(crate) targets: BTreeMap<String, TransferTarget>,
    pub(crate) human: Option<HumanHandoff>,
    pub(crate) end: Option<EndTool>,
    /// Behind HTTP, by name.
    pub(crate) http: BTreeMap<String, HttpTool>,
}

/// One target of `transfer_call`. The texts may hold `{{var}}`.
#[derive(Clone, Debug)]
pub(crate) struct TransferTarget {
    pub(crate) destination: String,
    pub(crate) mode: TransferMode,
    /// For the model: who is there and when to send callers.
    pub(crate) description: Option<String>,
    pub(crate) said: Vec<Phrase>,
    pub(crate) connecting_text: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) warm_destinations: Vec<String>,
    pub(crate) max_retries: Bounded<0, 5>,
    pub(crate) retry_text: Option<String>,
    /// A node of the workflow.
    pub(crate) on_failure: Option<String>,
    pub(crate) warm: Option<WarmTransferConfig>,
    pub(crate) warm_overrides: Option<WarmTransferTargetOverride>,
}

#[derive(Clone, Debug)]
pub(crate) struct HumanHandoff {
    pub(crate) said: Vec<Phrase>,
    pub(crate) text: String,
    pub(crate) reason: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct EndTool {
    pub(crate) said: Vec<Phrase>,
    pub(crate) say: String,
}

/// Sentences the runtime says by itself; `[texts]` replaces them. They may hold `{{var}}`.
#[derive(Clone, Debug)]
pub(crate) struct Texts {
    pub(crate) not_understood: String,
    pub(crate) still_there: String,
    pub(crate) transfer_in_progress: String,
    pub(crate) transfer_busy: String,
    pub(crate) transfer_declined: String,
    pub(crate) transfer_no_answer: String,
    pub(crate) transfer_failed: String,
    pub(crate) handoff_in_progress: String,
    pub(crate) awaiting_approval: String,
    /// First words where the model that should have made them failed.
    pub(crate) greeting: String,
    /// The model failed and nothing was said yet.
    pub(crate) apology: String,
    /// The model failed in the middle of its words.
    pub(crate) apology_cut_short: String,
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            not_understood: "Sorry, I did not get that.".to_owned(),
            still_there: "Are you still there?".to_owned(),
            transfer_in_progress: "I am already connecting you. One moment, please.".to_owned(),
            transfer_busy: "I'm sorry, the line is busy. I can keep helping you here.".to_owned(),
            transfer_declined: "I'm sorry, they can't take the call right now. I can keep helping you here.".to_owned(),
            transfer_no_answer: "I'm sorry, nobody answered. I can keep helping you here.".to_owned(),
            transfer_failed: "I'm sorry, I could not connect you. I can keep helping you here.".to_owned(),
            handoff_in_progress: "A colleague has been told already and will join us.".to_owned(),
            awaiting_approval: "I am still waiting for a decision. One moment, please.".to_owned(),
            greeting: "Hello, this is {{assistant_name}}. How can I help you?".to_owned(),
            apology: "I'm sorry, something went wrong on my side. Could you say that again?".to_owned(),
            apology_cut_short: "I'm sorry, I lost my thread. Could you say that again?".to_owned(),
        }
    }
}

impl Texts {
    /// What the caller hears after a transfer that failed: busy, declined and no answer are told apart.
    pub(crate) fn after_transfer(&self, outcome: TransferOutcome) -> &str {
        match outcome.word() {
            "busy" => &self.transfer_busy,
            "declined" => &self.transfer_declined,
            "no_answer" | "no_response" | "no_notify" | "machine" | "silent_supervisor" | "briefing_timeout" | "supervisor_hung_up"
            | "hold_exhausted" | "does_not_fit" => &self.transfer_no_answer,
            "already_in_progress" => &self.transfer_in_progress,
            _ => &self.transfer_failed,
        }
    }
}

impl TransferTarget {
    /// The intent, with every text filled; one that outgrew its bound by what was filled in is cut to it.
    pub(crate) fn intent(
        &self,
        label: &str,
        on_failure: Option<&str>,
        changes: &TransferChanges,
        fill: &dyn Fn(&str) -> String,
    ) -> CallTransferIntent {
        CallTransferIntent {
            destination: self.destination.clone(),
            mode: changes.mode.unwrap_or(self.mode),
            label: Some(label.to_owned()),
            connecting_text: changes.connecting_text.as_deref().or(self.connecting_text.as_deref()).map(fill),
            reason: self.reason.as_deref().map(fill),
            warm_destinations: self.warm_destinations.clone(),
            max_retries: changes.max_retries.unwrap_or(self.max_retries),
            retry_text: changes.retry_text.as_deref().or(self.retry_text.as_deref()).map(|text| cut(fill(text))),
            on_failure: on_failure.map(str::to_owned).or_else(|| self.on_failure.clone()),
            warm: self.warm.as_ref().map(|warm| filled_warm(warm, fill)),
            warm_overrides: self.warm_overrides.as_ref().map(|overrides| WarmTransferTargetOverride {
                briefing_template: overrides.briefing_template.as_ref().map(|text| cut(fill(text.as_str()))),
                message_mode: overrides.message_mode,
            }),
        }
    }
}

fn filled_warm(warm: &WarmTransferConfig, fill: &dyn Fn(&str) -> String) -> WarmTransferConfig {
    WarmTransferConfig {
        briefing_template: warm.briefing_template.as_ref().map(|text| cut(fill(text.as_str()))),
        hold_announcement_text: cut(fill(warm.hold_announcement_text.as_str())),
        reassurance_text: cut(fill(warm.reassurance_text.as_str())),
        silence_reminder_text: cut(fill(warm.silence_reminder_text.as_str())),
        retry_announcement_text: cut(fill(warm.retry_announcement_text.as_str())),
        failure_text: cut(fill(warm.failure_text.as_str())),
        ..warm.clone()
    }
}

/// The first `MAX` characters.
pub(crate) fn cut<const MAX: usize>(text: String) -> Text<MAX> {
    let kept: String = text.chars().take(MAX).collect();
    Text::try_from(kept).unwrap_or_default()
}

/// A number or URI a transfer may dial: E.164 with its plus, `tel:`, `sip:` or `sips:`.
pub(crate) fn is_destination(text: &str) -> bool {
    let clean = text.len() <= 256 && text.chars().all(|letter| !letter.is_whitespace() && !letter.is_control() && !"<>\"".contains(letter));
    let is_number = |digits: &str| {
        digits.len() >= 2 && digits.len() <= 15 && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    let uri = ["sip:", "sips:", "tel:"].iter().any(|scheme| text.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()));
    clean && (uri || text.strip_prefix('+').is_some_and(is_number))
}
