//! The turn's types as the OpenAPI document shows them. Bounds and defaults are read out of `model` and out of the published facts by
//! `tests/contract.rs`, so that none of the three can drift.

use crate::model::TerminationReason;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};
use uuid::Uuid;

/// Snapshot after one turn.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(in crate::api) struct TurnResult {
    #[serde(default)]
    session_id: Option<Uuid>,
    #[serde(default)]
    messages: Vec<AssistantMessage>,
    #[schema(value_type = SessionStatus)]
    status: crate::model::RuntimeStatus,
    #[serde(default)]
    handoff: Option<Map<String, Value>>,
    #[serde(default)]
    call_transfer: Option<CallTransferIntent>,
    #[serde(default)]
    dtmf_input: Option<DtmfInputSpec>,
    #[serde(default)]
    session_status: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    model_used: Option<String>,
    #[serde(default)]
    token_count: Option<i64>,
    #[serde(default)]
    latency_ms: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize, ToSchema)]
struct AssistantMessage {
    #[serde(default)]
    turn_id: Option<Uuid>,
    content: String,
    #[serde(default)]
    #[schema(default = 0)]
    sequence: i64,
    #[serde(default)]
    producing_assistant_id: Option<Uuid>,
}

/// A transfer, ready to be carried out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CallTransferIntent {
    destination: String,
    #[serde(default)]
    #[schema(default = "cold")]
    mode: TransferMode,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    connecting_text: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    warm_destinations: Vec<String>,
    #[serde(default)]
    #[schema(minimum = 0, maximum = 5, default = 1)]
    max_retries: u32,
    #[serde(default)]
    #[schema(max_length = 500)]
    retry_text: Option<String>,
    #[serde(default)]
    on_failure: Option<String>,
    #[serde(default)]
    warm: Option<WarmTransferConfig>,
    #[serde(default)]
    warm_overrides: Option<WarmTransferTargetOverride>,
}

#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TransferMode {
    #[default]
    Cold,
    Warm,
}

#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum MessageMode {
    #[default]
    AiSummary,
    Static,
    Prompt,
}

/// Tuning of a warm transfer.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct WarmTransferConfig {
    #[schema(default = "ai_summary")]
    message_mode: MessageMode,
    #[schema(max_length = 4000)]
    briefing_template: Option<String>,
    #[schema(minimum = 5, maximum = 120, default = 30)]
    max_dial_seconds: u32,
    #[schema(minimum = 15, maximum = 600, default = 60)]
    max_briefing_seconds: u32,
    #[schema(minimum = 5, maximum = 60, default = 20)]
    bridge_confirm_seconds: u32,
    #[schema(minimum = 15, maximum = 300, default = 110)]
    max_hold_seconds: u32,
    #[schema(max_length = 500, default = "One moment — I'll place you on a brief hold while I connect you.")]
    hold_announcement_text: String,
    #[schema(minimum = 0, maximum = 60, default = 20)]
    reassurance_interval_seconds: u32,
    #[schema(max_length = 500, default = "Thanks for your patience — I'm still working on connecting you.")]
    reassurance_text: String,
    #[schema(default = false)]
    detect_supervisor_voicemail: bool,
    #[schema(default = false)]
    detect_supervisor_silence: bool,
    #[schema(max_length = 500, default = "Hello — are you available to take this call?")]
    silence_reminder_text: String,
    #[schema(minimum = 5, maximum = 60, default = 15)]
    silence_timeout_seconds: u32,
    #[schema(max_length = 500, default = "I couldn't reach them that way — let me try connecting you directly.")]
    retry_announcement_text: String,
    #[schema(max_length = 500, default = "I'm sorry, I wasn't able to connect you right now. I can keep helping you here.")]
    failure_text: String,
}

/// What one destination replaces; null inherits.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct WarmTransferTargetOverride {
    #[schema(max_length = 4000)]
    briefing_template: Option<String>,
    message_mode: Option<MessageMode>,
}

/// How the next keypad collection differs from the assistant's settings.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
struct DtmfInputSpec {
    #[schema(default = true)]
    expects_input: bool,
    #[schema(minimum = 1, maximum = 64)]
    max_digits: Option<u32>,
    #[schema(max_length = 1)]
    termination_digit: Option<String>,
    #[schema(minimum = 250, maximum = 60000)]
    inter_digit_timeout_ms: Option<u32>,
    #[schema(max_length = 32)]
    prefix: Option<String>,
}

/// The schema of one of `model`'s closed lists: its words are written nowhere else.
macro_rules! word_schema {
    ($(#[$doc:meta])* $name:ident = $list:ty) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::api) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = <$list>::ALL.iter().map(|word| word.as_str());
                ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).enum_values(Some(words)).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

word_schema!(
    /// Status of a live runtime, under its published name.
    SessionStatus = crate::model::RuntimeStatus
);
word_schema!(
    /// Durable status of a conversation.
    SessionRowStatus = crate::model::SessionStatus
);
word_schema!(
    /// Why a conversation ended.
    SessionTerminationReason = TerminationReason
);
