//! After a crash: conversations whose rows are still open are closed as `orphaned`, with the transcript their recordings hold.

use super::shells::Shells;
use crate::call::{Command, Event};
use crate::model::{ConversationId, EndCause, Redacted, TriggeredBy, TurnId, TurnInput};
use crate::replay::{Entry, Recording, decode};
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
        let transcript = row.recording_path.as_deref().map(Path::new).and_then(transcript_of).unwrap_or_default();
        let record = orphan(row.id, transcript);
        match shells.closer.try_close(row.id, &record).await {
            Ok(()) => tracing::warn!(conversation = %row.id, "a conversation a dead worker left open is closed"),
            Err(parked) => tracing::error!(conversation = %row.id, %parked, "an orphaned conversation could not be closed"),
        }
    }
}

fn orphan(conversation: ConversationId, transcript: Transcript) -> CloseRecord {
    CloseRecord {
        conversation,
        triggered_by: TriggeredBy::Worker,
        cause: EndCause::Orphaned,
        reason: EndCause::Orphaned.termination_reason(),
        summary: Redacted::new(crate::runtime::summarise(&transcript)),
        facts: Vec::new(),
        transcript,
        variables: BTreeMap::new(),
        workflow_node: None,
        turns: 0,
    }
}

pub(super) fn transcript_of(path: &Path) -> Option<Transcript> {
    let text = std::fs::read_to_string(path).ok()?;
    match decode(&text) {
        Ok(recording) => Some(transcript(&recording)),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "the recording of an orphaned call cannot be read");
            None
        }
    }
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
