//! What the shell saw, for metrics and `reconcile`.

use crate::sip::endpoint::Counts;

/// Counters since the shell started; `connections` is a gauge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShellCounts {
    pub datagrams_in: u64,
    pub datagrams_out: u64,
    /// Datagrams and connections from addresses the access list does not name.
    pub refused_sources: u64,
    /// Datagrams of nothing but line ends (RFC 5626 keep-alives) or of nothing at all.
    pub keep_alives: u64,
    pub receive_errors: u64,
    /// Messages the system refused to take.
    pub send_errors: u64,
    /// Datagrams dropped because the socket's buffer was full; resends make them good.
    pub send_full: u64,
    /// Requests over UDP beyond 1,300 bytes: they may be cut on the way (RFC 3261 section 18.1.1).
    pub large_requests: u64,
    /// Messages for a transport that is not open.
    pub no_transport: u64,
    pub connections: usize,
    pub connections_accepted: u64,
    pub connections_opened: u64,
    /// Closed at the door: too many.
    pub connections_refused: u64,
    /// Closed by us: silent for too long.
    pub connections_idle: u64,
    /// Closed by us: the peer did not take our bytes.
    pub connections_stuck: u64,
    /// Closed by us: what came could not be cut into messages.
    pub connections_broken: u64,
    /// `accept` failed (file descriptors used up).
    pub accept_errors: u64,
    pub lookups: u64,
    pub lookup_failures: u64,
}

/// One look at the whole SIP side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub shell: ShellCounts,
    pub endpoint: Counts,
    /// [`Endpoint::is_empty`](crate::sip::endpoint::Endpoint::is_empty).
    pub is_empty: bool,
}
