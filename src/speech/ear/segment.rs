//! Where utterances begin and end. Pure: frames and their judgements in, steps out; time is counted in frames.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ending::Shape;
use super::voice::{FRAME, FRAME_MS};
use crate::speech::Endpointing;

/// Audio kept from before the voice was sure: the onset of the first word.
const BEFORE_FRAMES: usize = 20;
/// A pause this long is worth decoding: the caller may be done.
const EARLY_MS: u64 = 192;
/// Unvoiced frames inside an onset that do not yet make it a click.
const ONSET_GAP_MS: u64 = 48;

/// An utterance, or a part of one that was cut at its longest. Counts from 1.
pub(in crate::speech) type UtteranceNumber = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::speech) enum Step {
    Started,
    /// Decode what there is so far.
    Partial {
        utterance: UtteranceNumber,
        audio: Arc<[i16]>,
    },
    /// Decode for good; replaces an earlier `Whole` of the same utterance.
    Whole {
        utterance: UtteranceNumber,
        audio: Arc<[i16]>,
    },
    /// The caller went on: the last `Whole` was not the end.
    GoesOn {
        utterance: UtteranceNumber,
    },
    /// The last `Whole` stands.
    Ended {
        utterance: UtteranceNumber,
    },
    /// Cut at its longest; the last `Whole` stands and the caller still speaks.
    Cut {
        utterance: UtteranceNumber,
    },
}

pub(in crate::speech) struct Segmenter {
    endpointing: Endpointing,
    utterance: UtteranceNumber,
    before: VecDeque<[i16; FRAME]>,
    state: State,
}

enum State {
    Quiet {
        voiced_ms: u64,
        gap_ms: u64,
    },
    /// `wait_ms` is the silence that ends it where its words said so; until they are known the endpointing's own counts.
    Speaking {
        audio: Vec<i16>,
        quiet_ms: u64,
        since_partial_ms: u64,
        decoding: bool,
        wait_ms: Option<u64>,
    },
}

const QUIET: State = State::Quiet { voiced_ms: 0, gap_ms: 0 };

impl Segmenter {
    pub(in crate::speech) fn new(endpointing: Endpointing) -> Self {
        Self { endpointing, utterance: 0, before: VecDeque::with_capacity(BEFORE_FRAMES + 1), state: QUIET }
    }

    pub(in crate::speech) fn retune(&mut self, endpointing: Endpointing) {
        self.endpointing = endpointing;
    }

    /// The words of the pause that lasts are known: it ends the utterance sooner or later than it would without them.
    pub(in crate::speech) fn known(&mut self, shape: Shape) {
        let wait = match shape {
            Shape::Finished => self.endpointing.finished,
            Shape::Open => self.endpointing.silence,
            Shape::Dangling => self.endpointing.dangling.max(self.endpointing.silence),
        };
        if let State::Speaking { decoding: true, wait_ms, .. } = &mut self.state {
            *wait_ms = Some(wait.0);
        }
    }

    pub(in crate::speech) fn is_speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    pub(in crate::speech) fn frame(&mut self, frame: &[i16; FRAME], voice: bool, steps: &mut Vec<Step>) {
        match &mut self.state {
            State::Quiet { .. } => self.quiet(frame, voice, steps),
            State::Speaking { audio, .. } => {
                audio.extend_from_slice(frame);
                self.speaking(voice, steps);
            }
        }
    }

    fn quiet(&mut self, frame: &[i16; FRAME], voice: bool, steps: &mut Vec<Step>) {
        let State::Quiet { voiced_ms, gap_ms } = &mut self.state else { return };
        self.before.push_back(*frame);
        if voice {
            *voiced_ms += FRAME_MS;
            *gap_ms = 0;
        } else {
            *gap_ms += FRAME_MS;
            if *gap_ms > ONSET_GAP_MS {
                *voiced_ms = 0;
            }
        }
        // While an onset grows, nothing of it is forgotten.
        let keep = BEFORE_FRAMES + usize::try_from((*voiced_ms + *gap_ms) / FRAME_MS).unwrap_or(0).min(BEFORE_FRAMES);
        while self.before.len() > keep {
            self.before.pop_front();
        }
        if voice && *voiced_ms >= self.endpointing.min_speech.0 {
            self.utterance += 1;
            let audio: Vec<i16> = self.before.drain(..).flatten().collect();
            self.state = State::Speaking { audio, quiet_ms: 0, since_partial_ms: 0, decoding: false, wait_ms: None };
            steps.push(Step::Started);
        }
    }

    fn speaking(&mut self, voice: bool, steps: &mut Vec<Step>) {
        let State::Speaking { audio, quiet_ms, since_partial_ms, decoding, wait_ms } = &mut self.state else { return };
        let utterance = self.utterance;
        if voice {
            *quiet_ms = 0;
            *wait_ms = None;
            if std::mem::take(decoding) {
                steps.push(Step::GoesOn { utterance });
            }
        } else {
            *quiet_ms += FRAME_MS;
        }
        *since_partial_ms += FRAME_MS;
        let every = self.endpointing.partial_every.0;
        if voice && every > 0 && *since_partial_ms >= every {
            *since_partial_ms = 0;
            steps.push(Step::Partial { utterance, audio: audio.as_slice().into() });
        }
        let silence = wait_ms.unwrap_or(self.endpointing.silence.0).max(FRAME_MS);
        if !*decoding && *quiet_ms >= EARLY_MS.min(silence) {
            *decoding = true;
            steps.push(Step::Whole { utterance, audio: audio.as_slice().into() });
        }
        if *quiet_ms >= silence {
            self.state = QUIET;
            self.before.clear();
            steps.push(Step::Ended { utterance });
            return;
        }
        let spoken_ms = u64::try_from(audio.len() / FRAME).unwrap_or(u64::MAX).saturating_mul(FRAME_MS);
        if spoken_ms >= self.endpointing.max_utterance.0.max(1_000) {
            if !*decoding {
                steps.push(Step::Whole { utterance, audio: audio.as_slice().into() });
            }
            steps.push(Step::Cut { utterance });
            audio.clear();
            (*decoding, *since_partial_ms, *wait_ms) = (false, 0, None);
            self.utterance += 1;
        }
    }
}

#[cfg(test)]
mod tests;
