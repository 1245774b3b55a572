//! What the recogniser gets to hear of a leg: the received audio without keys and without our own voice that comes back.
//!
//! A hybrid line returns what we say some dB quieter and some hundred milliseconds later. The way there and back is learnt from the two loudness
//! curves: where the one follows the other by a constant delay, the difference is the line's loss, and what is not clearly louder than that echo
//! is muted. Until it is learnt a loss of [`ASSUMED_DB`] is taken for granted; a line without echo is learnt, too, and passes everything.

use super::dtmf::holds_key;
use super::{FRAME, Frame};

/// Frames of both curves that are compared: at most three seconds, at least one.
const COMPARED: usize = 150;
const COMPARED_MIN: usize = 50;
/// Longest way there and back: 500 ms.
const LAG_MAX: usize = 25;
const KEPT: usize = COMPARED + LAG_MAX;
/// Frames between two comparisons.
const EVERY: usize = 10;
/// Quieter than this we say nothing, dB below full scale.
const SAYING_DB: f32 = -50.0;
const FLOOR_DB: f32 = -70.0;
/// Before anything is learnt: what is this far below our own voice is echo.
const ASSUMED_DB: f32 = -14.0;
/// A curve that follows ours, and one that does not.
const FOLLOWS: f32 = 0.8;
const WANDERS: f32 = 0.6;
/// Comparisons in a row that make a line clean.
const CLEAN_AFTER: u32 = 4;
/// Louder than the expected echo by this much is the caller.
const CLEARLY_DB: f32 = 6.0;
/// Quieter than this is nobody while we speak.
const AUDIBLE_DB: f32 = -50.0;
/// Frames in a row that open the way, and for how many it then stays open.
const OPENS: u32 = 2;
const STAYS_OPEN: u32 = 12;
/// Frames muted after a packet of a key.
const KEY_FRAMES: u32 = 3;

pub(crate) struct EarFilter {
    /// Loudness of what we said and heard, newest last, dB below full scale.
    said: [f32; KEPT],
    heard: [f32; KEPT],
    since_compared: usize,
    /// Frames since we began to speak.
    saying: usize,
    line: Line,
    above: u32,
    open: u32,
    key: u32,
    out: Frame,
}

/// What is known of the echo.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Unknown { wandered: u32 },
    Echoes { lag: usize, loss_db: f32, wandered: u32 },
    Clean,
}

impl Default for EarFilter {
    fn default() -> Self {
        Self {
            said: [FLOOR_DB; KEPT],
            heard: [FLOOR_DB; KEPT],
            since_compared: 0,
            saying: 0,
            line: Line::Unknown { wandered: 0 },
            above: 0,
            open: 0,
            key: 0,
            out: [0; FRAME],
        }
    }
}

impl EarFilter {
    /// A packet of a telephone-event came: its tone may be in the audio as well.
    pub(crate) fn key_pressed(&mut self) {
        self.key = KEY_FRAMES;
    }

    /// The next frame, and what we said in the frame before. `keys`: they come as tones in the band and nowhere else.
    pub(crate) fn hear(&mut self, heard: &Frame, said: &Frame, keys: bool) {
        self.said.copy_within(1.., 0);
        self.said[KEPT - 1] = level_db(said);
        let level = level_db(heard);
        self.heard.copy_within(1.., 0);
        self.heard[KEPT - 1] = level;
        let tone = self.key > 0 || keys && holds_key(heard);
        self.key = self.key.saturating_sub(1);
        if tone || self.is_echo(level) {
            self.out.fill(0);
        } else {
            self.out = *heard;
        }
    }

    /// The filtered frame.
    pub(crate) fn frame(&self) -> &Frame {
        &self.out
    }

    fn is_echo(&mut self, level: f32) -> bool {
        let loudest = loudest(&self.said[KEPT - LAG_MAX..]);
        if loudest < SAYING_DB {
            (self.above, self.open, self.saying) = (0, 0, 0);
            return false;
        }
        self.saying += 1;
        self.since_compared += 1;
        if self.since_compared >= EVERY {
            self.since_compared = 0;
            self.compare();
        }
        let expected = match self.line {
            Line::Unknown { .. } => loudest + ASSUMED_DB,
            Line::Echoes { lag, loss_db, .. } => {
                let at = KEPT - 1 - lag;
                loudest_near(&self.said, at) + loss_db + CLEARLY_DB
            }
            Line::Clean => return false,
        };
        self.above = if level > expected.max(AUDIBLE_DB) { self.above + 1 } else { 0 };
        if self.above >= OPENS {
            self.open = STAYS_OPEN;
        }
        let is_open = self.open > 0;
        self.open = self.open.saturating_sub(1);
        !is_open
    }

    /// Does what we hear follow what we say?
    fn compare(&mut self) {
        let length = self.saying.min(COMPARED);
        if length < COMPARED_MIN {
            return;
        }
        let heard = &self.heard[KEPT - length..];
        let best = (0..LAG_MAX)
            .filter_map(|lag| Some((lag, correlation(&self.said[KEPT - length - lag..KEPT - lag], heard)?)))
            .max_by(|one, other| one.1.total_cmp(&other.1));
        let Some((lag, likeness)) = best else { return };
        if likeness >= FOLLOWS {
            let loss = loss_db(&self.said[KEPT - length - lag..KEPT - lag], heard);
            let loss_db = match self.line {
                Line::Echoes { lag: known, loss_db, .. } if known.abs_diff(lag) <= 2 => loss_db + (loss - loss_db) * 0.3,
                Line::Echoes { .. } | Line::Unknown { .. } | Line::Clean => loss,
            };
            self.line = Line::Echoes { lag, loss_db, wandered: 0 };
        } else if likeness < WANDERS {
            self.line = match self.line {
                Line::Unknown { wandered } if wandered + 1 < CLEAN_AFTER => Line::Unknown { wandered: wandered + 1 },
                // A caller who talks over us makes the curves part; the line stays what it was for a while.
                Line::Echoes { lag, loss_db, wandered } if wandered + 1 < 10 * CLEAN_AFTER => {
                    Line::Echoes { lag, loss_db, wandered: wandered + 1 }
                }
                Line::Unknown { .. } | Line::Echoes { .. } | Line::Clean => Line::Clean,
            };
        }
    }
}

fn loudest(levels: &[f32]) -> f32 {
    levels.iter().copied().fold(FLOOR_DB, f32::max)
}

/// Two frames to each side: delays are no whole frames.
fn loudest_near(levels: &[f32; KEPT], at: usize) -> f32 {
    loudest(&levels[at.saturating_sub(2)..(at + 3).min(KEPT)])
}

/// Pearson's, of two curves of equal length; nothing where one of them does not move.
fn correlation(one: &[f32], other: &[f32]) -> Option<f32> {
    let mean = |curve: &[f32]| curve.iter().sum::<f32>() / curve.len() as f32;
    let (mean_one, mean_other) = (mean(one), mean(other));
    let (mut both, mut first, mut second) = (0.0_f32, 0.0_f32, 0.0_f32);
    for (a, b) in one.iter().zip(other) {
        let (a, b) = (a - mean_one, b - mean_other);
        both += a * b;
        first += a * a;
        second += b * b;
    }
    // Less than 3 dB of movement says nothing.
    let still = 9.0 * one.len() as f32;
    (first >= still && second >= still).then(|| both / (first * second).sqrt())
}

/// How much quieter the echo is, over the frames in which we spoke.
fn loss_db(said: &[f32], heard: &[f32]) -> f32 {
    let mut differences: Vec<f32> =
        said.iter().zip(heard).filter(|(said, _)| **said > SAYING_DB + 10.0).map(|(said, heard)| heard - said).collect();
    differences.sort_by(f32::total_cmp);
    // The upper quarter rather than the middle: the echo must stay below it.
    differences.get(differences.len() * 3 / 4).copied().unwrap_or(ASSUMED_DB).min(0.0)
}

fn level_db(frame: &Frame) -> f32 {
    let energy: f32 = frame.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    let mean = energy / FRAME as f32 / (32_768.0 * 32_768.0);
    if mean <= 1e-7 { FLOOR_DB } else { 10.0 * mean.log10() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Tone;

    /// Noise with the rhythm of speech: syllables and pauses, its own for each `seed`.
    fn speech(seed: u32, frames: usize, peak_db: f32) -> Vec<Frame> {
        let mut state = seed;
        let mut draw = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from((state >> 16) as i16) / 32_768.0
        };
        let (mut gain_db, mut left) = (-60.0_f32, 0_u32);
        let mut out = Vec::new();
        for _ in 0..frames {
            if left == 0 {
                left = 4 + (draw().abs() * 12.0) as u32;
                gain_db = if draw() > 0.4 { -60.0 } else { peak_db - draw().abs() * 12.0 };
            }
            left -= 1;
            let gain = 10.0_f32.powf(gain_db / 20.0) * 32_768.0;
            out.push(std::array::from_fn(|_| (draw() * gain * 1.7).clamp(-32_768.0, 32_767.0) as i16));
        }
        out
    }

    fn echo_of(ours: &[Frame], delay: usize, loss_db: f32) -> Vec<Frame> {
        let gain = 10.0_f32.powf(loss_db / 20.0);
        (0..ours.len())
            .map(|at| at.checked_sub(delay).map_or([0; FRAME], |before| ours[before].map(|sample| (f32::from(sample) * gain) as i16)))
            .collect()
    }

    fn sum(one: &[Frame], other: &[Frame]) -> Vec<Frame> {
        one.iter().zip(other).map(|(one, other)| std::array::from_fn(|at| one[at].saturating_add(other[at]))).collect()
    }

    /// Which of the audible frames pass, from frame `from` on, in percent.
    fn passing(ours: &[Frame], heard: &[Frame], counted: &[Frame], from: usize) -> usize {
        let mut filter = EarFilter::default();
        let (mut passed, mut all) = (0, 0);
        for at in 0..heard.len() {
            filter.hear(&heard[at], if at == 0 { &[0; FRAME] } else { &ours[at - 1] }, false);
            if at >= from && level_db(&counted[at]) > -45.0 {
                all += 1;
                passed += usize::from(filter.frame().iter().any(|sample| *sample != 0));
            }
        }
        passed * 100 / all.max(1)
    }

    #[test]
    fn pain_32_our_own_voice_does_not_come_back_and_a_caller_who_talks_over_it_does() {
        let ours = speech(1, 1_000, -16.0);
        let caller = speech(9, 1_000, -22.0);
        for (delay, loss) in [(1, -20.0), (5, -12.0), (9, -26.0), (18, -16.0)] {
            let echo = echo_of(&ours, delay, loss);
            let (learning, leaked) = (passing(&ours, &echo, &echo, 0), passing(&ours, &echo, &echo, 100));
            let both = passing(&ours, &sum(&echo, &caller), &caller, 0);
            eprintln!("echo {delay} frames, {loss} dB: {learning} % of it pass, {leaked} % after two seconds, {both} % of the caller");
            assert!(learning <= 10 && leaked <= 2, "{leaked} % of the echo passed at {delay} frames, {loss} dB");
            assert!(both >= 90, "only {both} % of the caller passed at {delay} frames, {loss} dB");
        }
    }

    #[test]
    fn on_a_line_without_echo_a_quiet_caller_is_heard_over_us_and_silence_changes_nothing() {
        let ours = speech(1, 1_000, -16.0);
        let caller = speech(9, 1_000, -38.0);
        assert!(passing(&ours, &caller, &caller, 300) >= 95);
        let quiet = vec![[0; FRAME]; 1_000];
        assert_eq!(passing(&quiet, &caller, &caller, 0), 100);
    }

    #[test]
    fn a_key_never_reaches_the_recogniser() {
        let mut tone = [0; 5 * FRAME];
        Tone::digit(crate::model::Digit::from_char('5').unwrap()).fill(&mut tone);
        let mut filter = EarFilter::default();
        for frame in tone.as_chunks::<FRAME>().0 {
            filter.hear(frame, &[0; FRAME], true);
            assert!(filter.frame().iter().all(|sample| *sample == 0));
        }
        filter.hear(&[300; FRAME], &[0; FRAME], false);
        assert_eq!(filter.frame()[0], 300);
        filter.key_pressed();
        filter.hear(&[300; FRAME], &[0; FRAME], false);
        assert_eq!(filter.frame()[0], 0, "a telephone-event may be in the audio as well");
    }
}
