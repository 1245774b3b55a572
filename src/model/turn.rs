//! One turn's answer, as the published API has it.

use super::dtmf::DtmfInputSpec;
use super::ids::ConversationId;
use super::text::Redacted;
use super::transfer::{CallTransferIntent, TransferOutcome};
use super::words::words;
use serde::{Deserialize, Serialize};
use std::fmt;
use uuid::Uuid;

/// Snapshot after one `run_turn`. The host reads `status` and `error` first, then `dtmf_input`, then `call_transfer`, then `handoff`
/// (contract section 2).
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct TurnResult {
    #[serde(default)]
    pub session_id: Option<ConversationId>,
    /// Exactly one for voice and API; empty only in the answer of `end_session`.
    #[serde(default)]
    pub messages: Vec<AssistantMessage>,
    pub status: RuntimeStatus,
    #[serde(default)]
    pub handoff: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    pub call_transfer: Option<CallTransferIntent>,
    #[serde(default)]
    pub dtmf_input: Option<DtmfInputSpec>,
    #[serde(default)]
    pub session_status: Option<String>,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub model_used: Option<String>,
    #[serde(default)]
    pub token_count: Option<u64>,
    #[serde(default)]
    pub latency_ms: Option<u64>,
}

/// Handoffs hold variables of the caller: `Debug` says that there is one, not what is in it.
impl fmt::Debug for TurnResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnResult")
            .field("status", &self.status)
            .field("messages", &self.messages)
            .field("handoff", &self.handoff.is_some())
            .field("call_transfer", &self.call_transfer)
            .field("dtmf_input", &self.dtmf_input)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl TurnResult {
    /// A turn that said `text` (empty: a silent turn) and left everything else unset.
    pub fn saying(session_id: ConversationId, status: RuntimeStatus, text: impl Into<String>) -> Self {
        Self { messages: vec![AssistantMessage::buffered(text)], ..Self::bare(session_id, status) }
    }

    /// No message at all: what `end_session` answers.
    pub fn bare(session_id: ConversationId, status: RuntimeStatus) -> Self {
        Self {
            session_id: Some(session_id),
            messages: Vec::new(),
            status,
            handoff: None,
            call_transfer: None,
            dtmf_input: None,
            session_status: None,
            error: None,
            model_used: None,
            token_count: None,
            latency_ms: None,
        }
    }
}

/// One message of the assistant. It may repeat what the caller said: its `Debug` shows no words.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssistantMessage {
    /// Null for voice, where the transcript is flushed when the session ends.
    #[serde(default)]
    pub turn_id: Option<Uuid>,
    pub content: String,
    #[serde(default)]
    pub sequence: u64,
    #[serde(default)]
    pub producing_assistant_id: Option<Uuid>,
}

impl AssistantMessage {
    pub fn buffered(content: impl Into<String>) -> Self {
        Self { turn_id: None, content: content.into(), sequence: 0, producing_assistant_id: None }
    }
}

impl fmt::Debug for AssistantMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AssistantMessage").field("turn_id", &self.turn_id).field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

words!(
    /// In memory, per live runtime. Not the status of the row.
    RuntimeStatus {
        Idle = "idle",
        RunningTurn = "running_turn",
        EndRequested = "end_requested",
        EndProcessing = "end_processing",
        Ended = "ended",
        Error = "error",
    }
);

words!(
    /// Durable status of the conversation's row.
    SessionStatus {
        Queued = "queued",
        Ringing = "ringing",
        Active = "active",
        Paused = "paused",
        WaitingForHuman = "waiting_for_human",
        AwaitingApproval = "awaiting_approval",
        Transferred = "transferred",
        Closed = "closed",
        Expired = "expired",
        Error = "error",
        Superseded = "superseded",
    }
);

impl SessionStatus {
    /// Nothing follows these.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Closed | Self::Expired | Self::Error | Self::Superseded)
    }
}

/// What a turn answers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum TurnInput {
    /// The call is up and the assistant has the first word.
    Started,
    /// The caller said this.
    Said { text: Redacted<String> },
    /// A finished keypad collection: prefix + digits, without the termination digit.
    Keyed { text: Redacted<String> },
    /// Nothing was heard; `reminder` counts from 1.
    Silent { reminder: u32 },
    /// A transfer is over and the caller is back; `on_failure` is the intent's workflow node.
    TransferEnded { outcome: TransferOutcome, on_failure: Option<String> },
    /// An operator decided on an approval a turn was suspended for, or its time ran out (denied).
    ApprovalDecided { approval: Uuid, approved: bool },
}
