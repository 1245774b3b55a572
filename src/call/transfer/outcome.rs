//! What a status means for a transfer.

use crate::model::TransferOutcome;

/// A REFER answered with `status`; `None` where it was accepted or where crossing requests only delay it.
pub(crate) fn of_answer(status: u16) -> Option<TransferOutcome> {
    match status {
        0..300 => None,
        // The answer of a shell for a REFER that nobody answered (RFC 3261 section 8.1.3.1).
        408 => Some(TransferOutcome::NoResponse),
        _ => Some(TransferOutcome::Refused { status }),
    }
}

/// A status line of the referred call; `None` while it is provisional.
pub(crate) fn of_progress(status: u16) -> Option<TransferOutcome> {
    match status {
        0..200 => None,
        200..300 => Some(TransferOutcome::Confirmed),
        _ => Some(TransferOutcome::Failed { status }),
    }
}

/// Whether a second leg of ours may reach whom the REFER did not: not where it is open whether the caller was connected, nor where the one who
/// was called has answered himself.
pub(crate) fn may_bridge(outcome: TransferOutcome) -> bool {
    match outcome {
        TransferOutcome::Refused { .. } | TransferOutcome::NoResponse | TransferOutcome::Glare => true,
        TransferOutcome::Failed { status } => !matches!(status, 404 | 410 | 484 | 486 | 600 | 603 | 604 | 607),
        TransferOutcome::Confirmed
        | TransferOutcome::Presumed
        | TransferOutcome::Unknown
        | TransferOutcome::NoNotify
        | TransferOutcome::CallerHungUp
        | TransferOutcome::NotAllowed
        | TransferOutcome::AlreadyInProgress
        | TransferOutcome::Interrupted
        | TransferOutcome::Unsupported
        | TransferOutcome::Bridged
        | TransferOutcome::NotReached { .. } => false,
    }
}

/// Whether the same REFER may end better a second time. Never after an outcome that leaves open whether the caller was connected, and not
/// where the answer cannot change: wrong number, not permitted.
pub(crate) fn is_worth_a_retry(outcome: TransferOutcome) -> bool {
    match outcome {
        TransferOutcome::Refused { status } | TransferOutcome::Failed { status } => {
            !matches!(status, 401 | 403 | 404 | 405 | 407 | 410 | 484 | 501 | 604)
        }
        TransferOutcome::NoResponse => true,
        TransferOutcome::Confirmed
        | TransferOutcome::Presumed
        | TransferOutcome::Unknown
        | TransferOutcome::NoNotify
        | TransferOutcome::Glare
        | TransferOutcome::CallerHungUp
        | TransferOutcome::NotAllowed
        | TransferOutcome::AlreadyInProgress
        | TransferOutcome::Interrupted
        | TransferOutcome::Unsupported
        | TransferOutcome::Bridged
        | TransferOutcome::NotReached { .. } => false,
    }
}
