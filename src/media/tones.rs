//! Tones made, not played from files: sines, two-tone keys, ring-back, beeps. For keys in the band, tests and the demonstration.

use super::SAMPLE_RATE;
use crate::model::Digit;
use std::f32::consts::TAU;

/// One or two sines with a cadence, as an endless stream of samples.
#[derive(Clone, Debug)]
pub struct Tone {
    hertz: [f32; 2],
    amplitude: f32,
    /// Samples on, then off; `None` never ends.
    cadence: Option<(u32, u32)>,
    position: u32,
}

impl Tone {
    /// `amplitude` of 32767; above it is held to it.
    pub fn sine(hertz: f32, amplitude: i16) -> Self {
        Self { hertz: [hertz, 0.0], amplitude: f32::from(amplitude.max(0)), cadence: None, position: 0 }
    }

    /// The two tones of a key (ITU-T Q.23), each at a quarter of full scale.
    pub fn digit(digit: Digit) -> Self {
        let (low, high) = frequencies(digit);
        Self { hertz: [low, high], amplitude: 8_000.0, cadence: None, position: 0 }
    }

    /// 425 Hz, one second on, four off (ITU-T E.180).
    pub fn ring_back() -> Self {
        Self { cadence: Some((SAMPLE_RATE, 4 * SAMPLE_RATE)), ..Self::sine(425.0, 6_000) }
    }

    /// A second of 1 kHz, as answering machines give it, then silence for a long time.
    pub fn beep() -> Self {
        Self { cadence: Some((SAMPLE_RATE, u32::MAX / 2)), ..Self::sine(1_000.0, 10_000) }
    }

    pub fn fill(&mut self, out: &mut [i16]) {
        for sample in out {
            *sample = self.next_sample();
        }
    }

    fn next_sample(&mut self) -> i16 {
        let position = self.position;
        self.position = self.position.wrapping_add(1);
        if let Some((on, off)) = self.cadence
            && position % on.saturating_add(off).max(1) >= on
        {
            return 0;
        }
        // The phase from the position of this second: no error adds up, and whole frequencies meet without a click.
        let second = (position % SAMPLE_RATE) as f32 / SAMPLE_RATE as f32;
        let sum: f32 = self.hertz.iter().filter(|hertz| **hertz > 0.0).map(|hertz| (TAU * hertz * second).sin()).sum();
        (sum * self.amplitude).clamp(-32_767.0, 32_767.0) as i16
    }
}

/// Low and high frequency of a key in hertz (ITU-T Q.23).
pub(crate) fn frequencies(digit: Digit) -> (f32, f32) {
    let (row, column) = match digit.as_char() {
        '1' => (0, 0),
        '2' => (0, 1),
        '3' => (0, 2),
        'A' => (0, 3),
        '4' => (1, 0),
        '5' => (1, 1),
        '6' => (1, 2),
        'B' => (1, 3),
        '7' => (2, 0),
        '8' => (2, 1),
        '9' => (2, 2),
        'C' => (2, 3),
        '*' => (3, 0),
        '0' => (3, 1),
        '#' => (3, 2),
        _ => (3, 3),
    };
    (LOW[row], HIGH[column])
}

pub(crate) const LOW: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
pub(crate) const HIGH: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
pub(crate) const KEYS: [[char; 4]; 4] = [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
