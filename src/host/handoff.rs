//! What a conversation asks people for, as rows: handoffs and approvals. The same of calls and of chats.

use super::driver::Driver;
use crate::call::Direction;
use crate::model::{ConversationId, SessionStatus, TurnId, TurnResult, WallTime};
use crate::runtime::{ApprovalRequest, MemoryFact};
use crate::store::{HandoffSource, LiveUpdate, NewApproval, NewHandoff};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use uuid::Uuid;

/// Facts of earlier conversations that a call begins with.
const FACTS_MAX: u32 = 50;
/// How long a call waits for them.
const RECALL_WITHIN: Duration = Duration::from_millis(250);

/// The row of a handoff. `packet` is what the runtime says of it; the store adds the place in the transcript.
pub(super) fn new(conversation: ConversationId, turn: Option<Uuid>, packet: &Map<String, Value>, at: WallTime) -> NewHandoff {
    let word = |name: &str| packet.get(name).and_then(Value::as_str).map(str::to_owned);
    // From what it belongs to: the same turn hands over once, however often it is told.
    let name = turn.map_or_else(|| "handoff".to_owned(), |turn| format!("handoff {turn}"));
    NewHandoff {
        id: Uuid::new_v5(&conversation.0, name.as_bytes()),
        conversation,
        turn,
        reason: word("reason"),
        static_text: word("static_text").unwrap_or_default(),
        source: HandoffSource::WorkflowTerminal,
        packet: packet.clone(),
        at,
    }
}

/// The row of an approval.
pub(super) fn approval(conversation: ConversationId, wanted: &ApprovalRequest, at: WallTime) -> NewApproval {
    NewApproval {
        id: wanted.id,
        conversation,
        node: Some(wanted.node.clone()),
        message: wanted.reason.expose().clone(),
        at,
        expires_at: WallTime(at.0.saturating_add(wanted.timeout.0)),
    }
}

impl Driver {
    /// What a turn asks people for. The transcript so far is stored before it: whoever takes over reads what led there.
    pub(super) fn tell_people(&self, turn: TurnId, result: &TurnResult) {
        let (conversation, at) = (self.conversation, self.shells.clock.wall());
        if let Some(packet) = &result.handoff {
            self.store_words();
            let mut handoff = new(conversation, None, packet, at);
            handoff.id = Uuid::new_v5(&conversation.0, format!("handoff {turn}").as_bytes());
            if handoff.packet.get("summary").is_none_or(Value::is_null) {
                let summary = crate::runtime::summarise(self.runtime.transcript());
                if !summary.is_empty() {
                    handoff.packet.insert("summary".to_owned(), summary.into());
                }
            }
            self.shells.writer.offer(LiveUpdate::Handoff(Box::new(handoff)));
        }
        let waits = result.handoff.as_ref().map(|_| SessionStatus::WaitingForHuman);
        let status = result.session_status.as_deref().and_then(SessionStatus::parse).filter(|status| !status.is_terminal()).or(waits);
        if let Some(status) = status {
            self.shells.writer.offer(LiveUpdate::Status { conversation, status, at });
        }
    }

    pub(super) fn want_approval(&self, wanted: &ApprovalRequest) {
        let row = approval(self.conversation, wanted, self.shells.clock.wall());
        self.shells.writer.offer(LiveUpdate::Approval(Box::new(row)));
    }

    /// What was said so far, into the store: what is stored next comes after it.
    pub(super) fn store_words(&self) {
        let messages = super::close::messages(self.conversation, self.runtime.transcript(), self.shells.clock.wall());
        self.shells.writer.offer(LiveUpdate::Words { conversation: self.conversation, messages });
    }

    /// As [`Self::store_words`], and says when they are.
    pub(super) fn store_words_now(&self, done: oneshot::Sender<()>) {
        let messages = super::close::messages(self.conversation, self.runtime.transcript(), self.shells.clock.wall());
        let (shells, conversation) = (Arc::clone(&self.shells), self.conversation);
        self.shells.tasks.spawn("words", async move {
            match shells.store.flush(conversation, messages).await {
                Ok(_) => drop(done.send(())),
                Err(error) => tracing::warn!(%conversation, %error, "what was said so far could not be stored"),
            }
        });
    }

    /// What earlier conversations taught about the caller, before the first turn. A store that is slow or away taught nothing: it never holds up a
    /// call.
    pub(super) async fn recall(&mut self) {
        let Some(live) = self.shells.directory.get(self.conversation) else { return };
        let opening = self.runtime.opening();
        let customer = if opening.direction == Direction::Outbound { &opening.to } else { &opening.from };
        let end_user = Uuid::new_v5(&live.organisation.0, customer.expose().as_bytes());
        let asked = self.shells.store.recall(live.organisation, end_user, FACTS_MAX);
        match tokio::time::timeout(RECALL_WITHIN, asked).await {
            Ok(Ok(facts)) if facts.is_empty() => {}
            Ok(Ok(facts)) => {
                let facts: Vec<MemoryFact> = facts.into_iter().map(|fact| MemoryFact { key: fact.name, text: fact.value }).collect();
                self.runtime.recall(&facts);
            }
            Ok(Err(error)) => {
                tracing::warn!(conversation = %self.conversation, %error, "a call begins without what is known of its caller")
            }
            Err(_) => {
                tracing::warn!(conversation = %self.conversation, "a call begins without what is known of its caller: the store is slow")
            }
        }
    }
}
