//! Speech edges: an energy gate over a running noise floor, then a small neural detector (crate `earshot`) while there is sound.
//!
//! The detector wants 16 kHz in blocks of 16 ms: 8 kHz audio is doubled by interpolation. The gate keeps it idle in silence and keeps out
//! steady noise, which the detector alone takes for speech.

use super::{FRAME, Frame, VadConfig};
use earshot::Detector;

/// Samples of one detector block at 16 kHz.
const BLOCK: usize = 256;
/// Sound must be this far above the noise floor.
const ABOVE_FLOOR_DB: f32 = 6.0;
/// Below this nothing is speech (dB below full scale).
const QUIETEST_DB: f32 = -55.0;
/// The floor falls to a quieter frame by a tenth of the way and rises this much a frame (2 dB a second).
const FLOOR_RISE_DB: f32 = 0.04;
/// Frames the detector goes on after the sound, so that its memory has no holes inside a phrase.
const HANG_OVER: u32 = 15;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechEdge {
    Started,
    Ended,
}

/// One caller's detector.
pub struct Vad {
    config: VadConfig,
    detector: Box<Detector>,
    block: [i16; BLOCK],
    filled: usize,
    before: i16,
    score: f32,
    floor_db: f32,
    since_sound: u32,
    speaking: bool,
    /// Milliseconds of speech while silent, of silence while speaking.
    run: u64,
}

impl Vad {
    pub fn new(config: VadConfig) -> Self {
        Self {
            config,
            detector: Detector::default_boxed(),
            block: [0; BLOCK],
            filled: 0,
            before: 0,
            score: 0.0,
            floor_db: -50.0,
            since_sound: u32::MAX,
            speaking: false,
            run: 0,
        }
    }

    pub fn on_frame(&mut self, frame: &Frame) -> Option<SpeechEdge> {
        let voiced = self.voiced(frame);
        if voiced == self.speaking {
            // Short breaks in the evidence take some of it back, not all.
            self.run = self.run.saturating_sub(if self.speaking { 60 } else { 10 });
            return None;
        }
        self.run += 20;
        let (wanted, edge) = match self.speaking {
            false => (self.config.start.0.clamp(20, 2_000), SpeechEdge::Started),
            true => (self.config.stop.0.clamp(100, 10_000), SpeechEdge::Ended),
        };
        if self.run < wanted {
            return None;
        }
        self.speaking = !self.speaking;
        self.run = 0;
        Some(edge)
    }

    fn voiced(&mut self, frame: &Frame) -> bool {
        let level = level_db(frame);
        let sound = level > QUIETEST_DB && level > self.floor_db + ABOVE_FLOOR_DB;
        if level < self.floor_db {
            self.floor_db += (level - self.floor_db) * 0.1;
        } else {
            self.floor_db += FLOOR_RISE_DB;
        }
        self.floor_db = self.floor_db.clamp(-70.0, -20.0);
        self.since_sound = if sound { 0 } else { self.since_sound.saturating_add(1) };
        if self.since_sound > HANG_OVER {
            self.score = 0.0;
            self.filled = 0;
            return false;
        }
        self.feed(frame);
        sound && self.score * 1_000.0 >= f32::from(self.config.threshold_permille)
    }

    /// Doubles the rate and runs the detector over each whole block; the best score of the frame counts.
    fn feed(&mut self, frame: &Frame) {
        let mut best: Option<f32> = None;
        for sample in frame {
            let middle = ((i32::from(self.before) + i32::from(*sample)) / 2) as i16;
            self.before = *sample;
            for doubled in [middle, *sample] {
                self.block[self.filled] = doubled;
                self.filled += 1;
                if self.filled == BLOCK {
                    self.filled = 0;
                    let score = self.detector.predict_i16(&self.block);

                    best = Some(best.map_or(score, |best| best.max(score)));
                }
            }
        }
        if let Some(best) = best {
            self.score = best;
        }
    }
}

/// Mean power in dB relative to full scale; -100 for silence.
fn level_db(frame: &Frame) -> f32 {
    let energy: f32 = frame.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    let mean = energy / FRAME as f32 / (32_768.0 * 32_768.0);
    if mean <= 1e-10 { -100.0 } else { 10.0 * mean.log10() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Millis;
    use std::f32::consts::TAU;

    /// A vowel, roughly: a 130 Hz glottal pulse train through three formants, with a slow syllable rhythm.
    fn vowel(frames: usize) -> Vec<Frame> {
        let mut out = Vec::new();
        for number in 0..frames {
            let mut frame = [0; FRAME];
            for (offset, sample) in frame.iter_mut().enumerate() {
                let time = (number * FRAME + offset) as f32 / 8_000.0;
                let pitch = 130.0 + 15.0 * (TAU * 3.0 * time).sin();
                let rhythm = 0.6 + 0.4 * (TAU * 4.0 * time).sin();
                let sum: f32 = (1..24)
                    .map(|harmonic| {
                        let hertz = pitch * harmonic as f32;
                        let gain: f32 = [(700.0, 110.0), (1_200.0, 130.0), (2_500.0, 200.0)]
                            .iter()
                            .map(|(formant, width): &(f32, f32)| 1.0 / (1.0 + ((hertz - formant) / width).powi(2)))
                            .sum();
                        gain * (TAU * 130.0 * harmonic as f32 * time + 15.0 / 3.0 * harmonic as f32 * (1.0 - (TAU * 3.0 * time).cos()))
                            .sin()
                    })
                    .sum();
                *sample = (sum * rhythm * 4_000.0) as i16;
            }
            out.push(frame);
        }
        out
    }

    fn edges(vad: &mut Vad, frames: &[Frame]) -> Vec<(usize, SpeechEdge)> {
        frames.iter().enumerate().filter_map(|(number, frame)| vad.on_frame(frame).map(|edge| (number, edge))).collect()
    }

    #[test]
    fn speech_starts_and_ends_once_at_the_configured_times() {
        // A vowel made by hand scores about 0.4, silence below 0.3: real speech passes the default of 0.7.
        let config = VadConfig { threshold_permille: 340, start: Millis(100), stop: Millis(500) };
        let mut frames = vec![[0; FRAME]; 50];
        frames.extend(vowel(75));
        frames.extend(vec![[0; FRAME]; 50]);
        let found = edges(&mut Vad::new(config), &frames);
        let kinds: Vec<_> = found.iter().map(|(_, edge)| *edge).collect();
        assert_eq!(kinds, [SpeechEdge::Started, SpeechEdge::Ended], "{found:?}");
        assert!((54..=64).contains(&found[0].0), "{found:?}");
        assert!((146..=150).contains(&found[1].0), "{found:?}");
    }

    #[test]
    fn silence_and_steady_noise_are_no_speech() {
        let mut state = 7_u32;
        let mut noise = vec![[0; FRAME]; 25];
        for _ in 0..250 {
            let mut frame = [0; FRAME];
            for sample in &mut frame {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = ((state >> 16) as i16) / 40;
            }
            noise.push(frame);
        }
        assert_eq!(edges(&mut Vad::new(VadConfig::default()), &noise), []);
    }
}
