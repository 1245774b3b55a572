//! Calls out, and what became of transfers.

use crate::api::port::PlacedCall;
use crate::api::time;
use crate::model::{Redacted, WallTime};
use crate::store::{ConsultTurn, FailedTransfer, TransferAttempt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What a number to call must look like.
pub(in crate::api) const E164: &str = r"^\+[1-9]\d{6,14}$";

/// A call to be.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct OutboundRequest {
    /// The id of one of the worker's numbers.
    from_phone_number_id: Uuid,
    #[schema(pattern = r"^\+[1-9]\d{6,14}$")]
    to_phone_number: String,
    /// The assistant that speaks; one of `GET /v1/assistants`.
    agent_id: Option<Uuid>,
    /// Refused where it is set: this worker has no teams.
    team_id: Option<Uuid>,
    /// Values of the assistant's declared variables; another name, or a value that does not fit, is refused.
    context_variables: Option<Map<String, Value>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct OutboundResponse {
    /// The conversation's id: a call of this worker is in no room.
    room_name: String,
    dispatch_id: String,
    /// Name of the assistant that speaks.
    agent_name: String,
    session_id: Uuid,
}

impl From<PlacedCall> for OutboundResponse {
    fn from(placed: PlacedCall) -> Self {
        let id = placed.conversation;
        Self { room_name: id.to_string(), dispatch_id: id.to_string(), agent_name: placed.assistant, session_id: id.0 }
    }
}

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query; it is read field by field, so that every fault is answered")]
pub(in crate::api) struct PageQuery {
    cursor: Option<String>,
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CursorPage_FailedTransferRead_)]
pub(in crate::api) struct FailedTransferPage {
    pub(in crate::api) items: Vec<FailedTransferRead>,
    pub(in crate::api) next_cursor: Option<String>,
    pub(in crate::api) has_more: bool,
}

/// A transfer's attempt that failed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct FailedTransferRead {
    id: Uuid,
    conversation_id: Uuid,
    #[schema(required)]
    customer_phone: Option<String>,
    #[schema(required)]
    supervisor_phone: Option<String>,
    #[schema(required)]
    failure_reason: Option<String>,
    #[schema(required)]
    fallback_mode: Option<String>,
    #[schema(required)]
    briefing_snippet: Option<String>,
    #[schema(required)]
    status: Option<String>,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    dialing_at: Option<WallTime>,
    #[serde(serialize_with = "time::opt_rfc3339")]
    #[schema(value_type = Option<String>, format = DateTime, required)]
    ended_at: Option<WallTime>,
}

impl From<FailedTransfer> for FailedTransferRead {
    fn from(FailedTransfer { attempt, caller }: FailedTransfer) -> Self {
        Self {
            id: attempt.id,
            conversation_id: attempt.conversation.0,
            customer_phone: caller.map(Redacted::into_exposed),
            supervisor_phone: Some(attempt.destination.into_exposed()),
            failure_reason: attempt.failure_reason,
            fallback_mode: attempt.fallback_mode,
            briefing_snippet: attempt.briefing_snippet.map(Redacted::into_exposed),
            status: Some(attempt.status),
            created_at: attempt.created_at,
            dialing_at: attempt.dialled_at,
            ended_at: attempt.ended_at,
        }
    }
}

/// A transfer as a conversation's page shows it: its latest attempt, and what was said on the consults.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct TransferDetailResponse {
    supervisor_phone: Option<String>,
    status: Option<String>,
    failure_reason: Option<String>,
    fallback_mode: Option<String>,
    consult_recording: RecordingPlaybackResponse,
    #[schema(required = false)]
    consult_transcript: Vec<ConsultTurnOut>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RecordingPlaybackResponse {
    /// Always null: recordings stay on the worker's disk.
    url: Option<String>,
    expires_in: u32,
    #[schema(required)]
    duration_ms: Option<u64>,
    #[schema(required)]
    bytes: Option<u64>,
    /// `stored` or `none`.
    status: &'static str,
}

/// One thing said on a consult.
#[derive(Debug, Serialize, ToSchema)]
struct ConsultTurnOut {
    seq: u32,
    /// `assistant` or `supervisor`.
    role: String,
    #[schema(required)]
    content: Option<String>,
    #[serde(serialize_with = "time::rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    created_at: WallTime,
}

impl TransferDetailResponse {
    pub(in crate::api) fn of(latest: TransferAttempt, said: Vec<ConsultTurn>) -> Self {
        let status = if latest.consult_recording.is_some() { "stored" } else { "none" };
        Self {
            supervisor_phone: Some(latest.destination.into_exposed()),
            status: Some(latest.status),
            failure_reason: latest.failure_reason,
            fallback_mode: latest.fallback_mode,
            consult_recording: RecordingPlaybackResponse { url: None, expires_in: 0, duration_ms: None, bytes: None, status },
            // Attempts count their words each from 0; the page shows them in one row.
            consult_transcript: (0..)
                .zip(said)
                .map(|(seq, turn)| ConsultTurnOut { seq, role: turn.role, content: Some(turn.content.into_exposed()), created_at: turn.at })
                .collect(),
        }
    }
}
