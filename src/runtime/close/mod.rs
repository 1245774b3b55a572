//! Closing a conversation, as data (contract section 2).
//!
//! Owns: the order of the steps, the log that says how far a close came, the one function that judges both the live run and the resumption
//! after a crash, and what is known about the conversation at its end. Each step is idempotent: the host may run it again when the log
//! does not say it is done.
//!
//! Does not: touch the store, emit spans or queue jobs; the host does, step by step, and writes each [`CloseEvent`] to the journal.

mod after;
mod plan;
mod summary;

pub use after::{facts_of, memory_ask, read_memory, read_summary, summary_ask};
pub(super) use after::{writer_call, written};
pub use plan::{CloseEvent, CloseLog, IllegalStep, Next, PostJob, STEP_ATTEMPTS, next_status};
pub use summary::summarise;

use super::session::MemoryFact;
use super::transcript::Transcript;
use super::value::Value;
use crate::model::{ConversationId, EndCause, Redacted, RuntimeStatus, TerminationReason, TriggeredBy, TurnResult};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything the close pipeline needs of the conversation. Made once; ending again answers the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloseRecord {
    pub conversation: ConversationId,
    pub triggered_by: TriggeredBy,
    pub cause: EndCause,
    /// `cause.termination_reason()`, the word of the row.
    pub reason: TerminationReason,
    pub transcript: Transcript,
    pub variables: BTreeMap<String, Value>,
    /// Where the workflow stood; its clean-up forgets it.
    pub workflow_node: Option<String>,
    pub turns: u32,
    /// An extract of the caller's own words; empty where nothing was said.
    pub summary: Redacted<String>,
    /// What the variables marked `remember` hold.
    #[serde(default)]
    pub facts: Vec<MemoryFact>,
}

impl CloseRecord {
    /// What ending answers, the first time and every other time.
    pub fn result(&self) -> TurnResult {
        TurnResult::bare(self.conversation, RuntimeStatus::Ended)
    }
}
