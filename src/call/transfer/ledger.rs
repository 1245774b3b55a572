//! The books of one transfer: a record an attempt, told each time something of it becomes known.

use super::consult::Mark;
use crate::call::Command;
use crate::call::core::Core;
use crate::model::{
    AttemptRecord, AttemptWay, CallTransferIntent, FailureReason, FallbackMode, Redacted, SupervisorDecision, TransferOutcome,
};

#[derive(Debug)]
pub(crate) struct Ledger {
    transfer: u32,
    attempts: u32,
    open: Option<Box<AttemptRecord>>,
}

impl Ledger {
    pub(crate) fn new(core: &mut Core) -> Self {
        Self { transfer: core.new_transfer(), attempts: 0, open: None }
    }

    /// Attempts noted, skipped ones included.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    pub(crate) fn mark(&mut self, mark: Mark, intent: &CallTransferIntent, way: AttemptWay, core: &mut Core) {
        match mark {
            Mark::Dialled { destination } => {
                let record = self.fresh(intent, way, destination);
                self.open = Some(Box::new(AttemptRecord { dialled_at: Some(core.now), ..record }));
                self.tell(core);
            }
            Mark::Skipped { destination, why } => {
                let record = self.fresh(intent, way, destination);
                let record = AttemptRecord { ended_at: Some(core.now), failure_reason: Some(why), ..record };
                core.order(Command::NoteAttempt { record: Box::new(record) });
            }
            Mark::Answered => self.change(core, |record, now| record.answered_at = Some(now)),
            Mark::Briefed => self.change(core, |record, now| record.briefed_at = record.briefed_at.or(Some(now))),
            Mark::Accepted => self.decided(SupervisorDecision::Accepted, core),
            Mark::Declined => self.decided(SupervisorDecision::Declined, core),
            Mark::Bridged => self.change(core, |record, now| record.bridged_at = Some(now)),
            Mark::Ended => self.close(None, None, core),
            Mark::Failed { why, then } => self.close(Some(why), Some(then), core),
        }
    }

    pub(crate) fn briefed_with(&mut self, text: &Redacted<String>) {
        if let Some(record) = &mut self.open {
            record.briefing = Some(text.clone());
        }
    }

    fn fresh(&mut self, intent: &CallTransferIntent, way: AttemptWay, index: usize) -> AttemptRecord {
        self.attempts += 1;
        AttemptRecord {
            transfer: self.transfer,
            attempt: self.attempts,
            mode: intent.mode,
            way,
            destination_index: u32::try_from(index).unwrap_or(u32::MAX),
            destination: destination(intent, index),
            dialled_at: None,
            answered_at: None,
            briefed_at: None,
            decided_at: None,
            bridged_at: None,
            ended_at: None,
            decision: None,
            briefing: None,
            failure_reason: None,
            fallback_mode: None,
        }
    }

    fn decided(&mut self, decision: SupervisorDecision, core: &mut Core) {
        self.change(core, |record, now| (record.decided_at, record.decision) = (Some(now), Some(decision)));
    }

    fn change(&mut self, core: &mut Core, change: impl FnOnce(&mut AttemptRecord, crate::model::CallTime)) {
        if let Some(record) = &mut self.open {
            change(record, core.now);
        }
        self.tell(core);
    }

    fn close(&mut self, why: Option<FailureReason>, then: Option<FallbackMode>, core: &mut Core) {
        self.change(core, |record, now| {
            (record.ended_at, record.failure_reason, record.fallback_mode) = (Some(now), why, then);
        });
        self.open = None;
    }

    fn tell(&self, core: &mut Core) {
        if let Some(record) = &self.open {
            core.order(Command::NoteAttempt { record: record.clone() });
        }
    }
}

/// Where the attempt goes: `destination` first, then `warm_destinations`.
pub(crate) fn destination(intent: &CallTransferIntent, index: usize) -> Redacted<String> {
    let number = match index.checked_sub(1) {
        None => intent.destination.clone(),
        Some(place) => intent.warm_destinations.get(place).cloned().unwrap_or_default(),
    };
    Redacted::new(number)
}

/// Why a cold transfer's attempt failed; `None` where it did not.
pub(crate) fn failure(outcome: TransferOutcome) -> Option<FailureReason> {
    use FailureReason as F;
    Some(match outcome {
        TransferOutcome::Confirmed | TransferOutcome::Presumed | TransferOutcome::Bridged => return None,
        TransferOutcome::Refused { status } | TransferOutcome::Failed { status } => of_status(status),
        TransferOutcome::Unknown | TransferOutcome::NoNotify => F::Unconfirmed,
        TransferOutcome::NoResponse | TransferOutcome::Glare => F::Unreachable,
        TransferOutcome::CallerHungUp => F::CallerHungUp,
        TransferOutcome::NotAllowed => F::NotAllowed,
        TransferOutcome::AlreadyInProgress | TransferOutcome::Interrupted => F::Interrupted,
        TransferOutcome::Unsupported => F::Unsupported,
        TransferOutcome::NotReached { why } => why,
    })
}

/// What a final status of 300 or above says about whoever was called.
pub(crate) fn of_status(status: u16) -> FailureReason {
    match status {
        486 | 600 => FailureReason::Busy,
        603 | 607 => FailureReason::Declined,
        408 | 480 | 487 => FailureReason::NoAnswer,
        404 | 410 | 484 | 604 => FailureReason::NotFound,
        _ => FailureReason::Unreachable,
    }
}
