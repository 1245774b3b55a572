//! Short fixed sounds that mark a moment of a call.

use super::{Frame, SAMPLE_RATE, mixer};
use std::f32::consts::TAU;

/// Which sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chime {
    /// You are connected: two soft notes upwards, 240 ms.
    Bridge,
}

impl Chime {
    /// The notes: hertz and milliseconds.
    const fn notes(self) -> &'static [(f32, u32)] {
        match self {
            Self::Bridge => &[(587.33, 100), (783.99, 140)],
        }
    }
}

/// Half of a voice's loudness.
const AMPLITUDE: f32 = 5_000.0;

/// One sound while it plays.
pub(crate) struct ChimePlayer {
    chime: Chime,
    note: usize,
    position: u32,
}

impl ChimePlayer {
    pub(crate) const fn new(chime: Chime) -> Self {
        Self { chime, note: 0, position: 0 }
    }

    /// Adds its frame to what is said. False once it is over.
    pub(crate) fn mix(&mut self, said: &mut Frame) -> bool {
        let mut sound: Frame = [0; super::FRAME];
        for sample in &mut sound {
            let Some(next) = self.next_sample() else { break };
            *sample = next;
        }
        mixer::add(said, &sound);
        self.note < self.chime.notes().len()
    }

    fn next_sample(&mut self) -> Option<i16> {
        let (hertz, millis) = *self.chime.notes().get(self.note)?;
        let length = millis * (SAMPLE_RATE / 1_000);
        let share = self.position as f32 / length as f32;
        let time = self.position as f32 / SAMPLE_RATE as f32;
        self.position += 1;
        if self.position >= length {
            (self.note, self.position) = (self.note + 1, 0);
        }
        // Half a sine as envelope: no click at either end.
        Some((AMPLITUDE * (TAU * share / 2.0).sin() * (TAU * hertz * time).sin()) as i16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bridge_tone_is_short_and_ends() {
        let mut player = ChimePlayer::new(Chime::Bridge);
        let mut frames = Vec::new();
        loop {
            let mut frame = [0; crate::media::FRAME];
            let more = player.mix(&mut frame);
            frames.push(frame);
            if !more {
                break;
            }
        }
        assert_eq!(frames.len(), 12, "240 ms");
        let loudest = frames.iter().flatten().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest > Some(4_000) && loudest <= Some(5_000), "{loudest:?}");
        assert!(frames[0][0] == 0 && frames[11][159].abs() < 200, "no click");
    }
}
