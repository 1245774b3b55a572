//! The close pipeline's hands: each step of [`CloseLog`] against the store, in order, resumable.
//!
//! A call that ends hands all steps in as one transaction: they are done together or not at all, which keeps their order. Where that does not go
//! through, they run one by one, each noted when it is done. A step that fails is tried again a few times; what then is left stays in the
//! store's close log: if the store is out of order (a full disk) the close waits here and is taken up again every few seconds, and the next
//! start of a worker goes on from the log in any case. Nothing here creates a row.

use super::clock::Clock;
use crate::model::{ConversationId, Redacted, SessionStatus, WallTime};
use crate::runtime::{CloseEvent, CloseLog, CloseRecord, CloseStep, Next, Role, Transcript};
use crate::store::{self, CloseLogEntry, CloseWrite, Closing, JobKind, NewMessage, NumberedMessage, Store, StoreError, Writer};
use crate::telemetry::span;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tracing::Span;
use uuid::Uuid;

/// Before a failed step is tried again.
const RETRY_WAIT: Duration = Duration::from_millis(200);

/// Closes that wait for a store that is out of order; beyond these the next start of a worker finds the rows.
const PARKED_MAX: usize = 1_024;
const JOBS: &[JobKind] = &[JobKind::Scrub, JobKind::Summary, JobKind::Memory];

/// Runs close pipelines; cheap to clone.
#[derive(Clone)]
pub(super) struct Closer {
    store: Arc<dyn Store>,
    writer: Writer,
    clock: Clock,
    retention_days: Option<u32>,
    parked: Arc<Mutex<BTreeMap<ConversationId, CloseRecord>>>,
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
#[error("step {step} failed; it is taken up again when the store answers, or by the next start of a worker")]
pub(super) struct Parked {
    step: CloseStep,
    /// The store may take it later, as it is.
    transient: bool,
}

impl Closer {
    pub(super) fn new(store: Arc<dyn Store>, writer: Writer, clock: Clock, retention_days: Option<u32>) -> Self {
        Self {
            store,
            writer,
            clock,
            retention_days,
            parked: Arc::default(),
            #[cfg(test)]
            edges: tests::Edges::default(),
        }
    }

    /// Closes a conversation that ends now; its last span stands under `session`, the call's, `Span::none` where there is none. All of it in one
    /// transaction, shared with whatever else the writer has; where that does not go through, step by step.
    pub(super) async fn close(&self, conversation: ConversationId, record: CloseRecord, session: &Span) {
        // Once, before the transaction that notes it: a crash in between says it twice rather than never.
        tell_session_end(session, conversation, &record);
        if self.writer.close(self.whole(conversation, &record)).await.is_ok() {
            return;
        }
        if let Err(parked) = self.by_steps(conversation, &record, session, SessionStatus::Closed, true).await {
            tracing::error!(%conversation, %parked, "a conversation is not closed in the store yet");
            if parked.transient {
                self.park(conversation, record);
            }
        }
    }

    /// Runs what is left of this conversation's close, step by step.
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
        self.by_steps(conversation, record, &Span::none(), status, false).await
    }

    /// Takes up what the store did not take. Ends with the first one that fails again.
    pub(super) async fn retry_parked(&self) {
        loop {
            let next = self.lock().pop_first();
            let Some((conversation, record)) = next else { return };
            match self.by_steps(conversation, &record, &Span::none(), SessionStatus::Closed, true).await {
                Ok(()) => tracing::info!(%conversation, "a conversation whose close had to wait is closed"),
                Err(parked) => {
                    if parked.transient {
                        self.park(conversation, record);
                    }
                    return;
                }
            }
        }
    }

    fn park(&self, conversation: ConversationId, record: CloseRecord) {
        let mut parked = self.lock();
        if parked.len() < PARKED_MAX {
            parked.insert(conversation, record);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<ConversationId, CloseRecord>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn whole(&self, conversation: ConversationId, record: &CloseRecord) -> CloseWrite {
        let at = self.clock.wall();
        CloseWrite {
            conversation,
            context: context(record),
            messages: messages(conversation, &record.transcript, at),
            closing: self.closing(record, SessionStatus::Closed, at, at),
            jobs: JOBS,
        }
    }

    fn closing(&self, record: &CloseRecord, status: SessionStatus, ended_at: WallTime, at: WallTime) -> Closing {
        Closing {
            status,
            reason: record.reason,
            triggered_by: record.triggered_by,
            ended_at,
            closed_at: at,
            retention_expires_at: self.retention_days.map(|days| WallTime(at.0.saturating_add(u64::from(days) * 86_400_000))),
        }
    }

    async fn by_steps(
        &self,
        conversation: ConversationId,
        record: &CloseRecord,
        session: &Span,
        status: SessionStatus,
        told: bool,
    ) -> Result<(), Parked> {
        let mut log = self.resumed(conversation).await;
        let ended_at = self.clock.wall();
        let mut transient = false;
        loop {
            match log.next() {
                Next::Run { step, .. } => {
                    let _ = log.append(CloseEvent::Started(step));
                    let outcome = match self.run(step, conversation, record, session, (status, ended_at, told)).await {
                        Ok(()) => CloseEvent::Done(step),
                        Err(error) => {
                            tracing::warn!(%conversation, %step, %error, "a close step failed and is tried again");
                            transient = error.is_transient();
                            tokio::time::sleep(RETRY_WAIT).await;
                            CloseEvent::Failed(step)
                        }
                    };
                    let _ = log.append(outcome);
                }
                Next::Await { step } | Next::Park { step } => return Err(Parked { step, transient }),
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
        session: &Span,
        (status, ended_at, told): (SessionStatus, WallTime, bool),
    ) -> Result<(), StoreError> {
        let at = self.clock.wall();
        self.edge(step, Edge::Before).await;
        match step {
            // A chat's variables are on its row, turn by turn.
            CloseStep::WorkflowCleanUp if record.variables.is_empty() => {}
            CloseStep::WorkflowCleanUp => self.store.set_context(conversation, context(record), at).await?,
            CloseStep::TranscriptFlush => {
                self.store.flush(conversation, messages(conversation, &record.transcript, at)).await?;
            }
            CloseStep::SessionEndSpan => {
                // Noted first: a span cannot be taken back or told apart from a second one.
                self.store.note_close_step(conversation, CloseLogEntry { step, at }).await?;
                self.edge(step, Edge::Between).await;
                if !told {
                    tell_session_end(session, conversation, record);
                }
                self.edge(step, Edge::After).await;
                return Ok(());
            }
            CloseStep::RowClosed => {
                self.store.close(conversation, self.closing(record, status, ended_at, at)).await?;
            }
            CloseStep::JobsQueued => {
                self.store.queue_jobs(conversation, JOBS, at).await?;
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
    #[expect(clippy::unused_async, reason = "the tests' one does something")]
    async fn edge(&self, _: CloseStep, _: Edge) {}
}

fn tell_session_end(session: &Span, conversation: ConversationId, record: &CloseRecord) {
    let triggered_by = serde_json::to_value(record.triggered_by).unwrap_or_default();
    let (triggered_by, reason) = (triggered_by.as_str().unwrap_or_default(), record.reason.as_str());
    drop(span::session_end(session, conversation, triggered_by, reason, record.turns));
    tracing::info!(%conversation, triggered_by, reason, turns = record.turns, "session ended");
}

fn context(record: &CloseRecord) -> serde_json::Map<String, serde_json::Value> {
    record.variables.iter().map(|(name, value)| (name.clone(), value.to_json())).collect()
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
