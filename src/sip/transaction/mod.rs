//! The four transaction tables of RFC 3261 section 17, with the Accepted states of RFC 6026.
//!
//! Owns: the states and timers of one client or server transaction. A table is told what happened (a response came, the user sent one, time
//! passed) and says what to do about it as a list of [`Step`]s; it holds no bytes, no addresses and no clock, so every row of the RFC's
//! figures can be tested in virtual time.
//!
//! Timers are data: each table has at most one resend timer (A, E, G) and one expiry timer (B, D, F, H, I, J, K, L, M), both shown by
//! `next_deadline` with the RFC's letter.
//!
//! Does not do: match messages to transactions (`endpoint::table`), build ACK or responses, retransmit a 2xx to INVITE (that is the leg's,
//! RFC 3261 section 13.3.1.4).

mod client;
mod client_invite;
mod clock;
mod server;
mod server_invite;

#[cfg(test)]
mod tests;

pub use clock::{TimerName, Timers};

pub(crate) use client::Client;
pub(crate) use client_invite::ClientInvite;
pub(crate) use clock::Clock;
pub(crate) use server::Server;
pub(crate) use server_invite::ServerInvite;

/// What a table wants done, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Put the request (client) or the last response (server) on the wire.
    Send,
    /// Client INVITE only: acknowledge the final response that just came, status 300 and above.
    Acknowledge,
    /// Hand the response that just came to the transaction's user.
    Deliver,
    /// No final response in time (timer B or F): as if a 408 had come (RFC 3261 section 8.1.3.1).
    TimedOut,
    /// Server INVITE only: the ACK to our refusal never came (timer H).
    Unacknowledged,
    /// Forget the transaction.
    Terminated,
}
