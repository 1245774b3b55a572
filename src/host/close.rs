//! The close pipeline's hands: each step of [`CloseLog`] against the store, in order, resumable.
//!
//! A step that fails is tried again a few times; what then is left stays in the store's close log, and the next start of a worker goes on
//! from there. Nothing here creates a row.

use super::clock::Clock;
use crate::model::{ConversationId, Redacted, SessionStatus, WallTime};
use crate::runtime::{CloseEvent, CloseLog, CloseRecord, CloseStep, Next, Role, Transcript};
use crate::store::{self, CloseLogEntry, Closing, JobKind, NewMessage, NumberedMessage, Store, StoreError};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Before a failed step is tried again.
const RETRY_WAIT: Duration = Duration::from_millis(200);

/// Runs close pipelines; cheap to clone.
#[derive(Clone)]
pub(super) struct Closer {
    store: Arc<dyn Store>,
    clock: Clock,
    retention_days: Option<u32>,
    #[cfg(test)]
    edges: tests::Edges,
}

/// Where a worker can be killed in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edge {
    Before,
    /// The work is done and not noted; the session's end span has it the other way round.
    Between,
    After,
}

/// A close that could not be finished now.
#[derive(Debug, thiserror::Error)]
#[error("step {step} failed; the next start of a worker takes it up again")]
pub(super) struct Parked {
    step: CloseStep,
}

impl Closer {
    pub(super) fn new(store: Arc<dyn Store>, clock: Clock, retention_days: Option<u32>) -> Self {
        Self {
            store,
            clock,
            retention_days,
            #[cfg(test)]
            edges: tests::Edges::default(),
        }
    }

    /// Runs what is left of this conversation's close.
    pub(super) async fn close(&self, conversation: ConversationId, record: CloseRecord) {
        if let Err(parked) = self.try_close(conversation, &record).await {
            tracing::error!(%conversation, %parked, "a conversation is not closed in the store yet");
        }
    }

    pub(super) async fn try_close(&self, conversation: ConversationId, record: &CloseRecord) -> Result<(), Parked> {
        self.try_close_as(conversation, record, SessionStatus::Closed).await
    }

    /// As [`Self::try_close`], with another terminal status for the row.
    pub(super) async fn try_close_as(
        &self,
        conversation: ConversationId,
        record: &CloseRecord,
        status: SessionStatus,
    ) -> Result<(), Parked> {
        let mut log = self.resumed(conversation).await;
        let ended_at = self.clock.wall();
        loop {
            match log.next() {
                Next::Run { step, .. } => {
                    let _ = log.append(CloseEvent::Started(step));
                    let outcome = match self.run(step, conversation, record, (status, ended_at)).await {
                        Ok(()) => CloseEvent::Done(step),
                        Err(error) => {
                            tracing::warn!(%conversation, %step, %error, "a close step failed and is tried again");
                            tokio::time::sleep(RETRY_WAIT).await;
                            CloseEvent::Failed(step)
                        }
                    };
                    let _ = log.append(outcome);
                }
                Next::Await { step } | Next::Park { step } => return Err(Parked { step }),
                Next::Finished => return Ok(()),
            }
        }
    }

    /// Whether the store says that every step is done.
    pub(super) async fn is_through(&self, conversation: ConversationId) -> bool {
        match self.resumed(conversation).await.next() {
            Next::Finished => true,
            Next::Run { .. } | Next::Await { .. } | Next::Park { .. } => false,
        }
    }

    /// The log with every step that the store says is done.
    async fn resumed(&self, conversation: ConversationId) -> CloseLog {
        let done = self.store.close_steps(conversation).await.unwrap_or_default();
        let mut log = CloseLog::default();
        for &step in CloseStep::ALL {
            if !done.iter().any(|entry| entry.step == step) {
                break;
            }
            let _ = log.append(CloseEvent::Started(step));
            let _ = log.append(CloseEvent::Done(step));
        }
        log
    }

    async fn run(
        &self,
        step: CloseStep,
        conversation: ConversationId,
        record: &CloseRecord,
        (status, ended_at): (SessionStatus, WallTime),
    ) -> Result<(), StoreError> {
        let at = self.clock.wall();
        self.edge(step, Edge::Before).await;
        match step {
            // A chat's variables are on its row, turn by turn.
            CloseStep::WorkflowCleanUp if record.variables.is_empty() => {}
            CloseStep::WorkflowCleanUp => {
                let variables = record.variables.iter().map(|(name, value)| (name.clone(), value.to_json()));
                self.store.set_context(conversation, variables.collect(), at).await?;
            }
            CloseStep::TranscriptFlush => {
                self.store.flush(conversation, messages(conversation, &record.transcript, at)).await?;
            }
            CloseStep::SessionEndSpan => {
                // Noted first: a span cannot be taken back or told apart from a second one.
                self.store.note_close_step(conversation, CloseLogEntry { step, at }).await?;
                self.edge(step, Edge::Between).await;
                let triggered_by = serde_json::to_value(record.triggered_by).unwrap_or_default();
                let span = tracing::info_span!("session.end", %conversation, triggered_by = %triggered_by.as_str().unwrap_or_default());
                span.in_scope(|| tracing::info!(reason = record.reason.as_str(), turns = record.turns, "session ended"));
                self.edge(step, Edge::After).await;
                return Ok(());
            }
            CloseStep::RowClosed => {
                let retention = self.retention_days.map(|days| WallTime(at.0.saturating_add(u64::from(days) * 86_400_000)));
                let closing = Closing {
                    status,
                    reason: record.reason,
                    triggered_by: record.triggered_by,
                    ended_at,
                    closed_at: at,
                    retention_expires_at: retention,
                };
                self.store.close(conversation, closing).await?;
            }
            CloseStep::JobsQueued => {
                self.store.queue_jobs(conversation, &[JobKind::Scrub, JobKind::Summary, JobKind::Memory], at).await?;
            }
        }
        self.edge(step, Edge::Between).await;
        self.store.note_close_step(conversation, CloseLogEntry { step, at }).await?;
        self.edge(step, Edge::After).await;
        Ok(())
    }

    /// Where the tests kill a worker.
    #[cfg(test)]
    async fn edge(&self, step: CloseStep, edge: Edge) {
        self.edges.reached(step, edge).await;
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_async, clippy::unused_self, reason = "the tests' one does something")]
    async fn edge(&self, _: CloseStep, _: Edge) {}
}

/// The buffered transcript under its own numbers. Ids come from conversation and number, so a second flush writes the same rows.
pub(super) fn messages(conversation: ConversationId, transcript: &Transcript, at: WallTime) -> Vec<NumberedMessage> {
    (0_u32..)
        .zip(transcript.entries())
        .map(|(seq, entry)| {
            let role = match entry.role {
                Role::Caller => store::Role::User,
                Role::Assistant => store::Role::Assistant,
            };
            let id = Uuid::new_v5(&conversation.0, &entry.seq.to_be_bytes());
            let text: Redacted<String> = entry.text.clone();
            NumberedMessage { seq, message: NewMessage::new(id, role, text, at) }
        })
        .collect()
}

#[cfg(test)]
mod tests;
