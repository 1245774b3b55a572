//! Tests of concealment, measured: what is invented is nearer to what was lost than silence is, and makes no click.

use super::*;
use std::f32::consts::TAU;

const FRAME: usize = 160;

/// Something like a voice: a gliding pitch with formants, syllables, seeded.
fn voice(samples: usize, pitch: f32, glide: f32) -> Vec<i16> {
    let mut phase = 0.0_f32;
    (0..samples)
        .map(|number| {
            let time = number as f32 / 8_000.0;
            let hertz = pitch * (1.0 + glide * (TAU * 2.3 * time).sin());
            phase = (phase + TAU * hertz / 8_000.0) % TAU;
            let sum: f32 = (1..20)
                .map(|harmonic| {
                    let at = hertz * harmonic as f32;
                    let gain: f32 = [(600.0_f32, 100.0_f32), (1_100.0, 150.0), (2_400.0, 250.0)]
                        .iter()
                        .map(|(formant, width)| 1.0 / (1.0 + ((at - formant) / width).powi(2)))
                        .sum();
                    gain * (phase * harmonic as f32).sin()
                })
                .sum();
            (2_500.0 * (0.6 + 0.4 * (TAU * 3.1 * time).sin()) * sum).clamp(-32_000.0, 32_000.0) as i16
        })
        .collect()
}

/// The voice with one frame in `every` lost (by seed), played through `fill`.
fn lossy(voice: &[i16], percent: u32, mut fill: impl FnMut(&mut [i16; FRAME], bool)) -> Vec<i16> {
    let mut random = 12_345_u32;
    let mut out = Vec::new();
    for chunk in voice.as_chunks::<FRAME>().0 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let lost = (random >> 8) % 100 < percent;
        let mut frame = if lost { [0; FRAME] } else { *chunk };
        fill(&mut frame, lost);
        out.extend(frame);
    }
    out
}

/// Mean over the frames that were lost and are not silent of 10 log10(signal / error), each within -10 to 35 dB.
fn segmental_snr(clean: &[i16], played: &[i16], zeroed: &[i16]) -> f32 {
    let mut ratios = Vec::new();
    let frames = clean.as_chunks::<FRAME>().0.iter().zip(played.as_chunks::<FRAME>().0);
    let lost = zeroed.as_chunks::<FRAME>().0.iter().map(|frame| *frame == [0; FRAME]);
    for ((clean, played), _) in frames.zip(lost).filter(|(_, lost)| *lost) {
        let power: f32 = clean.iter().map(|sample| f32::from(*sample).powi(2)).sum();
        let error: f32 = clean.iter().zip(played).map(|(one, other)| (f32::from(*one) - f32::from(*other)).powi(2)).sum();
        if power > 1e6 {
            ratios.push((10.0 * (power / error.max(1.0)).log10()).clamp(-10.0, 35.0));
        }
    }
    ratios.iter().sum::<f32>() / ratios.len() as f32
}

fn concealed(voice: &[i16], percent: u32) -> Vec<i16> {
    let mut concealer = Concealer::default();
    lossy(voice, percent, |frame, lost| if lost { concealer.missing(frame) } else { concealer.real(frame) })
}

/// Mean distance of the levels, in dB, over the 10 ms pieces of the frames that were lost and were not silent.
fn level_distance(clean: &[i16], played: &[i16]) -> f32 {
    let db = |piece: &[i16]| (10.0 * (piece.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / 80.0 + 1.0).log10()).max(10.0);
    let mut distances = Vec::new();
    for (clean, played) in clean.as_chunks::<FRAME>().0.iter().zip(played.as_chunks::<FRAME>().0) {
        if clean != played {
            distances.extend(clean.chunks(80).zip(played.chunks(80)).map(|(one, other)| (db(one) - db(other)).abs()));
        }
    }
    distances.iter().sum::<f32>() / distances.len() as f32
}

#[test]
fn at_one_and_five_percent_loss_a_vowel_is_nearer_to_what_was_said_than_with_silence() {
    for pitch in [95.0, 140.0, 190.0] {
        let clean = voice(8_000 * 20, pitch, 0.003);
        for percent in [1, 5] {
            let zeroed = lossy(&clean, percent, |_, _| {});
            let silence = segmental_snr(&clean, &zeroed, &zeroed);
            let hidden = segmental_snr(&clean, &concealed(&clean, percent), &zeroed);
            println!("{pitch} Hz, {percent} %: segmental SNR with silence {silence:.2} dB, concealed {hidden:.2} dB");
            assert!(hidden > silence + 3.0, "{pitch} Hz, {percent} %: {hidden} against {silence}");
        }
    }
}

#[test]
fn at_one_and_five_percent_loss_the_level_of_a_gliding_voice_goes_on() {
    for pitch in [95.0, 140.0, 210.0] {
        let clean = voice(8_000 * 20, pitch, 0.08);
        for percent in [1, 5] {
            let silence = level_distance(&clean, &lossy(&clean, percent, |_, _| {}));
            let hidden = level_distance(&clean, &concealed(&clean, percent));
            println!("{pitch} Hz, {percent} %: level off by {silence:.1} dB with silence, {hidden:.1} dB concealed");
            assert!(hidden < 8.0 && silence > 30.0, "{pitch} Hz, {percent} %: {hidden} against {silence}");
        }
    }
}

#[test]
fn the_level_goes_on_through_a_lost_frame_and_there_is_no_click_at_either_end() {
    let clean = voice(16_000, 140.0, 0.08);
    let steepest = |samples: &[i16]| samples.windows(2).map(|pair| u32::from(pair[0].abs_diff(pair[1]))).max().unwrap_or(0);
    let level = |samples: &[i16]| (samples.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / samples.len() as f32).sqrt();
    for lost in [20, 33, 47, 61] {
        let mut concealer = Concealer::default();
        let mut out = Vec::new();
        for (number, chunk) in clean.as_chunks::<FRAME>().0.iter().enumerate() {
            let mut frame = *chunk;
            if number == lost {
                concealer.missing(&mut frame)
            } else {
                concealer.real(&mut frame)
            }
            out.extend(frame);
        }
        let at = lost * FRAME;
        let (before, gap) = (&clean[at - FRAME..at], &out[at..at + FRAME]);
        let ratio = level(gap) / level(before);
        assert!((0.5..1.5).contains(&ratio), "level {ratio} in frame {lost}");
        let around = &out[at - 1..at + 2 * FRAME];
        assert!(steepest(around) <= steepest(&clean[at - 2 * FRAME..at + 3 * FRAME]) * 3 / 2, "a click in frame {lost}");
        assert_eq!(out[at + 2 * FRAME..], clean[at + 2 * FRAME..], "and it is over soon");
    }
}

#[test]
fn a_long_gap_fades_to_silence_within_60_ms_and_stays_silent() {
    let clean = voice(8_000, 120.0, 0.08);
    let mut concealer = Concealer::default();
    concealer.real(&mut clean.clone());
    let mut gap = vec![0; 8_000];
    concealer.missing(&mut gap);
    assert!(concealer.is_silent());
    assert!(gap[480..].iter().all(|sample| *sample == 0));
    assert!(gap[..80].iter().any(|sample| sample.unsigned_abs() > 500));
}

#[test]
fn the_pitch_is_found() {
    for pitch in [80.0, 100.0, 133.3, 190.0] {
        let mut history = [0; HISTORY];
        let tone: Vec<i16> = (0..HISTORY)
            .map(|number| {
                let phase = TAU * pitch * number as f32 / 8_000.0;
                (6_000.0 * (phase.sin() + 0.7 * (2.0 * phase).sin() + 0.4 * (3.0 * phase).cos())) as i16
            })
            .collect();
        history.copy_from_slice(&tone);
        let period = 8_000.0 / pitch;
        let found = pitch_of(&history) as f32;
        // Twice the period is as good.
        let off = (found / period).round().mul_add(-period, found).abs();
        assert!(off <= 1.0, "{pitch} Hz: {found} instead of {period}");
    }
}

#[test]
fn comfort_noise_has_the_level_that_was_described_and_is_no_burst() {
    for level in [35_u8, 50, 65] {
        let mut run = [0; 8_000];
        Noise::described(&[level]).fill(&mut run);
        let power = run.iter().map(|sample| f32::from(*sample).powi(2)).sum::<f32>() / 8_000.0;
        let measured = -10.0 * (power / 32_768.0_f32.powi(2)).log10();
        assert!((measured - f32::from(level)).abs() < 1.5, "{level} came as {measured}");
    }
    let mut run = [0; 8_000];
    Noise::described(&[0]).fill(&mut run);
    assert!(run.iter().all(|sample| sample.unsigned_abs() < 4_000), "a description of a scream is not believed");
    Noise::described(&[]).fill(&mut run);
    assert!(run.iter().all(|sample| sample.unsigned_abs() < 50));
}
