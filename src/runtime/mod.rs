//! The conversation: what the assistant answers, turn by turn.
//!
//! Owns: assistants and their checked workflow graphs, the variables and the transcript of one conversation, the platform tools
//! (`transfer_call`, `request_human_handoff`, `end_session`), and the order in which a conversation is closed.
//!
//! [`VoiceRuntime`] is stepwise. [`VoiceRuntime::begin_turn`] takes one input, [`VoiceRuntime::poll`] hands out what follows from it until it
//! answers `None`; a question to the outside world is an [`Ask`] with an id, answered by [`VoiceRuntime::answer`]. Exactly one
//! [`RuntimeOutput::Ready`] closes a turn; sentences may come before it. An assistant without `[model]` is deterministic: the graph and a
//! matcher decide, and the same inputs give the same conversation.
//!
//! ```text
//! input ─▶ node that waits ─▶ matcher / collector ──────────────▶ edge ─▶ walk (actions act, an agent node waits) ─▶ TurnResult
//!                        └──▶ Ask(model) ─▶ sentences, calls ─┘     ▲                │ Ask(tool), Ask(judge)
//!                                  ▲   tools answer │               └────────────────┘
//!                                  └────────────────┘
//! ```
//!
//! Whatever a model or a tool does, the caller hears something and the next turn works: silence is bounded by `max_wait_ms` over all questions
//! of a turn, calls by `max_rounds` and `max_steps`, and each failure ends in words and an `error` of the contract's vocabulary.
//!
//! Does not: speak, listen, dial, store, wait, or read a clock. It decides that a transfer is wanted; the call core carries it out. It names
//! the steps of a close; the host runs them. Caller words and digits stay in [`crate::model::Redacted`] values and in serialised records.
#![deny(clippy::disallowed_types, clippy::float_arithmetic, clippy::wildcard_enum_match_arm)]

mod ask;
mod assistant;
mod briefing;
mod close;
mod context;
mod dialogue;
mod expected;
mod expression;
mod http_tool;
mod language;
mod matcher;
mod sentences;
mod session;
pub mod shell;
mod template;
mod tools;
mod transcript;
mod value;
mod workflow;

pub use crate::model::{CallDirection, CloseStep};
pub use ask::{
    Answer, AnswerBody, Ask, AskFailure, AskId, AskReason, ChatMessage, HeaderPiece, HeaderValue, HttpAnswer, HttpMethod, HttpToolCall,
    ModelAnswer, ModelCall, Question, RetryPolicy, ToolCall, ToolChoice, ToolSpec,
};
pub use assistant::{Assistant, Fault, LoadError};
pub use close::{
    CloseEvent, CloseLog, CloseRecord, IllegalStep, Next, PostJob, STEP_ATTEMPTS, facts_of, memory_ask, next_status, read_memory,
    read_summary, summarise, summary_ask,
};
pub use expected::ExpectedInput;
pub use session::{ApprovalRequest, MemoryFact, RuntimeOpening, RuntimeOutput, TurnError, VoiceRuntime};
pub use transcript::{Role, Transcript, TranscriptEntry};
pub use value::{Decimal, Value};
pub use workflow::{NodeKind, Workflow};
