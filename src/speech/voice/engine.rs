//! One sentence in, its samples out; weights shared, no state between sentences.

use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;
use std::sync::Arc;

use super::phonemes::{Phonemes, load_model};
use super::vocoder::{Drawing, Vocoder};
use crate::speech::SpeechError;
use crate::speech::models::ModelPaths;

const OUTPUTS: usize = 6;

/// The voice "heart": American English, female.
pub(super) struct Engine {
    model: Model,
    ids: NodeId,
    speed: NodeId,
    outputs: [NodeId; OUTPUTS],
    phonemes: Phonemes,
    vocoder: Vocoder,
}

impl Engine {
    pub(super) fn load(paths: &ModelPaths) -> Result<Self, SpeechError> {
        let model = load_model(&paths.voice)?;
        let node = |name: &str| model.node_id(name).map_err(|error| failed(&error));
        let (ids, speed) = (node("ids")?, node("speed")?);
        let unexpected = |_| SpeechError::Synthesis { why: format!("the voice's network has not {OUTPUTS} outputs") };
        let outputs = model.output_ids().try_into().map_err(unexpected)?;
        Ok(Self { ids, speed, outputs, model, phonemes: Phonemes::load(paths)?, vocoder: Vocoder::new() })
    }

    /// How a thread of its own runs the network: on one core.
    pub(super) fn options() -> RunOptions {
        RunOptions::default().with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(1))))
    }

    /// Samples of one sentence; none where nothing in it can be pronounced.
    pub(super) fn say(&self, sentence: &str, speed_percent: u16, options: &RunOptions) -> Result<Vec<i16>, SpeechError> {
        let mut samples = Vec::new();
        for ids in self.phonemes.pieces(sentence)? {
            samples.extend_from_slice(trimmed(&self.piece(ids, speed_percent, options)?));
        }
        Ok(samples)
    }

    fn piece(&self, ids: Vec<i32>, speed_percent: u16, options: &RunOptions) -> Result<Vec<i16>, SpeechError> {
        // The same sentence sounds the same each time it is said.
        let seed =
            ids.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, id| (hash ^ u64::from(id.unsigned_abs())).wrapping_mul(0x0100_0000_01b3));
        let ids = Tensor::from_data(&[1, ids.len()], ids);
        let speed = Tensor::from_data(&[1], vec![f32::from(speed_percent) / 100.0]);
        let inputs = vec![(self.ids, ids.view().into()), (self.speed, speed.view().into())];
        let drawn = self.model.run_n(inputs, self.outputs, Some(options.clone())).map_err(|error| failed(&error))?;
        let mut values = Vec::with_capacity(OUTPUTS);
        for value in drawn {
            let tensor = value.into_tensor::<f32>().ok_or_else(|| SpeechError::Synthesis { why: "an output is not f32".to_owned() })?;
            values.push(tensor.to_vec());
        }
        let drawing = Drawing {
            frames: values[5].len(),
            harmonic: &values[0],
            phase: &values[1],
            noise: &values[2],
            free: &values[3],
            free_phase: &values[4],
            pitch: &values[5],
        };
        let short = || SpeechError::Synthesis { why: "the network's outputs do not fit together".to_owned() };
        self.vocoder.sound(&drawing, seed).ok_or_else(short)
    }
}

/// The network draws a quarter of a second of nothing around each piece; a caller who waits for the first word hears it as slowness.
fn trimmed(samples: &[i16]) -> &[i16] {
    const AUDIBLE: u16 = 30;
    const BEFORE: usize = 320;
    const AFTER: usize = 1_600;
    let audible = |sample: &i16| sample.unsigned_abs() > AUDIBLE;
    let (Some(first), Some(last)) = (samples.iter().position(audible), samples.iter().rposition(audible)) else { return &[] };
    &samples[first.saturating_sub(BEFORE)..(last + AFTER).min(samples.len())]
}

fn failed(error: &rten::RunError) -> SpeechError {
    SpeechError::Synthesis { why: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_around_a_piece_is_cut_to_a_breath() {
        let mut samples = vec![0_i16; 8_000];
        samples[3_000..4_000].fill(500);
        let kept = trimmed(&samples);
        assert_eq!(kept.len(), 320 + 1_000 + 1_600 - 1);
        assert_eq!(kept[320], 500);
        assert!(trimmed(&[0; 100]).is_empty());
        assert_eq!(trimmed(&[100; 10]).len(), 10);
    }
}
