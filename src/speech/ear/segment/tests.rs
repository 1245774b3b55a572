//! Tests of the segmenter.

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
fn what_the_words_say_of_the_end_moves_it() {
    let ended_at = |shape| {
        let mut segmenter = Segmenter::new(patient());
        let mut steps = Vec::new();
        for number in 0..300_u64 {
            segmenter.frame(&[1; FRAME], number < 30, &mut steps);
            if number == 48 {
                segmenter.known(shape);
            }
            if steps.iter().any(|step| name(step) == "ended") {
                return (number - 29) * FRAME_MS;
            }
        }
        0
    };
    assert_eq!(ended_at(Shape::Finished), 400);
    assert_eq!(ended_at(Shape::Open), 704);
    assert_eq!(ended_at(Shape::Dangling), 1_408);
}

#[test]
fn words_of_a_pause_that_was_not_the_end_shape_nothing() {
    let mut segmenter = Segmenter::new(patient());
    let mut steps = Vec::new();
    for number in 0..200_u64 {
        segmenter.frame(&[1; FRAME], number < 30 || (50..60).contains(&number), &mut steps);
        if number == 48 {
            segmenter.known(Shape::Dangling);
        }
        if number == 55 {
            segmenter.known(Shape::Finished);
        }
    }
    assert_eq!(steps.last().map(name), Some("ended"));
    assert_eq!(segmenter.utterance, 1);
    let mut again = Segmenter::new(patient());
    let late: Vec<_> = (0..200_u64)
        .flat_map(|number| {
            let mut steps = Vec::new();
            again.frame(&[1; FRAME], number < 30 || (50..60).contains(&number), &mut steps);
            if number == 48 {
                again.known(Shape::Dangling);
            }
            steps.iter().map(|step| (number, name(step))).collect::<Vec<_>>()
        })
        .filter(|(_, name)| *name == "ended")
        .collect();
    assert_eq!(late, [(103, "ended")], "the plain silence after the caller went on");
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
