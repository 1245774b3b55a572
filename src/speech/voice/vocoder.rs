//! What the network draws becomes sound: a pulse train shaped by a harmonic spectrum, plus shaped noise, plus a free-phase part.
//!
//! A port of hibari's signal processing (Copyright 2026 Maureese Williams, Apache-2.0; see NOTICE), changed: the telephone carries nothing
//! above 4 kHz, so only the lower third of each spectrum is computed, straight at 8 kHz (400-point transform, hop 100) instead of 24 kHz
//! (1200, 300) and a filter after it. A third of the work and no resampler.

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::f32::consts::{PI, TAU};
use std::sync::Arc;

const FFT: usize = 400;
const HOP: usize = 100;
const OVERLAP: usize = FFT / HOP;
const BINS: usize = FFT / 2 + 1;
/// Bins from here on fade to nothing at 4 kHz.
const FADE: usize = 185;
/// The network's spectra are those of a 1200-point transform.
const SPECTRUM_SCALE: f32 = 1.0 / 1_200.0;
/// Below this pitch in Hz a frame is unvoiced.
const VOICED: f32 = 40.0;
/// No harmonic above this, in Hz.
const TOP: f32 = 3_900.0;
const RATE: f32 = 8_000.0;
/// Exponents are capped as in training.
const LOUDEST: f32 = 7.0;
const NOISE: usize = 1 << 14;

/// The network's outputs for `frames` frames of 12.5 ms: five spectra, bin by bin, each `frames` long, and the pitch in Hz.
pub(super) struct Drawing<'a> {
    pub(super) frames: usize,
    pub(super) harmonic: &'a [f32],
    pub(super) phase: &'a [f32],
    pub(super) noise: &'a [f32],
    pub(super) free: &'a [f32],
    pub(super) free_phase: &'a [f32],
    pub(super) pitch: &'a [f32],
}

impl Drawing<'_> {
    /// False where a network gave spectra too short to read.
    fn is_whole(&self) -> bool {
        let spectra = [self.harmonic, self.phase, self.noise, self.free, self.free_phase];
        spectra.iter().all(|spectrum| spectrum.len() >= BINS * self.frames) && self.pitch.len() >= self.frames && self.frames > 0
    }
}

/// Transforms and tables, shared by all threads.
pub(super) struct Vocoder {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    window: Vec<f32>,
    noise: Vec<Complex32>,
}

impl Vocoder {
    pub(super) fn new() -> Self {
        let mut planner = RealFftPlanner::<f32>::new();
        let window = (0..FFT).map(|index| 0.5 - 0.5 * (TAU * small(index) / small(FFT)).cos()).collect();
        Self { forward: planner.plan_fft_forward(FFT), inverse: planner.plan_fft_inverse(FFT), window, noise: noise_table() }
    }

    /// Samples at 8 kHz, 100 for each frame. `seed` picks the noise: the same drawing and seed give the same samples.
    pub(super) fn sound(&self, drawing: &Drawing<'_>, seed: u64) -> Option<Vec<i16>> {
        if !drawing.is_whole() {
            return None;
        }
        let pulses = pulses(&drawing.pitch[..drawing.frames]);
        let mut source = vec![0.0; FFT];
        let mut spectrum = self.forward.make_output_vec();
        let mut sound = vec![0.0_f32; (drawing.frames + OVERLAP - 1) * HOP];
        let mut weight = vec![0.0_f32; sound.len()];
        let mut random = seed | 1;
        for frame in 0..drawing.frames {
            for (index, sample) in source.iter_mut().enumerate() {
                *sample = mirrored(&pulses, frame * HOP + index) * self.window[index] / small(FFT / 4);
            }
            self.forward.process(&mut source, &mut spectrum).ok()?;
            self.shape(drawing, frame, &mut spectrum, &mut random);
            self.inverse.process(&mut spectrum, &mut source).ok()?;
            let place = frame * HOP..frame * HOP + FFT;
            for (((out, total), sample), window) in sound[place.clone()].iter_mut().zip(&mut weight[place]).zip(&source).zip(&self.window) {
                *out += sample * window * SPECTRUM_SCALE;
                *total += window * window;
            }
        }
        let whole = FFT / 2..FFT / 2 + drawing.frames * HOP;
        Some(sound[whole.clone()].iter().zip(&weight[whole]).map(|(sample, total)| to_pcm(sample / total.max(1e-11))).collect())
    }

    fn shape(&self, drawing: &Drawing<'_>, frame: usize, spectrum: &mut [Complex32], random: &mut u64) {
        for (bin, value) in spectrum.iter_mut().enumerate() {
            let at = bin * drawing.frames + frame;
            let turn = Complex32::from_polar(drawing.harmonic[at].min(LOUDEST).exp(), PI * drawing.phase[at].tanh());
            let hiss = self.noise[next(random)] * drawing.noise[at].min(LOUDEST).exp();
            let free = Complex32::from_polar(drawing.free[at].min(LOUDEST).exp(), drawing.free_phase[at]);
            let fade = if bin < FADE { 1.0 } else { small(BINS - 1 - bin) / small(BINS - 1 - FADE) };
            *value = (turn * *value + hiss + free) * fade;
        }
        // A real signal's first and last bins are real.
        spectrum[0].im = 0.0;
        spectrum[BINS - 1] = Complex32::default();
    }
}

/// Every harmonic of the pitch below [`TOP`] at unit amplitude: sum of cos(ht), h = 1..H, is sin((H + 1/2)t) / (2 sin(t/2)) - 1/2.
fn pulses(pitch: &[f32]) -> Vec<f32> {
    let mut phase = 0.0_f32;
    let mut out = Vec::with_capacity(pitch.len() * HOP);
    for frame in 0..pitch.len() {
        for sample in 0..HOP {
            let hertz = interpolated(pitch, frame, sample);
            let voiced = hertz > VOICED;
            let hertz = hertz.max(VOICED);
            phase = (phase + hertz / RATE).fract();
            if !voiced {
                out.push(0.0);
                continue;
            }
            let t = TAU * phase;
            let order = (TOP / hertz).floor() + 0.5;
            let divisor = 2.0 * (t * 0.5).sin();
            let sum = if divisor.abs() <= 2e-3 { order } else { (order * t).sin() / divisor };
            out.push(sum - 0.5);
        }
    }
    out
}

/// Pitch between frame centres, straight.
fn interpolated(pitch: &[f32], frame: usize, sample: usize) -> f32 {
    let offset = (small(sample) + 0.5) / small(HOP) - 0.5;
    let other = if offset < 0.0 { frame.saturating_sub(1) } else { (frame + 1).min(pitch.len() - 1) };
    let share = offset.abs();
    pitch[frame] * (1.0 - share) + pitch[other] * share
}

/// Sample `at` of the train padded by half a window of its mirror image at both ends.
fn mirrored(samples: &[f32], at: usize) -> f32 {
    let half = FFT / 2;
    let last = samples.len() - 1;
    let index = at.abs_diff(half);
    let index = if index > last { (2 * last).saturating_sub(index) } else { index };
    samples[index.min(last)]
}

/// Complex numbers whose parts are normally distributed (Box and Muller), always the same ones.
fn noise_table() -> Vec<Complex32> {
    let mut random = 0x9e37_79b9_7f4a_7c15;
    let mut uniform = || (small(next(&mut random)) + 0.5) / small(NOISE);
    (0..NOISE).map(|_| Complex32::from_polar((-2.0 * uniform().ln()).sqrt(), TAU * uniform())).collect()
}

/// Xorshift; the index of an entry of the noise table.
fn next(random: &mut u64) -> usize {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    usize::try_from(*random >> 40).unwrap_or(0) % NOISE
}

#[expect(clippy::cast_precision_loss, reason = "below 2^24, so exact")]
fn small(value: usize) -> f32 {
    value as f32
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to the range of a sample")]
fn to_pcm(sample: f32) -> i16 {
    (sample * 32_767.0).clamp(-32_767.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steady(frames: usize, pitch: f32, harmonic: f32) -> Vec<i16> {
        let silent = vec![-20.0; BINS * frames];
        let zero = vec![0.0; BINS * frames];
        let loud = vec![harmonic; BINS * frames];
        let pitch = vec![pitch; frames];
        let drawing = Drawing { frames, harmonic: &loud, phase: &zero, noise: &silent, free: &silent, free_phase: &zero, pitch: &pitch };
        Vocoder::new().sound(&drawing, 7).unwrap()
    }

    #[test]
    fn a_steady_pitch_is_heard_as_that_pitch() {
        let sound = steady(40, 200.0, 3.0);
        assert_eq!(sound.len(), 4_000);
        let correlation = |lag: usize| (1_000..3_000).map(|at| f64::from(sound[at]) * f64::from(sound[at + lag])).sum::<f64>();
        assert!(correlation(40) > 0.9 * correlation(0), "200 Hz repeats every 40 samples");
        assert!(correlation(20) < 0.5 * correlation(0));
    }

    #[test]
    fn nothing_voiced_and_no_noise_is_silence() {
        assert!(steady(10, 0.0, 3.0).iter().all(|sample| sample.abs() < 4));
    }

    #[test]
    fn a_drawing_that_is_too_short_is_refused() {
        let drawing = Drawing { frames: 3, harmonic: &[], phase: &[], noise: &[], free: &[], free_phase: &[], pitch: &[0.0; 3] };
        assert!(Vocoder::new().sound(&drawing, 1).is_none());
    }

    #[test]
    fn the_noise_has_unit_parts_and_no_mean() {
        let table = noise_table();
        let mean: Complex32 = table.iter().sum::<Complex32>() / small(NOISE);
        let power = table.iter().map(|value| value.re * value.re).sum::<f32>() / small(NOISE);
        assert!(mean.norm() < 0.05 && (power - 1.0).abs() < 0.1, "{mean} {power}");
    }
}
