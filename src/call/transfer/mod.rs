//! Transfers, as far as they are decisions: which are allowed, what each SIP answer means, when to try again.
//!
//! Owns: the table of a cold transfer (`cold`), the count of its tries (`attempt`), the meaning of statuses (`outcome`); the table of a warm
//! one (`warm`, drawn in `warm.md`), the machine that walks it (`consult`), what a human's words mean (`decision`); the books of every attempt
//! (`ledger`). `phase::transferring` drives the first and `phase::consulting` the second; they speak, these decide.

mod attempt;
mod cold;
mod consult;
mod decision;
mod ledger;
mod outcome;
mod warm;

pub(crate) use attempt::Attempt;
pub(crate) use cold::{Next, Step};
pub(crate) use consult::{Consult, Fact, Finish, Mark, Order, Plan};
pub(crate) use decision::{decision_word, keyed, spoken};
pub(crate) use ledger::{Ledger, destination, failure, of_status};
pub(crate) use outcome::may_bridge;
pub(crate) use warm::{State, Timer};

use super::{CallSettings, ReferProfile};
use crate::model::{CallTime, CallTransferIntent, FailureReason, TransferMode, TransferOutcome};
use std::time::Duration;

/// What a drain must leave for a warm transfer to begin: an announcement, a dial and a decision.
const WARM_MIN: Duration = Duration::from_secs(15);

/// A transfer that is not even started, and what the caller hears of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) outcome: TransferOutcome,
    pub(crate) text: String,
}

/// Why `intent` is not carried out at all, if so.
pub(crate) fn refusal(
    intent: &CallTransferIntent,
    settings: &CallSettings,
    attempts: u32,
    drain: Option<CallTime>,
    now: CallTime,
) -> Option<Refusal> {
    let texts = &settings.texts;
    let own = intent.warm.as_ref().filter(|_| intent.mode == TransferMode::Warm).map(|warm| warm.failure_text.as_str().to_owned());
    let sorry = own.unwrap_or_else(|| texts.transfer_failed.clone());
    let (others, fits) = match intent.mode {
        TransferMode::Cold => (&[][..], fits(settings, drain, now)),
        TransferMode::Warm => (&intent.warm_destinations[..], drain.is_none_or(|deadline| now.after(WARM_MIN) <= deadline)),
    };
    let needs_dial = intent.mode == TransferMode::Warm || settings.transfer.refer == ReferProfile::Refuses;
    let mut destinations = std::iter::once(&intent.destination).chain(others);
    let (outcome, text) = if needs_dial && !settings.transfer.dials {
        (TransferOutcome::Unsupported, sorry)
    } else if !destinations.any(|destination| is_allowed(destination, settings.transfer_allowed.as_deref())) {
        (TransferOutcome::NotAllowed, sorry)
    } else if attempts >= settings.transfer.attempts_per_call {
        (TransferOutcome::NotReached { why: FailureReason::LimitReached }, sorry)
    } else if !fits {
        (TransferOutcome::Interrupted, texts.draining.clone())
    } else {
        return None;
    };
    Some(Refusal { outcome, text })
}

/// Whether one try, answered at the last moment, ends before the drain's deadline.
pub(crate) fn fits(settings: &CallSettings, drain: Option<CallTime>, now: CallTime) -> bool {
    let deadlines = &settings.deadlines;
    let longest = Duration::from(deadlines.refer_answer) + Duration::from(deadlines.refer_notify);
    drain.is_none_or(|deadline| now.after(longest) <= deadline)
}

pub(crate) fn is_allowed(destination: &str, allowed: Option<&[String]>) -> bool {
    if destination.trim().is_empty() {
        return false;
    }
    let Some(allowed) = allowed else { return true };
    allowed.iter().any(|entry| match entry.strip_suffix('*') {
        Some(prefix) => destination.starts_with(prefix),
        None => destination == entry,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Millis;

    fn verdict(destination: &str, settings: &CallSettings, drain: Option<CallTime>) -> Option<TransferOutcome> {
        refusal(&CallTransferIntent::cold(destination), settings, 0, drain, CallTime::ZERO).map(|refusal| refusal.outcome)
    }

    #[test]
    fn only_listed_destinations_are_dialled() {
        let mut settings = CallSettings::default();
        assert_eq!(verdict("+4930123", &settings, None), None);
        assert_eq!(verdict(" ", &settings, None), Some(TransferOutcome::NotAllowed));
        settings.transfer_allowed = Some(vec!["+49*".to_owned(), "sip:desk@example.org".to_owned()]);
        assert_eq!(verdict("+4930123", &settings, None), None);
        assert_eq!(verdict("sip:desk@example.org", &settings, None), None);
        assert_eq!(verdict("sip:desk@example.org.evil", &settings, None), Some(TransferOutcome::NotAllowed));
        assert_eq!(verdict("+1900123", &settings, None), Some(TransferOutcome::NotAllowed));
        settings.transfer_allowed = Some(Vec::new());
        assert_eq!(verdict("+4930123", &settings, None), Some(TransferOutcome::NotAllowed));
    }

    #[test]
    fn a_drain_that_leaves_too_little_time_refuses() {
        let mut settings = CallSettings::default();
        settings.deadlines.refer_answer = Millis(1_000);
        settings.deadlines.refer_notify = Millis(2_000);
        assert_eq!(verdict("+49", &settings, Some(CallTime::from_millis(3_000))), None);
        assert_eq!(verdict("+49", &settings, Some(CallTime::from_millis(2_999))), Some(TransferOutcome::Interrupted));
    }
}
