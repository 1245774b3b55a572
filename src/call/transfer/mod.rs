//! Transfers, as far as they are decisions: which are allowed, what each SIP answer means, when to try again.
//!
//! Owns: the table of a cold transfer (`cold`), the count of its tries (`attempt`), the meaning of statuses (`outcome`). `phase::transferring`
//! drives it and speaks. A consultation with a human before the bridge is not here yet: an intent that asks for it is answered `Unsupported`
//! and the caller stays with the assistant.

mod attempt;
mod cold;
mod outcome;

pub(crate) use attempt::Attempt;
pub(crate) use cold::{Next, Step};

use super::CallSettings;
use crate::model::{CallTime, CallTransferIntent, TransferMode, TransferOutcome};
use std::time::Duration;

/// A transfer that is not even started, and what the caller hears of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) outcome: TransferOutcome,
    pub(crate) text: String,
}

/// Why `intent` is not carried out at all, if so.
pub(crate) fn refusal(intent: &CallTransferIntent, settings: &CallSettings, drain: Option<CallTime>, now: CallTime) -> Option<Refusal> {
    let texts = &settings.texts;
    if intent.mode == TransferMode::Warm {
        let own = intent.warm.as_ref().map(|warm| warm.failure_text.as_str().to_owned());
        let text = own.unwrap_or_else(|| texts.transfer_failed.clone());
        return Some(Refusal { outcome: TransferOutcome::Unsupported, text });
    }
    if !is_allowed(&intent.destination, settings.transfer_allowed.as_deref()) {
        return Some(Refusal { outcome: TransferOutcome::NotAllowed, text: texts.transfer_failed.clone() });
    }
    if !fits(settings, drain, now) {
        return Some(Refusal { outcome: TransferOutcome::Interrupted, text: texts.draining.clone() });
    }
    None
}

/// Whether one try, answered at the last moment, ends before the drain's deadline.
pub(crate) fn fits(settings: &CallSettings, drain: Option<CallTime>, now: CallTime) -> bool {
    let deadlines = &settings.deadlines;
    let longest = Duration::from(deadlines.refer_answer) + Duration::from(deadlines.refer_notify);
    drain.is_none_or(|deadline| now.after(longest) <= deadline)
}

fn is_allowed(destination: &str, allowed: Option<&[String]>) -> bool {
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
        refusal(&CallTransferIntent::cold(destination), settings, drain, CallTime::ZERO).map(|refusal| refusal.outcome)
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
