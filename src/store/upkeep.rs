//! What the worker does to rows by itself: expiry, retention, and the jobs that follow a conversation.

use super::{Answer, Conversation};
use crate::model::{ConversationId, OrganisationId, Redacted, WallTime};
use uuid::Uuid;

/// Something known about an end user from earlier conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryFact {
    pub name: String,
    pub value: Redacted<String>,
    /// Where it was learnt.
    pub conversation: ConversationId,
    pub at: WallTime,
}

/// Every operation is bounded by its `limit` and idempotent.
pub trait Upkeep: Send + Sync {
    /// Open conversations whose time to live is over, oldest first.
    fn idle(&self, now: WallTime, limit: u32) -> Answer<'_, Vec<Conversation>>;

    /// Closed conversations whose retention is over, oldest first.
    fn outlived(&self, now: WallTime, limit: u32) -> Answer<'_, Vec<Conversation>>;

    /// The row's summary, where it has none.
    fn set_summary(&self, conversation: ConversationId, summary: Redacted<String>, at: WallTime) -> Answer<'_, ()>;

    /// Puts these words in the place of those of the messages with these numbers.
    fn rewrite(&self, conversation: ConversationId, words: Vec<(u32, Redacted<String>)>) -> Answer<'_, ()>;

    /// Facts of the conversation's end user, each by its name; a fact learnt later stays. Marks the row's memory as synced.
    fn remember(&self, conversation: ConversationId, facts: Vec<MemoryFact>) -> Answer<'_, ()>;

    /// What is known of an end user, newest first.
    fn recall(&self, organisation: OrganisationId, end_user: Uuid, limit: u32) -> Answer<'_, Vec<MemoryFact>>;
}
