//! The two timers a transaction can have.

use crate::model::{Millis, WorkerTime};

/// RFC 3261 table 4; the names of RFC 6026 beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TimerName {
    /// INVITE request resend.
    A,
    /// INVITE without a final response.
    B,
    /// Wait for resends of a refusal of our INVITE.
    D,
    /// Other request resend.
    E,
    /// Other request without a final response.
    F,
    /// Refusal of an INVITE resend.
    G,
    /// Refusal of an INVITE without its ACK.
    H,
    /// Wait for resends of the ACK.
    I,
    /// Wait for resends of a request.
    J,
    /// Wait for resends of a response.
    K,
    /// RFC 6026: an accepted INVITE absorbs resends.
    L,
    /// RFC 6026: wait for further 2xx of our INVITE.
    M,
}

/// The base times every SIP timer is made of (RFC 3261 section 17.1.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Round trip estimate; the RFC's 500 ms.
    pub t1: Millis,
    /// Longest resend interval of requests other than INVITE and of responses to INVITE; the RFC's 4 s.
    pub t2: Millis,
    /// Longest time a message stays in the network; the RFC's 5 s.
    pub t4: Millis,
}

impl Default for Timers {
    fn default() -> Self {
        Self { t1: Millis(500), t2: Millis(4_000), t4: Millis(5_000) }
    }
}

impl Timers {
    /// 64*T1: the time after which every wait of RFC 3261 gives up.
    pub const fn give_up(self) -> Millis {
        Millis(self.t1.0.saturating_mul(64))
    }
}

/// The resend and the expiry timer of one transaction.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    timers: Timers,
    reliable: bool,
    resend: Option<Resend>,
    expiry: Option<(WorkerTime, TimerName)>,
}

#[derive(Clone, Copy, Debug)]
struct Resend {
    due: WorkerTime,
    interval: Millis,
    cap: Option<Millis>,
    name: TimerName,
}

impl Clock {
    pub(crate) const fn new(timers: Timers, reliable: bool) -> Self {
        Self { timers, reliable, resend: None, expiry: None }
    }

    pub(crate) const fn timers(&self) -> Timers {
        self.timers
    }

    /// Resend after T1, then doubling up to `cap`; never over a reliable transport.
    pub(crate) fn start_resend(&mut self, at: WorkerTime, name: TimerName, cap: Option<Millis>) {
        if !self.reliable {
            let interval = self.timers.t1;
            self.resend = Some(Resend { due: at.after(interval), interval, cap, name });
        }
    }

    /// Keeps the rhythm of RFC 3261 figure 6, Proceeding: every T2 from now on.
    pub(crate) fn slow_resend(&mut self, at: WorkerTime) {
        let interval = self.timers.t2;
        if let Some(resend) = &mut self.resend {
            resend.interval = interval;
            resend.due = at.after(interval);
        }
    }

    pub(crate) fn stop_resend(&mut self) {
        self.resend = None;
    }

    pub(crate) fn expire_after(&mut self, at: WorkerTime, name: TimerName, span: Millis) {
        self.expiry = Some((at.after(span), name));
    }

    pub(crate) fn stop_expiry(&mut self) {
        self.expiry = None;
    }

    /// The span of a timer that only absorbs what the network may still hold: zero over a reliable transport.
    pub(crate) const fn linger(&self, span: Millis) -> Millis {
        if self.reliable { Millis(0) } else { span }
    }

    /// Is the resend timer due? If so it is set again, doubled.
    pub(crate) fn resend_due(&mut self, at: WorkerTime) -> bool {
        let Some(resend) = &mut self.resend else { return false };
        if resend.due > at {
            return false;
        }
        let doubled = Millis(resend.interval.0.saturating_mul(2));
        resend.interval = resend.cap.map_or(doubled, |cap| doubled.min(cap));
        let rhythm = resend.due.after(resend.interval);
        resend.due = if rhythm > at { rhythm } else { at.after(resend.interval) };
        true
    }

    /// Is the expiry timer due? If so it is gone.
    pub(crate) fn expired(&mut self, at: WorkerTime) -> Option<TimerName> {
        let (_, name) = self.expiry.filter(|(due, _)| *due <= at)?;
        self.expiry = None;
        Some(name)
    }

    pub(crate) fn next_deadline(&self) -> Option<(WorkerTime, TimerName)> {
        let resend = self.resend.map(|resend| (resend.due, resend.name));
        match (resend, self.expiry) {
            (Some(resend), Some(expiry)) => Some(resend.min(expiry)),
            (one, None) | (None, one) => one,
        }
    }
}
