//! `CallTransferIntent` and what belongs to it, as the published API has them: unknown keys and values out of bounds are refused when parsed.

use super::attempt::FailureReason;
use super::bounded::{Bounded, Text};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The resolved, ready-to-execute transfer that the worker renders after a turn (contract section 7). Destinations are numbers and texts may
/// repeat what the caller said: its `Debug` shows neither.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallTransferIntent {
    /// E.164 number, `tel:` or `sip:` URI.
    pub destination: String,
    #[serde(default)]
    pub mode: TransferMode,
    #[serde(default)]
    pub label: Option<String>,
    /// Spoken, and played out, before the transfer starts.
    #[serde(default)]
    pub connecting_text: Option<String>,
    #[serde(default)]
    pub reason: Option<String>,
    /// Warm only: tried in order after `destination`.
    #[serde(default)]
    pub warm_destinations: Vec<String>,
    #[serde(default = "one")]
    pub max_retries: Bounded<0, 5>,
    #[serde(default)]
    pub retry_text: Option<Text<500>>,
    /// Workflow node to go on with when the transfer failed.
    #[serde(default)]
    pub on_failure: Option<String>,
    #[serde(default)]
    pub warm: Option<WarmTransferConfig>,
    #[serde(default)]
    pub warm_overrides: Option<WarmTransferTargetOverride>,
}

impl CallTransferIntent {
    /// A cold transfer to `destination` with every default of the contract.
    pub fn cold(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            mode: TransferMode::Cold,
            label: None,
            connecting_text: None,
            reason: None,
            warm_destinations: Vec::new(),
            max_retries: one(),
            retry_text: None,
            on_failure: None,
            warm: None,
            warm_overrides: None,
        }
    }
}

impl fmt::Debug for CallTransferIntent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallTransferIntent")
            .field("mode", &self.mode)
            .field("label", &self.label)
            .field("max_retries", &self.max_retries)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}

fn one() -> Bounded<0, 5> {
    const { Bounded::of(1) }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferMode {
    #[default]
    Cold,
    Warm,
}

/// How the human is briefed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MessageMode {
    #[default]
    AiSummary,
    Static,
    Prompt,
}

/// Tuning of a warm transfer; the bounds keep a caller from being on hold for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarmTransferConfig {
    pub message_mode: MessageMode,
    pub briefing_template: Option<Text<4000>>,
    pub max_dial_seconds: Bounded<5, 120>,
    pub max_briefing_seconds: Bounded<15, 600>,
    pub bridge_confirm_seconds: Bounded<5, 60>,
    pub max_hold_seconds: Bounded<15, 300>,
    pub hold_announcement_text: Text<500>,
    /// 0 = never.
    pub reassurance_interval_seconds: Bounded<0, 60>,
    pub reassurance_text: Text<500>,
    pub detect_supervisor_voicemail: bool,
    pub detect_supervisor_silence: bool,
    pub silence_reminder_text: Text<500>,
    pub silence_timeout_seconds: Bounded<5, 60>,
    pub retry_announcement_text: Text<500>,
    pub failure_text: Text<500>,
}

impl Default for WarmTransferConfig {
    fn default() -> Self {
        let text = |value: &str| Text::try_from(value).unwrap_or_default();
        Self {
            message_mode: MessageMode::AiSummary,
            briefing_template: None,
            max_dial_seconds: Bounded::of(30),
            max_briefing_seconds: Bounded::of(60),
            bridge_confirm_seconds: Bounded::of(20),
            max_hold_seconds: Bounded::of(110),
            hold_announcement_text: text("One moment — I'll place you on a brief hold while I connect you."),
            reassurance_interval_seconds: Bounded::of(20),
            reassurance_text: text("Thanks for your patience — I'm still working on connecting you."),
            detect_supervisor_voicemail: false,
            detect_supervisor_silence: false,
            silence_reminder_text: text("Hello — are you available to take this call?"),
            silence_timeout_seconds: Bounded::of(15),
            retry_announcement_text: text("I couldn't reach them that way — let me try connecting you directly."),
            failure_text: text("I'm sorry, I wasn't able to connect you right now. I can keep helping you here."),
        }
    }
}

/// What one destination may replace of the warm settings; `None` inherits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WarmTransferTargetOverride {
    pub briefing_template: Option<Text<4000>>,
    pub message_mode: Option<MessageMode>,
}

/// How a transfer ended: a closed set, and one of them always comes (contract section 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TransferOutcome {
    /// Confirmed by NOTIFY 2xx.
    Confirmed,
    /// The peer ended its dialog after accepting the REFER and before a final NOTIFY.
    Presumed,
    /// The REFER itself was refused.
    Refused { status: u16 },
    /// NOTIFY reported a final failure of the referred call.
    Failed { status: u16 },
    /// The subscription ended without a final status.
    Unknown,
    /// No NOTIFY before the deadline (or before the hard cap, if only provisional ones came).
    NoNotify,
    /// The REFER was never answered.
    NoResponse,
    /// Crossing requests (491) and every retry of them.
    Glare,
    /// The caller left before the REFER was accepted.
    CallerHungUp,
    /// The destination is not on the allow-list; nothing was sent.
    NotAllowed,
    /// An earlier transfer is still running; this intent was not carried out.
    AlreadyInProgress,
    /// An admin order, a drain or the call's time limit came first.
    Interrupted,
    /// This worker cannot carry out the intent (no such mode on this trunk).
    Unsupported,
    /// A second leg was joined with the caller's: the success of a warm transfer and of a bridge in place of a REFER.
    Bridged,
    /// Nobody could be joined with the caller; `why` is the last attempt's reason (contract section 7, "Warm").
    NotReached { why: FailureReason },
}

impl TransferOutcome {
    pub const fn succeeded(self) -> bool {
        matches!(self, Self::Confirmed | Self::Presumed | Self::Bridged)
    }

    /// A word for people and metrics; busy, declined and no answer stay apart.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Presumed => "presumed",
            Self::Refused { status } | Self::Failed { status } => match status {
                486 | 600 => "busy",
                603 | 607 => "declined",
                408 | 480 | 487 => "no_answer",
                404 | 410 | 484 | 604 => "not_found",
                401 | 403 | 405 | 407 | 501 => "not_permitted",
                _ => "failed",
            },
            Self::Unknown => "unknown",
            Self::NoNotify => "no_notify",
            Self::NoResponse => "no_response",
            Self::Glare => "glare",
            Self::CallerHungUp => "caller_hung_up",
            Self::NotAllowed => "not_allowed",
            Self::AlreadyInProgress => "already_in_progress",
            Self::Interrupted => "interrupted",
            Self::Unsupported => "unsupported",
            Self::Bridged => "bridged",
            Self::NotReached { why } => why.word(),
        }
    }
}
