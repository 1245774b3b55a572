//! Hold music from a file.

use crate::media::{HoldMusic, MUSIC_MAX, SAMPLE_RATE};
use std::path::Path;

/// Why a file is no hold music.
#[derive(Debug, thiserror::Error)]
pub enum MusicError {
    #[error("it cannot be read: {0}")]
    File(#[from] hound::Error),
    #[error(
        "it has {rate} Hz, {bits} bit, {channels} channels; make it 8 kHz, 16 bit, mono or stereo: sox IN.wav -r 8000 -b 16 -c 1 OUT.wav"
    )]
    Format { rate: u32, bits: u16, channels: u16 },
    #[error("it lasts {millis} ms; 20 ms to {} s is what is taken", MUSIC_MAX / SAMPLE_RATE as usize)]
    Length { millis: u64 },
}

/// Reads a WAV of 8 kHz, 16 bit; the two channels of a stereo file are mixed.
pub fn read_hold_music(path: &Path) -> Result<HoldMusic, MusicError> {
    let mut reader = hound::WavReader::open(path)?;
    let spec = reader.spec();
    let plain = spec.sample_format == hound::SampleFormat::Int && spec.bits_per_sample == 16 && (1..=2).contains(&spec.channels);
    if spec.sample_rate != SAMPLE_RATE || !plain {
        return Err(MusicError::Format { rate: spec.sample_rate, bits: spec.bits_per_sample, channels: spec.channels });
    }
    let millis = u64::from(reader.duration()) / 8;
    if reader.duration() as usize > MUSIC_MAX {
        return Err(MusicError::Length { millis });
    }
    let samples = reader.samples::<i16>().collect::<Result<Vec<_>, _>>()?;
    let mono = if spec.channels == 1 {
        samples
    } else {
        samples.chunks_exact(2).map(|pair| ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16).collect()
    };
    HoldMusic::new(mono).ok_or(MusicError::Length { millis })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(folder: &Path, rate: u32, channels: u16, samples: usize) -> std::path::PathBuf {
        let path = folder.join(format!("{rate}-{channels}-{samples}.wav"));
        let spec = hound::WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut writer = hound::WavWriter::create(&path, spec).unwrap();
        for place in 0..samples {
            writer.write_sample(if place % 2 == 0 { 1_000_i16 } else { 3_000 }).unwrap();
        }
        writer.finalize().unwrap();
        path
    }

    #[test]
    fn a_stereo_file_is_mixed_and_what_does_not_fit_says_how_to_make_it_fit() {
        let folder = tempfile::tempdir().unwrap();
        let music = read_hold_music(&wav(folder.path(), 8_000, 2, 1_600)).unwrap();
        assert_eq!(music.samples(), [2_000; 800]);
        let wrong = read_hold_music(&wav(folder.path(), 44_100, 1, 1_000)).unwrap_err().to_string();
        assert!(wrong.contains("44100 Hz") && wrong.contains("sox"), "{wrong}");
        assert!(matches!(read_hold_music(&wav(folder.path(), 8_000, 1, 10)), Err(MusicError::Length { millis: 1 })));
        assert!(matches!(read_hold_music(&folder.path().join("none.wav")), Err(MusicError::File(_))));
    }
}
