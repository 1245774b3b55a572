//! Chat conversations: a turn is stored whole or not at all, with what its runtime was told, so that a fresh one can be told the same.

use super::{Answer, NewApproval, NewHandoff, NewMessage};
use crate::model::{ConversationId, Redacted, SessionStatus, WallTime};
use serde_json::{Map, Value};
use uuid::Uuid;

/// What a runtime was told in one turn.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatInput {
    /// From 0 within the conversation.
    pub number: u32,
    pub turn: Uuid,
    /// Inputs and answers in the order they came; only the runtime's own types know what is in them.
    pub inputs: Redacted<Value>,
    /// SHA-256 of what the runtime answered, hex: a runtime that answers something else is another one.
    pub said_digest: String,
}

/// One turn, as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatCommit {
    pub input: ChatInput,
    pub messages: Vec<NewMessage>,
    /// Replace the row's.
    pub variables: Redacted<Map<String, Value>>,
    pub status: SessionStatus,
    pub handoff: Option<NewHandoff>,
    pub approval: Option<NewApproval>,
    /// When the conversation expires if nothing follows.
    pub ttl_expires_at: WallTime,
    pub at: WallTime,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Numbers of the messages, in order.
    Stored(Vec<u32>),
    /// The conversation ended meanwhile; nothing was stored.
    Over(SessionStatus),
    /// Another worker stored a turn of this number; nothing was stored.
    Overtaken,
}

/// Turns of chats.
pub trait Chats: Send + Sync {
    /// All of it or nothing.
    fn commit_turn(&self, conversation: ConversationId, commit: ChatCommit) -> Answer<'_, Committed>;

    /// What the conversation's runtime was told, in order.
    fn chat_inputs(&self, conversation: ConversationId) -> Answer<'_, Vec<ChatInput>>;
}
