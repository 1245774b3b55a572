//! Every deadline of a call, in one table: what can be listed can be explained.

use crate::model::{CallTime, Millis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why a call will wake up. The order of the variants breaks ties between equal deadlines: what ends the call comes last, so that a fact due
/// at the same instant is still used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimerKind {
    /// Inbound: answer even if the first words are not there yet.
    Greeting,
    /// Outbound: the callee did not answer in time.
    Setup,
    /// `Answer` was never acknowledged.
    Acknowledge,
    /// The speech has lasted long enough to interrupt.
    BargeIn,
    /// The recogniser's final words did not come; the partial ones are used.
    FinalWords,
    /// The voice that interrupted said nothing: what it cut goes on.
    Resume,
    /// A keypad collection ends because no further key came.
    InterDigit,
    /// An utterance never ended.
    Utterance,
    /// The runtime did not answer.
    Turn,
    /// Nobody said anything.
    Silence,
    /// Crossing requests (491): the REFER is sent again.
    ReferRetry,
    /// The REFER was never answered.
    ReferAnswer,
    /// No NOTIFY since the last one.
    ReferNotify,
    /// The transfer took too long, however many NOTIFYs came.
    ReferTotal,
    /// The verdict on who answered the second leg did not come.
    Classify,
    /// The briefing's words did not come.
    Compose,
    /// The caller on hold hears that he is not forgotten.
    Reassurance,
    /// Nothing was heard from the human who was asked.
    SupervisorSilence,
    /// The second leg rings too long.
    Dial,
    /// The human who answered did not decide.
    Briefing,
    /// The two legs were not joined.
    BridgeConfirm,
    /// The caller was on hold for as long as he may be.
    Hold,
    /// The caller waits for a person's decision or help: reminded again.
    Waiting,
    /// Nobody decided, or nobody came.
    WaitingOver,
    /// A second leg was never reported gone.
    LegRelease,
    /// The last words took too long.
    LastWords,
    /// The leg was never reported gone.
    Release,
    /// The close pipeline never reported its end.
    Close,
    /// The call is too long.
    MaxDuration,
    /// The worker drains and its deadline is here.
    Drain,
}

impl TimerKind {
    pub const ALL: [TimerKind; 30] = [
        Self::Greeting,
        Self::Setup,
        Self::Acknowledge,
        Self::BargeIn,
        Self::FinalWords,
        Self::Resume,
        Self::InterDigit,
        Self::Utterance,
        Self::Turn,
        Self::Silence,
        Self::ReferRetry,
        Self::ReferAnswer,
        Self::ReferNotify,
        Self::ReferTotal,
        Self::Classify,
        Self::Compose,
        Self::Reassurance,
        Self::SupervisorSilence,
        Self::Dial,
        Self::Briefing,
        Self::BridgeConfirm,
        Self::Hold,
        Self::Waiting,
        Self::WaitingOver,
        Self::LegRelease,
        Self::LastWords,
        Self::Release,
        Self::Close,
        Self::MaxDuration,
        Self::Drain,
    ];

    const fn index(self) -> usize {
        self as usize
    }
}

/// At most one deadline of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct TimerTable {
    deadlines: [Option<CallTime>; TimerKind::ALL.len()],
}

impl TimerTable {
    /// Due `span` from `now`, but never at once: a timer armed while due ones are handled waits for the next instant, which bounds that loop.
    pub(super) fn arm(&mut self, kind: TimerKind, now: CallTime, span: Millis) {
        self.deadlines[kind.index()] = Some(now.after(Duration::from(span).max(Duration::from_millis(1))));
    }

    /// Due at `deadline`, or at the next instant where that is past.
    pub(super) fn arm_at(&mut self, kind: TimerKind, now: CallTime, deadline: CallTime) {
        self.deadlines[kind.index()] = Some(deadline.max(now.after(Duration::from_millis(1))));
    }

    pub(super) fn stop(&mut self, kind: TimerKind) {
        self.deadlines[kind.index()] = None;
    }

    pub(super) fn stop_all(&mut self) {
        self.deadlines = [None; TimerKind::ALL.len()];
    }

    pub(super) fn is_armed(&self, kind: TimerKind) -> bool {
        self.deadlines[kind.index()].is_some()
    }

    /// The earliest deadline; of equal ones the first kind.
    pub(super) fn next(&self) -> Option<(CallTime, TimerKind)> {
        self.armed().min()
    }

    /// Takes the earliest timer due at `now`.
    pub(super) fn pop_due(&mut self, now: CallTime) -> Option<TimerKind> {
        let (deadline, kind) = self.next()?;
        if deadline > now {
            return None;
        }
        self.stop(kind);
        Some(kind)
    }

    pub(super) fn armed(&self) -> impl Iterator<Item = (CallTime, TimerKind)> + '_ {
        TimerKind::ALL.into_iter().filter_map(|kind| self.deadlines[kind.index()].map(|deadline| (deadline, kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_slot() {
        for (slot, kind) in TimerKind::ALL.into_iter().enumerate() {
            assert_eq!(kind.index(), slot, "{kind:?}");
        }
    }

    #[test]
    fn due_timers_come_in_order_of_deadline_then_kind() {
        let mut table = TimerTable::default();
        table.arm(TimerKind::MaxDuration, CallTime::ZERO, Millis(50));
        table.arm(TimerKind::Turn, CallTime::ZERO, Millis(50));
        table.arm(TimerKind::Close, CallTime::ZERO, Millis(20));
        table.arm(TimerKind::Silence, CallTime::ZERO, Millis(51));
        let now = CallTime::from_millis(50);
        let order: Vec<_> = std::iter::from_fn(|| table.pop_due(now)).collect();
        assert_eq!(order, [TimerKind::Close, TimerKind::Turn, TimerKind::MaxDuration]);
        assert_eq!(table.next(), Some((CallTime::from_millis(51), TimerKind::Silence)));
    }

    #[test]
    fn a_span_of_nothing_is_not_due_in_the_same_instant() {
        let mut table = TimerTable::default();
        table.arm(TimerKind::Turn, CallTime::ZERO, Millis(0));
        assert_eq!(table.pop_due(CallTime::ZERO), None);
    }
}
