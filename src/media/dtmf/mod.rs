//! Keys: telephone-events in and out (RFC 4733), tones in the band. SIP INFO does not pass here.

mod inband;
mod receive;
mod send;

pub(crate) use inband::{ToneDetector, holds_key};
pub(crate) use receive::EventReceiver;
pub(crate) use send::{DigitOut, DigitSender};
