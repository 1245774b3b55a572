//! Keys sent: RFC 4733 packets, one a tick, with three ends; or tones where no telephone-events were negotiated.

use crate::media::tones::Tone;
use crate::media::{FRAME, Frame};
use crate::model::{Digit, Millis};
use std::collections::VecDeque;

/// Keys that may wait.
const MAX_WAITING: usize = 32;
/// 40 ms is the shortest key a receiver must know; a 16-bit duration ends at 8.19 s.
const FRAMES: (u64, u64) = (2, 400);
/// Pause between two keys.
const GAP: u32 = 3;
const ENDS: u32 = 3;

/// Too many keys wait to be sent; this one was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many keys wait to be sent on this leg")]
pub(crate) struct DigitRefused;

/// One telephone-event packet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventPacket {
    /// Of the start of the press.
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: [u8; 4],
}

/// What takes the place of audio in this tick.
pub(crate) enum DigitOut {
    Event(EventPacket),
    Tone(Box<Frame>),
}

#[derive(Default)]
pub(crate) struct DigitSender {
    waiting: VecDeque<(Digit, u32)>,
    current: Option<Sending>,
    gap: u32,
    sent: u64,
}

struct Sending {
    digit: Digit,
    start: u32,
    /// Frames of the press and frames already told.
    frames: u32,
    told: u32,
    ends: u32,
    tone: Option<Tone>,
}

impl DigitSender {
    /// `duration` is held to 40 ms – 8 s.
    pub(crate) fn enqueue(&mut self, digit: Digit, duration: Millis) -> Result<(), DigitRefused> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(DigitRefused);
        }
        let frames = (duration.0 / 20).clamp(FRAMES.0, FRAMES.1);
        self.waiting.push_back((digit, frames as u32));
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.current = None;
    }

    /// Keys begun so far.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Call once a tick; `timestamp` is the one an audio packet would have now.
    pub(crate) fn next(&mut self, timestamp: u32, as_events: bool) -> Option<DigitOut> {
        if self.current.is_none() {
            self.gap = self.gap.saturating_sub(1);
            if self.gap > 0 {
                return None;
            }
            let (digit, frames) = self.waiting.pop_front()?;
            let tone = (!as_events).then(|| Tone::digit(digit));
            self.sent += 1;
            self.current = Some(Sending { digit, start: timestamp, frames, told: 0, ends: 0, tone });
        }
        let current = self.current.as_mut()?;
        let (out, over) = current.step();
        if over {
            self.current = None;
            self.gap = GAP + 1;
        }
        Some(out)
    }
}

impl Sending {
    fn step(&mut self) -> (DigitOut, bool) {
        self.told = (self.told + 1).min(self.frames);
        let last = self.told == self.frames;
        if let Some(tone) = &mut self.tone {
            let mut frame = Box::new([0; FRAME]);
            tone.fill(frame.as_mut_slice());
            return (DigitOut::Tone(frame), last);
        }
        let marker = self.told == 1 && self.ends == 0;
        self.ends += u32::from(last);
        let [high, low] = u16::try_from(self.told * FRAME as u32).unwrap_or(u16::MAX).to_be_bytes();
        // Volume 10: -10 dBm0 (section 2.3.4).
        let payload = [self.digit.event(), if last { 0x80 | 10 } else { 10 }, high, low];
        (DigitOut::Event(EventPacket { timestamp: self.start, marker, payload }), self.ends == ENDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_is_one_marker_growing_durations_and_three_ends() {
        let mut sender = DigitSender::default();
        sender.enqueue(Digit::from_char('#').unwrap(), Millis(100)).unwrap();
        sender.enqueue(Digit::from_char('1').unwrap(), Millis(40)).unwrap();
        let mut told = Vec::new();
        for tick in 0..20 {
            let timestamp = 1_000 + tick * 160;
            if let Some(DigitOut::Event(packet)) = sender.next(timestamp, true) {
                let [code, flags, high, low] = packet.payload;
                told.push((packet.timestamp, packet.marker, code, flags & 0x80 != 0, u16::from_be_bytes([high, low])));
            } else {
                told.push((0, false, 0, false, 0));
            }
        }
        let first: Vec<_> = [160, 320, 480, 640].iter().map(|duration| (1_000, *duration == 160, 11, false, *duration)).collect();
        assert_eq!(told[..4], first);
        assert_eq!(told[4..7], [(1_000, false, 11, true, 800); 3]);
        assert_eq!(told[7..10], [(0, false, 0, false, 0); 3], "a pause between keys");
        assert_eq!(told[10], (2_600, true, 1, false, 160));
        assert_eq!(told[11..14], [(2_600, false, 1, true, 320); 3]);
        assert_eq!(sender.sent(), 2);
    }

    #[test]
    fn too_many_keys_are_refused() {
        let mut sender = DigitSender::default();
        let key = Digit::from_char('1').unwrap();
        (0..32).for_each(|_| sender.enqueue(key, Millis(100)).unwrap());
        assert_eq!(sender.enqueue(key, Millis(100)), Err(DigitRefused));
    }
}
