//! How full the tables are and what was dropped, for metrics and `reconcile`.

/// A snapshot; the first group are gauges, the rest counters since the endpoint was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub legs: usize,
    pub dialogs: usize,
    pub client_transactions: usize,
    pub server_transactions: usize,

    /// Not SIP, or too broken to answer.
    pub unroutable: u64,
    /// Broken but answered 400.
    pub malformed: u64,
    /// Responses without a transaction.
    pub stray_responses: u64,
    /// ACKs without a transaction or dialog.
    pub stray_acks: u64,
    /// Requests answered 481.
    pub unknown_dialog: u64,
    /// Requests answered 482 (loop or merged).
    pub merged: u64,
    /// Requests refused for a method, extension or hop count we do not take (405, 501, 420, 483).
    pub unsupported: u64,
    /// Requests answered 503 because a table was full.
    pub overloaded: u64,
    /// Messages dropped because our own output queues were full.
    pub dropped_full: u64,
    /// Resends absorbed by a transaction.
    pub absorbed: u64,
    /// Messages we sent again.
    pub resent: u64,
    /// NOTIFYs for a REFER nobody waits for.
    pub stale_notifies: u64,
    /// In-dialog requests with a CSeq below the last (500).
    pub out_of_order: u64,
    /// 2xx of other forks, acknowledged and ended.
    pub forked_answers: u64,
    /// INVITEs of ours sent on to a contact of a 3xx.
    pub redirected: u64,
    /// Streams closed because they could no longer be cut into messages.
    pub broken_streams: u64,
    /// Requests too large for a datagram that left over TCP (RFC 3261 section 18.1.1).
    pub large_by_tcp: u64,
    /// Of those, sent again over UDP because the peer has no TCP.
    pub large_back_to_udp: u64,
}
