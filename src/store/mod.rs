//! What outlives a call: conversations, their messages, the close log, jobs, timelines, transfer attempts, and what waits for people.
//!
//! Owns: the traits below, their rows, the SQLite implementation and the bounded writer for live updates.
//!
//! Does not do: decide anything about a call. **A store that fails never blocks or ends a call**: a live call talks to the store only through
//! [`Writer`], which drops and counts; the close pipeline waits for its answer, keeps what failed in the call's journal and goes on from the close
//! log when the store is back. Every write is idempotent, so "once more" is always the right answer to an unknown outcome.
//!
//! Every implementation passes the one contract suite in `tests/store.rs`.

mod batch;
mod chats;
mod error;
mod people;
mod rows;
mod sqlite;
mod upkeep;
mod writer;

pub use crate::model::CloseStep;
pub use batch::{Batch, Batches, CloseWrite};
pub use chats::{ChatCommit, ChatInput, Chats, Committed};
pub use error::StoreError;
pub use people::{
    Approval, ApprovalState, Approvals, Decided, Handoff, HandoffFilter, HandoffSource, HandoffStatus, Handoffs, NewApproval, NewHandoff,
    RelayMessage, Relayed,
};
pub use rows::{
    CloseLogEntry, Closed, Closing, ConsultTurn, Conversation, Created, FailedTransfer, Flushed, Job, JobKind, JobState, ListFilter,
    Message, NewConversation, NewMessage, NumberedMessage, Origin, Page, Role, TimelineEntry, TransferAttempt,
};
pub use sqlite::{SqliteConfig, SqliteStore};
pub use upkeep::{MemoryFact, Upkeep};
pub use writer::{LiveUpdate, NotWritten, Offered, WRITER_CAPACITY, Writer, WriterStats};

use crate::model::{ConversationId, OrganisationId, SessionStatus, WallTime};
use futures_util::future::BoxFuture;
use uuid::Uuid;

/// What every store operation answers with; boxed so that the traits can be used behind `Arc<dyn Store>`.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Entries kept of one call's timeline; later ones are counted and dropped.
pub const TIMELINE_MAX_ENTRIES: u32 = 2_000;

/// Rows of conversations and of the organisations they belong to.
pub trait Conversations: Send + Sync {
    /// Makes sure the organisation exists; an existing one keeps its creation time and takes the new name.
    fn put_organisation<'a>(&'a self, id: OrganisationId, name: &'a str, at: WallTime) -> Answer<'a, ()>;

    /// Creates the row. With an `external_id` that the organisation already uses the existing row is answered; with an `id` that exists too.
    fn create(&self, new: NewConversation) -> Answer<'_, Created>;

    /// The row, if it exists and belongs to the organisation; `None` in both other cases, so that a foreign id looks like an unknown one.
    fn get(&self, organisation: OrganisationId, id: ConversationId) -> Answer<'_, Option<Conversation>>;

    /// The row of any organisation: for the worker's own work, never for a client.
    fn row(&self, id: ConversationId) -> Answer<'_, Option<Conversation>>;

    /// Newest first, keyset-paged by `(started_at, id)`.
    fn list(&self, filter: ListFilter) -> Answer<'_, Page>;

    /// Changes a status that is not terminal; on a terminal row nothing happens. Answers the status the row has now.
    fn set_status(&self, id: ConversationId, status: SessionStatus, at: WallTime) -> Answer<'_, SessionStatus>;

    /// Where the call's recording lies.
    fn set_recording<'a>(&'a self, id: ConversationId, path: &'a str, at: WallTime) -> Answer<'a, ()>;

    /// Replaces the row's context variables.
    fn set_context(&self, id: ConversationId, variables: serde_json::Map<String, serde_json::Value>, at: WallTime) -> Answer<'_, ()>;

    /// Closes the row with its reason and retention stamp. The first close wins: a terminal row stays as it is and is answered with
    /// `first: false`.
    fn close(&self, id: ConversationId, closing: Closing) -> Answer<'_, Closed>;

    /// Rows of any organisation that are not terminal, oldest first, at most `limit`: what a restarted worker must look at.
    fn open(&self, limit: u32) -> Answer<'_, Vec<Conversation>>;

    /// Removes the row and everything under it. `Ok(false)`: there is none in this organisation. A row that is not terminal is refused with
    /// [`StoreError::StillLive`].
    fn delete(&self, organisation: OrganisationId, id: ConversationId) -> Answer<'_, bool>;
}

/// Messages of a conversation, numbered from 0 without gaps.
pub trait Transcripts: Send + Sync {
    /// Stores one HTTP turn's messages under the next free numbers, all or none; a message whose id is stored already keeps its number.
    /// Answers the numbers in order. Not for live voice calls: there the runtime numbers and flushes.
    fn append(&self, conversation: ConversationId, messages: Vec<NewMessage>) -> Answer<'_, Vec<u32>>;

    /// Stores a buffered transcript in its order under the next free numbers, all or none. A message whose id is stored keeps its number and takes
    /// the words given now (the caller may have heard less than was stored while the call ran); one whose id holds another speaker's words is
    /// [`StoreError::SeqTaken`] and nothing is written.
    fn flush(&self, conversation: ConversationId, messages: Vec<NumberedMessage>) -> Answer<'_, Flushed>;

    /// Messages with `seq > since`, in order, at most `limit`; `since: None` is from the start.
    fn messages(&self, conversation: ConversationId, since: Option<u32>, limit: u32) -> Answer<'_, Vec<Message>> {
        self.messages_of(conversation, None, since, limit)
    }

    /// As [`Self::messages`], of one role.
    fn messages_of(&self, conversation: ConversationId, role: Option<Role>, since: Option<u32>, limit: u32) -> Answer<'_, Vec<Message>>;

    /// The last `limit` messages, in order.
    fn last_messages(&self, conversation: ConversationId, limit: u32) -> Answer<'_, Vec<Message>>;
}

/// Which steps of the close pipeline are done; decides what is left after a crash.
pub trait CloseLog: Send + Sync {
    /// Notes a step as done; the first note of a step stays.
    fn note_close_step(&self, conversation: ConversationId, entry: CloseLogEntry) -> Answer<'_, ()>;

    /// In the pipeline's order.
    fn close_steps(&self, conversation: ConversationId) -> Answer<'_, Vec<CloseLogEntry>>;
}

/// Post-session jobs: at most one of a kind per conversation.
pub trait Jobs: Send + Sync {
    /// Queues what is not queued yet. Answers how many were new.
    fn queue_jobs<'a>(&'a self, conversation: ConversationId, kinds: &'a [JobKind], at: WallTime) -> Answer<'a, u32>;

    /// Takes the oldest queued job, or a running one whose taker has been silent since before `stale_before`.
    fn take_job(&self, at: WallTime, stale_before: WallTime) -> Answer<'_, Option<Job>>;

    /// Ends a job that was taken.
    fn finish_job(&self, id: Uuid, state: JobState, at: WallTime) -> Answer<'_, ()>;

    fn jobs(&self, conversation: ConversationId) -> Answer<'_, Vec<Job>>;
}

/// What happened on a call, for people who ask afterwards.
pub trait Timelines: Send + Sync {
    /// Idempotent by the entry's `seq`; entries numbered [`TIMELINE_MAX_ENTRIES`] and above are dropped. Answers how many were dropped.
    fn append_timeline(&self, conversation: ConversationId, entries: Vec<TimelineEntry>) -> Answer<'_, u32>;

    fn timeline(&self, conversation: ConversationId) -> Answer<'_, Vec<TimelineEntry>>;
}

/// One row an attempt of a transfer (contract section 7).
pub trait Transfers: Send + Sync {
    /// Writes the attempt as it stands now, by its id.
    fn put_attempt(&self, attempt: TransferAttempt) -> Answer<'_, ()>;

    /// In the order they were made.
    fn attempts(&self, conversation: ConversationId) -> Answer<'_, Vec<TransferAttempt>>;

    /// Attempts with a failure reason, newest first, after the one with this time and id.
    fn failed_transfers(
        &self,
        organisation: OrganisationId,
        after: Option<(WallTime, Uuid)>,
        limit: u32,
    ) -> Answer<'_, Vec<FailedTransfer>>;
}

/// What was said on the consults of a conversation's transfers, apart from the caller's transcript.
pub trait Consults: Send + Sync {
    /// Idempotent by attempt and `seq`.
    fn append_consult(&self, turns: Vec<ConsultTurn>) -> Answer<'_, ()>;

    /// In the order it was said.
    fn consult(&self, conversation: ConversationId) -> Answer<'_, Vec<ConsultTurn>>;
}

/// Everything together, as `Arc<dyn Store>`.
pub trait Store:
    Conversations + Transcripts + CloseLog + Jobs + Timelines + Transfers + Consults + Chats + Handoffs + Approvals + Upkeep + Batches
{
}

impl<T> Store for T where
    T: Conversations + Transcripts + CloseLog + Jobs + Timelines + Transfers + Consults + Chats + Handoffs + Approvals + Upkeep + Batches
{
}
