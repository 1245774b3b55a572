//! Expiry, retention, and what the jobs after a conversation write.

use super::SqliteStore;
use super::conversations::fetch;
use super::read::{CONVERSATION, conversation, id, signed, text, time};
use crate::model::{ConversationId, OrganisationId, Redacted, WallTime};
use crate::store::{Answer, Conversation, MemoryFact, StoreError, Upkeep};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

impl Upkeep for SqliteStore {
    fn idle(&self, now: WallTime, limit: u32) -> Answer<'_, Vec<Conversation>> {
        Box::pin(self.due("c.terminal = 0 AND c.ttl_expires_at <= ? ORDER BY c.ttl_expires_at", now, limit))
    }

    fn outlived(&self, now: WallTime, limit: u32) -> Answer<'_, Vec<Conversation>> {
        Box::pin(self.due("c.terminal = 1 AND c.retention_expires_at <= ? ORDER BY c.retention_expires_at", now, limit))
    }

    fn set_summary(&self, conversation: ConversationId, summary: Redacted<String>, at: WallTime) -> Answer<'_, ()> {
        Box::pin(async move {
            sqlx::query("UPDATE conversations SET summary = ?, updated_at = ? WHERE id = ? AND summary IS NULL")
                .bind(summary.expose())
                .bind(signed(at.0))
                .bind(conversation.to_string())
                .execute(&self.write)
                .await
                .map(drop)
                .map_err(|source| StoreError::during("storing a summary", source))
        })
    }

    fn rewrite(&self, conversation: ConversationId, words: Vec<(u32, Redacted<String>)>) -> Answer<'_, ()> {
        Box::pin(async move {
            const DOING: &str = "rewriting messages";
            let mut tx = self.begin(DOING).await?;
            for (seq, content) in words {
                sqlx::query("UPDATE messages SET content = ? WHERE conversation = ? AND seq = ?")
                    .bind(content.expose())
                    .bind(conversation.to_string())
                    .bind(seq)
                    .execute(&mut *tx)
                    .await
                    .map_err(|source| StoreError::during(DOING, source))?;
            }
            tx.commit().await.map_err(|source| StoreError::during(DOING, source))
        })
    }

    fn remember(&self, conversation: ConversationId, facts: Vec<MemoryFact>) -> Answer<'_, ()> {
        Box::pin(async move {
            const DOING: &str = "storing memory";
            let mut tx = self.begin(DOING).await?;
            let row = fetch(&mut tx, conversation).await?;
            for fact in facts {
                sqlx::query(
                    "INSERT INTO memory_facts (organisation, end_user, name, value, conversation, at) VALUES (?, ?, ?, ?, ?, ?) \
                     ON CONFLICT (organisation, end_user, name) DO UPDATE SET value = excluded.value, \
                     conversation = excluded.conversation, at = excluded.at WHERE excluded.at >= memory_facts.at",
                )
                .bind(row.organisation.to_string())
                .bind(row.end_user.to_string())
                .bind(&fact.name)
                .bind(fact.value.expose())
                .bind(fact.conversation.to_string())
                .bind(signed(fact.at.0))
                .execute(&mut *tx)
                .await
                .map_err(|source| StoreError::during(DOING, source))?;
            }
            sqlx::query("UPDATE conversations SET memory_synced = 1 WHERE id = ?")
                .bind(conversation.to_string())
                .execute(&mut *tx)
                .await
                .map_err(|source| StoreError::during(DOING, source))?;
            tx.commit().await.map_err(|source| StoreError::during(DOING, source))
        })
    }

    fn recall(&self, organisation: OrganisationId, end_user: Uuid, limit: u32) -> Answer<'_, Vec<MemoryFact>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM memory_facts WHERE organisation = ? AND end_user = ? ORDER BY at DESC, name LIMIT ?")
                .bind(organisation.to_string())
                .bind(end_user.to_string())
                .bind(limit)
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("reading memory", source))?;
            rows.iter()
                .map(|row| {
                    Ok(MemoryFact {
                        name: text(row, "name")?,
                        value: text(row, "value")?.into(),
                        conversation: ConversationId(id(row, "conversation")?),
                        at: time(row, "at")?,
                    })
                })
                .collect()
        })
    }
}

impl SqliteStore {
    async fn due(&self, which: &'static str, now: WallTime, limit: u32) -> Result<Vec<Conversation>, StoreError> {
        let rows = sqlx::query(AssertSqlSafe(format!("{CONVERSATION} WHERE {which} LIMIT ?")))
            .bind(signed(now.0))
            .bind(limit)
            .fetch_all(&self.read)
            .await
            .map_err(|source| StoreError::during("looking for conversations that are due", source))?;
        rows.iter().map(conversation).collect()
    }
}
