//! The table of a cold transfer: where it stands, and what each fact makes of it.

use super::outcome;
use crate::model::{RequestId, TransferOutcome};

/// Where a cold transfer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The words before the REFER are playing.
    Speaking,
    /// Requests crossed; the REFER is sent again soon.
    Waiting,
    /// The REFER is out.
    Asked(RequestId),
    /// It was accepted; the referred call is being set up.
    Accepted(RequestId),
}

/// What follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing.
    Stay,
    /// The REFER was accepted (202, or a NOTIFY that came first: RFC 3515 section 2.4.4).
    Accept(RequestId),
    /// A provisional status: the wait starts anew, under the cap.
    Patience,
    /// 491: send it again.
    Again,
    Over(TransferOutcome),
    /// Not about the REFER that is out.
    Stale,
}

impl Step {
    /// The REFER that is out.
    pub(crate) fn request(self) -> Option<RequestId> {
        match self {
            Self::Asked(request) | Self::Accepted(request) => Some(request),
            Self::Speaking | Self::Waiting => None,
        }
    }

    pub(crate) fn answered(self, request: RequestId, status: u16) -> Next {
        if self.request() != Some(request) {
            return Next::Stale;
        }
        match (self, outcome::of_answer(status)) {
            (Self::Asked(_), Some(_)) if status == 491 => Next::Again,
            (Self::Asked(_), None) if status >= 200 => Next::Accept(request),
            (Self::Asked(_) | Self::Accepted(_), Some(outcome)) => Next::Over(outcome),
            (Self::Asked(_) | Self::Accepted(_) | Self::Speaking | Self::Waiting, _) => Next::Stay,
        }
    }

    pub(crate) fn progressed(self, request: RequestId, status: u16) -> Next {
        if self.request() != Some(request) {
            return Next::Stale;
        }
        match (self, outcome::of_progress(status)) {
            (_, Some(outcome)) => Next::Over(outcome),
            (Self::Asked(_), None) => Next::Accept(request),
            (Self::Accepted(_) | Self::Speaking | Self::Waiting, None) => Next::Patience,
        }
    }

    /// The subscription ended without a final status line.
    pub(crate) fn subscription_ended(self, request: RequestId) -> Next {
        if self.request() == Some(request) { Next::Over(TransferOutcome::Unknown) } else { Next::Stale }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: RequestId = RequestId(3);

    #[test]
    fn every_answer_has_one_meaning() {
        let asked = Step::Asked(R);
        assert_eq!(asked.answered(R, 100), Next::Stay);
        assert_eq!(asked.answered(R, 202), Next::Accept(R));
        assert_eq!(asked.answered(R, 603), Next::Over(TransferOutcome::Refused { status: 603 }));
        assert_eq!(asked.answered(R, 408), Next::Over(TransferOutcome::NoResponse));
        assert_eq!(asked.answered(R, 491), Next::Again);
        assert_eq!(asked.answered(RequestId(2), 603), Next::Stale);
        assert_eq!(Step::Accepted(R).answered(R, 200), Next::Stay);
        assert_eq!(Step::Speaking.answered(R, 202), Next::Stale);
    }

    #[test]
    fn every_status_line_has_one_meaning() {
        assert_eq!(Step::Asked(R).progressed(R, 100), Next::Accept(R), "a NOTIFY may overtake the 202");
        assert_eq!(Step::Asked(R).progressed(R, 200), Next::Over(TransferOutcome::Confirmed));
        assert_eq!(Step::Accepted(R).progressed(R, 180), Next::Patience);
        assert_eq!(Step::Accepted(R).progressed(R, 486), Next::Over(TransferOutcome::Failed { status: 486 }));
        assert_eq!(Step::Accepted(R).progressed(RequestId(9), 486), Next::Stale);
        assert_eq!(Step::Accepted(R).subscription_ended(R), Next::Over(TransferOutcome::Unknown));
    }
}
