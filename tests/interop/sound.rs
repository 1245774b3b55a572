//! Sound for phones to play, and what is in the sound they recorded.

use std::f64::consts::TAU;
use std::path::Path;

const RATE: u32 = 8_000;
/// 20 ms.
const FRAME: usize = 160;

/// Bursts of a tone: `on` ms of every `every` ms, `seconds` long.
pub(crate) fn write_tone(path: &Path, hertz: f64, (on, every): (u32, u32), seconds: u32) {
    let samples = (0..seconds * RATE).map(|at| {
        let loud = at / 8 % every < on;
        let phase = TAU * hertz * f64::from(at) / f64::from(RATE);
        if loud { (phase.sin() * 8_000.0).round() as i16 } else { 0 }
    });
    write(path, samples);
}

pub(crate) fn write(path: &Path, samples: impl IntoIterator<Item = i16>) {
    let spec = hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut wav = hound::WavWriter::create(path, spec).expect("the file can be made");
    samples.into_iter().for_each(|sample| wav.write_sample(sample).expect("the disk has room"));
    wav.finalize().expect("the disk has room");
}

/// A telephone's answering machine: five seconds that sound like a voice, a pause, a beep.
pub(crate) fn write_machine(path: &Path) {
    let greeting = (0..5 * RATE).map(|at| {
        let time = f64::from(at) / f64::from(RATE);
        let rhythm = 0.55 + 0.45 * (TAU * 4.0 * time).sin();
        let voice: f64 = (1..20)
            .map(|harmonic| {
                let hertz = 130.0 * f64::from(harmonic);
                let formant = |centre: f64, width: f64| 1.0 / (1.0 + ((hertz - centre) / width).powi(2));
                (formant(700.0, 110.0) + formant(1_200.0, 130.0) + formant(2_500.0, 200.0)) * (TAU * hertz * time).sin()
            })
            .sum();
        (3_000.0 * rhythm * voice).clamp(-30_000.0, 30_000.0) as i16
    });
    let pause = (0..RATE * 6 / 10).map(|_| 0);
    let beep = (0..RATE * 4 / 10).map(|at| ((TAU * 1_000.0 * f64::from(at) / f64::from(RATE)).sin() * 9_000.0) as i16);
    let silence = (0..30 * RATE).map(|_| 0);
    write(path, greeting.chain(pause).chain(beep).chain(silence));
}

/// One channel of a recording, at 8 kHz.
pub(crate) fn read(path: &Path, channel: usize) -> Vec<i16> {
    let mut wav = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (rate, channels) = (wav.spec().sample_rate, usize::from(wav.spec().channels));
    assert!(rate == RATE || rate == 2 * RATE, "{rate} Hz in {}", path.display());
    // The tones of these tests lie far below where leaving out every second sample would fold something into them.
    let step = channels * (rate / RATE) as usize;
    wav.samples::<i16>().skip(channel).step_by(step).map(|sample| sample.expect("whole samples")).collect()
}

/// Milliseconds of audible sound.
pub(crate) fn loud_ms(samples: &[i16]) -> usize {
    samples.chunks_exact(FRAME).filter(|frame| is_loud(frame)).count() * 20
}

/// Milliseconds in which this tone makes up most of the sound.
pub(crate) fn tone_ms(samples: &[i16], hertz: f64) -> usize {
    samples.chunks_exact(FRAME).filter(|frame| is_loud(frame) && share(frame, hertz) > 0.7).count() * 20
}

fn energy(frame: &[i16]) -> f64 {
    frame.iter().map(|sample| f64::from(*sample).powi(2)).sum()
}

fn is_loud(frame: &[i16]) -> bool {
    energy(frame) / frame.len() as f64 > 500.0 * 500.0
}

/// Goertzel: how much of the frame's energy lies at this frequency.
fn share(frame: &[i16], hertz: f64) -> f64 {
    let factor = 2.0 * (TAU * hertz / f64::from(RATE)).cos();
    let (before, last) = frame.iter().fold((0.0, 0.0), |(before, last), sample| (last, f64::from(*sample) + factor * last - before));
    let power = before * before + last * last - factor * before * last;
    2.0 * power / (frame.len() as f64 * energy(frame))
}

#[test]
fn a_tone_is_told_from_another_and_from_silence() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("tone.wav");
    write_tone(&path, 1_000.0, (100, 500), 2);
    let samples = read(&path, 0);
    assert_eq!((loud_ms(&samples), tone_ms(&samples, 1_000.0), tone_ms(&samples, 700.0)), (400, 400, 0));
}
