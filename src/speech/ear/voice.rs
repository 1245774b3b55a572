//! Is this a voice? Sixteen milliseconds at a time.

use earshot::Detector;

/// Samples of one frame at 8 kHz: 16 ms.
pub(in crate::speech) const FRAME: usize = 128;
pub(in crate::speech) const FRAME_MS: u64 = 16;

/// A frame's judgement.
pub(in crate::speech) trait VoiceDetector: Send {
    /// True where the frame is speech. `speaking` lowers the bar: a word's soft end belongs to it.
    fn is_voice(&mut self, frame: &[i16; FRAME], speaking: bool) -> bool;
}

/// Earshot, and the level: babble in the background is voice too, but not this caller's.
pub(in crate::speech) struct Earshot {
    detector: Box<Detector>,
    upsampler: Upsampler,
    floor_db: f32,
    /// How loud this caller speaks: what is far below it is the room.
    speaker_db: f32,
}

impl Earshot {
    /// Scores that begin and that continue speech.
    const BEGIN: f32 = 0.5;
    const CONTINUE: f32 = 0.35;
    /// How far above the background a voice must stand, dB.
    const ABOVE: f32 = 6.0;
    /// How far above it a voice that goes on must stay, dB.
    const STAYS_ABOVE: f32 = 3.0;
    /// How far below the caller's own level the soft end of a word may fall, dB; beyond it somebody else speaks.
    const SOFT_END: f32 = 20.0;
    /// The caller's level is forgotten this fast: 1.25 dB a second.
    const FORGET: f32 = 0.02;
    /// Quieter than this, dB below full scale, is no caller.
    const QUIETEST: f32 = -55.0;
    /// The floor climbs slowly, so that it does not learn a long sentence: 3 dB a second.
    const CLIMB: f32 = 0.05;
    const FLOOR: (f32, f32) = (-75.0, -35.0);

    pub(in crate::speech) fn new() -> Self {
        Self { detector: Detector::default_boxed(), upsampler: Upsampler::default(), floor_db: Self::FLOOR.0, speaker_db: Self::QUIETEST }
    }
}

impl VoiceDetector for Earshot {
    fn is_voice(&mut self, frame: &[i16; FRAME], speaking: bool) -> bool {
        let mut wide = [0_i16; 2 * FRAME];
        self.upsampler.run(frame, &mut wide);
        let score = self.detector.predict_i16(&wide);
        let level = level_db(frame);
        self.floor_db = (self.floor_db + Self::CLIMB).min(level.max(Self::FLOOR.0)).min(Self::FLOOR.1);
        self.speaker_db = if speaking { level.max(self.speaker_db - Self::FORGET) } else { level };
        let above = if speaking { Self::STAYS_ABOVE } else { Self::ABOVE };
        let loud = level > Self::QUIETEST && level > self.floor_db + above && level > self.speaker_db - Self::SOFT_END;
        loud && score >= if speaking { Self::CONTINUE } else { Self::BEGIN }
    }
}

/// Root mean square in dB below full scale; -100 for silence.
#[expect(clippy::cast_precision_loss, reason = "sums of squares of a few thousand samples")]
pub(in crate::speech) fn level_db(samples: &[i16]) -> f32 {
    let energy: i64 = samples.iter().map(|sample| i64::from(*sample) * i64::from(*sample)).sum();
    if energy == 0 {
        return -100.0;
    }
    let mean = energy as f64 / samples.len() as f64;
    #[expect(clippy::cast_possible_truncation, reason = "a level needs no more")]
    let level = (10.0 * (mean / (32_768.0 * 32_768.0)).log10()) as f32;
    level.max(-100.0)
}

/// 8 to 16 kHz: the old samples stay, between two of them a windowed sinc over sixteen.
#[derive(Default)]
pub(in crate::speech) struct Upsampler {
    history: [i16; 16],
}

impl Upsampler {
    /// Half of the symmetric filter, centre outwards: sinc at odd halves under a Hann window, normalised to a sum of one.
    const TAPS: [f32; 8] = [0.630_26, -0.194_25, 0.098_99, -0.054_32, 0.028_46, -0.012_86, 0.004_12, -0.000_41];

    /// Writes two samples for each; the output lags eight samples behind.
    pub(in crate::speech) fn run(&mut self, input: &[i16], output: &mut [i16]) {
        for (sample, pair) in input.iter().zip(output.as_chunks_mut::<2>().0) {
            self.history.copy_within(1.., 0);
            self.history[15] = *sample;
            let between: f32 = Self::TAPS
                .iter()
                .enumerate()
                .map(|(index, tap)| tap * (f32::from(self.history[7 - index]) + f32::from(self.history[8 + index])))
                .sum();
            pair[0] = self.history[7];
            #[expect(clippy::cast_possible_truncation, reason = "clamped to the range of a sample")]
            let between = between.clamp(-32_768.0, 32_767.0) as i16;
            pair[1] = between;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_level_and_gains_no_image_when_it_is_upsampled() {
        for hertz in [300.0_f32, 1_000.0, 3_000.0] {
            let tone: Vec<i16> =
                (0..1_600_i16).map(|n| (8_000.0 * (std::f32::consts::TAU * hertz * f32::from(n) / 8_000.0).sin()) as i16).collect();
            let mut wide = vec![0; 3_200];
            Upsampler::default().run(&tone, &mut wide);
            let expected = |n: usize| 8_000.0 * (std::f32::consts::TAU * hertz * (n as f32 - 16.0) / 16_000.0).sin();
            let error: f32 = (200..3_200).map(|n| (f32::from(wide[n]) - expected(n)).powi(2)).sum::<f32>() / 3_000.0;
            assert!(10.0 * (error / (8_000.0_f32.powi(2) / 2.0)).log10() < -30.0, "{hertz} Hz: {error}");
        }
    }

    #[test]
    fn silence_and_a_steady_hum_are_no_voice() {
        let mut ear = Earshot::new();
        assert!(!ear.is_voice(&[0; FRAME], false));
        let hum = |n: usize| (2_000.0 * (std::f32::consts::TAU * 50.0 * n as f32 / 8_000.0).sin()) as i16;
        let heard = (0..200).filter(|frame| ear.is_voice(&std::array::from_fn(|n| hum(frame * FRAME + n)), false)).count();
        assert!(heard < 10, "{heard} of 200 frames");
    }
}
