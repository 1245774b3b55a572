//! After a crash: conversations whose rows are still open are closed, with the transcript their recordings hold: as `orphaned`, or for the cause
//! they had ended for when the worker died.

use super::shells::Shells;
use crate::call::{Command, Event};
use crate::model::{ConversationId, EndCause, Redacted, TriggeredBy, TurnId, TurnInput};
use crate::replay::{Entry, Recording, SealKey, decode_with};
use crate::runtime::{CloseRecord, Role, Transcript};
use std::collections::BTreeMap;
use std::path::Path;

/// Rows looked at in one start; more are left to the next.
const ROWS_MAX: u32 = 10_000;

/// Closes what a dead worker left. Failures are logged and left to the next start; they never keep this worker from starting.
pub(super) async fn recover(shells: &Shells) {
    let open = match shells.store.open(ROWS_MAX).await {
        Ok(rows) => rows,
        Err(error) => {
            tracing::error!(%error, "open conversations of an earlier worker could not be looked up");
            return;
        }
    };
    for row in open.into_iter().filter(|row| row.channel == "voice") {
        let journal = row.recording_path.as_deref().map(Path::new).and_then(|path| recording_of(path, shells.recording_key.as_ref()));
        let record = orphan(row.id, journal.as_ref());
        match shells.closer.try_close(row.id, &record).await {
            Ok(()) => {
                tracing::warn!(conversation = %row.id, reason = record.reason.as_str(), "a conversation a dead worker left open is closed");
            }
            Err(parked) => tracing::error!(conversation = %row.id, %parked, "an orphaned conversation could not be closed"),
        }
    }
}

/// A call that had come to its end keeps the cause of that end; any other one is orphaned.
fn orphan(conversation: ConversationId, journal: Option<&Recording>) -> CloseRecord {
    let transcript = journal.map(transcript).unwrap_or_default();
    let (cause, triggered_by) = journal.and_then(end).unwrap_or((EndCause::Orphaned, TriggeredBy::Worker));
    CloseRecord {
        conversation,
        triggered_by,
        cause,
        reason: cause.termination_reason(),
        summary: Redacted::new(crate::runtime::summarise(&transcript)),
        facts: Vec::new(),
        transcript,
        variables: BTreeMap::new(),
        workflow_node: None,
        turns: 0,
    }
}

fn end(journal: &Recording) -> Option<(EndCause, TriggeredBy)> {
    journal.lines.iter().find_map(|line| match &line.entry {
        Entry::Command(Command::EndSession { cause, triggered_by, .. }) => Some((*cause, *triggered_by)),
        _ => None,
    })
}

pub(super) fn transcript_of(path: &Path, key: Option<&SealKey>) -> Option<Transcript> {
    recording_of(path, key).as_ref().map(transcript)
}

fn recording_of(path: &Path, key: Option<&SealKey>) -> Option<Recording> {
    let text = std::fs::read_to_string(path).ok()?;
    let read = decode_with(&text, key);
    read.inspect_err(|error| tracing::error!(path = %path.display(), %error, "the recording of an orphaned call cannot be read")).ok()
}

/// The words of a call from its recording: what the caller said or keyed, what the assistant said, cut to what was heard.
pub(super) fn transcript(recording: &Recording) -> Transcript {
    let mut words: Vec<(Role, TurnId, String)> = Vec::new();
    for line in &recording.lines {
        match &line.entry {
            Entry::Command(Command::RunTurn { turn, input: TurnInput::Said { text } | TurnInput::Keyed { text } }) => {
                words.push((Role::Caller, *turn, text.expose().clone()));
            }
            Entry::Event(Event::TurnReady { turn, result }) => {
                let said: Vec<&str> = result.messages.iter().map(|message| message.content.as_str()).collect();
                words.push((Role::Assistant, *turn, said.join(" ")));
            }
            Entry::Command(Command::ReportHeard { turn, text }) => {
                for (role, of, said) in &mut words {
                    if *role == Role::Assistant && of == turn {
                        said.clone_from(text.expose());
                    }
                }
            }
            Entry::Command(_)
            | Entry::Event(_)
            | Entry::Opened(_)
            | Entry::Ask(_)
            | Entry::Answer(_)
            | Entry::Sip(_)
            | Entry::Truncated { .. }
            | Entry::Closed => {}
        }
    }
    Transcript::of(words.into_iter().map(|(role, turn, text)| (role, turn, Redacted::new(text))))
}
