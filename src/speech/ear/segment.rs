//! Where utterances begin and end. Pure: frames and their judgements in, steps out; time is counted in frames.

use std::collections::VecDeque;
use std::sync::Arc;

use super::voice::{FRAME, FRAME_MS};
use crate::speech::Endpointing;

/// Audio kept from before the voice was sure: the onset of the first word.
const BEFORE_FRAMES: usize = 20;
/// A pause this long is worth decoding: the caller may be done.
const EARLY_MS: u64 = 192;
/// Unvoiced frames inside an onset that do not yet make it a click.
const ONSET_GAP_MS: u64 = 48;

/// An utterance, or a part of one that was cut at its longest. Counts from 1.
pub(super) type UtteranceNumber = u64;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
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

pub(super) struct Segmenter {
    endpointing: Endpointing,
    utterance: UtteranceNumber,
    before: VecDeque<[i16; FRAME]>,
    state: State,
}

enum State {
    Quiet { voiced_ms: u64, gap_ms: u64 },
    Speaking { audio: Vec<i16>, quiet_ms: u64, since_partial_ms: u64, decoding: bool },
}

const QUIET: State = State::Quiet { voiced_ms: 0, gap_ms: 0 };

impl Segmenter {
    pub(super) fn new(endpointing: Endpointing) -> Self {
        Self { endpointing, utterance: 0, before: VecDeque::with_capacity(BEFORE_FRAMES + 1), state: QUIET }
    }

    pub(super) fn retune(&mut self, endpointing: Endpointing) {
        self.endpointing = endpointing;
    }

    pub(super) fn is_speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    pub(super) fn frame(&mut self, frame: &[i16; FRAME], voice: bool, steps: &mut Vec<Step>) {
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
            self.state = State::Speaking { audio, quiet_ms: 0, since_partial_ms: 0, decoding: false };
            steps.push(Step::Started);
        }
    }

    fn speaking(&mut self, voice: bool, steps: &mut Vec<Step>) {
        let State::Speaking { audio, quiet_ms, since_partial_ms, decoding } = &mut self.state else { return };
        let utterance = self.utterance;
        if voice {
            *quiet_ms = 0;
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
        let silence = self.endpointing.silence.0.max(FRAME_MS);
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
            (*decoding, *since_partial_ms) = (false, 0);
            self.utterance += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Millis;
    use proptest::prelude::*;

    /// Runs `(voice, ms)` stretches and gives each step a short name and its time.
    fn run(endpointing: Endpointing, stretches: &[(bool, u64)]) -> Vec<(u64, &'static str)> {
        let mut segmenter = Segmenter::new(endpointing);
        let mut seen = Vec::new();
        let mut at = 0;
        for (voice, ms) in stretches {
            for _ in 0..ms / FRAME_MS {
                at += FRAME_MS;
                let mut steps = Vec::new();
                segmenter.frame(&[1; FRAME], *voice, &mut steps);
                seen.extend(steps.iter().map(|step| (at, name(step))));
            }
        }
        seen
    }

    fn name(step: &Step) -> &'static str {
        match step {
            Step::Started => "started",
            Step::Partial { .. } => "partial",
            Step::Whole { .. } => "whole",
            Step::GoesOn { .. } => "goes on",
            Step::Ended { .. } => "ended",
            Step::Cut { .. } => "cut",
        }
    }

    fn patient() -> Endpointing {
        Endpointing { partial_every: Millis(0), ..Endpointing::default() }
    }

    #[test]
    fn an_utterance_is_decoded_in_the_first_pause_and_ends_after_the_silence() {
        let seen = run(patient(), &[(false, 160), (true, 800), (false, 1_600)]);
        assert_eq!(seen, [(256, "started"), (1_152, "whole"), (1_664, "ended")]);
    }

    #[test]
    fn a_pause_between_words_does_not_end_the_utterance() {
        let seen = run(patient(), &[(true, 480), (false, 480), (true, 480), (false, 800)]);
        assert_eq!(seen.iter().map(|(_, name)| *name).collect::<Vec<_>>(), ["started", "whole", "goes on", "whole", "ended"]);
    }

    #[test]
    fn a_number_read_in_groups_is_one_utterance_when_digits_are_expected() {
        let groups = [(true, 480), (false, 960), (true, 480), (false, 1_280)];
        let ends = |endpointing| run(endpointing, &groups).iter().filter(|(_, name)| *name == "ended").count();
        assert_eq!(ends(patient()), 2);
        assert_eq!(ends(Endpointing::digits()), 1);
    }

    #[test]
    fn a_click_is_no_speech_and_a_short_yes_is() {
        assert!(run(patient(), &[(true, 64), (false, 320), (true, 64), (false, 800)]).is_empty());
        assert_eq!(run(patient(), &[(true, 112), (false, 800)])[0], (96, "started"));
    }

    #[test]
    fn a_monologue_is_cut_at_its_longest_and_goes_on() {
        let endpointing = Endpointing { max_utterance: Millis(2_000), ..patient() };
        let names: Vec<_> = run(endpointing, &[(true, 4_800), (false, 800)]).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["started", "whole", "cut", "whole", "cut", "whole", "ended"]);
    }

    #[test]
    fn a_growing_utterance_is_decoded_now_and_then() {
        let seen = run(Endpointing::default(), &[(true, 2_400), (false, 800)]);
        assert_eq!(seen.iter().filter(|(_, name)| *name == "partial").count(), 3);
    }

    #[test]
    fn the_onset_before_the_voice_was_sure_is_kept() {
        let mut segmenter = Segmenter::new(patient());
        let mut steps = Vec::new();
        for number in 0..60_i16 {
            segmenter.frame(&[number; FRAME], (40..48).contains(&number), &mut steps);
        }
        let Some(Step::Whole { audio, .. }) = steps.iter().find(|step| name(step) == "whole") else { panic!("{steps:?}") };
        assert!(audio[0] <= 40 - 18, "begins {} frames in", audio[0]);
        assert_eq!(audio.len() % FRAME, 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn started_and_ended_alternate_and_every_end_has_its_words(stretches in prop::collection::vec((any::<bool>(), 16_u64..1_500), 1..24)) {
            let mut segmenter = Segmenter::new(Endpointing { max_utterance: Millis(3_000), ..Endpointing::default() });
            let (mut speaking, mut decoded, mut last) = (false, false, 0);
            for (voice, ms) in stretches {
                for _ in 0..ms / FRAME_MS {
                    let mut steps = Vec::new();
                    segmenter.frame(&[0; FRAME], voice, &mut steps);
                    for step in steps {
                        match step {
                            Step::Started => { prop_assert!(!speaking); speaking = true; }
                            Step::Partial { audio, .. } => { prop_assert!(speaking && !audio.is_empty()); }
                            Step::Whole { audio, .. } => { prop_assert!(speaking && !decoded && audio.len() <= 32_000); decoded = true; }
                            Step::GoesOn { .. } => { prop_assert!(decoded); decoded = false; }
                            Step::Ended { utterance } => { prop_assert!(decoded && utterance > last); (speaking, decoded, last) = (false, false, utterance); }
                            Step::Cut { utterance } => { prop_assert!(decoded && utterance > last); (decoded, last) = (false, utterance); }
                        }
                    }
                }
            }
        }
    }
}
