//! What a human hears before a caller is joined to them.

use super::ask::{Ask, AskId, AskReason, RetryPolicy};
use super::assistant::Assistant;
use super::close::{summarise, writer_call};
use super::transcript::{Role, Transcript};
use crate::model::{MessageMode, Millis};

/// The human has picked up and waits.
const DEADLINE: Millis = Millis(6_000);
/// About a minute of speech.
pub(super) const MAX_CHARS: usize = 1_000;

/// How a briefing comes about.
pub(super) enum Plan {
    Say(String),
    Ask(Box<Ask>),
}

/// `template` with its variables filled.
pub(super) fn plan(
    assistant: &Assistant,
    transcript: &Transcript,
    request: u32,
    id: AskId,
    mode: MessageMode,
    template: Option<&str>,
) -> Plan {
    let task = match (mode, template) {
        (MessageMode::Static, Some(template)) => return Plan::Say(template.chars().take(4 * MAX_CHARS).collect()),
        (MessageMode::Prompt, Some(template)) => format!(
            "A colleague has picked up the telephone and is about to be joined to this caller. Tell them by word of mouth what they need to know, \
             following these directions:\n{template}"
        ),
        (MessageMode::Static | MessageMode::AiSummary | MessageMode::Prompt, _) => {
            "A colleague has picked up the telephone and is about to be \
             joined to this caller. Tell them by word of mouth in at most three sentences who is calling and what they want."
                .to_owned()
        }
    };
    let is_mute = !transcript.entries().any(|entry| entry.role == Role::Caller);
    let what = if is_mute { None } else { writer_call(assistant, transcript, &task, DEADLINE) };
    match what {
        Some(what) => {
            let retry = RetryPolicy { max_retries: 0, backoff: Millis(0) };
            Plan::Ask(Box::new(Ask { id, why: AskReason::Briefing { request }, what, deadline: DEADLINE, retry }))
        }
        None => Plan::Say(extract(transcript)),
    }
}

/// Without a model: the caller's own words; empty where they said nothing.
pub(super) fn extract(transcript: &Transcript) -> String {
    let summary = summarise(transcript);
    if summary.is_empty() { summary } else { format!("The caller said: {summary}") }
}
