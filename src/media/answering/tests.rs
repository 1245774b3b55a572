//! Tests of answering-machine detection, on synthetic answers.

use super::*;
use crate::media::AudioCodec;
use crate::media::Tone;
use crate::media::codec;
use std::f32::consts::TAU;

/// What an answer is made of, in milliseconds.
#[derive(Clone, Copy)]
enum Part {
    Silence(u64),
    Speech(u64),
    Tone(f32, u64),
    Noise(u64),
}

/// A voice, roughly: a pulse train with moving pitch through three formants, in syllables.
fn voice(number: u64) -> Frame {
    let mut frame = [0; FRAME];
    for (offset, sample) in frame.iter_mut().enumerate() {
        let time = (number as usize * FRAME + offset) as f32 / 8_000.0;
        let rhythm = 0.55 + 0.45 * (TAU * 4.0 * time).sin();
        let sum: f32 = (1..24)
            .map(|harmonic| {
                let hertz = 130.0 * harmonic as f32;
                let gain: f32 = [(700.0_f32, 110.0_f32), (1_200.0, 130.0), (2_500.0, 200.0)]
                    .iter()
                    .map(|(formant, width)| 1.0 / (1.0 + ((hertz - formant) / width).powi(2)))
                    .sum();
                gain * (TAU * hertz * time + 0.4 * (TAU * 3.0 * time).sin() * harmonic as f32).sin()
            })
            .sum();
        *sample = (2_500.0 * rhythm * sum).clamp(-32_000.0, 32_000.0) as i16;
    }
    frame
}

/// The frames of an answer, as they come through µ-law and over a line with a little noise.
fn answer(parts: &[Part]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut random = 7_u32;
    for part in parts {
        let (Part::Silence(length) | Part::Speech(length) | Part::Tone(_, length) | Part::Noise(length)) = *part;
        let mut tone = match part {
            Part::Tone(hertz, _) => Some(Tone::sine(*hertz, 9_000)),
            Part::Silence(_) | Part::Speech(_) | Part::Noise(_) => None,
        };
        for number in 0..length / 20 {
            let mut frame = match part {
                Part::Speech(_) => voice(number),
                Part::Silence(_) | Part::Noise(_) | Part::Tone(..) => [0; FRAME],
            };
            if let Some(tone) = &mut tone {
                tone.fill(&mut frame);
            }
            let loud = if matches!(part, Part::Noise(_)) { 1_500 } else { 30 };
            for sample in &mut frame {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = sample.saturating_add((random >> 16) as i16 % loud);
            }
            let mut octets = [0; FRAME];
            codec::encode(AudioCodec::Pcmu, &frame, &mut octets);
            codec::decode(AudioCodec::Pcmu, &octets, &mut frame);
            frames.push(frame);
        }
    }
    frames
}

/// The verdict, whether after a beep, and when (ms).
fn judge(budget: u64, parts: &[Part]) -> (Answerer, bool, u64) {
    let mut detector = AnswerDetector::new(Millis(budget));
    let silence = std::iter::repeat_n([0; FRAME], 2_000);
    for (number, frame) in answer(parts).into_iter().chain(silence).enumerate() {
        if let Some((who, beep)) = detector.on_frame(&frame) {
            return (who, beep, (number as u64 + 1) * 20);
        }
    }
    panic!("no verdict");
}

use Part::{Noise, Silence, Speech};

#[test]
fn pain_25_a_hello_is_a_human_at_once_and_nobody_is_made_to_wait_for_the_budget() {
    for (pause, hello) in [(0, 400), (300, 600), (1_500, 1_200), (200, 1_900)] {
        let (who, beep, at) = judge(8_000, &[Silence(pause), Speech(hello), Silence(4_000)]);
        assert_eq!((who, beep), (Answerer::Human, false), "{hello} ms of hello");
        assert!(at <= pause + hello + 900, "{at} for a hello of {hello} ms after {pause} ms");
    }
    let (who, _, _) = judge(8_000, &[Silence(300), Speech(400), Silence(300), Speech(500), Silence(4_000)]);
    assert_eq!(who, Answerer::Human, "hello, this is Ann");
}

#[test]
fn pain_8_a_voicemail_greeting_is_a_machine_and_its_beep_is_heard() {
    let parts = [Silence(400), Speech(4_500), Silence(400), Speech(3_000), Silence(800), Part::Tone(1_000.0, 400), Silence(4_000)];
    assert_eq!((judge(30_000, &parts).0, judge(30_000, &parts).1), (Answerer::Machine, true));
    let (who, beep, at) = judge(5_000, &parts);
    assert_eq!((who, beep, at), (Answerer::Machine, false, 5_000), "within the budget without its beep");
    let (who, beep, at) = judge(4_000, &[Silence(200), Speech(6_000)]);
    assert_eq!((who, beep, at), (Answerer::Machine, false, 4_000), "talks on and on");
    for hertz in [520.0, 800.0, 1_400.0, 2_100.0] {
        let (who, beep, _) = judge(30_000, &[Speech(2_500), Silence(600), Part::Tone(hertz, 300), Silence(3_000)]);
        assert_eq!((who, beep), (Answerer::Machine, true), "{hertz} Hz");
    }
}

#[test]
fn a_long_recording_without_a_beep_is_a_machine() {
    let (who, beep, at) = judge(30_000, &[Silence(200), Speech(9_000), Silence(6_000)]);
    assert_eq!((who, beep), (Answerer::Machine, false));
    assert!(at <= 9_200 + 2_200, "{at}");
}

#[test]
fn pain_25_what_could_be_a_person_with_a_long_greeting_is_unclear_never_a_machine() {
    let (who, _, at) = judge(8_000, &[Silence(300), Speech(4_000), Silence(5_000)]);
    assert_eq!(who, Answerer::Unclear);
    assert!(at <= 4_300 + 1_400, "{at}");
}

#[test]
fn silence_noise_and_a_steady_tone_are_unclear_when_the_budget_ends() {
    assert_eq!(judge(4_000, &[Silence(10_000)]), (Answerer::Unclear, false, 4_000));
    assert_eq!(judge(4_000, &[Part::Tone(700.0, 10_000)]), (Answerer::Unclear, false, 4_000));
    let (who, beep, at) = judge(4_000, &[Noise(10_000)]);
    assert_eq!((beep, at), (false, 4_000));
    assert_ne!(who, Answerer::Human);
    assert_eq!(judge(0, &[Speech(1_000)]).2, 20, "no budget, no wait");
}

#[test]
fn ring_back_and_a_click_of_the_line_are_no_beep_and_no_greeting() {
    let ring = [Part::Tone(425.0, 1_000), Silence(1_000), Speech(600), Silence(3_000)];
    assert_eq!((judge(10_000, &ring).0, judge(10_000, &ring).1), (Answerer::Human, false));
    let click = [Noise(40), Silence(2_000), Speech(600), Silence(3_000)];
    let (who, _, at) = judge(10_000, &click);
    assert_eq!(who, Answerer::Human);
    assert!(at >= 2_600, "not for the click: {at}");
}
