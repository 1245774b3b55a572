//! 24 kHz, as neural voices make it, to the telephone's 8 kHz: a windowed-sinc low pass, then every third sample.

/// Taps of the filter: odd, so that its delay is whole.
const TAPS: usize = 73;
const STEP: usize = 3;
/// Cut-off over the input's rate: 3.6 kHz of 24.
const CUTOFF: f32 = 0.15;

pub(super) struct ToTelephone {
    taps: [f32; TAPS],
    /// The last samples, newest last, and those not yet used up.
    held: Vec<f32>,
}

impl ToTelephone {
    pub(super) fn from_24_khz() -> Self {
        #[expect(clippy::cast_precision_loss, reason = "small whole numbers")]
        let mut taps: [f32; TAPS] = std::array::from_fn(|at| {
            let from_middle = at as f32 - (TAPS / 2) as f32;
            let angle = std::f32::consts::TAU * CUTOFF * from_middle;
            let sinc = if from_middle == 0.0 { 1.0 } else { angle.sin() / angle };
            let window = 0.5 + 0.5 * (std::f32::consts::TAU * from_middle / TAPS as f32).cos();
            sinc * window
        });
        let sum: f32 = taps.iter().sum();
        taps.iter_mut().for_each(|tap| *tap /= sum);
        // As if silence had come before: the first sample is not delayed.
        Self { taps, held: vec![0.0; TAPS / 2] }
    }

    pub(super) fn run(&mut self, samples: &[i16]) -> Vec<i16> {
        self.held.extend(samples.iter().map(|sample| f32::from(*sample)));
        let mut out = Vec::with_capacity(samples.len() / STEP + 1);
        let mut at = 0;
        while at + TAPS <= self.held.len() {
            let sum: f32 = self.held[at..at + TAPS].iter().zip(&self.taps).map(|(sample, tap)| sample * tap).sum();
            #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of a sample")]
            out.push(sum.clamp(-32_768.0, 32_767.0) as i16);
            at += STEP;
        }
        self.held.drain(..at.min(self.held.len()));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f32, count: usize) -> Vec<i16> {
        (0..count).map(|at| (10_000.0 * (std::f32::consts::TAU * hertz * at as f32 / 24_000.0).sin()) as i16).collect()
    }

    fn level(samples: &[i16]) -> f32 {
        (samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len() as f32).sqrt()
    }

    #[test]
    fn speech_passes_what_the_telephone_cannot_carry_does_not_and_chunks_make_no_difference() {
        let whole = ToTelephone::from_24_khz().run(&tone(1_000.0, 24_000));
        assert!((7_960..=8_000).contains(&whole.len()), "{}", whole.len());
        assert!((level(&whole[100..]) - 7_071.0).abs() < 150.0, "{}", level(&whole[100..]));
        assert!(level(&ToTelephone::from_24_khz().run(&tone(6_000.0, 24_000))[100..]) < 70.0);
        let mut sampler = ToTelephone::from_24_khz();
        let pieces: Vec<i16> = tone(1_000.0, 24_000).chunks(777).flat_map(|chunk| sampler.run(chunk)).collect();
        assert_eq!(pieces, whole);
    }
}
