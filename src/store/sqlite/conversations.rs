//! Rows of conversations.

use super::SqliteStore;
use super::read::{CONVERSATION, as_word, conversation, signed};
use crate::model::{ConversationId, OrganisationId, SessionStatus, TerminationReason, WallTime};
use crate::store::{
    Answer, Closed, Closing, Conversation, Conversations, Created, HandoffStatus, ListFilter, NewConversation, Page, StoreError,
};
use serde_json::{Map, Value};
use sqlx::{AssertSqlSafe, QueryBuilder, Sqlite, SqliteConnection};

impl Conversations for SqliteStore {
    fn put_organisation<'a>(&'a self, id: OrganisationId, name: &'a str, at: WallTime) -> Answer<'a, ()> {
        Box::pin(async move {
            sqlx::query(
                "INSERT INTO organisations (id, name, created_at) VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            )
            .bind(id.to_string())
            .bind(name)
            .bind(signed(at.0))
            .execute(&self.write)
            .await
            .map(drop)
            .map_err(|source| StoreError::during("storing an organisation", source))
        })
    }

    fn create(&self, new: NewConversation) -> Answer<'_, Created> {
        Box::pin(self.create_row(new))
    }

    fn get(&self, organisation: OrganisationId, id: ConversationId) -> Answer<'_, Option<Conversation>> {
        Box::pin(async move {
            let row = sqlx::query(AssertSqlSafe(format!("{CONVERSATION} WHERE c.id = ? AND c.organisation = ?")))
                .bind(id.to_string())
                .bind(organisation.to_string())
                .fetch_optional(&self.read)
                .await
                .map_err(|source| StoreError::during("reading a conversation", source))?;
            row.as_ref().map(conversation).transpose()
        })
    }

    fn row(&self, id: ConversationId) -> Answer<'_, Option<Conversation>> {
        Box::pin(async move {
            let row = sqlx::query(AssertSqlSafe(format!("{CONVERSATION} WHERE c.id = ?")))
                .bind(id.to_string())
                .fetch_optional(&self.read)
                .await
                .map_err(|source| StoreError::during("reading a conversation", source))?;
            row.as_ref().map(conversation).transpose()
        })
    }

    fn list(&self, filter: ListFilter) -> Answer<'_, Page> {
        Box::pin(self.list_rows(filter))
    }

    fn set_status(&self, id: ConversationId, status: SessionStatus, at: WallTime) -> Answer<'_, SessionStatus> {
        Box::pin(async move {
            const DOING: &str = "storing a status";
            let mut tx = self.begin(DOING).await?;
            let now = fetch(&mut tx, id).await?.status;
            if now.is_terminal() {
                return Ok(now);
            }
            sqlx::query("UPDATE conversations SET status = ?, terminal = ?, updated_at = ? WHERE id = ?")
                .bind(as_word(&status))
                .bind(status.is_terminal())
                .bind(signed(at.0))
                .bind(id.to_string())
                .execute(&mut *tx)
                .await
                .map_err(|source| StoreError::during(DOING, source))?;
            tx.commit().await.map_err(|source| StoreError::during(DOING, source))?;
            Ok(status)
        })
    }

    fn set_recording<'a>(&'a self, id: ConversationId, path: &'a str, at: WallTime) -> Answer<'a, ()> {
        Box::pin(async move {
            let done = sqlx::query("UPDATE conversations SET recording_path = ?, updated_at = ? WHERE id = ?")
                .bind(path)
                .bind(signed(at.0))
                .bind(id.to_string())
                .execute(&self.write)
                .await
                .map_err(|source| StoreError::during("storing a recording's place", source))?;
            if done.rows_affected() == 0 { Err(StoreError::NotFound(id)) } else { Ok(()) }
        })
    }

    fn set_context(&self, id: ConversationId, variables: Map<String, Value>, at: WallTime) -> Answer<'_, ()> {
        Box::pin(async move {
            let done = sqlx::query("UPDATE conversations SET context_variables = ?, updated_at = ? WHERE id = ?")
                .bind(Value::Object(variables).to_string())
                .bind(signed(at.0))
                .bind(id.to_string())
                .execute(&self.write)
                .await
                .map_err(|source| StoreError::during("storing context variables", source))?;
            if done.rows_affected() == 0 { Err(StoreError::NotFound(id)) } else { Ok(()) }
        })
    }

    fn close(&self, id: ConversationId, closing: Closing) -> Answer<'_, Closed> {
        Box::pin(self.close_row(id, closing))
    }

    fn open(&self, limit: u32) -> Answer<'_, Vec<Conversation>> {
        Box::pin(async move {
            let rows = sqlx::query(AssertSqlSafe(format!("{CONVERSATION} WHERE c.terminal = 0 ORDER BY c.started_at LIMIT ?")))
                .bind(limit)
                .fetch_all(&self.read)
                .await
                .map_err(|source| StoreError::during("listing open conversations", source))?;
            rows.iter().map(conversation).collect()
        })
    }

    fn delete(&self, organisation: OrganisationId, id: ConversationId) -> Answer<'_, bool> {
        Box::pin(async move {
            const DOING: &str = "deleting a conversation";
            let mut tx = self.begin(DOING).await?;
            let terminal: Option<bool> = sqlx::query_scalar("SELECT terminal FROM conversations WHERE id = ? AND organisation = ?")
                .bind(id.to_string())
                .bind(organisation.to_string())
                .fetch_optional(&mut *tx)
                .await
                .map_err(|source| StoreError::during(DOING, source))?;
            match terminal {
                None => Ok(false),
                Some(false) => Err(StoreError::StillLive(id)),
                Some(true) => {
                    sqlx::query("DELETE FROM conversations WHERE id = ?")
                        .bind(id.to_string())
                        .execute(&mut *tx)
                        .await
                        .map_err(|source| StoreError::during(DOING, source))?;
                    tx.commit().await.map_err(|source| StoreError::during(DOING, source))?;
                    Ok(true)
                }
            }
        })
    }
}

impl SqliteStore {
    async fn create_row(&self, new: NewConversation) -> Result<Created, StoreError> {
        const DOING: &str = "creating a conversation";
        let mut tx = self.begin(DOING).await?;
        let inserted = sqlx::query(
            "INSERT INTO conversations (id, organisation, end_user, channel, origin, external_id, session_type, assistant, worker, status, \
             terminal, subject, metadata, context_variables, started_at, created_at, updated_at, channel_subtype, tool_input_overrides, \
             ttl_expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(new.id.to_string())
        .bind(new.organisation.to_string())
        .bind(new.end_user.to_string())
        .bind(&new.channel)
        .bind(new.origin.map(crate::store::Origin::as_str))
        .bind(&new.external_id)
        .bind(&new.session_type)
        .bind(&new.assistant)
        .bind(new.worker.map(|worker| worker.to_string()))
        .bind(as_word(&new.status))
        .bind(new.status.is_terminal())
        .bind(&new.subject)
        .bind(Value::Object(new.metadata).to_string())
        .bind(Value::Object(new.context_variables).to_string())
        .bind(signed(new.at.0))
        .bind(signed(new.at.0))
        .bind(signed(new.at.0))
        .bind(&new.channel_subtype)
        .bind(new.tool_input_overrides.map(|overrides| Value::Object(overrides).to_string()))
        .bind(new.ttl_expires_at.map(|at| signed(at.0)))
        .execute(&mut *tx)
        .await
        .map_err(|source| StoreError::during(DOING, source))?
        .rows_affected()
            > 0;
        let row = sqlx::query(AssertSqlSafe(format!(
            "{CONVERSATION} WHERE c.organisation = ? AND (c.id = ? OR c.external_id = ?) ORDER BY c.id = ? DESC LIMIT 1"
        )))
        .bind(new.organisation.to_string())
        .bind(new.id.to_string())
        .bind(&new.external_id)
        .bind(new.id.to_string())
        .fetch_optional(&mut *tx)
        .await
        .map_err(|source| StoreError::during(DOING, source))?
        // The id is in use by another organisation: to this one it does not exist.
        .ok_or(StoreError::NotFound(new.id))?;
        let row = conversation(&row)?;
        tx.commit().await.map_err(|source| StoreError::during(DOING, source))?;
        Ok(Created { row, new: inserted })
    }

    async fn list_rows(&self, filter: ListFilter) -> Result<Page, StoreError> {
        let mut query = QueryBuilder::<Sqlite>::new(CONVERSATION);
        query.push(" WHERE c.organisation = ").push_bind(filter.organisation.to_string());
        if let Some(status) = filter.status {
            query.push(" AND c.status = ").push_bind(as_word(&status));
        }
        if let Some(channel) = filter.channel {
            query.push(" AND c.channel = ").push_bind(channel);
        }
        if let Some(end_user) = filter.end_user {
            query.push(" AND c.end_user = ").push_bind(end_user.to_string());
        }
        if let Some(text) = filter.text {
            let pattern = format!("%{}%", text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
            query.push(" AND (c.subject LIKE ").push_bind(pattern.clone());
            query.push(" ESCAPE '\\' OR c.summary LIKE ").push_bind(pattern).push(" ESCAPE '\\')");
        }
        if let Some(after) = filter.started_after {
            query.push(" AND c.started_at >= ").push_bind(signed(after.0));
        }
        if let Some(before) = filter.started_before {
            query.push(" AND c.started_at <= ").push_bind(signed(before.0));
        }
        if let Some((started, id)) = filter.after {
            query.push(" AND (c.started_at, c.id) < (").push_bind(signed(started.0)).push(", ").push_bind(id.to_string()).push(")");
        }
        let limit = filter.limit.clamp(1, 200);
        query.push(" ORDER BY c.started_at DESC, c.id DESC LIMIT ").push_bind(limit + 1);
        let rows = query.build().fetch_all(&self.read).await.map_err(|source| StoreError::during("listing conversations", source))?;
        let mut items = rows.iter().map(conversation).collect::<Result<Vec<_>, _>>()?;
        let limit = usize::try_from(limit).unwrap_or(200);
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|last| (last.started_at, last.id));
        Ok(Page { items, next })
    }

    async fn close_row(&self, id: ConversationId, closing: Closing) -> Result<Closed, StoreError> {
        const DOING: &str = "closing a conversation";
        // A status that is not terminal would leave the row open for ever.
        let status = if closing.status.is_terminal() { closing.status } else { SessionStatus::Closed };
        let mut tx = self.begin(DOING).await?;
        let first = sqlx::query(
            "UPDATE conversations SET status = ?, terminal = 1, termination_reason = ?, triggered_by = ?, ended_at = ?, closed_at = ?, \
             retention_expires_at = ?, updated_at = ? WHERE id = ? AND terminal = 0",
        )
        .bind(as_word(&status))
        .bind(closing.reason.as_str())
        .bind(as_word(&closing.triggered_by))
        .bind(signed(closing.ended_at.0))
        .bind(signed(closing.closed_at.0))
        .bind(closing.retention_expires_at.map(|at| signed(at.0)))
        .bind(signed(closing.closed_at.0))
        .bind(id.to_string())
        .execute(&mut *tx)
        .await
        .map_err(|source| StoreError::during(DOING, source))?
        .rows_affected()
            > 0;
        if first {
            settle(&mut tx, id, &closing).await?;
        }
        let row = fetch(&mut tx, id).await?;
        tx.commit().await.map_err(|source| StoreError::during(DOING, source))?;
        Ok(Closed { row, first })
    }
}

/// Whatever waited for a person waits no more: the handoff is resolved if that is why the conversation ends, everything else is cancelled.
async fn settle(connection: &mut SqliteConnection, id: ConversationId, closing: &Closing) -> Result<(), StoreError> {
    let word = if closing.reason == TerminationReason::HandoffResolved { HandoffStatus::Resolved } else { HandoffStatus::Cancelled };
    sqlx::query(
        "UPDATE handoffs SET status = ?, resolved_at = ? WHERE conversation = ? AND status IN ('requested', 'assigned', 'accepted')",
    )
    .bind(word.as_str())
    .bind(signed(closing.closed_at.0))
    .bind(id.to_string())
    .execute(&mut *connection)
    .await
    .map_err(|source| StoreError::during("settling handoffs", source))?;
    sqlx::query("UPDATE approvals SET state = 'cancelled', decided_at = ? WHERE conversation = ? AND state = 'pending'")
        .bind(signed(closing.closed_at.0))
        .bind(id.to_string())
        .execute(&mut *connection)
        .await
        .map(drop)
        .map_err(|source| StoreError::during("settling approvals", source))
}

pub(super) async fn fetch(connection: &mut SqliteConnection, id: ConversationId) -> Result<Conversation, StoreError> {
    let row = sqlx::query(AssertSqlSafe(format!("{CONVERSATION} WHERE c.id = ?")))
        .bind(id.to_string())
        .fetch_optional(connection)
        .await
        .map_err(|source| StoreError::during("reading a conversation", source))?
        .ok_or(StoreError::NotFound(id))?;
    conversation(&row)
}
