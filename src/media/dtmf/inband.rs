//! Keys found in the audio by Goertzel filters at the eight frequencies of ITU-T Q.23, for peers without telephone-events.
//!
//! Speech is kept out by the rules of ITU-T Q.24: nearly all power in two tones, each clear of its neighbours, levels not too far apart,
//! for two blocks of 12.75 ms in a row.

use crate::media::tones::{HIGH, KEYS, LOW};
use crate::media::{FRAME, SAMPLE_RATE};
use crate::model::Digit;
use std::f32::consts::TAU;

const BLOCK: usize = 102;
/// Blocks that must agree, and blocks without a key that end it.
const HITS: u32 = 2;
const MISSES: u32 = 3;
/// About -35 dBm0 a tone.
const QUIETEST: f32 = 300.0;
/// Share of the block's energy that must be in the two tones.
const SHARE: f32 = 0.75;
/// 6 dB above every other frequency of the group.
const CLEAR: f32 = 4.0;
/// The groups may differ by 9 dB.
const TWIST: f32 = 8.0;

pub(crate) struct ToneDetector {
    block: [f32; BLOCK],
    filled: usize,
    last: Option<char>,
    hits: u32,
    pressed: Option<char>,
    misses: u32,
}

impl Default for ToneDetector {
    fn default() -> Self {
        Self { block: [0.0; BLOCK], filled: 0, last: None, hits: 0, pressed: None, misses: 0 }
    }
}

impl ToneDetector {
    /// The key that began in these samples, if any (one a frame of 20 ms is the most there can be).
    pub(crate) fn on_frame(&mut self, samples: &[i16]) -> Option<Digit> {
        let mut found = None;
        for sample in samples {
            self.block[self.filled] = f32::from(*sample);
            self.filled += 1;
            if self.filled == BLOCK {
                self.filled = 0;
                found = self.judge().or(found);
            }
        }
        found
    }

    fn judge(&mut self) -> Option<Digit> {
        let heard = key_in(&self.block);
        self.hits = if heard.is_some() && heard == self.last { self.hits + 1 } else { 1 };
        self.last = heard;
        if heard == self.pressed {
            self.misses = 0;
            return None;
        }
        self.misses += 1;
        if self.misses >= MISSES {
            self.pressed = None;
        }
        let key = heard.filter(|_| self.hits >= HITS)?;
        if self.pressed == Some(key) {
            return None;
        }
        self.pressed = Some(key);
        self.misses = 0;
        Digit::from_char(key)
    }
}

/// A key's tone is in this frame.
pub(crate) fn holds_key(frame: &[i16; FRAME]) -> bool {
    let block = |from: usize| std::array::from_fn(|at| f32::from(frame[from + at]));
    key_in(&block(0)).is_some() || key_in(&block(FRAME - BLOCK)).is_some()
}

fn key_in(block: &[f32; BLOCK]) -> Option<char> {
    let energy: f32 = block.iter().map(|sample| sample * sample).sum();
    if energy < QUIETEST * QUIETEST * BLOCK as f32 {
        return None;
    }
    let (row, low) = loudest(block, &LOW)?;
    let (column, high) = loudest(block, &HIGH)?;
    let level = low > high * TWIST || high > low * TWIST;
    let share = 2.0 * (low + high) / (BLOCK as f32 * energy);
    (!level && share > SHARE).then(|| KEYS[row][column])
}

/// The frequency that stands clear of the others of its group, and its power.
fn loudest(block: &[f32; BLOCK], group: &[f32; 4]) -> Option<(usize, f32)> {
    let powers = group.map(|hertz| power(block, hertz));
    let (best, most) = powers.iter().copied().enumerate().max_by(|one, other| one.1.total_cmp(&other.1))?;
    powers.iter().enumerate().all(|(place, power)| place == best || power * CLEAR < most).then_some((best, most))
}

fn power(block: &[f32; BLOCK], hertz: f32) -> f32 {
    let coefficient = 2.0 * (TAU * hertz / SAMPLE_RATE as f32).cos();
    let (mut before, mut last) = (0.0_f32, 0.0_f32);
    for sample in block {
        (before, last) = (last, sample + coefficient * last - before);
    }
    last * last + before * before - coefficient * last * before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::tones::Tone;

    fn keys_in(samples: &[i16]) -> String {
        let mut detector = ToneDetector::default();
        samples.chunks(160).filter_map(|frame| detector.on_frame(frame)).map(Digit::as_char).collect()
    }

    fn pressed(keys: &str, on: usize, off: usize) -> Vec<i16> {
        let mut samples = vec![0; 37];
        for key in keys.chars() {
            let mut tone = vec![0; on * 8];
            Tone::digit(Digit::from_char(key).unwrap()).fill(&mut tone);
            samples.extend(tone);
            samples.extend(vec![0; off * 8]);
        }
        samples.extend(vec![0; 800]);
        samples
    }

    #[test]
    fn all_sixteen_keys_at_fifty_milliseconds_once_each() {
        assert_eq!(keys_in(&pressed("0123456789*#ABCD", 50, 60)), "0123456789*#ABCD");
    }

    #[test]
    fn a_long_tone_is_one_key_and_two_tones_of_one_key_are_two() {
        assert_eq!(keys_in(&pressed("5", 2_000, 100)), "5");
        assert_eq!(keys_in(&pressed("55", 60, 60)), "55");
    }

    #[test]
    fn one_sine_ring_back_and_noise_are_no_keys() {
        let mut samples = vec![0; 16_000];
        Tone::sine(697.0, 10_000).fill(&mut samples);
        assert_eq!(keys_in(&samples), "");
        Tone::ring_back().fill(&mut samples);
        assert_eq!(keys_in(&samples), "");
        let mut state = 1_u32;
        for sample in &mut samples {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = (state >> 18) as i16 - 8_192;
        }
        assert_eq!(keys_in(&samples), "");
    }
}
