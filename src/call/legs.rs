//! Who is up, and who is owed a BYE.

use super::{Command, Direction, LegFailure, ReleaseReason, ReleasedBy};
use crate::model::{EndCause, LegId};

/// The caller's leg, from our side of the SIP module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LegState {
    /// No leg yet.
    #[default]
    None,
    /// Inbound, not answered: owed a final response.
    Offered,
    /// Outbound, not answered: owed a CANCEL.
    Dialing,
    /// Our 200 is out, its ACK is not here: owed a BYE.
    Answering,
    Up,
    /// The order to release it is out.
    Releasing,
    Gone,
}

#[derive(Debug, Default)]
pub(crate) struct Legs {
    pub(crate) caller: LegState,
    /// A fact about the peer (it put us on hold), not a state of ours.
    pub(crate) held: bool,
}

impl Legs {
    pub(crate) fn open(&mut self, direction: Direction) {
        self.caller = match direction {
            Direction::Inbound => LegState::Offered,
            Direction::Outbound => LegState::Dialing,
        };
    }

    /// The one order that releases the caller's leg; `None` where nothing is owed.
    pub(crate) fn release(&mut self, cause: EndCause) -> Option<Command> {
        let order = match self.caller {
            LegState::Offered => Command::Reject { leg: LegId::CALLER, status: cause.sip_status() },
            LegState::Dialing | LegState::Answering | LegState::Up => Command::Release { leg: LegId::CALLER, cause },
            LegState::None | LegState::Releasing | LegState::Gone => return None,
        };
        self.caller = LegState::Releasing;
        Some(order)
    }
}

/// Why the call ends when its leg is gone without our asking.
pub(crate) fn cause_of_release(by: ReleasedBy, why: ReleaseReason) -> EndCause {
    match why {
        ReleaseReason::Bye => match by {
            ReleasedBy::Remote => EndCause::CallerHungUp,
            ReleasedBy::Local | ReleasedBy::Network => EndCause::ConnectionLost,
        },
        ReleaseReason::Cancelled => match by {
            ReleasedBy::Remote => EndCause::CallerCancelled,
            ReleasedBy::Local | ReleasedBy::Network => EndCause::ConnectionLost,
        },
        ReleaseReason::Rejected => EndCause::SetupFailed,
        ReleaseReason::NeverAcknowledged => EndCause::NeverAcknowledged,
        ReleaseReason::SessionExpired | ReleaseReason::DialogLost | ReleaseReason::TransportLost => EndCause::ConnectionLost,
    }
}

/// Why the call ends when its leg could not be set up or ordered. `rang` splits 480 into no answer and unavailable.
pub(crate) fn cause_of_failure(direction: Direction, failure: LegFailure, rang: bool) -> EndCause {
    match (failure, direction) {
        (LegFailure::Status { status }, Direction::Outbound) => cause_of_refusal(status, rang),
        (LegFailure::Status { .. } | LegFailure::NoMedia, _) => EndCause::SetupFailed,
        (LegFailure::NoAnswer, Direction::Outbound) => EndCause::CalleeNoAnswer,
        (LegFailure::NoAnswer, Direction::Inbound) => EndCause::NeverAcknowledged,
        (LegFailure::Overloaded, _) => EndCause::Overloaded,
        (LegFailure::Transport, _) => EndCause::ConnectionLost,
        (LegFailure::NotAllowed | LegFailure::LimitReached, _) => EndCause::SetupFailed,
    }
}

fn cause_of_refusal(status: u16, rang: bool) -> EndCause {
    match status {
        486 | 600 => EndCause::CalleeBusy,
        603 | 607 => EndCause::CalleeDeclined,
        404 | 484 | 604 => EndCause::CalleeNotFound,
        480 if rang => EndCause::CalleeNoAnswer,
        480 | 410 => EndCause::CalleeUnavailable,
        408 | 487 => EndCause::CalleeNoAnswer,
        _ => EndCause::SipFailed,
    }
}
