//! Who is up, and who is owed a BYE.

use super::{Command, Direction, Event, LegFailure, ReleaseReason, ReleasedBy};
use crate::model::{CallTime, EndCause, LegId};
use std::collections::BTreeMap;

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

/// How often a second leg's release is ordered where the order could not be queued.
const RELEASE_ORDERS_MAX: u32 = 3;

#[derive(Debug, Default)]
pub(crate) struct Legs {
    pub(crate) caller: LegState,
    /// A fact about the peer (it put us on hold), not a state of ours.
    pub(crate) held: bool,
    made: u32,
    others: BTreeMap<LegId, Other>,
}

/// A leg that is not the caller's, until it is reported gone.
#[derive(Debug)]
enum Other {
    /// It belongs to the transfer under way.
    Live,
    Leaving(Leaving),
}

#[derive(Debug)]
struct Leaving {
    cause: EndCause,
    orders: u32,
    until: CallTime,
    /// The order could not be queued; at `until` it is given again.
    again: bool,
}

/// What a leg is to the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Caller,
    /// Of the transfer under way.
    Second,
    /// Released, and not reported gone yet.
    Leaving,
    Unknown,
}

/// Second legs: made, released, watched until they are gone.
impl Legs {
    pub(crate) fn add(&mut self) -> LegId {
        self.made += 1;
        let leg = LegId(self.made);
        self.others.insert(leg, Other::Live);
        leg
    }

    pub(crate) fn standing(&self, leg: LegId) -> Standing {
        if leg == LegId::CALLER {
            return Standing::Caller;
        }
        match self.others.get(&leg) {
            Some(Other::Live) => Standing::Second,
            Some(Other::Leaving(_)) => Standing::Leaving,
            None => Standing::Unknown,
        }
    }

    /// It was reported gone.
    pub(crate) fn forget(&mut self, leg: LegId) {
        self.others.remove(&leg);
    }

    /// Some second leg is not reported gone.
    pub(crate) fn has_others(&self) -> bool {
        !self.others.is_empty()
    }

    pub(crate) fn leave(&mut self, leg: LegId, cause: EndCause, until: CallTime) -> Option<Command> {
        let other = self.others.get_mut(&leg)?;
        if let Other::Leaving(_) = other {
            return None;
        }
        *other = Other::Leaving(Leaving { cause, orders: 1, until, again: false });
        Some(Command::Release { leg, cause })
    }

    /// A fact about a leaving leg; false where it says nothing about its end.
    pub(crate) fn heard_of(&mut self, event: &Event, again: CallTime) -> bool {
        let Some(leg) = event.leg() else { return false };
        if is_gone(event) {
            self.forget(leg);
            return true;
        }
        if let (Event::LegFailed { why: LegFailure::Overloaded, .. }, Some(Other::Leaving(leaving))) = (event, self.others.get_mut(&leg)) {
            (leaving.until, leaving.again) = (again, true);
            return true;
        }
        false
    }

    /// Every leaving leg that is due: its next order, or `None` where it is given up.
    pub(crate) fn overdue(&mut self, now: CallTime, until: CallTime) -> Vec<Option<Command>> {
        let mut due = Vec::new();
        self.others.retain(|leg, other| {
            let Other::Leaving(leaving) = other else { return true };
            if leaving.until > now {
                return true;
            }
            if !leaving.again || leaving.orders >= RELEASE_ORDERS_MAX {
                due.push(None);
                return false;
            }
            (leaving.until, leaving.again, leaving.orders) = (until, false, leaving.orders + 1);
            due.push(Some(Command::Release { leg: *leg, cause: leaving.cause }));
            true
        });
        due
    }

    pub(crate) fn next_overdue(&self) -> Option<CallTime> {
        let leaving = self.others.values().filter_map(|other| match other {
            Other::Leaving(leaving) => Some(leaving.until),
            Other::Live => None,
        });
        leaving.min()
    }
}

/// The last word about a second leg: a leg of ours that was refused or never answered is gone without a release.
pub(crate) fn is_gone(event: &Event) -> bool {
    if let Event::LegReleased { .. } = event {
        return true;
    }
    matches!(
        event,
        Event::LegFailed { why: LegFailure::Status { .. } | LegFailure::NoAnswer | LegFailure::NotAllowed | LegFailure::LimitReached, .. }
    )
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
