//! The receive buffer: puts samples in the order of their timestamps, plays them at an adaptive delay and hides what is missing.
//!
//! A ring of samples indexed by timestamp: any packet time, order or duplicate lands where it belongs. The delay follows the spread of
//! transit times over the last two to four seconds, between 20 and 200 ms; the play position follows the smallest transit, and with it
//! the drift of the peer's clock.

use super::codec::GAP;
use super::conceal::{Concealer, Noise};
use super::{FRAME, Frame};
use crate::model::WorkerTime;

/// 1.024 s of samples.
const RING: usize = 8_192;
const MIN_DELAY: i64 = 160;
const MAX_DELAY: i64 = 1_600;
/// Half of the time transit times are remembered, in samples: 2 s.
const WINDOW: i64 = 16_000;
/// Packets in a row that come too late (or too early) before the buffer is set anew.
const PATIENCE: u32 = 4;
/// Frames between two small corrections.
const CALM: u32 = 10;

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    Taken,
    Late,
    /// So far ahead or behind that it may be a new stream; the next ones decide.
    Odd,
    /// The buffer was set anew at this packet.
    Resynced,
}

/// How a frame came to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Played {
    /// A part of it was invented.
    pub(crate) concealed: bool,
    /// A frame was dropped or repeated to correct the delay.
    pub(crate) adjusted: bool,
    pub(crate) resynced: bool,
}

pub(crate) struct Jitter {
    ring: Box<[i16; RING]>,
    /// Timestamp of the next sample to play, extended; `None` before the first packet.
    play: Option<i64>,
    newest: i64,
    transit: Transit,
    odd: u32,
    late: u32,
    since_adjusted: u32,
    concealer: Concealer,
    comfort: Option<Comfort>,
    /// Arrivals of this tick come out of a stall of ours and say nothing of the network.
    stalled: bool,
}

/// A stretch for which the peer described its noise instead of sending it.
struct Comfort {
    from: i64,
    /// Where its audio goes on.
    until: i64,
    noise: Noise,
}

impl Jitter {
    pub(crate) fn new() -> Self {
        let ring: Box<[i16]> = vec![GAP; RING].into();
        Self {
            ring: ring.try_into().expect("the slice was made with this length"),
            play: None,
            newest: 0,
            transit: Transit::default(),
            odd: 0,
            late: 0,
            since_adjusted: 0,
            concealer: Concealer::default(),
            comfort: None,
            stalled: false,
        }
    }

    /// Forgets the stream; the next packet begins a new one.
    pub(crate) fn reset(&mut self) {
        self.ring.fill(GAP);
        self.play = None;
        self.transit = Transit::default();
        self.concealer.reset();
        self.comfort = None;
        (self.odd, self.late) = (0, 0);
    }

    /// From this timestamp on the peer is silent, with noise as `payload` describes it (RFC 3389); until its next audio.
    pub(crate) fn comfort(&mut self, timestamp: u32, payload: &[u8]) {
        if self.play.is_none() {
            return;
        }
        let from = self.extended(timestamp);
        // A later description goes on where an earlier one was.
        let from = self.comfort.as_ref().filter(|comfort| comfort.until == i64::MAX).map_or(from, |comfort| comfort.from.min(from));
        self.comfort = Some(Comfort { from, until: i64::MAX, noise: Noise::described(payload) });
    }

    fn extended(&self, timestamp: u32) -> i64 {
        self.newest + i64::from(timestamp.wrapping_sub(self.newest as u32) as i32)
    }

    /// Time jumped by `frames` because we were stalled: play on from where the clock is.
    pub(crate) fn skip(&mut self, frames: u64) {
        self.stalled = true;
        if let Some(play) = self.play {
            let frames = frames.min(RING as u64 / FRAME as u64);
            self.clear(play, frames as usize * FRAME);
            self.play = Some(play + frames as i64 * FRAME as i64);
        }
    }

    /// The delay aimed at, in milliseconds.
    pub(crate) fn target_ms(&self) -> u32 {
        (self.transit.target() / 8) as u32
    }

    pub(crate) fn insert(&mut self, at: WorkerTime, timestamp: u32, samples: &[i16]) -> Placed {
        let now = now(at);
        let Some(play) = self.play else {
            self.begin(now, i64::from(timestamp));
            self.put(i64::from(timestamp), samples);
            return Placed::Taken;
        };
        let start = self.extended(timestamp);
        let end = start + samples.len() as i64;
        if end > play + RING as i64 - FRAME as i64 || start < play - 2 * RING as i64 {
            self.odd += 1;
            if self.odd < PATIENCE {
                return Placed::Odd;
            }
            return self.begin_again(now, start, samples);
        }
        self.odd = 0;
        if end <= play {
            // What piled up during a stall of ours is late by our fault and says nothing of the stream.
            self.late += u32::from(!self.stalled);
            if self.late >= 2 * PATIENCE {
                return self.begin_again(now, start, samples);
            }
            self.observe(now, start);
            return Placed::Late;
        }
        self.late = 0;
        self.observe(now, start);
        self.put(start, samples);
        Placed::Taken
    }

    /// The next 20 ms. Call once a tick.
    pub(crate) fn play(&mut self, at: WorkerTime, out: &mut Frame) -> Played {
        self.stalled = false;
        let Some(mut play) = self.play else {
            out.fill(0);
            return Played::default();
        };
        let mut played = Played::default();
        self.since_adjusted = self.since_adjusted.saturating_add(1);
        let behind = now(at) - self.transit.smallest() - self.transit.target() - play;
        if behind.abs() > 4_000 {
            let to = play + behind;
            if behind > 0 {
                self.clear(play, (behind as usize).min(RING));
            }
            play = to;
            played.resynced = true;
        } else if behind <= -80 && self.may_adjust(behind) {
            // More delay is wanted: this frame is the last one again.
            self.since_adjusted = 0;
            played.adjusted = true;
            self.concealer.missing(out);
            self.play = Some(play);
            return played;
        }
        let mut frame = self.take(play);
        play += FRAME as i64;
        if behind >= 240 && !played.resynced && self.may_adjust(behind) {
            self.since_adjusted = 0;
            played.adjusted = true;
            let next = self.take(play);
            play += FRAME as i64;
            cross_fade(&mut frame, &next);
        }
        self.play = Some(play);
        played.concealed = self.fill_gaps(play - FRAME as i64, &mut frame);
        *out = frame;
        played
    }

    /// Where nothing sounds a correction is not heard, so it may come sooner.
    fn may_adjust(&self, behind: i64) -> bool {
        self.concealer.is_quiet() || self.since_adjusted >= CALM || behind.abs() > 1_600
    }

    fn begin(&mut self, now: i64, start: i64) {
        self.transit = Transit::default();
        self.transit.observe(now, now - start);
        self.play = Some(start - MIN_DELAY);
        self.newest = start;
        (self.odd, self.late) = (0, 0);
        self.since_adjusted = 0;
    }

    fn begin_again(&mut self, now: i64, start: i64, samples: &[i16]) -> Placed {
        self.ring.fill(GAP);
        self.begin(now, start);
        self.put(start, samples);
        Placed::Resynced
    }

    fn observe(&mut self, now: i64, start: i64) {
        if !self.stalled {
            self.transit.observe(now, now - start);
        }
    }

    fn put(&mut self, start: i64, samples: &[i16]) {
        // What lies before the play position is over.
        let over = usize::try_from(self.play.unwrap_or(start) - start).unwrap_or(0).min(samples.len());
        let samples = &samples[over..];
        let place = index(start + over as i64);
        let (to_end, rest) = samples.split_at(samples.len().min(RING - place));
        self.ring[place..place + to_end.len()].copy_from_slice(to_end);
        self.ring[..rest.len()].copy_from_slice(rest);
        self.newest = self.newest.max(start);
        if let Some(comfort) = &mut self.comfort
            && start > comfort.from
        {
            comfort.until = comfort.until.min(start);
        }
    }

    fn take(&mut self, from: i64) -> Frame {
        let mut frame = [GAP; FRAME];
        let place = index(from);
        let (to_end, rest) = frame.split_at_mut(FRAME.min(RING - place));
        to_end.copy_from_slice(&self.ring[place..place + to_end.len()]);
        self.ring[place..place + to_end.len()].fill(GAP);
        rest.copy_from_slice(&self.ring[..rest.len()]);
        self.ring[..rest.len()].fill(GAP);
        frame
    }

    fn clear(&mut self, from: i64, count: usize) {
        for offset in 0..count.min(RING) {
            self.ring[index(from + offset as i64)] = GAP;
        }
    }

    /// True if something was missing that a listener would have heard. `at` is the timestamp of the frame's first sample.
    fn fill_gaps(&mut self, at: i64, frame: &mut Frame) -> bool {
        let mut invented = false;
        for (place, run) in runs(frame) {
            if run[0] != GAP {
                self.concealer.real(run);
                continue;
            }
            match self.comfort.as_mut().filter(|comfort| (comfort.from..comfort.until).contains(&(at + place as i64))) {
                Some(comfort) => {
                    comfort.noise.fill(run);
                    self.concealer.noise(run);
                }
                None => {
                    invented |= !self.concealer.is_silent();
                    self.concealer.missing(run);
                }
            }
        }
        invented
    }
}

/// The frame in pieces that are all audio or all gap, each with its place.
fn runs(frame: &mut Frame) -> impl Iterator<Item = (usize, &mut [i16])> {
    let mut place = 0;
    frame.chunk_by_mut(|one, other| (*one == GAP) == (*other == GAP)).map(move |run| {
        let at = place;
        place += run.len();
        (at, run)
    })
}

/// Smallest and largest transit time of the last two to four seconds, in samples.
#[derive(Clone, Copy, Debug, Default)]
struct Transit {
    current: Option<(i64, i64)>,
    before: Option<(i64, i64)>,
    since: i64,
}

impl Transit {
    fn observe(&mut self, now: i64, transit: i64) {
        let Some((low, high)) = self.current else {
            self.current = Some((transit, transit));
            self.since = now;
            return;
        };
        if now - self.since > WINDOW {
            self.before = self.current;
            self.current = Some((transit, transit));
            self.since = now;
            return;
        }
        self.current = Some((low.min(transit), high.max(transit)));
    }

    fn smallest(&self) -> i64 {
        let current = self.current.map_or(0, |(low, _)| low);
        self.before.map_or(current, |(low, _)| low.min(current))
    }

    fn target(&self) -> i64 {
        let current = self.current.map_or(0, |(_, high)| high);
        let largest = self.before.map_or(current, |(_, high)| high.max(current));
        (largest - self.smallest()).clamp(MIN_DELAY, MAX_DELAY)
    }
}

fn now(at: WorkerTime) -> i64 {
    i64::try_from(at.micros() / 125).unwrap_or(i64::MAX / 2)
}

fn index(position: i64) -> usize {
    position.rem_euclid(RING as i64) as usize
}

/// Two frames become one: out of the first, into the second.
fn cross_fade(first: &mut Frame, second: &Frame) {
    for (offset, (sample, next)) in first.iter_mut().zip(second).enumerate() {
        if *sample == GAP || *next == GAP {
            *sample = if *sample == GAP { *next } else { *sample };
            continue;
        }
        let share = offset as i32;
        *sample = ((i32::from(*sample) * (FRAME as i32 - share) + i32::from(*next) * share) / FRAME as i32) as i16;
    }
}

#[cfg(test)]
mod tests;
