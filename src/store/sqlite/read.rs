//! Values and rows out of SQLite; what cannot be read back is [`StoreError::Corrupt`], never a panic.

use crate::model::{ConversationId, OrganisationId, SessionStatus, TerminationReason, TriggeredBy, WallTime, WorkerId};
use crate::store::{Conversation, Message, NewMessage, Origin, Role, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

/// The columns [`conversation`] reads, with the message counts.
pub(super) const CONVERSATION: &str = "SELECT c.*, \
     (SELECT COUNT(*) FROM messages m WHERE m.conversation = c.id) AS message_count, \
     (SELECT MIN(created_at) FROM messages m WHERE m.conversation = c.id) AS first_message_at, \
     (SELECT MAX(created_at) FROM messages m WHERE m.conversation = c.id) AS last_message_at \
     FROM conversations c";

const READING: &str = "reading a row";

pub(super) fn failed(source: sqlx::Error) -> StoreError {
    StoreError::during(READING, source)
}

pub(super) fn text(row: &SqliteRow, column: &str) -> Result<String, StoreError> {
    row.try_get(column).map_err(failed)
}

pub(super) fn opt_text(row: &SqliteRow, column: &str) -> Result<Option<String>, StoreError> {
    row.try_get(column).map_err(failed)
}

pub(super) fn number(row: &SqliteRow, column: &'static str) -> Result<u64, StoreError> {
    let value: i64 = row.try_get(column).map_err(failed)?;
    u64::try_from(value).map_err(|_| StoreError::Corrupt { what: column, value: value.to_string() })
}

pub(super) fn opt_number(row: &SqliteRow, column: &'static str) -> Result<Option<u64>, StoreError> {
    let value: Option<i64> = row.try_get(column).map_err(failed)?;
    value.map(|value| u64::try_from(value).map_err(|_| StoreError::Corrupt { what: column, value: value.to_string() })).transpose()
}

pub(super) fn small(row: &SqliteRow, column: &'static str) -> Result<u32, StoreError> {
    let value = number(row, column)?;
    u32::try_from(value).map_err(|_| StoreError::Corrupt { what: column, value: value.to_string() })
}

pub(super) fn time(row: &SqliteRow, column: &'static str) -> Result<WallTime, StoreError> {
    number(row, column).map(WallTime)
}

pub(super) fn opt_time(row: &SqliteRow, column: &'static str) -> Result<Option<WallTime>, StoreError> {
    Ok(opt_number(row, column)?.map(WallTime))
}

pub(super) fn id(row: &SqliteRow, column: &'static str) -> Result<Uuid, StoreError> {
    let value = text(row, column)?;
    Uuid::parse_str(&value).map_err(|_| StoreError::Corrupt { what: column, value })
}

pub(super) fn opt_id(row: &SqliteRow, column: &'static str) -> Result<Option<Uuid>, StoreError> {
    let Some(value) = opt_text(row, column)? else { return Ok(None) };
    Uuid::parse_str(&value).map(Some).map_err(|_| StoreError::Corrupt { what: column, value })
}

/// A word of one of our serde enums.
pub(super) fn word<T: DeserializeOwned>(what: &'static str, value: String) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(value.clone())).map_err(|_| StoreError::Corrupt { what, value })
}

/// The word serde writes for a field-less variant.
pub(super) fn as_word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

pub(super) fn object(row: &SqliteRow, column: &'static str) -> Result<Map<String, Value>, StoreError> {
    let value = text(row, column)?;
    serde_json::from_str(&value).map_err(|_| StoreError::Corrupt { what: column, value: "not a JSON object".to_owned() })
}

pub(super) fn conversation(row: &SqliteRow) -> Result<Conversation, StoreError> {
    let origin = match opt_text(row, "origin")? {
        Some(word) => Some(Origin::parse(&word).ok_or(StoreError::Corrupt { what: "origin", value: word })?),
        None => None,
    };
    Ok(Conversation {
        id: ConversationId(id(row, "id")?),
        organisation: OrganisationId(id(row, "organisation")?),
        end_user: id(row, "end_user")?,
        channel: text(row, "channel")?,
        origin,
        external_id: opt_text(row, "external_id")?,
        session_type: text(row, "session_type")?,
        channel_subtype: opt_text(row, "channel_subtype")?,
        assistant: opt_text(row, "assistant")?,
        tool_input_overrides: opt_text(row, "tool_input_overrides")?.map(|_| object(row, "tool_input_overrides")).transpose()?,
        worker: opt_id(row, "worker")?.map(WorkerId),
        status: word::<SessionStatus>("status", text(row, "status")?)?,
        termination_reason: opt_text(row, "termination_reason")?
            .map(|value| word::<TerminationReason>("termination_reason", value))
            .transpose()?,
        triggered_by: opt_text(row, "triggered_by")?.map(|value| word::<TriggeredBy>("triggered_by", value)).transpose()?,
        subject: opt_text(row, "subject")?,
        summary: opt_text(row, "summary")?,
        metadata: object(row, "metadata")?,
        context_variables: object(row, "context_variables")?,
        message_count: small(row, "message_count")?,
        first_message_at: opt_time(row, "first_message_at")?,
        last_message_at: opt_time(row, "last_message_at")?,
        started_at: time(row, "started_at")?,
        ended_at: opt_time(row, "ended_at")?,
        closed_at: opt_time(row, "closed_at")?,
        ttl_expires_at: opt_time(row, "ttl_expires_at")?,
        retention_expires_at: opt_time(row, "retention_expires_at")?,
        recording_path: opt_text(row, "recording_path")?,
        memory_synced: number(row, "memory_synced")? != 0,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub(super) fn message(row: &SqliteRow) -> Result<Message, StoreError> {
    let role = text(row, "role")?;
    Ok(Message {
        conversation: ConversationId(id(row, "conversation")?),
        seq: small(row, "seq")?,
        message: NewMessage {
            id: id(row, "id")?,
            role: Role::parse(&role).ok_or(StoreError::Corrupt { what: "role", value: role })?,
            content: text(row, "content")?.into(),
            producing_assistant: opt_id(row, "producing_assistant")?,
            model_used: opt_text(row, "model_used")?,
            token_count: opt_number(row, "token_count")?,
            latency_ms: opt_number(row, "latency_ms")?,
            turn: opt_id(row, "turn")?,
            authored_by: opt_text(row, "authored_by")?,
            operator: opt_text(row, "operator")?,
            created_at: time(row, "created_at")?,
        },
    })
}

/// Times and counts as SQLite keeps them; beyond its range they stop at its end.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
