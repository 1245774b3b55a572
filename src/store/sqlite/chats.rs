//! Turns of chats.

use super::SqliteStore;
use super::conversations::fetch;
use super::people::{insert_approval, insert_handoff};
use super::read::{as_word, id, signed, small, text};
use super::transcripts::{insert, next_seq};
use crate::model::{ConversationId, Redacted};
use crate::store::{Answer, ChatCommit, ChatInput, Chats, Committed, StoreError};
use serde_json::Value;

const STORING: &str = "storing a turn";

impl Chats for SqliteStore {
    fn commit_turn(&self, conversation: ConversationId, commit: ChatCommit) -> Answer<'_, Committed> {
        Box::pin(async move {
            let mut tx = self.begin(STORING).await?;
            let row = fetch(&mut tx, conversation).await?;
            if row.status.is_terminal() {
                return Ok(Committed::Over(row.status));
            }
            let ChatInput { number, turn, inputs, said_digest } = commit.input;
            let stored = sqlx::query(
                "INSERT INTO chat_turns (conversation, number, turn, inputs, said_digest, at) VALUES (?, ?, ?, ?, ?, ?) \
                 ON CONFLICT DO NOTHING",
            )
            .bind(conversation.to_string())
            .bind(number)
            .bind(turn.to_string())
            .bind(inputs.expose().to_string())
            .bind(said_digest)
            .bind(signed(commit.at.0))
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
            if stored.rows_affected() == 0 {
                return Ok(Committed::Overtaken);
            }
            let mut seqs = Vec::with_capacity(commit.messages.len());
            for message in &commit.messages {
                let seq = next_seq(&mut tx, conversation).await?;
                insert(&mut tx, conversation, seq, message).await?;
                seqs.push(seq);
            }
            sqlx::query("UPDATE conversations SET status = ?, context_variables = ?, ttl_expires_at = ?, updated_at = ? WHERE id = ?")
                .bind(as_word(&commit.status))
                .bind(Value::Object(commit.variables.into_exposed()).to_string())
                .bind(signed(commit.ttl_expires_at.0))
                .bind(signed(commit.at.0))
                .bind(conversation.to_string())
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
            if let Some(handoff) = &commit.handoff {
                insert_handoff(&mut tx, handoff).await?;
            }
            if let Some(approval) = &commit.approval {
                insert_approval(&mut tx, approval).await?;
            }
            tx.commit().await.map_err(failed)?;
            Ok(Committed::Stored(seqs))
        })
    }

    fn chat_inputs(&self, conversation: ConversationId) -> Answer<'_, Vec<ChatInput>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT number, turn, inputs, said_digest FROM chat_turns WHERE conversation = ? ORDER BY number")
                .bind(conversation.to_string())
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("reading turns", source))?;
            rows.iter()
                .map(|row| {
                    let inputs = serde_json::from_str(&text(row, "inputs")?)
                        .map_err(|_| StoreError::Corrupt { what: "inputs", value: "not JSON".to_owned() })?;
                    Ok(ChatInput {
                        number: small(row, "number")?,
                        turn: id(row, "turn")?,
                        inputs: Redacted::new(inputs),
                        said_digest: text(row, "said_digest")?,
                    })
                })
                .collect()
        })
    }
}

fn failed(source: sqlx::Error) -> StoreError {
    StoreError::during(STORING, source)
}
