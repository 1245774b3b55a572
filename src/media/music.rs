//! Hold music: a loop that plays under everything else of a leg, low while somebody speaks to the caller.
//!
//! The built-in loop is made here, note by note: four slow chords, soft plucks, no beat. Notes ring over the end of the loop into its
//! beginning, so there is no seam.

use super::{FRAME, Frame, SAMPLE_RATE};
use std::f32::consts::TAU;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Longest loop taken from a file: ten minutes.
pub const MUSIC_MAX: usize = 600 * SAMPLE_RATE as usize;

/// A loop of 8 kHz mono audio; cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct HoldMusic(Arc<[i16]>);

impl HoldMusic {
    /// `None` for less than one frame or more than [`MUSIC_MAX`] samples.
    pub fn new(samples: Vec<i16>) -> Option<Self> {
        (FRAME..=MUSIC_MAX).contains(&samples.len()).then(|| Self(samples.into()))
    }

    /// The project's own loop, 19.2 s; made once.
    pub fn built_in() -> Self {
        static LOOP: OnceLock<HoldMusic> = OnceLock::new();
        LOOP.get_or_init(|| Self(compose().into())).clone()
    }

    pub fn samples(&self) -> &[i16] {
        &self.0
    }
}

impl fmt::Debug for HoldMusic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HoldMusic({} ms)", self.0.len() / 8)
    }
}

/// Share of its loudness the music keeps under speech: -20 dB.
const DUCKED: f32 = 0.1;
/// It comes back this long after the last word, so that it does not pump between sentences.
const HANG_OVER: u32 = 30;
/// Change of the gain in one sample: full range down in 80 ms, up in 600 ms.
const DOWN: f32 = 1.0 / 640.0;
const UP: f32 = 1.0 / 4_800.0;

/// One leg's music while it plays.
pub(crate) struct MusicPlayer {
    music: HoldMusic,
    position: usize,
    gain: f32,
    since_speech: u32,
    stopping: bool,
}

impl MusicPlayer {
    pub(crate) fn new(music: HoldMusic) -> Self {
        Self { music, position: 0, gain: 0.0, since_speech: HANG_OVER, stopping: false }
    }

    /// Fades out in 80 ms.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
    }

    /// Adds its frame to what is said; `speaking` if that is somebody's words. False once it has faded out.
    pub(crate) fn mix(&mut self, speaking: bool, said: &mut Frame) -> bool {
        self.since_speech = if speaking { 0 } else { self.since_speech.saturating_add(1) };
        let target = match (self.stopping, self.since_speech < HANG_OVER) {
            (true, _) => 0.0,
            (false, true) => DUCKED,
            (false, false) => 1.0,
        };
        let samples = &self.music.0;
        for sample in said.iter_mut() {
            self.gain += (target - self.gain).clamp(-DOWN, UP);
            let sum = f32::from(*sample) + self.gain * f32::from(samples[self.position]);
            *sample = sum.clamp(-32_767.0, 32_767.0) as i16;
            self.position = (self.position + 1) % samples.len();
        }
        !self.stopping || self.gain > 0.0
    }
}

/// One bar: 4.8 s, eight plucks.
const BAR: usize = 48 * SAMPLE_RATE as usize / 10;
const PLUCK: usize = BAR / 8;
/// A bass note and a rising and falling chord over it, in hertz: C, A minor, F, G.
const BARS: [[f32; 4]; 4] =
    [[130.81, 261.63, 329.63, 392.0], [110.0, 220.0, 261.63, 329.63], [174.61, 261.63, 349.23, 440.0], [196.0, 246.94, 293.66, 392.0]];
/// Which note of the chord each pluck takes.
const PATTERN: [usize; 8] = [0, 1, 2, 3, 2, 3, 2, 1];
/// How long a note rings.
const RING: usize = 24 * SAMPLE_RATE as usize / 10;
/// Loudest sample of the loop: -14 dB of full scale, under a voice.
const PEAK: f32 = 6_500.0;

fn compose() -> Vec<i16> {
    let mut sum = vec![0.0_f32; BAR * BARS.len()];
    for (bar, chord) in BARS.iter().enumerate() {
        for (pluck, note) in PATTERN.iter().enumerate() {
            ring(&mut sum, bar * BAR + pluck * PLUCK, chord[*note], if *note == 0 { 1.0 } else { 0.7 });
        }
    }
    let loudest = sum.iter().fold(1.0_f32, |most, sample| most.max(sample.abs()));
    sum.iter().map(|sample| (sample * PEAK / loudest) as i16).collect()
}

/// A soft string: a sine with a little of its octave, quick to begin, slow to fade; it rings across the end of the loop.
fn ring(sum: &mut [f32], start: usize, hertz: f32, loudness: f32) {
    let length = sum.len();
    for offset in 0..RING {
        let time = offset as f32 / SAMPLE_RATE as f32;
        let attack = (time / 0.03).min(1.0);
        let release = ((RING - offset) as f32 / 800.0).min(1.0);
        let envelope = loudness * attack * release * (-time / 0.8).exp();
        let tone = (TAU * hertz * time).sin() + 0.2 * (TAU * 2.0 * hertz * time).sin();
        sum[(start + offset) % length] += envelope * tone;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loudest(frame: &Frame) -> u16 {
        frame.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
    }

    /// Loudest sample of a second of music, while somebody speaks (silently) or not.
    fn second(player: &mut MusicPlayer, speaking: bool) -> u16 {
        let mut most = 0;
        for _ in 0..50 {
            let mut frame = [0; FRAME];
            player.mix(speaking, &mut frame);
            most = most.max(loudest(&frame));
        }
        most
    }

    #[test]
    fn the_built_in_loop_is_calm_has_no_seam_and_no_hole() {
        let music = HoldMusic::built_in();
        let samples = music.samples();
        assert_eq!(samples.len(), 153_600);
        let steepest = |pairs: &mut dyn Iterator<Item = (i16, i16)>| pairs.map(|(one, other)| (one - other).unsigned_abs()).max().unwrap();
        let inside = steepest(&mut samples.windows(2).map(|pair| (pair[0], pair[1])));
        let seam = samples[0].abs_diff(samples[samples.len() - 1]);
        assert!(seam <= inside && inside < 4_000, "seam {seam}, steepest step {inside}");
        assert!(samples.iter().all(|sample| sample.unsigned_abs() <= 6_500));
        for (number, chunk) in samples.chunks(8_000).enumerate() {
            assert!(chunk.iter().any(|sample| sample.unsigned_abs() > 800), "second {number} is silent");
        }
        let mean: i64 = samples.iter().map(|sample| i64::from(*sample)).sum::<i64>() / samples.len() as i64;
        assert!(mean.abs() < 20, "no direct current: {mean}");
    }

    #[test]
    fn it_goes_down_under_speech_and_comes_back_after_it() {
        let mut player = MusicPlayer::new(HoldMusic::new(vec![8_000; 1_600]).unwrap());
        second(&mut player, false);
        assert_eq!(second(&mut player, false), 8_000);
        let mut frame = [0; FRAME];
        (0..6).for_each(|_| assert!(player.mix(true, &mut frame)));
        assert!(second(&mut player, true) <= 800, "ducked");
        let back = [second(&mut player, false), second(&mut player, false), second(&mut player, false)];
        assert_eq!(back[2], 8_000, "{back:?}");
    }

    #[test]
    fn speech_stays_whole_over_it() {
        let mut player = MusicPlayer::new(HoldMusic::new(vec![5_000; 160]).unwrap());
        second(&mut player, false);
        (0..10).for_each(|_| assert!(player.mix(true, &mut [0; FRAME])));
        let mut said = [9_000; FRAME];
        player.mix(true, &mut said);
        assert!(said.iter().all(|sample| (9_400..=9_600).contains(sample)));
        let mut loud = [32_700; FRAME];
        player.mix(true, &mut loud);
        assert!(loud.iter().all(|sample| *sample == 32_767), "held at the rim, never wrapped");
    }

    #[test]
    fn it_fades_out_within_a_tenth_of_a_second_and_says_so() {
        let mut player = MusicPlayer::new(HoldMusic::new(vec![8_000; 160]).unwrap());
        second(&mut player, false);
        second(&mut player, false);
        player.stop();
        let frames = (0..10).take_while(|_| player.mix(false, &mut [0; FRAME])).count();
        assert_eq!(frames, 4, "silent from the fifth frame on");
    }

    #[test]
    fn a_loop_of_nothing_or_of_hours_is_refused() {
        assert!(HoldMusic::new(vec![0; 159]).is_none());
        assert!(HoldMusic::new(vec![0; MUSIC_MAX + 1]).is_none());
        assert_eq!(format!("{:?}", HoldMusic::built_in()), "HoldMusic(19200 ms)");
    }
}
