//! One intent and how often it was tried.

use super::outcome;
use crate::model::{CallTime, CallTransferIntent, TransferOutcome};

/// Crossing requests (491) that are tried again before the transfer counts as failed.
const GLARES_MAX: u32 = 3;

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) intent: CallTransferIntent,
    pub(crate) started: CallTime,
    /// REFERs sent, those that crossed another request not counted.
    pub(crate) tries: u32,
    glares: u32,
}

impl Attempt {
    pub(crate) fn new(intent: CallTransferIntent, started: CallTime) -> Self {
        Self { intent, started, tries: 0, glares: 0 }
    }

    pub(crate) fn may_retry(&self, outcome: TransferOutcome) -> bool {
        outcome::is_worth_a_retry(outcome) && self.tries <= self.intent.max_retries.get()
    }

    /// Counts a 491; false when it is one too many.
    pub(crate) fn glare(&mut self) -> bool {
        self.glares += 1;
        self.tries = self.tries.saturating_sub(1);
        self.glares <= GLARES_MAX
    }
}
