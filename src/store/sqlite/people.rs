//! Handoffs and approvals.

use super::SqliteStore;
use super::after::missing_parent;
use super::conversations::fetch;
use super::read::{id, object, opt_id, opt_text, opt_time, signed, text, time};
use super::transcripts::{insert, next_seq};
use crate::model::{ConversationId, OrganisationId, WallTime};
use crate::store::people::enriched;
use crate::store::{
    Answer, Approval, ApprovalState, Approvals, Decided, Handoff, HandoffFilter, HandoffSource, HandoffStatus, Handoffs, NewApproval,
    NewHandoff, NewMessage, RelayMessage, Relayed, Role, StoreError,
};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};
use uuid::Uuid;

const HANDING: &str = "storing a handoff";
const READING: &str = "reading handoffs";
const APPROVING: &str = "storing an approval";
/// Who writes an operator's messages.
const OPERATOR: &str = "human_operator";

impl Handoffs for SqliteStore {
    fn put_handoff(&self, new: NewHandoff) -> Answer<'_, Option<Handoff>> {
        Box::pin(async move {
            let mut tx = self.begin(HANDING).await?;
            let stored = insert_handoff(&mut tx, &new).await?;
            tx.commit().await.map_err(handing)?;
            Ok(stored)
        })
    }

    fn handoff(&self, organisation: OrganisationId, id: Uuid) -> Answer<'_, Option<Handoff>> {
        Box::pin(async move {
            let row = sqlx::query("SELECT * FROM handoffs WHERE id = ? AND organisation = ?")
                .bind(id.to_string())
                .bind(organisation.to_string())
                .fetch_optional(&self.read)
                .await
                .map_err(|source| StoreError::during(READING, source))?;
            row.as_ref().map(handoff).transpose()
        })
    }

    fn handoffs(&self, filter: HandoffFilter) -> Answer<'_, Vec<Handoff>> {
        Box::pin(async move {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM handoffs WHERE organisation = ");
            query.push_bind(filter.organisation.to_string());
            if let Some(status) = filter.status {
                query.push(" AND status = ").push_bind(status.as_str());
            }
            if let Some((at, id)) = filter.after {
                query.push(" AND (created_at, id) < (").push_bind(signed(at.0)).push(", ").push_bind(id.to_string()).push(")");
            }
            query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(filter.limit);
            let rows = query.build().fetch_all(&self.read).await.map_err(|source| StoreError::during(READING, source))?;
            rows.iter().map(handoff).collect()
        })
    }

    fn relay(&self, organisation: OrganisationId, id: Uuid, message: RelayMessage) -> Answer<'_, Option<Relayed>> {
        Box::pin(async move {
            let mut tx = self.begin(HANDING).await?;
            let Some(open) = own_handoff(&mut tx, organisation, id).await? else { return Ok(None) };
            if !open.status.is_open() {
                return Ok(Some(Relayed::Over(open.status)));
            }
            let mut new = NewMessage::new(message.id, Role::Assistant, message.content, message.at);
            new.authored_by = Some(OPERATOR.to_owned());
            new.operator = Some(message.operator.clone());
            let seq = next_seq(&mut tx, open.conversation).await?;
            insert(&mut tx, open.conversation, seq, &new).await?;
            sqlx::query(
                "UPDATE handoffs SET assignee = ?1, status = CASE status WHEN 'requested' THEN 'assigned' ELSE status END \
                 WHERE id = ?2 AND assignee IS NULL",
            )
            .bind(&message.operator)
            .bind(id.to_string())
            .execute(&mut *tx)
            .await
            .map_err(handing)?;
            let Some(handoff) = own_handoff(&mut tx, organisation, id).await? else { return Ok(None) };
            tx.commit().await.map_err(handing)?;
            Ok(Some(Relayed::Stored { handoff, seq, message: new }))
        })
    }

    fn resolve_handoff(&self, organisation: OrganisationId, id: Uuid, at: WallTime) -> Answer<'_, Option<Handoff>> {
        Box::pin(async move {
            let mut tx = self.begin(HANDING).await?;
            sqlx::query(
                "UPDATE handoffs SET status = 'resolved', resolved_at = ? WHERE id = ? AND organisation = ? \
                 AND status IN ('requested', 'assigned', 'accepted')",
            )
            .bind(signed(at.0))
            .bind(id.to_string())
            .bind(organisation.to_string())
            .execute(&mut *tx)
            .await
            .map_err(handing)?;
            let row = own_handoff(&mut tx, organisation, id).await?;
            tx.commit().await.map_err(handing)?;
            Ok(row)
        })
    }
}

impl Approvals for SqliteStore {
    fn put_approval(&self, new: NewApproval) -> Answer<'_, bool> {
        Box::pin(async move {
            let mut tx = self.begin(APPROVING).await?;
            let stored = insert_approval(&mut tx, &new).await?;
            tx.commit().await.map_err(approving)?;
            Ok(stored)
        })
    }

    fn approvals(
        &self,
        organisation: OrganisationId,
        state: Option<ApprovalState>,
        after: Option<(WallTime, Uuid)>,
        limit: u32,
    ) -> Answer<'_, Vec<Approval>> {
        Box::pin(async move {
            let mut query = QueryBuilder::<Sqlite>::new("SELECT * FROM approvals WHERE organisation = ");
            query.push_bind(organisation.to_string());
            if let Some(state) = state {
                query.push(" AND state = ").push_bind(state.as_str());
            }
            if let Some((at, id)) = after {
                query.push(" AND (created_at, id) < (").push_bind(signed(at.0)).push(", ").push_bind(id.to_string()).push(")");
            }
            query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(limit);
            let rows = query.build().fetch_all(&self.read).await.map_err(approving)?;
            rows.iter().map(approval).collect()
        })
    }

    fn overdue_approvals(&self, now: WallTime, limit: u32) -> Answer<'_, Vec<Approval>> {
        Box::pin(async move {
            let rows = sqlx::query("SELECT * FROM approvals WHERE state = 'pending' AND expires_at <= ? ORDER BY expires_at LIMIT ?")
                .bind(signed(now.0))
                .bind(limit)
                .fetch_all(&self.read)
                .await
                .map_err(approving)?;
            rows.iter().map(approval).collect()
        })
    }

    fn decide(&self, organisation: OrganisationId, id: Uuid, approved: bool, by: String, at: WallTime) -> Answer<'_, Option<Decided>> {
        Box::pin(async move {
            let mut tx = self.begin(APPROVING).await?;
            let state = if approved { ApprovalState::Approved } else { ApprovalState::Denied };
            let first = sqlx::query(
                "UPDATE approvals SET state = ?, decided_by = ?, decided_at = ? WHERE id = ? AND organisation = ? AND state = 'pending'",
            )
            .bind(state.as_str())
            .bind(by)
            .bind(signed(at.0))
            .bind(id.to_string())
            .bind(organisation.to_string())
            .execute(&mut *tx)
            .await
            .map_err(approving)?
            .rows_affected()
                > 0;
            let row = sqlx::query("SELECT * FROM approvals WHERE id = ? AND organisation = ?")
                .bind(id.to_string())
                .bind(organisation.to_string())
                .fetch_optional(&mut *tx)
                .await
                .map_err(approving)?;
            let found = row.as_ref().map(approval).transpose()?;
            tx.commit().await.map_err(approving)?;
            Ok(found.map(|approval| Decided { approval, first }))
        })
    }
}

/// The handoff as it stands then; `None` where the conversation is over or not there.
pub(super) async fn insert_handoff(tx: &mut SqliteConnection, new: &NewHandoff) -> Result<Option<Handoff>, StoreError> {
    let row = match fetch(&mut *tx, new.conversation).await {
        Ok(row) if !row.status.is_terminal() => row,
        Ok(_) | Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    let up_to_seq = next_seq(&mut *tx, new.conversation).await?.checked_sub(1);
    let packet = enriched(new.packet.clone(), &row, up_to_seq);
    sqlx::query(
        "INSERT INTO handoffs (id, organisation, conversation, turn, reason, static_text, status, source, packet, created_at) \
         VALUES (?, ?, ?, ?, ?, ?, 'requested', ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(row.organisation.to_string())
    .bind(new.conversation.to_string())
    .bind(new.turn.map(|turn| turn.to_string()))
    .bind(&new.reason)
    .bind(&new.static_text)
    .bind(new.source.as_str())
    .bind(Value::Object(packet).to_string())
    .bind(signed(new.at.0))
    .execute(&mut *tx)
    .await
    .map_err(|source| missing_parent(new.conversation, HANDING, source))?;
    own_handoff(tx, row.organisation, new.id).await
}

/// False where the conversation is over or not there.
pub(super) async fn insert_approval(tx: &mut SqliteConnection, new: &NewApproval) -> Result<bool, StoreError> {
    let row = match fetch(&mut *tx, new.conversation).await {
        Ok(row) if !row.status.is_terminal() => row,
        Ok(_) | Err(StoreError::NotFound(_)) => return Ok(false),
        Err(error) => return Err(error),
    };
    sqlx::query(
        "INSERT INTO approvals (id, organisation, conversation, node, message, state, created_at, expires_at) \
         VALUES (?, ?, ?, ?, ?, 'pending', ?, ?) \
         ON CONFLICT DO NOTHING",
    )
    .bind(new.id.to_string())
    .bind(row.organisation.to_string())
    .bind(new.conversation.to_string())
    .bind(&new.node)
    .bind(&new.message)
    .bind(signed(new.at.0))
    .bind(signed(new.expires_at.0))
    .execute(tx)
    .await
    .map(|_| true)
    .map_err(|source| missing_parent(new.conversation, APPROVING, source))
}

async fn own_handoff(tx: &mut SqliteConnection, organisation: OrganisationId, id: Uuid) -> Result<Option<Handoff>, StoreError> {
    let row = sqlx::query("SELECT * FROM handoffs WHERE id = ? AND organisation = ?")
        .bind(id.to_string())
        .bind(organisation.to_string())
        .fetch_optional(tx)
        .await
        .map_err(handing)?;
    row.as_ref().map(handoff).transpose()
}

fn handoff(row: &SqliteRow) -> Result<Handoff, StoreError> {
    let (status, source) = (text(row, "status")?, text(row, "source")?);
    Ok(Handoff {
        id: id(row, "id")?,
        organisation: OrganisationId(id(row, "organisation")?),
        conversation: ConversationId(id(row, "conversation")?),
        turn: opt_id(row, "turn")?,
        reason: opt_text(row, "reason")?,
        static_text: text(row, "static_text")?,
        status: HandoffStatus::parse(&status).ok_or(StoreError::Corrupt { what: "handoff status", value: status })?,
        assignee: opt_text(row, "assignee")?,
        source: HandoffSource::parse(&source).ok_or(StoreError::Corrupt { what: "handoff source", value: source })?,
        packet: object(row, "packet")?,
        created_at: time(row, "created_at")?,
        resolved_at: opt_time(row, "resolved_at")?,
    })
}

fn approval(row: &SqliteRow) -> Result<Approval, StoreError> {
    let state = text(row, "state")?;
    Ok(Approval {
        id: id(row, "id")?,
        organisation: OrganisationId(id(row, "organisation")?),
        conversation: ConversationId(id(row, "conversation")?),
        node: opt_text(row, "node")?,
        message: text(row, "message")?,
        state: ApprovalState::parse(&state).ok_or(StoreError::Corrupt { what: "approval state", value: state })?,
        decided_by: opt_text(row, "decided_by")?,
        created_at: time(row, "created_at")?,
        expires_at: time(row, "expires_at")?,
        decided_at: opt_time(row, "decided_at")?,
    })
}

fn handing(source: sqlx::Error) -> StoreError {
    StoreError::during(HANDING, source)
}

fn approving(source: sqlx::Error) -> StoreError {
    StoreError::during(APPROVING, source)
}
