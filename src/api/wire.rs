//! Bodies as the published API has them.
//!
//! `SessionResponse` and its kin are written from rows. The turn's types are `model`'s own when they are written; the types here describe them in
//! the OpenAPI document, and `tests/contract.rs` holds both against the published facts.

mod conversation;
mod people;
mod session;
mod turn;
mod voice;

pub(super) use conversation::{
    ConversationCreate, ConversationResponse, RunTurnResponse, StreamEvent, StreamQuery, TurnListResponse, TurnRequest, TurnsQuery,
};
pub(super) use people::{
    ApprovalDecision, ApprovalPage, ApprovalQuery, ApprovalRead, HandoffMessageRead, HandoffPage, HandoffQuery, HandoffRead,
    HandoffRelayRequest, read_place, write_place,
};
pub(super) use session::{
    ConversationMessagesPoll, EndSessionRequest, EvalFilter, ListQuery, PollQuery, SessionClose, SessionDetailResponse, SessionPage,
    SessionResponse, read_cursor, read_status, status_word, write_cursor,
};
pub(super) use turn::{SessionTerminationReason, TurnResult};
pub(super) use voice::{E164, FailedTransferPage, OutboundRequest, OutboundResponse, PageQuery, TransferDetailResponse};
