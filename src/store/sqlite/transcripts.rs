//! Messages.

use super::SqliteStore;
use super::read::{message, signed};
use crate::model::ConversationId;
use crate::store::{Answer, Flushed, Message, NewMessage, NumberedMessage, Role, StoreError, Transcripts};
use sqlx::{Sqlite, SqliteConnection, Transaction};

const STORING: &str = "storing messages";
const READING: &str = "reading messages";

impl Transcripts for SqliteStore {
    fn append(&self, conversation: ConversationId, messages: Vec<NewMessage>) -> Answer<'_, Vec<u32>> {
        Box::pin(async move {
            let mut tx = self.begin(STORING).await?;
            require(&mut tx, conversation).await?;
            let mut next = next_seq(&mut tx, conversation).await?;
            let mut numbers = Vec::with_capacity(messages.len());
            for new in messages {
                let known: Option<u32> = sqlx::query_scalar("SELECT seq FROM messages WHERE conversation = ? AND id = ?")
                    .bind(conversation.to_string())
                    .bind(new.id.to_string())
                    .fetch_optional(&mut *tx)
                    .await
                    .map_err(failed)?;
                if let Some(seq) = known {
                    numbers.push(seq);
                    continue;
                }
                insert(&mut tx, conversation, next, &new).await?;
                numbers.push(next);
                next += 1;
            }
            tx.commit().await.map_err(failed)?;
            Ok(numbers)
        })
    }

    fn flush(&self, conversation: ConversationId, messages: Vec<NumberedMessage>) -> Answer<'_, Flushed> {
        Box::pin(async move {
            let mut tx = self.begin(STORING).await?;
            require(&mut tx, conversation).await?;
            let mut flushed = Flushed::default();
            for NumberedMessage { seq: _, message } in messages {
                match place(&mut tx, conversation, &message).await? {
                    Place::Same => flushed.already += 1,
                    Place::Changed { seq } => {
                        rewrite(&mut tx, conversation, seq, &message).await?;
                        flushed.already += 1;
                    }
                    Place::New { seq } => {
                        insert(&mut tx, conversation, seq, &message).await?;
                        flushed.written += 1;
                    }
                }
            }
            tx.commit().await.map_err(failed)?;
            Ok(flushed)
        })
    }

    fn messages_of(&self, conversation: ConversationId, role: Option<Role>, since: Option<u32>, limit: u32) -> Answer<'_, Vec<Message>> {
        Box::pin(async move {
            let sql = "SELECT * FROM messages WHERE conversation = ?1 AND seq > ?2 AND (?3 IS NULL OR role = ?3) ORDER BY seq LIMIT ?4";
            let rows = sqlx::query(sql)
                .bind(conversation.to_string())
                .bind(since.map_or(-1, i64::from))
                .bind(role.map(Role::as_str))
                .bind(limit)
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during(READING, source))?;
            rows.iter().map(message).collect()
        })
    }

    fn last_messages(&self, conversation: ConversationId, limit: u32) -> Answer<'_, Vec<Message>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM messages WHERE conversation = ? ORDER BY seq DESC LIMIT ?")
                .bind(conversation.to_string())
                .bind(limit)
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during(READING, source))?;
            rows.iter().rev().map(message).collect()
        })
    }
}

/// Where a flushed message goes.
enum Place {
    /// It is there with these words.
    Same,
    /// It is there, and the caller heard less of it than was stored.
    Changed {
        seq: u32,
    },
    New {
        seq: u32,
    },
}

/// By its id. A number that another message took meanwhile (an operator's, on a live call) is passed over.
async fn place(tx: &mut SqliteConnection, conversation: ConversationId, wanted: &NewMessage) -> Result<Place, StoreError> {
    let there: Option<(u32, String, String)> = sqlx::query_as("SELECT seq, role, content FROM messages WHERE conversation = ? AND id = ?")
        .bind(conversation.to_string())
        .bind(wanted.id.to_string())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
    match there {
        Some((_, role, content)) if role == wanted.role.as_str() && content == *wanted.content.expose() => Ok(Place::Same),
        Some((seq, role, _)) if role == wanted.role.as_str() => Ok(Place::Changed { seq }),
        Some((seq, ..)) => Err(StoreError::SeqTaken { conversation, seq }),
        None => Ok(Place::New { seq: next_seq(tx, conversation).await? }),
    }
}

async fn rewrite(tx: &mut SqliteConnection, conversation: ConversationId, seq: u32, new: &NewMessage) -> Result<(), StoreError> {
    sqlx::query("UPDATE messages SET content = ? WHERE conversation = ? AND seq = ?")
        .bind(new.content.expose())
        .bind(conversation.to_string())
        .bind(seq)
        .execute(tx)
        .await
        .map(drop)
        .map_err(failed)
}

pub(super) async fn require(tx: &mut Transaction<'_, Sqlite>, conversation: ConversationId) -> Result<(), StoreError> {
    let there: Option<i64> = sqlx::query_scalar("SELECT 1 FROM conversations WHERE id = ?")
        .bind(conversation.to_string())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed)?;
    there.map(drop).ok_or(StoreError::NotFound(conversation))
}

pub(super) async fn next_seq(tx: &mut SqliteConnection, conversation: ConversationId) -> Result<u32, StoreError> {
    sqlx::query_scalar("SELECT COALESCE(MAX(seq) + 1, 0) FROM messages WHERE conversation = ?")
        .bind(conversation.to_string())
        .fetch_one(tx)
        .await
        .map_err(failed)
}

pub(super) async fn insert(tx: &mut SqliteConnection, conversation: ConversationId, seq: u32, new: &NewMessage) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO messages (conversation, seq, id, role, content, producing_assistant, model_used, token_count, latency_ms, created_at, \
         turn, authored_by, operator) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(conversation.to_string())
    .bind(seq)
    .bind(new.id.to_string())
    .bind(new.role.as_str())
    .bind(new.content.expose())
    .bind(new.producing_assistant.map(|id| id.to_string()))
    .bind(&new.model_used)
    .bind(new.token_count.map(signed))
    .bind(new.latency_ms.map(signed))
    .bind(signed(new.created_at.0))
    .bind(new.turn.map(|id| id.to_string()))
    .bind(&new.authored_by)
    .bind(&new.operator)
    .execute(tx)
    .await
    .map(drop)
    .map_err(failed)
}

fn failed(source: sqlx::Error) -> StoreError {
    StoreError::during(STORING, source)
}
