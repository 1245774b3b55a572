//! Is the other side speaking? By the level of what arrives, frame by frame, with a hang-over for the pauses inside a sentence.

use crate::model::Millis;

/// Mean absolute level from which a frame is sound: about 46 dB below full scale, well above what G.711 makes of silence.
const LOUD: i64 = 150;
/// A click is shorter than this.
const START: Millis = Millis(60);
/// Length of one frame.
const FRAME: Millis = Millis(20);

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Edge {
    Speaks,
    /// Silent for the whole hang-over.
    Quiet,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    hang_over: Millis,
    loud: Millis,
    quiet: Millis,
    speaking: bool,
}

impl Level {
    pub(crate) fn new(hang_over: Millis) -> Self {
        Self { hang_over, loud: Millis(0), quiet: Millis(0), speaking: false }
    }

    /// Takes 20 ms of audio.
    pub(crate) fn on_frame(&mut self, frame: &[i16]) -> Option<Edge> {
        let sum: i64 = frame.iter().map(|sample| i64::from(*sample).abs()).sum();
        let loud = sum >= LOUD * i64::try_from(frame.len().max(1)).unwrap_or(i64::MAX);
        if loud {
            self.loud.0 += FRAME.0;
            self.quiet = Millis(0);
        } else {
            self.quiet.0 += FRAME.0;
            if !self.speaking {
                self.loud = Millis(0);
            }
        }
        if !self.speaking && self.loud >= START {
            self.speaking = true;
            return Some(Edge::Speaks);
        }
        if self.speaking && self.quiet >= self.hang_over {
            self.speaking = false;
            self.loud = Millis(0);
            return Some(Edge::Quiet);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: [i16; 160] = [2_000; 160];
    const SILENCE: [i16; 160] = [4; 160];

    fn edges(level: &mut Level, frame: &[i16], frames: usize) -> Vec<(usize, Edge)> {
        (0..frames).filter_map(|number| level.on_frame(frame).map(|edge| (number, edge))).collect()
    }

    #[test]
    fn speech_begins_after_a_click_s_length_and_ends_after_the_hang_over() {
        let mut level = Level::new(Millis(700));
        assert_eq!(edges(&mut level, &SILENCE, 100), []);
        assert_eq!(edges(&mut level, &SOUND, 50), [(2, Edge::Speaks)]);
        assert_eq!(edges(&mut level, &SILENCE, 100), [(34, Edge::Quiet)]);
    }

    #[test]
    fn a_pause_inside_a_sentence_is_no_end_and_a_click_no_beginning() {
        let mut level = Level::new(Millis(700));
        assert_eq!(edges(&mut level, &SOUND, 2), []);
        assert_eq!(edges(&mut level, &SILENCE, 10), []);
        assert_eq!(edges(&mut level, &SOUND, 2), [], "two clicks are no speech either");
        edges(&mut level, &SOUND, 10);
        assert_eq!(edges(&mut level, &SILENCE, 34), []);
        assert_eq!(edges(&mut level, &SOUND, 1), []);
        assert_eq!(edges(&mut level, &SILENCE, 34), []);
        assert_eq!(edges(&mut level, &SILENCE, 1), [(0, Edge::Quiet)]);
    }
}
