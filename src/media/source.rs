//! Whose packets are the peer's: one source is locked, everybody else's are strangers' and are dropped.

use super::Latch;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Packets from the locked source after which the signalled address can take it over no more.
const OPEN_FOR: u32 = 50;
/// Packets in a row from the signalled host's other port before it is believed.
const OTHER_PORT: u32 = 5;

/// The verdict on one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ours,
    /// Ours, and from now on the source is this one instead of the signalled.
    Moved,
    Stranger,
}

pub(crate) struct SourceLock {
    latch: Latch,
    signalled: Option<SocketAddr>,
    locked: Option<SocketAddr>,
    /// Packets taken since the lock.
    taken: u32,
    candidate: Option<(SocketAddr, u32)>,
}

impl SourceLock {
    pub(crate) fn new(latch: Latch, signalled: Option<SocketAddr>) -> Self {
        Self { latch, signalled, locked: None, taken: 0, candidate: None }
    }

    /// A new description. The same address changes nothing, so that a latched source survives a refresh.
    pub(crate) fn signal(&mut self, address: SocketAddr) {
        if self.signalled != Some(address) {
            // A zero address is a hold, not a move: the source that was found comes back with it.
            if address.ip().is_unspecified() && self.locked.is_some() {
                self.signalled = Some(address);
                return;
            }
            *self = Self::new(self.latch, Some(address));
        }
    }

    /// The lock opens again: the source fell silent, and behind a NAT it may come back from another port.
    pub(crate) fn open(&mut self) {
        *self = Self::new(self.latch, self.signalled);
    }

    /// Where to send: where the peer really is, if it was latched, else where it said. `None` for an unspecified address.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        let signalled = self.signalled?;
        let destination = match self.locked {
            Some(locked) if self.may_latch() => locked,
            Some(_) | None => signalled,
        };
        (!signalled.ip().is_unspecified() && destination.port() != 0).then_some(destination)
    }

    /// True for RTCP of the peer: the same host, any port.
    pub(crate) fn is_peer_host(&self, from: SocketAddr) -> bool {
        self.locked.or(self.signalled).is_some_and(|peer| peer.ip() == from.ip())
    }

    /// Only valid packets of a negotiated payload type are asked about.
    pub(crate) fn judge(&mut self, from: SocketAddr) -> Verdict {
        if self.locked == Some(from) {
            self.taken = self.taken.saturating_add(1);
            return Verdict::Ours;
        }
        let signalled = self.signalled == Some(from);
        match self.locked {
            // The signalled source is the better one while the leg is young.
            Some(_) if signalled && self.taken < OPEN_FOR => self.lock(from),
            Some(_) => return Verdict::Stranger,
            None if signalled => {
                self.lock(from);
                return Verdict::Ours;
            }
            None => {
                if !self.may_latch() && !self.believed(from) {
                    return Verdict::Stranger;
                }
                self.lock(from);
            }
        }
        Verdict::Moved
    }

    fn lock(&mut self, from: SocketAddr) {
        self.locked = Some(from);
        self.taken = 1;
        self.candidate = None;
    }

    fn may_latch(&self) -> bool {
        match (self.latch, self.signalled) {
            (Latch::Never, _) | (_, None) => false,
            (Latch::Always, Some(_)) => true,
            (Latch::Unroutable, Some(signalled)) => is_unroutable(signalled.ip()),
        }
    }

    /// A peer may send from another port than it listens at; a few packets in a row must say so, since an old call's may still fly.
    fn believed(&mut self, from: SocketAddr) -> bool {
        if self.latch == Latch::Never || self.signalled.is_none_or(|signalled| signalled.ip() != from.ip()) {
            return false;
        }
        let count = self.candidate.filter(|(candidate, _)| *candidate == from).map_or(1, |(_, count)| count + 1);
        self.candidate = Some((from, count));
        count >= OTHER_PORT
    }
}

/// No address a packet from elsewhere can come from: the peer stands behind a NAT or did not know better.
fn is_unroutable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_unroutable_v4(v4),
        IpAddr::V6(v6) => v6
            .to_ipv4_mapped()
            .map_or(v6.is_unspecified() || v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(), is_unroutable_v4),
    }
}

fn is_unroutable_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    address.is_private() || address.is_loopback() || address.is_link_local() || address.is_unspecified() || shared
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn pain_22_a_peer_behind_a_nat_is_heard_and_answered_where_it_really_is() {
        let mut lock = SourceLock::new(Latch::Unroutable, Some(address("192.168.1.5:4000")));
        assert_eq!(lock.destination(), Some(address("192.168.1.5:4000")));
        assert_eq!(lock.judge(address("203.0.113.9:61000")), Verdict::Moved);
        assert_eq!(lock.destination(), Some(address("203.0.113.9:61000")));
        assert_eq!(lock.judge(address("203.0.113.9:61000")), Verdict::Ours);
    }

    #[test]
    fn pain_23_after_the_lock_everybody_else_is_a_stranger() {
        let mut lock = SourceLock::new(Latch::Unroutable, Some(address("198.51.100.7:4000")));
        assert_eq!(lock.judge(address("203.0.113.9:61000")), Verdict::Stranger, "a public address is no NAT");
        assert_eq!(lock.judge(address("198.51.100.7:4000")), Verdict::Ours);
        for _ in 0..20 {
            assert_eq!(lock.judge(address("198.51.100.7:4002")), Verdict::Stranger);
        }
    }

    #[test]
    fn the_signalled_source_takes_over_while_the_leg_is_young() {
        let mut lock = SourceLock::new(Latch::Unroutable, Some(address("10.0.0.5:4000")));
        assert_eq!(lock.judge(address("10.0.0.6:4000")), Verdict::Moved);
        assert_eq!(lock.judge(address("10.0.0.5:4000")), Verdict::Moved);
        (0..60).for_each(|_| assert_eq!(lock.judge(address("10.0.0.5:4000")), Verdict::Ours));
        assert_eq!(lock.judge(address("10.0.0.6:4000")), Verdict::Stranger);
    }

    #[test]
    fn a_re_invite_with_a_new_port_opens_the_lock_and_the_same_port_does_not() {
        let mut lock = SourceLock::new(Latch::Unroutable, Some(address("10.0.0.5:4000")));
        lock.judge(address("203.0.113.9:61000"));
        lock.signal(address("10.0.0.5:4000"));
        assert_eq!(lock.destination(), Some(address("203.0.113.9:61000")));
        lock.signal(address("10.0.0.5:5000"));
        assert_eq!(lock.destination(), Some(address("10.0.0.5:5000")));
        assert_eq!(lock.judge(address("10.0.0.5:5000")), Verdict::Ours);
    }

    #[test]
    fn another_port_of_the_signalled_host_is_believed_after_a_few_packets() {
        let mut lock = SourceLock::new(Latch::Unroutable, Some(address("198.51.100.7:4000")));
        let other = address("198.51.100.7:4002");
        (0..4).for_each(|_| assert_eq!(lock.judge(other), Verdict::Stranger));
        assert_eq!(lock.judge(other), Verdict::Moved);
        assert_eq!(lock.destination(), Some(address("198.51.100.7:4000")), "we still send where it said");
    }

    #[test]
    fn zero_address_is_hold_nothing_is_sent() {
        let mut lock = SourceLock::new(Latch::Unroutable, Some(address("0.0.0.0:4000")));
        assert_eq!(lock.destination(), None);
        lock.judge(address("203.0.113.9:61000"));
        lock.signal(address("198.51.100.7:4000"));
        assert_eq!(lock.destination(), Some(address("198.51.100.7:4000")));
    }
}
