//! Telephone-events received: every press once, whatever the peer does to say it.
//!
//! A press is its timestamp and its key (RFC 4733 section 2.5.1.2). Marker and end bits are hints only: senders forget the marker,
//! networks lose starts and ends, and ends come three times with one or with new sequence numbers. Sequence numbers are not looked at.

use crate::model::{Digit, WorkerTime};
use std::time::Duration;

/// Presses remembered, so that a straggler of an earlier one is known.
const REMEMBERED: usize = 4;
/// After this, the same timestamp with a marker is a new press by a sender whose timestamps stand still.
const FROZEN: Duration = Duration::from_millis(200);
/// A segment of a long press is at most this long (RFC 4733 section 2.5.1.3); from `LONG` on a follower may be the next segment.
const SEGMENT: u32 = 0xffff;
const LONG: u32 = 0xf000;
/// Two packets' time: senders that wrongly move the timestamp on with every packet stay within it.
const MOVING: u32 = 320;

/// Not a telephone-event payload (too short).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payload is no telephone-event")]
pub(crate) struct NotEvent;

#[derive(Default)]
pub(crate) struct EventReceiver {
    current: Option<Press>,
    earlier: [Option<(u32, u8)>; REMEMBERED],
    next_earlier: usize,
}

#[derive(Clone, Copy)]
struct Press {
    code: u8,
    /// Of its newest packet or segment.
    timestamp: u32,
    duration: u32,
    ended: bool,
    at: WorkerTime,
}

impl EventReceiver {
    /// A new source: its timestamps mean nothing beside the old ones.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The key, at the first packet of its press. Events above 15 (flash, fax tones) give none.
    pub(crate) fn on_packet(&mut self, at: WorkerTime, timestamp: u32, marker: bool, payload: &[u8]) -> Result<Option<Digit>, NotEvent> {
        let &[code, flags, high, low, ..] = payload else { return Err(NotEvent) };
        let Some(digit) = Digit::from_event(code) else { return Ok(None) };
        let packet = Press { code, timestamp, duration: u32::from(u16::from_be_bytes([high, low])), ended: flags & 0x80 != 0, at };
        let pressed = match &mut self.current {
            Some(current) if current.continues(&packet, marker) => {
                current.follow(&packet);
                false
            }
            Some(current) if current.same_instant(&packet) => {
                // The same timestamp again, long after: the sender's timestamps stand still.
                *current = packet;
                true
            }
            Some(_) | None if self.earlier.contains(&Some((timestamp, code))) => false,
            Some(_) | None => {
                self.begin(packet);
                true
            }
        };
        Ok(pressed.then_some(digit))
    }

    fn begin(&mut self, packet: Press) {
        if let Some(before) = self.current.replace(packet) {
            self.earlier[self.next_earlier] = Some((before.timestamp, before.code));
            self.next_earlier = (self.next_earlier + 1) % REMEMBERED;
        }
    }
}

impl Press {
    fn continues(&self, packet: &Press, marker: bool) -> bool {
        if packet.code != self.code {
            return false;
        }
        let ahead = packet.timestamp.wrapping_sub(self.timestamp);
        if ahead == 0 {
            let frozen = marker && self.ended && packet.duration < self.duration && packet.at.since(self.at) > FROZEN;
            return !frozen;
        }
        if self.ended || marker {
            return false;
        }
        let next_segment = self.duration >= LONG && (LONG..=SEGMENT + MOVING).contains(&ahead);
        let moving = ahead <= MOVING && packet.duration > self.duration;
        next_segment || moving
    }

    fn same_instant(&self, packet: &Press) -> bool {
        packet.code == self.code && packet.timestamp == self.timestamp
    }

    fn follow(&mut self, packet: &Press) {
        // A straggler of the same press changes nothing.
        if packet.timestamp != self.timestamp || packet.duration >= self.duration {
            (self.timestamp, self.duration) = (packet.timestamp, packet.duration);
        }
        if !self.ended {
            self.at = packet.at;
        }
        self.ended |= packet.ended;
    }
}

#[cfg(test)]
mod tests;
