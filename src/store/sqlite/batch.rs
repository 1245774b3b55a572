//! A batch as a handful of statements, however many rows it has: each kind of row travels as one JSON array that SQLite takes apart.
//!
//! A statement costs a switch to the connection's thread and back, a transaction a write to the log; a call in a busy worker pays for
//! neither alone. The texts of the statements do not depend on the rows, so each is prepared once.

use super::SqliteStore;
use super::read::signed;
use crate::model::{CloseStep, ConversationId};
use crate::store::{Answer, Batch, Batches, CloseWrite, NewConversation, NewMessage, NumberedMessage, Origin, StoreError};
use serde::Serialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

const DOING: &str = "storing a batch";

const CREATES: &str = "INSERT INTO conversations (id, organisation, end_user, channel, origin, external_id, session_type, assistant, worker, \
     status, terminal, subject, metadata, context_variables, started_at, created_at, updated_at, channel_subtype, tool_input_overrides, \
     ttl_expires_at) \
     SELECT v ->> 0, v ->> 1, v ->> 2, v ->> 3, v ->> 4, v ->> 5, v ->> 6, v ->> 7, v ->> 8, v ->> 9, v ->> 10, v ->> 11, v ->> 12, v ->> 13, \
     v ->> 14, v ->> 14, v ->> 14, v ->> 15, v ->> 16, v ->> 17 FROM (SELECT value AS v FROM json_each(?)) WHERE true ON CONFLICT DO NOTHING;";
const RECORDINGS: &str = "UPDATE conversations SET recording_path = j.value ->> 1, updated_at = j.value ->> 2 FROM json_each(?) AS j \
     WHERE conversations.id = j.value ->> 0;";
const STATUSES: &str = "UPDATE conversations SET status = j.value ->> 1, terminal = j.value ->> 2, updated_at = j.value ->> 3 \
     FROM json_each(?) AS j WHERE conversations.id = j.value ->> 0 AND conversations.terminal = 0;";
const TIMELINE: &str = "INSERT INTO timeline (conversation, seq, at_us, kind, text) SELECT v ->> 0, v ->> 1, v ->> 2, v ->> 3, v ->> 4 \
     FROM (SELECT value AS v FROM json_each(?)) WHERE true ON CONFLICT DO NOTHING;";
/// Without ON CONFLICT: a number that is taken needs a closer look.
const MESSAGES: &str = "INSERT INTO messages (conversation, seq, id, role, content, producing_assistant, model_used, token_count, latency_ms, \
     created_at, turn, authored_by, operator) SELECT v ->> 0, v ->> 1, v ->> 2, v ->> 3, v ->> 4, v ->> 5, v ->> 6, v ->> 7, v ->> 8, v ->> 9, \
     v ->> 10, v ->> 11, v ->> 12 \
     FROM (SELECT value AS v FROM json_each(?));";
const CLOSES: &str = "UPDATE conversations SET context_variables = j.value ->> 1, status = j.value ->> 2, terminal = 1, \
     termination_reason = j.value ->> 3, triggered_by = j.value ->> 4, ended_at = j.value ->> 5, closed_at = j.value ->> 6, \
     retention_expires_at = j.value ->> 7, updated_at = j.value ->> 6 FROM json_each(?) AS j \
     WHERE conversations.id = j.value ->> 0 AND conversations.terminal = 0 RETURNING 1;";
/// As a close by itself does: whatever waited for a person waits no more.
const HANDOFFS: &str = "UPDATE handoffs SET status = CASE j.value ->> 3 WHEN 'handoff_resolved' THEN 'resolved' ELSE 'cancelled' END, \
     resolved_at = j.value ->> 6 FROM json_each(?) AS j WHERE handoffs.conversation = j.value ->> 0 \
     AND handoffs.status IN ('requested', 'assigned', 'accepted');";
const APPROVALS: &str = "UPDATE approvals SET state = 'cancelled', decided_at = j.value ->> 6 FROM json_each(?) AS j \
     WHERE approvals.conversation = j.value ->> 0 AND approvals.state = 'pending';";
const JOBS: &str = "INSERT INTO jobs (id, conversation, kind, state, created_at, updated_at) SELECT v ->> 0, v ->> 1, v ->> 2, 'queued', \
     v ->> 3, v ->> 3 FROM (SELECT value AS v FROM json_each(?)) WHERE true ON CONFLICT DO NOTHING;";
const CLOSE_LOG: &str = "INSERT INTO close_log (conversation, step, at) SELECT v ->> 0, v ->> 1, v ->> 2 \
     FROM (SELECT value AS v FROM json_each(?)) WHERE true ON CONFLICT DO NOTHING;";
/// Says 0 for each row that should be there and is not.
const MISSING: &str = "SELECT 0 FROM json_each(?) AS j WHERE NOT EXISTS (SELECT 1 FROM conversations WHERE id = j.value);";

impl Batches for SqliteStore {
    fn write_batch<'a>(&'a self, batch: &'a Batch) -> Answer<'a, ()> {
        Box::pin(async move {
            let statements = Statements::of(batch);
            if statements.rows.is_empty() {
                return Ok(());
            }
            let failed = |source| StoreError::during(DOING, source);
            let mut tx = self.begin(DOING).await?;
            let mut query = sqlx::query(AssertSqlSafe(statements.text));
            for rows in statements.rows {
                query = query.bind(rows);
            }
            let answers = query.fetch_all(&mut *tx).await.map_err(failed)?;
            let mut closed = 0;
            for answer in &answers {
                match answer.try_get::<i64, _>(0).map_err(failed)? {
                    0 => return Err(StoreError::Together),
                    _ => closed += 1,
                }
            }
            // Closed by another one already, or unknown: nothing is written, the transaction ends with its handle.
            if closed != batch.closes.len() {
                return Err(StoreError::Together);
            }
            tx.commit().await.map_err(failed)
        })
    }
}

/// The statements that a batch needs, and the rows of each.
#[derive(Default)]
struct Statements {
    text: String,
    rows: Vec<String>,
}

impl Statements {
    fn of(batch: &Batch) -> Self {
        let mut all = Self::default();
        all.add(CREATES, batch.creates.iter().map(create));
        let recordings = batch.recordings.iter().map(|(id, (path, at))| (id.to_string(), path, signed(at.0)));
        all.add(RECORDINGS, recordings);
        let statuses = batch.statuses.iter();
        all.add(STATUSES, statuses.map(|(id, (status, at))| (id.to_string(), status.as_str(), status.is_terminal(), signed(at.0))));
        let timeline = batch.timeline();
        all.add(TIMELINE, timeline.map(|(id, entry)| (id.to_string(), entry.seq, signed(entry.at.micros()), &entry.kind, &entry.text)));
        let messages = batch.closes.iter().flat_map(|close| close.messages.iter().map(|message| (close.conversation, message)));
        all.add(MESSAGES, messages.map(|(id, message)| numbered(id, message)));
        all.add(CLOSES, batch.closes.iter().map(close));
        all.add(HANDOFFS, batch.closes.iter().map(close));
        all.add(APPROVALS, batch.closes.iter().map(close));
        all.add(JOBS, batch.closes.iter().flat_map(jobs));
        let steps = |close: &CloseWrite| {
            let (id, at) = (close.conversation.to_string(), signed(close.closing.closed_at.0));
            CloseStep::ALL.iter().map(move |step| (id.clone(), step.as_str(), at))
        };
        all.add(CLOSE_LOG, batch.closes.iter().flat_map(steps));
        all.add(MISSING, batch.conversations().map(|id| id.to_string()));
        all
    }

    fn add<T: Serialize>(&mut self, statement: &str, rows: impl Iterator<Item = T>) {
        let rows: Vec<T> = rows.collect();
        if !rows.is_empty() {
            self.text.push_str(statement);
            self.rows.push(serde_json::to_string(&rows).unwrap_or_default());
        }
    }
}

fn create(new: &NewConversation) -> Value {
    // Every field is named: one that is added must be stored here too.
    let NewConversation {
        id,
        organisation,
        end_user,
        channel,
        origin,
        external_id,
        session_type,
        assistant,
        worker,
        status,
        subject,
        metadata,
        context_variables,
        at,
        channel_subtype,
        tool_input_overrides,
        ttl_expires_at,
    } = new;
    serde_json::json!([
        id.to_string(),
        organisation.to_string(),
        end_user.to_string(),
        channel,
        origin.map(Origin::as_str),
        external_id,
        session_type,
        assistant,
        worker.map(|worker| worker.to_string()),
        status.as_str(),
        status.is_terminal(),
        subject,
        serde_json::to_string(metadata).unwrap_or_default(),
        serde_json::to_string(context_variables).unwrap_or_default(),
        signed(at.0),
        channel_subtype,
        tool_input_overrides.as_ref().and_then(|overrides| serde_json::to_string(overrides).ok()),
        ttl_expires_at.map(|at| signed(at.0)),
    ])
}

fn numbered(conversation: ConversationId, message: &NumberedMessage) -> impl Serialize + '_ {
    let NumberedMessage { seq, message } = message;
    let NewMessage { id, role, content, producing_assistant, model_used, token_count, latency_ms, turn, authored_by, operator, created_at } =
        message;
    (
        conversation.to_string(),
        seq,
        id.to_string(),
        role.as_str(),
        content.expose(),
        producing_assistant.map(|id| id.to_string()),
        model_used,
        token_count.map(signed),
        latency_ms.map(signed),
        signed(created_at.0),
        turn.map(|id| id.to_string()),
        authored_by,
        operator,
    )
}

fn close(write: &CloseWrite) -> impl Serialize + '_ {
    let closing = &write.closing;
    (
        write.conversation.to_string(),
        serde_json::to_string(&write.context).unwrap_or_default(),
        closing.status.as_str(),
        closing.reason.as_str(),
        closing.triggered_by,
        signed(closing.ended_at.0),
        signed(closing.closed_at.0),
        closing.retention_expires_at.map(|at| signed(at.0)),
    )
}

fn jobs(write: &CloseWrite) -> impl Iterator<Item = (String, String, &'static str, i64)> {
    let (conversation, at) = (write.conversation, signed(write.closing.closed_at.0));
    write.jobs.iter().map(move |kind| {
        // As a job that is queued on its own.
        let id = Uuid::new_v5(&conversation.0, kind.as_str().as_bytes());
        (id.to_string(), conversation.to_string(), kind.as_str(), at)
    })
}
