//! What belongs to a call's end and to the questions people ask afterwards: close log, jobs, timeline, transfer attempts.

use super::SqliteStore;
use super::read::{as_word, id, number, opt_text, opt_time, signed, small, text, time, word};
use crate::model::{CallTime, ConversationId, OrganisationId, Redacted, TransferMode, WallTime};
use crate::store::{
    Answer, CloseLog, CloseLogEntry, CloseStep, ConsultTurn, Consults, FailedTransfer, Job, JobKind, JobState, Jobs, StoreError,
    TIMELINE_MAX_ENTRIES, TimelineEntry, Timelines, TransferAttempt, Transfers,
};
use sqlx::AssertSqlSafe;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

impl CloseLog for SqliteStore {
    fn note_close_step(&self, conversation: ConversationId, entry: CloseLogEntry) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query("INSERT INTO close_log (conversation, step, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(conversation.to_string())
                .bind(entry.step.as_str())
                .bind(signed(entry.at.0))
                .execute(&self.write)
                .await
                .map(drop)
                .map_err(|source| missing_parent(conversation, "noting a close step", source))
        })
    }

    fn close_steps(&self, conversation: ConversationId) -> Answer<'_, Vec<CloseLogEntry>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT step, at FROM close_log WHERE conversation = ?")
                .bind(conversation.to_string())
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("reading the close log", source))?;
            let mut entries = rows
                .iter()
                .map(|row| {
                    let step = text(row, "step")?;
                    let step = CloseStep::parse(&step).ok_or(StoreError::Corrupt { what: "close step", value: step })?;
                    Ok(CloseLogEntry { step, at: time(row, "at")? })
                })
                .collect::<Result<Vec<_>, StoreError>>()?;
            entries.sort_by_key(|entry| entry.step);
            Ok(entries)
        })
    }
}

impl Jobs for SqliteStore {
    fn queue_jobs<'a>(&'a self, conversation: ConversationId, kinds: &'a [JobKind], at: WallTime) -> Answer<'a, u32> {
        Box::pin(async move {
            const DOING: &str = "queueing jobs";
            let mut tx = self.begin(DOING).await?;
            let mut new = 0;
            for kind in kinds {
                let done = sqlx::query(
                    "INSERT INTO jobs (id, conversation, kind, state, created_at, updated_at) VALUES (?, ?, ?, 'queued', ?, ?) \
                     ON CONFLICT DO NOTHING",
                )
                // From the conversation and the kind: the same job has the same id however often it is queued.
                .bind(Uuid::new_v5(&conversation.0, kind.as_str().as_bytes()).to_string())
                .bind(conversation.to_string())
                .bind(kind.as_str())
                .bind(signed(at.0))
                .bind(signed(at.0))
                .execute(&mut *tx)
                .await
                .map_err(|source| missing_parent(conversation, DOING, source))?;
                new += u32::from(done.rows_affected() > 0);
            }
            tx.commit().await.map_err(|source| StoreError::during(DOING, source))?;
            Ok(new)
        })
    }

    fn take_job(&self, at: WallTime, stale_before: WallTime) -> Answer<'_, Option<Job>> {
        Box::pin(async move {
            let row = sqlx::query(
                "UPDATE jobs SET state = 'running', attempts = attempts + 1, updated_at = ?1 WHERE id = (SELECT id FROM jobs \
                 WHERE state = 'queued' OR (state = 'running' AND updated_at < ?2) ORDER BY created_at, \
                 CASE kind WHEN 'scrub' THEN 0 WHEN 'summary' THEN 1 ELSE 2 END, id LIMIT 1) RETURNING *",
            )
            .bind(signed(at.0))
            .bind(signed(stale_before.0))
            .fetch_optional(&self.write)
            .await
            .map_err(|source| StoreError::during("taking a job", source))?;
            row.as_ref().map(job).transpose()
        })
    }

    fn finish_job(&self, id: Uuid, state: JobState, at: WallTime) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query("UPDATE jobs SET state = ?, updated_at = ? WHERE id = ?")
                .bind(state.as_str())
                .bind(signed(at.0))
                .bind(id.to_string())
                .execute(&self.write)
                .await
                .map(drop)
                .map_err(|source| StoreError::during("finishing a job", source))
        })
    }

    fn jobs(&self, conversation: ConversationId) -> Answer<'_, Vec<Job>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM jobs WHERE conversation = ? ORDER BY created_at, kind")
                .bind(conversation.to_string())
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("reading jobs", source))?;
            rows.iter().map(job).collect()
        })
    }
}

impl Timelines for SqliteStore {
    fn append_timeline(&self, conversation: ConversationId, entries: Vec<TimelineEntry>) -> Answer<'_, u32> {
        Box::pin(async move {
            const DOING: &str = "storing a timeline";
            let mut dropped = 0;
            let mut tx = self.begin(DOING).await?;
            for entry in entries {
                if entry.seq >= TIMELINE_MAX_ENTRIES {
                    dropped += 1;
                    continue;
                }
                sqlx::query("INSERT INTO timeline (conversation, seq, at_us, kind, text) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                    .bind(conversation.to_string())
                    .bind(entry.seq)
                    .bind(signed(entry.at.micros()))
                    .bind(&entry.kind)
                    .bind(&entry.text)
                    .execute(&mut *tx)
                    .await
                    .map_err(|source| missing_parent(conversation, DOING, source))?;
            }
            tx.commit().await.map_err(|source| StoreError::during(DOING, source))?;
            Ok(dropped)
        })
    }

    fn timeline(&self, conversation: ConversationId) -> Answer<'_, Vec<TimelineEntry>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT seq, at_us, kind, text FROM timeline WHERE conversation = ? ORDER BY seq")
                .bind(conversation.to_string())
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("reading a timeline", source))?;
            rows.iter()
                .map(|row| {
                    Ok(TimelineEntry {
                        seq: small(row, "seq")?,
                        at: CallTime::from_micros(number(row, "at_us")?),
                        kind: text(row, "kind")?,
                        text: text(row, "text")?,
                    })
                })
                .collect()
        })
    }
}

impl Transfers for SqliteStore {
    fn put_attempt(&self, attempt: TransferAttempt) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO transfer_attempts (id, conversation, number, mode, destination, label, status, created_at, dialled_at, \
                 answered_at, decided_at, decision, ended_at, failure_reason, fallback_mode, briefing_snippet, transfer, \
                 destination_index, briefed_at, bridged_at, consult_recording) \
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
                 ON CONFLICT (id) DO UPDATE SET status = excluded.status, briefed_at = excluded.briefed_at, \
                 bridged_at = excluded.bridged_at, consult_recording = excluded.consult_recording, \
                 dialled_at = excluded.dialled_at, answered_at = excluded.answered_at, decided_at = excluded.decided_at, \
                 decision = excluded.decision, ended_at = excluded.ended_at, failure_reason = excluded.failure_reason, \
                 fallback_mode = excluded.fallback_mode, briefing_snippet = excluded.briefing_snippet",
            )
            .bind(attempt.id.to_string())
            .bind(attempt.conversation.to_string())
            .bind(attempt.number)
            .bind(as_word(&attempt.mode))
            .bind(attempt.destination.expose())
            .bind(&attempt.label)
            .bind(&attempt.status)
            .bind(signed(attempt.created_at.0))
            .bind(attempt.dialled_at.map(|at| signed(at.0)))
            .bind(attempt.answered_at.map(|at| signed(at.0)))
            .bind(attempt.decided_at.map(|at| signed(at.0)))
            .bind(&attempt.decision)
            .bind(attempt.ended_at.map(|at| signed(at.0)))
            .bind(&attempt.failure_reason)
            .bind(&attempt.fallback_mode)
            .bind(attempt.briefing_snippet.as_ref().map(Redacted::expose))
            .bind(attempt.transfer)
            .bind(attempt.destination_index)
            .bind(attempt.briefed_at.map(|at| signed(at.0)))
            .bind(attempt.bridged_at.map(|at| signed(at.0)))
            .bind(&attempt.consult_recording)
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(|source| missing_parent(attempt.conversation, "storing a transfer attempt", source))
        })
    }

    fn attempts(&self, conversation: ConversationId) -> Answer<'_, Vec<TransferAttempt>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM transfer_attempts WHERE conversation = ? ORDER BY number, created_at")
                .bind(conversation.to_string())
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("reading transfer attempts", source))?;
            rows.iter().map(attempt).collect()
        })
    }

    fn failed_transfers(
        &self,
        organisation: OrganisationId,
        after: Option<(WallTime, Uuid)>,
        limit: u32,
    ) -> Answer<'_, Vec<FailedTransfer>> {
        Box::pin(async move {
            let rows = sqlx::query(AssertSqlSafe(
                "SELECT t.*, json_extract(c.metadata, '$.caller') AS caller FROM transfer_attempts t \
                 JOIN conversations c ON c.id = t.conversation \
                 WHERE c.organisation = ?1 AND t.failure_reason IS NOT NULL AND (?2 IS NULL OR (t.created_at, t.id) < (?2, ?3)) \
                 ORDER BY t.created_at DESC, t.id DESC LIMIT ?4",
            ))
            .bind(organisation.to_string())
            .bind(after.map(|(at, _)| signed(at.0)))
            .bind(after.map(|(_, id)| id.to_string()))
            .bind(limit)
            .fetch_all(&self.read)
            .await
            .map_err(|source| StoreError::during("reading failed transfers", source))?;
            rows.iter()
                .map(|row| Ok(FailedTransfer { attempt: attempt(row)?, caller: opt_text(row, "caller")?.map(Redacted::new) }))
                .collect()
        })
    }
}

impl Consults for SqliteStore {
    fn append_consult(&self, turns: Vec<ConsultTurn>) -> Answer<'_, ()> {
        Box::pin(async move {
            const DOING: &str = "storing a consult";
            let mut tx = self.begin(DOING).await?;
            for turn in turns {
                sqlx::query(
                    "INSERT INTO consult_turns (conversation, attempt, seq, role, content, at) VALUES (?, ?, ?, ?, ?, ?) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(turn.conversation.to_string())
                .bind(turn.attempt.to_string())
                .bind(turn.seq)
                .bind(&turn.role)
                .bind(turn.content.expose())
                .bind(signed(turn.at.0))
                .execute(&mut *tx)
                .await
                .map_err(|source| missing_parent(turn.conversation, DOING, source))?;
            }
            tx.commit().await.map_err(|source| StoreError::during(DOING, source))
        })
    }

    fn consult(&self, conversation: ConversationId) -> Answer<'_, Vec<ConsultTurn>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM consult_turns WHERE conversation = ? ORDER BY at, attempt, seq")
                .bind(conversation.to_string())
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("reading a consult", source))?;
            rows.iter()
                .map(|row| {
                    Ok(ConsultTurn {
                        conversation,
                        attempt: id(row, "attempt")?,
                        seq: small(row, "seq")?,
                        role: text(row, "role")?,
                        content: text(row, "content")?.into(),
                        at: time(row, "at")?,
                    })
                })
                .collect()
        })
    }
}

/// A foreign key that fails names a conversation that is not there.
pub(super) fn missing_parent(conversation: ConversationId, doing: &'static str, source: sqlx::Error) -> StoreError {
    match &source {
        sqlx::Error::Database(inner) if inner.is_foreign_key_violation() => StoreError::NotFound(conversation),
        _ => StoreError::during(doing, source),
    }
}

fn job(row: &SqliteRow) -> Result<Job, StoreError> {
    let (kind, state) = (text(row, "kind")?, text(row, "state")?);
    Ok(Job {
        id: id(row, "id")?,
        conversation: ConversationId(id(row, "conversation")?),
        kind: JobKind::parse(&kind).ok_or(StoreError::Corrupt { what: "job kind", value: kind })?,
        state: JobState::parse(&state).ok_or(StoreError::Corrupt { what: "job state", value: state })?,
        attempts: small(row, "attempts")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn attempt(row: &SqliteRow) -> Result<TransferAttempt, StoreError> {
    Ok(TransferAttempt {
        id: id(row, "id")?,
        conversation: ConversationId(id(row, "conversation")?),
        number: small(row, "number")?,
        mode: word::<TransferMode>("transfer mode", text(row, "mode")?)?,
        destination: text(row, "destination")?.into(),
        label: opt_text(row, "label")?,
        status: text(row, "status")?,
        created_at: time(row, "created_at")?,
        dialled_at: opt_time(row, "dialled_at")?,
        answered_at: opt_time(row, "answered_at")?,
        decided_at: opt_time(row, "decided_at")?,
        decision: opt_text(row, "decision")?,
        ended_at: opt_time(row, "ended_at")?,
        failure_reason: opt_text(row, "failure_reason")?,
        fallback_mode: opt_text(row, "fallback_mode")?,
        briefing_snippet: opt_text(row, "briefing_snippet")?.map(Redacted::new),
        transfer: small(row, "transfer")?,
        destination_index: small(row, "destination_index")?,
        briefed_at: opt_time(row, "briefed_at")?,
        bridged_at: opt_time(row, "bridged_at")?,
        consult_recording: opt_text(row, "consult_recording")?,
    })
}
