//! Who picked up: a human or a machine, from the sound alone.
//!
//! A human says a short word and waits. A machine talks on, and beeps. What is neither within the budget is unclear, and whoever asked then
//! treats it as a human: a person must never be talked over, or hung up on, for the sake of a guess.
//!
//! | heard | verdict |
//! |---|---|
//! | up to 2 s of speech, then 700 ms of silence | human |
//! | a beep: one steady tone of 500–2,500 Hz, 160 ms to 1.5 s | machine, after the beep |
//! | more than 6 s of speech, then 2 s of silence without a beep | machine |
//! | 2 to 6 s of speech, then 1.2 s of silence | unclear (a person with a long greeting, or a short recording) |
//! | the budget is over: more than 3 s of speech without a pause for breath, and still going | machine |
//! | the budget is over | unclear |
//!
//! Does not do: words (the recogniser's), the decision what to do with a machine.

use super::{FRAME, Frame};
use crate::model::Millis;

/// What answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answerer {
    Human,
    Machine,
    Unclear,
}

/// Below this nothing is speech (dB below full scale), and it must stand this far above the noise.
const QUIETEST_DB: f32 = -45.0;
const ABOVE_FLOOR_DB: f32 = 9.0;
/// The floor falls to a quieter frame by a tenth of the way and rises this much a frame (2 dB a second).
const FLOOR_RISE_DB: f32 = 0.04;
/// Less speech than this is a click.
const WORD: u64 = 100;
const HUMAN_GREETING: u64 = 2_000;
const HUMAN_PAUSE: u64 = 700;
const LONG_GREETING: u64 = 6_000;
const LONG_PAUSE: u64 = 1_200;
const MACHINE_PAUSE: u64 = 2_000;
/// Talked this long when the budget ended: no human greets like this.
const MONOLOGUE: u64 = 3_000;
/// A beep.
const BEEP: std::ops::RangeInclusive<u64> = 160..=1_500;
const BEEP_HERTZ: std::ops::RangeInclusive<f32> = 500.0..=2_500.0;
/// A frame is one tone if this little of its power is left after the best sine was taken out.
const RESIDUE: f32 = 0.02;
/// A beep does not glide: its frames lie within this share of the first.
const STEADY: f32 = 0.03;

/// One answer while it is judged. Frames in, at most one verdict out.
pub(crate) struct AnswerDetector {
    budget: u64,
    elapsed: u64,
    floor_db: f32,
    /// Speech, pauses up to the present one included; its voiced part; silence since.
    greeting: u64,
    voiced: u64,
    silence: u64,
    /// The tone that sounds: hertz of its first frame and how long it has lasted.
    tone: Option<(f32, u64)>,
}

impl AnswerDetector {
    pub(crate) const fn new(budget: Millis) -> Self {
        Self { budget: budget.0, elapsed: 0, floor_db: -50.0, greeting: 0, voiced: 0, silence: 0, tone: None }
    }

    /// The verdict, and whether a beep was heard; the detector is done then.
    pub(crate) fn on_frame(&mut self, frame: &Frame) -> Option<(Answerer, bool)> {
        self.elapsed += 20;
        let level = level_db(frame);
        let sound = level > QUIETEST_DB && level > self.floor_db + ABOVE_FLOOR_DB;
        self.follow_floor(level);
        if self.beep_ended(frame, sound) {
            return Some((Answerer::Machine, true));
        }
        match (sound, self.tone) {
            // A tone is no word; time passes as in a pause.
            (true, Some(_)) | (false, _) => self.silence += 20,
            (true, None) => {
                if self.voiced > 0 {
                    self.greeting += self.silence;
                }
                self.greeting += 20;
                self.voiced += 20;
                self.silence = 0;
            }
        }
        self.verdict().map(|who| (who, false))
    }

    fn verdict(&mut self) -> Option<Answerer> {
        // What was so short was a click of the line, not a word.
        if self.voiced < WORD && self.silence >= HUMAN_PAUSE {
            (self.greeting, self.voiced) = (0, 0);
        }
        let spoken = self.voiced >= WORD;
        let pause = match self.greeting {
            length if length <= HUMAN_GREETING => (HUMAN_PAUSE, Answerer::Human),
            length if length <= LONG_GREETING => (LONG_PAUSE, Answerer::Unclear),
            _ => (MACHINE_PAUSE, Answerer::Machine),
        };
        // A tone may be the beep that answers the question.
        if spoken && self.silence >= pause.0 && self.tone.is_none() {
            return Some(pause.1);
        }
        if self.elapsed < self.budget {
            return None;
        }
        let monologue = self.greeting > MONOLOGUE && self.silence < HUMAN_PAUSE && self.voiced * 2 > self.greeting;
        Some(if monologue { Answerer::Machine } else { Answerer::Unclear })
    }

    /// True when a tone that was a beep has just ended.
    fn beep_ended(&mut self, frame: &Frame, sound: bool) -> bool {
        let hertz = if sound { pure_tone(frame).filter(|hertz| BEEP_HERTZ.contains(hertz)) } else { None };
        match (hertz, self.tone) {
            (Some(hertz), Some((first, lasted))) if (hertz - first).abs() <= first * STEADY => {
                self.tone = Some((first, lasted + 20));
                false
            }
            (Some(hertz), _) => {
                self.tone = Some((hertz, 20));
                false
            }
            (None, Some((_, lasted))) => {
                self.tone = None;
                BEEP.contains(&lasted)
            }
            (None, None) => false,
        }
    }

    fn follow_floor(&mut self, level: f32) {
        if level < self.floor_db {
            self.floor_db += (level - self.floor_db) * 0.1;
        } else {
            self.floor_db += FLOOR_RISE_DB;
        }
        self.floor_db = self.floor_db.clamp(-70.0, -35.0);
    }
}

/// The frequency, if the frame is one sine. Three neighbouring samples of a sine obey `x[n-1] + x[n+1] = 2 cos(w) x[n]`: the best `w`, and
/// what it leaves over.
fn pure_tone(frame: &Frame) -> Option<f32> {
    let (mut product, mut power) = (0.0_f32, 0.0_f32);
    let triples = || frame.windows(3).map(|triple| (f32::from(triple[0]) + f32::from(triple[2]), f32::from(triple[1])));
    for (sides, middle) in triples() {
        product += sides * middle;
        power += middle * middle;
    }
    if power <= 0.0 {
        return None;
    }
    let twice_cosine = product / power;
    let residue: f32 = triples().map(|(sides, middle)| (sides - twice_cosine * middle).powi(2)).sum();
    let cosine = twice_cosine / 2.0;
    (residue / power < RESIDUE && cosine.abs() <= 1.0).then(|| cosine.acos() * super::SAMPLE_RATE as f32 / std::f32::consts::TAU)
}

/// Mean power in dB relative to full scale; -100 for silence.
fn level_db(frame: &Frame) -> f32 {
    let energy: f32 = frame.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    let mean = energy / FRAME as f32 / (32_768.0 * 32_768.0);
    if mean <= 1e-10 { -100.0 } else { 10.0 * mean.log10() }
}

#[cfg(test)]
mod tests;
