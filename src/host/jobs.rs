//! The jobs that follow a conversation: scrub its words, summarise it, remember its end user. Each can be done twice and leaves the same.

use super::shells::Shells;
use crate::model::{ConversationId, Redacted, TurnId, WallTime};
use crate::runtime::shell::Deliver;
use crate::runtime::{self, Answer, AnswerBody, Ask, Assistant, Transcript, memory_ask, read_memory, read_summary, summarise, summary_ask};
use crate::store::{Conversation, Job, JobKind, JobState, MemoryFact, Message, Role, StoreError};
use serde_json::Value;
use std::collections::BTreeMap;

/// A job that runs for longer was its worker's last one.
const STALE_MS: u64 = 120_000;
/// Tries of one job.
const TRIES_MAX: u32 = 5;
/// Messages that are read at once.
const PAGE: u32 = 500;
/// Facts of one conversation, and their bounds.
const FACTS_MAX: usize = 50;
const NAME_MAX_CHARS: usize = 64;
const VALUE_MAX_CHARS: usize = 500;
/// Digits in a row that are a number nobody should keep.
const DIGITS_MIN: usize = 4;

/// At most `limit` of the jobs that wait.
pub(super) async fn run_some(shells: &Shells, scrub: bool, limit: u32) -> Result<(), StoreError> {
    for _ in 0..limit {
        let now = shells.clock.wall();
        let Some(job) = shells.store.take_job(now, WallTime(now.0.saturating_sub(STALE_MS))).await? else { return Ok(()) };
        let state = match run(shells, &job, scrub).await {
            Ok(()) => JobState::Done,
            Err(error) if job.attempts >= TRIES_MAX => {
                tracing::error!(conversation = %job.conversation, kind = job.kind.as_str(), %error, "a job failed for good");
                JobState::Failed
            }
            Err(error) => {
                tracing::warn!(conversation = %job.conversation, kind = job.kind.as_str(), %error, "a job failed and is tried again");
                continue;
            }
        };
        shells.store.finish_job(job.id, state, shells.clock.wall()).await?;
    }
    Ok(())
}

async fn run(shells: &Shells, job: &Job, scrub: bool) -> Result<(), StoreError> {
    let Some(row) = shells.store.row(job.conversation).await? else { return Ok(()) };
    match job.kind {
        JobKind::Scrub if scrub => scrub_words(shells, row.id).await,
        JobKind::Scrub => Ok(()),
        // What only a test said is no summary and no memory of anybody.
        JobKind::Summary | JobKind::Memory if row.session_type != "live" => Ok(()),
        JobKind::Summary => summary(shells, &row).await,
        JobKind::Memory => memory(shells, &row).await,
    }
}

async fn all_messages(shells: &Shells, id: ConversationId) -> Result<Vec<Message>, StoreError> {
    let mut all: Vec<Message> = Vec::new();
    loop {
        let since = all.last().map(|last| last.seq);
        let page = shells.store.messages(id, since, PAGE).await?;
        let whole = page.len() == PAGE as usize;
        all.extend(page);
        if !whole || all.len() >= Transcript::MAX_ENTRIES {
            return Ok(all);
        }
    }
}

async fn scrub_words(shells: &Shells, id: ConversationId) -> Result<(), StoreError> {
    let changed = all_messages(shells, id).await?.into_iter().filter_map(|stored| {
        let before = stored.message.content.into_exposed();
        let after = scrubbed(&before);
        (after != before).then(|| (stored.seq, Redacted::new(after)))
    });
    shells.store.rewrite(id, changed.collect()).await
}

async fn transcript(shells: &Shells, id: ConversationId) -> Result<Transcript, StoreError> {
    let words = all_messages(shells, id).await?.into_iter().filter_map(|stored| {
        let role = match stored.message.role {
            Role::User => runtime::Role::Caller,
            Role::Assistant => runtime::Role::Assistant,
            Role::System | Role::Tool | Role::SystemEvent => return None,
        };
        Some((role, TurnId(stored.seq), stored.message.content))
    });
    Ok(Transcript::of(words))
}

/// Written by the assistant's model where it has one; else, and where the model fails, an extract.
async fn summary(shells: &Shells, row: &Conversation) -> Result<(), StoreError> {
    if row.summary.is_some() {
        return Ok(());
    }
    let words = transcript(shells, row.id).await?;
    let ask = assistant(shells, row).and_then(|assistant| summary_ask(assistant, &words));
    let summary = match answer(shells, ask).await {
        Some(answer) => read_summary(&answer, &words),
        None => summarise(&words),
    };
    if summary.is_empty() {
        return Ok(());
    }
    shells.store.set_summary(row.id, Redacted::new(summary), shells.clock.wall()).await
}

/// The variables that the assistant marks `remember`, what its model finds worth remembering, and what the conversation was about.
async fn memory(shells: &Shells, row: &Conversation) -> Result<(), StoreError> {
    let at = row.ended_at.unwrap_or(row.updated_at);
    let fact = |name: &str, value: String| MemoryFact {
        name: name.chars().take(NAME_MAX_CHARS).collect(),
        value: Redacted::new(value.chars().take(VALUE_MAX_CHARS).collect()),
        conversation: row.id,
        at,
    };
    let assistant = assistant(shells, row);
    let words = transcript(shells, row.id).await?;
    let found = match (assistant, answer(shells, assistant.and_then(|assistant| memory_ask(assistant, &words))).await) {
        (Some(assistant), Some(answer)) => read_memory(&answer, assistant, &BTreeMap::new()),
        (None, _) | (_, None) => Vec::new(),
    };
    let mut facts: BTreeMap<String, MemoryFact> =
        found.into_iter().map(|found| (found.key.clone(), fact(&found.key, found.text.into_exposed()))).collect();
    for (name, value) in &row.context_variables {
        let text = match value {
            Value::String(text) if !text.trim().is_empty() => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => continue,
        };
        if assistant.is_some_and(|assistant| assistant.remembers(name)) {
            facts.insert(name.clone(), fact(name, text));
        }
    }
    let summary = row.summary.iter().map(|summary| fact("last_conversation", summary.clone()));
    shells.store.remember(row.id, facts.into_values().take(FACTS_MAX).chain(summary).collect()).await
}

/// The assistant of the conversation, if this worker still has it.
fn assistant<'a>(shells: &'a Shells, row: &Conversation) -> Option<&'a Assistant> {
    row.assistant.as_deref().and_then(|name| shells.assistants.named(name)).map(|assigned| &*assigned.assistant)
}

/// The last word of the model; `None` where there was nothing to ask. A failure is an answer that reads as no words.
async fn answer(shells: &Shells, ask: Option<Ask>) -> Option<AnswerBody> {
    let mut last = Last(None);
    shells.runtime.carry_out(ask?, &mut last).await;
    last.0
}

struct Last(Option<AnswerBody>);

impl Deliver for Last {
    async fn deliver(&mut self, answer: Answer) {
        self.0 = Some(answer.body);
    }
}

/// Without numbers of [`DIGITS_MIN`] digits and more (spaces, dots and dashes between them or not) and without addresses of e-mail.
fn scrubbed(text: &str) -> String {
    let without_mail: Vec<String> = text
        .split(' ')
        .map(|word| {
            let bare = word.trim_end_matches(|last: char| last.is_ascii_punctuation());
            let is_mail = bare.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.contains('.'));
            if is_mail { format!("[email]{}", &word[bare.len()..]) } else { word.to_owned() }
        })
        .collect();
    let text = without_mail.join(" ");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, number) = rest.split_at(start);
        out.push_str(before);
        let between = |letter: char| letter.is_ascii_digit() || matches!(letter, ' ' | '-' | '.');
        let end = number.find(|letter: char| !between(letter)).unwrap_or(number.len());
        let span = number[..end].trim_end_matches([' ', '-', '.']);
        let digits = span.bytes().filter(u8::is_ascii_digit).count();
        out.push_str(if digits >= DIGITS_MIN { "[number]" } else { span });
        rest = &number[span.len()..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_taken_out_once_and_stay_out() {
        for (said, kept) in [
            ("DTMF: 4572", "DTMF: [number]"),
            ("my card is 4111 1111-1111.1111, thanks", "my card is [number], thanks"),
            ("write to ada@example.org, or come at 9.", "write to [email], or come at 9."),
            ("in 10 days, 3 of them", "in 10 days, 3 of them"),
            ("über 12345€", "über [number]€"),
            ("", ""),
        ] {
            assert_eq!(scrubbed(said), kept);
            assert_eq!(scrubbed(kept), kept, "twice is once");
        }
    }
}
