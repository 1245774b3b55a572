//! Why calls end: the only list. Decided once, where the fact is known; SIP status, row, metric and timeline all read this value.

use serde::{Deserialize, Serialize};

/// The one true cause of a call's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndCause {
    /// BYE from the caller.
    CallerHungUp,
    /// CANCEL before the answer.
    CallerCancelled,
    /// A turn ended with `end_requested`.
    AssistantEnded,
    /// An admin's order over HTTP, with the reason they gave.
    AdminEnded(TerminationReason),
    SilenceTimeout,
    MaxDuration,
    VoicemailDetected,
    /// The transfer succeeded; the worker is out.
    Transferred,
    /// No RTP for longer than the limit.
    MediaLost,
    /// Drain past its deadline.
    ServerShutdown,
    /// The engine failed: panic, exhausted turn failures, speech gone.
    EngineFailed,
    /// The call's own queue overflowed.
    Overloaded,
    /// Refused at the door: no slot.
    CapacityRejected,
    /// 200 never acknowledged (RFC 3261 section 13.3.1.4).
    NeverAcknowledged,
    /// The dialog was lost: session timer expired (RFC 4028) or the transport is gone.
    ConnectionLost,
    /// The call could not be set up: no common codec, no media port, no assistant.
    SetupFailed,
    /// Outbound: 486, 600.
    CalleeBusy,
    /// Outbound: rang out, 408, 480 after ringing.
    CalleeNoAnswer,
    /// Outbound: 603, 607.
    CalleeDeclined,
    /// Outbound: 404, 410, 484, 604.
    CalleeNotFound,
    /// Outbound: 480, 410 and alike.
    CalleeUnavailable,
    /// Outbound: any other final failure.
    SipFailed,
    /// An operator resolved the human handoff.
    HandoffResolved,
    /// Found open after a crash and closed by the restarted worker.
    Orphaned,
}

impl EndCause {
    /// The word stored with the row (contract section 8).
    pub const fn termination_reason(self) -> TerminationReason {
        use TerminationReason as R;
        match self {
            Self::CallerHungUp | Self::CallerCancelled => R::ParticipantLeft,
            Self::AssistantEnded => R::AgentInitiated,
            Self::AdminEnded(reason) => reason,
            Self::SilenceTimeout => R::SilenceTimeout,
            Self::MaxDuration => R::MaxCallDuration,
            Self::VoicemailDetected => R::VoicemailDetected,
            Self::Transferred => R::Transferred,
            Self::MediaLost => R::MediaFailure,
            Self::ServerShutdown => R::ServerShutdown,
            Self::EngineFailed | Self::Overloaded => R::AgentError,
            Self::CapacityRejected => R::CapacityRejected,
            Self::NeverAcknowledged | Self::ConnectionLost => R::ConnectionTimeout,
            Self::SetupFailed => R::SetupError,
            Self::CalleeBusy => R::CalleeBusy,
            Self::CalleeNoAnswer => R::CalleeNoAnswer,
            Self::CalleeDeclined => R::CalleeDeclined,
            Self::CalleeNotFound => R::CalleeNotFound,
            Self::CalleeUnavailable => R::CalleeUnavailable,
            Self::SipFailed => R::SipFailed,
            Self::HandoffResolved => R::HandoffResolved,
            Self::Orphaned => R::Orphaned,
        }
    }

    /// Whose doing it was; derived, never stored beside the cause.
    pub const fn blame(self) -> Blame {
        match self {
            Self::CallerHungUp | Self::CallerCancelled | Self::SilenceTimeout => Blame::Caller,
            Self::AssistantEnded | Self::MaxDuration | Self::VoicemailDetected | Self::Transferred | Self::HandoffResolved => Blame::Nobody,
            Self::AdminEnded(_) => Blame::Operator,
            Self::ServerShutdown | Self::EngineFailed | Self::Overloaded | Self::CapacityRejected | Self::SetupFailed | Self::Orphaned => {
                Blame::Worker
            }
            Self::MediaLost | Self::NeverAcknowledged | Self::ConnectionLost | Self::SipFailed => Blame::Network,
            Self::CalleeBusy | Self::CalleeNoAnswer | Self::CalleeDeclined | Self::CalleeNotFound | Self::CalleeUnavailable => {
                Blame::Callee
            }
        }
    }

    /// The final status for an INVITE that is not answered yet when the call ends for this cause.
    pub const fn sip_status(self) -> u16 {
        match self {
            Self::CallerCancelled | Self::CallerHungUp => 487,
            Self::CapacityRejected | Self::ServerShutdown | Self::Overloaded => 503,
            Self::AdminEnded(_) | Self::AssistantEnded | Self::HandoffResolved => 603,
            Self::CalleeBusy => 486,
            Self::CalleeNotFound => 404,
            Self::SetupFailed => 488,
            Self::SilenceTimeout
            | Self::MaxDuration
            | Self::VoicemailDetected
            | Self::Transferred
            | Self::MediaLost
            | Self::CalleeNoAnswer
            | Self::CalleeDeclined
            | Self::CalleeUnavailable
            | Self::NeverAcknowledged
            | Self::ConnectionLost => 480,
            Self::EngineFailed | Self::SipFailed | Self::Orphaned => 500,
        }
    }

    /// Attribute `triggered_by` of the `session.end` span (contract section 2).
    pub const fn triggered_by(self) -> TriggeredBy {
        match self {
            Self::CallerHungUp | Self::CallerCancelled => TriggeredBy::Caller,
            Self::AssistantEnded | Self::VoicemailDetected | Self::Transferred => TriggeredBy::Agent,
            Self::AdminEnded(_) | Self::HandoffResolved => TriggeredBy::Admin,
            Self::SilenceTimeout
            | Self::MaxDuration
            | Self::MediaLost
            | Self::ServerShutdown
            | Self::EngineFailed
            | Self::Overloaded
            | Self::CapacityRejected
            | Self::NeverAcknowledged
            | Self::ConnectionLost
            | Self::SetupFailed
            | Self::CalleeBusy
            | Self::CalleeNoAnswer
            | Self::CalleeDeclined
            | Self::CalleeNotFound
            | Self::CalleeUnavailable
            | Self::SipFailed
            | Self::Orphaned => TriggeredBy::Worker,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blame {
    Nobody,
    Caller,
    Callee,
    Operator,
    Worker,
    Network,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggeredBy {
    Agent,
    Admin,
    Caller,
    Worker,
}

macro_rules! termination_reasons {
    ($($variant:ident = $word:literal),* $(,)?) => {
        /// `SessionTerminationReason` of the published API, with `orphaned` and `capacity_rejected` of its later edition.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum TerminationReason {
            $(#[serde(rename = $word)] $variant,)*
        }

        impl TerminationReason {
            pub const ALL: &'static [TerminationReason] = &[$(Self::$variant,)*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// Any string; one that is not on the list becomes `unknown` (the contract's rule for admin reasons).
            pub fn coerce(word: &str) -> Self {
                match word { $($word => Self::$variant,)* _ => Self::Unknown }
            }
        }
    };
}

termination_reasons! {
    VoicemailDetected = "voicemail_detected", SilenceTimeout = "silence_timeout", MaxCallDuration = "max_call_duration",
    ParticipantLeft = "participant_left", PipelineExit = "pipeline_exit", UserRequested = "user_requested",
    AgentInitiated = "agent_initiated", Resolved = "resolved", Unresolved = "unresolved", Abandoned = "abandoned",
    Escalated = "escalated", HandoffResolved = "handoff_resolved", Transferred = "transferred", Error = "error",
    Unknown = "unknown", CalleeBusy = "callee_busy", CalleeNoAnswer = "callee_no_answer",
    CalleeUnavailable = "callee_unavailable", CalleeDeclined = "callee_declined", CalleeNotFound = "callee_not_found",
    SipFailed = "sip_failed", UnknownReason = "unknown_reason", ClientInitiated = "client_initiated",
    DuplicateIdentity = "duplicate_identity", ServerShutdown = "server_shutdown", ParticipantRemoved = "participant_removed",
    RoomDeleted = "room_deleted", StateMismatch = "state_mismatch", JoinFailure = "join_failure", Migration = "migration",
    SignalClose = "signal_close", RoomClosed = "room_closed", UserUnavailable = "user_unavailable",
    UserRejected = "user_rejected", SipTrunkFailure = "sip_trunk_failure", ConnectionTimeout = "connection_timeout",
    MediaFailure = "media_failure", AgentError = "agent_error", DispatchFailed = "dispatch_failed",
    TokenMintFailed = "token_mint_failed", SipDialFailed = "sip_dial_failed",
    ParticipantJoinTimeout = "participant_join_timeout", SetupError = "setup_error", StaleRouting = "stale_routing",
    Superseded = "superseded", DuplicateDispatch = "duplicate_dispatch", Orphaned = "orphaned",
    CapacityRejected = "capacity_rejected",
}
