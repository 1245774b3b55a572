//! One try to reach somebody for a caller: what its row holds.

use super::text::Redacted;
use super::time::CallTime;
use super::transfer::TransferMode;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an attempt did not connect the caller: a closed list; the words of `failure_reason` in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// It rang and nobody answered.
    NoAnswer,
    Busy,
    /// Refused by status or by the human's decision; `AttemptRecord::decision` tells which.
    Declined,
    NotFound,
    /// The network or the trunk refused, or could not be reached.
    Unreachable,
    /// An answering machine took the call.
    Machine,
    /// A human was supposed to be there and nothing was heard.
    SilentSupervisor,
    /// Heard, but no decision before `max_briefing_seconds`.
    BriefingTimeout,
    /// `max_hold_seconds` came while the attempt was under way.
    HoldExhausted,
    /// The remaining hold could not take the attempt: nothing was dialled.
    DoesNotFit,
    /// Accepted, but the two could not be joined.
    BridgeFailed,
    SupervisorHungUp,
    CallerHungUp,
    /// Outside the allow-list: nothing was dialled.
    NotAllowed,
    /// The call's or the worker's limit of outbound attempts: nothing was dialled.
    LimitReached,
    /// An order, a drain or the call's time limit came first.
    Interrupted,
    /// Accepted by the network, and nothing more was learned (REFER without a final NOTIFY).
    Unconfirmed,
    /// The trunk cannot do this.
    Unsupported,
}

impl FailureReason {
    pub const ALL: [Self; 18] = [
        Self::NoAnswer,
        Self::Busy,
        Self::Declined,
        Self::NotFound,
        Self::Unreachable,
        Self::Machine,
        Self::SilentSupervisor,
        Self::BriefingTimeout,
        Self::HoldExhausted,
        Self::DoesNotFit,
        Self::BridgeFailed,
        Self::SupervisorHungUp,
        Self::CallerHungUp,
        Self::NotAllowed,
        Self::LimitReached,
        Self::Interrupted,
        Self::Unconfirmed,
        Self::Unsupported,
    ];

    /// Serde's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoAnswer => "no_answer",
            Self::Busy => "busy",
            Self::Declined => "declined",
            Self::NotFound => "not_found",
            Self::Unreachable => "unreachable",
            Self::Machine => "machine",
            Self::SilentSupervisor => "silent_supervisor",
            Self::BriefingTimeout => "briefing_timeout",
            Self::HoldExhausted => "hold_exhausted",
            Self::DoesNotFit => "does_not_fit",
            Self::BridgeFailed => "bridge_failed",
            Self::SupervisorHungUp => "supervisor_hung_up",
            Self::CallerHungUp => "caller_hung_up",
            Self::NotAllowed => "not_allowed",
            Self::LimitReached => "limit_reached",
            Self::Interrupted => "interrupted",
            Self::Unconfirmed => "unconfirmed",
            Self::Unsupported => "unsupported",
        }
    }
}

/// What followed an attempt that failed: the words of `fallback_mode` in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FallbackMode {
    /// Nothing: the call ended with it.
    None,
    /// The next destination was tried.
    NextDestination,
    /// The same destination was tried again.
    Retry,
    /// A second leg was bridged instead of a REFER.
    Bridge,
    /// The caller went back to the assistant.
    Assistant,
}

impl FallbackMode {
    /// Serde's word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NextDestination => "next_destination",
            Self::Retry => "retry",
            Self::Bridge => "bridge",
            Self::Assistant => "assistant",
        }
    }
}

/// How an attempt was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptWay {
    /// REFER: the network connects.
    Refer,
    /// A second leg of ours.
    Dial,
}

/// What the human decided after the briefing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisorDecision {
    Accepted,
    Declined,
}

/// One attempt of one transfer, as its row has it; told anew each time something of it becomes known. Times are those of the call.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Which transfer of the call, from 0.
    pub transfer: u32,
    /// Which attempt of that transfer, from 1; with `transfer` the row's key within the call.
    pub attempt: u32,
    pub mode: TransferMode,
    pub way: AttemptWay,
    /// 0 is `destination`; the others are `warm_destinations` in order.
    pub destination_index: u32,
    pub destination: Redacted<String>,
    /// `None` where nothing was dialled.
    pub dialled_at: Option<CallTime>,
    pub answered_at: Option<CallTime>,
    /// The briefing was played to its end.
    pub briefed_at: Option<CallTime>,
    pub decided_at: Option<CallTime>,
    pub bridged_at: Option<CallTime>,
    /// Success: when a party left the bridge or the network took over. Failure: when the attempt was given up.
    pub ended_at: Option<CallTime>,
    pub decision: Option<SupervisorDecision>,
    /// What the human was told.
    pub briefing: Option<Redacted<String>>,
    /// `None` while it is under way and where it succeeded.
    pub failure_reason: Option<FailureReason>,
    pub fallback_mode: Option<FallbackMode>,
}

/// Numbers and words stay hidden; the rest tells the story.
impl fmt::Debug for AttemptRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttemptRecord")
            .field("transfer", &self.transfer)
            .field("attempt", &self.attempt)
            .field("mode", &self.mode)
            .field("way", &self.way)
            .field("destination_index", &self.destination_index)
            .field("dialled_at", &self.dialled_at)
            .field("answered_at", &self.answered_at)
            .field("briefed_at", &self.briefed_at)
            .field("decided_at", &self.decided_at)
            .field("bridged_at", &self.bridged_at)
            .field("ended_at", &self.ended_at)
            .field("decision", &self.decision)
            .field("failure_reason", &self.failure_reason)
            .field("fallback_mode", &self.fallback_mode)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_serde() {
        for reason in FailureReason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.word());
        }
        let modes = [FallbackMode::None, FallbackMode::NextDestination, FallbackMode::Retry, FallbackMode::Bridge, FallbackMode::Assistant];
        for mode in modes {
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.word());
        }
    }
}
