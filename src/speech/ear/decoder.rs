//! One whisper state: an utterance in, its words out. One core, no memory of what came before.

use std::ffi::c_int;
use std::path::Path;
use std::sync::Arc;
use whisper_rs::{FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters, WhisperState};

use super::plausible::{Decoded, is_looping, without_loop};
use super::voice::Upsampler;
use crate::speech::SpeechError;

/// The encoder works in frames of 20 ms: 320 samples at 16 kHz, at most 1,500 of them.
const SAMPLES_PER_FRAME: usize = 320;
const WHOLE_CONTEXT: usize = 1_500;
/// Frames beyond the utterance: with fewer the decoder loops (measured: 64 to 128 are too few).
const MARGIN: usize = 256;
const PADDING: usize = 3_200;
const SHORTEST: usize = 19_200;

/// The weights, shared by all decoders.
pub(super) fn load(path: &Path) -> Result<Arc<WhisperContext>, SpeechError> {
    // Without its own sink the engine writes to the terminal.
    whisper_rs::install_logging_hooks();
    let mut parameters = WhisperContextParameters::default();
    parameters.use_gpu(false);
    let loaded = WhisperContext::new_with_params(path, parameters);
    loaded.map(Arc::new).map_err(|error| SpeechError::DamagedModel {
        file: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        dir: path.parent().unwrap_or(path).to_owned(),
        why: error.to_string(),
    })
}

pub(super) struct Decoder {
    weights: Arc<WhisperContext>,
    state: WhisperState,
}

impl Decoder {
    pub(super) fn new(weights: &Arc<WhisperContext>) -> Result<Self, SpeechError> {
        let state = weights.create_state().map_err(|error| failed(&error))?;
        Ok(Self { weights: Arc::clone(weights), state })
    }

    /// Samples at 8 kHz in. Words that loop are cut to one round where that is certain, else decoded again with the whole context.
    pub(super) fn decode(&mut self, audio: &[i16], hints: &str) -> Result<Decoded, SpeechError> {
        let wide = padded(audio);
        let hints = self.tokens(hints)?;
        let frames = wide.len().div_ceil(SAMPLES_PER_FRAME) + MARGIN;
        let context = frames.next_multiple_of(64).min(WHOLE_CONTEXT);
        let decoded = self.run(&wide, context, &hints)?;
        let seconds = seconds(audio.len());
        if !is_looping(&decoded.text, seconds) {
            return Ok(decoded);
        }
        if let Some(text) = without_loop(&decoded.text, seconds) {
            return Ok(Decoded { text, ..decoded });
        }
        if context < WHOLE_CONTEXT { self.run(&wide, WHOLE_CONTEXT, &hints) } else { Ok(decoded) }
    }

    fn tokens(&self, hints: &str) -> Result<Vec<c_int>, SpeechError> {
        if hints.is_empty() {
            return Ok(Vec::new());
        }
        // A token is at least one byte, so the buffer cannot be too short: the binding trusts it blindly.
        self.weights.tokenize(hints, hints.len() + 1).map_err(|error| failed(&error))
    }

    fn run(&mut self, wide: &[f32], context: usize, hints: &[c_int]) -> Result<Decoded, SpeechError> {
        let mut params = FullParams::new(SamplingStrategy::Greedy { best_of: 1 });
        // One core: with two threads on busy cores the engine spins three times the work away.
        params.set_n_threads(1);
        params.set_no_context(true);
        params.set_no_timestamps(true);
        params.set_single_segment(true);
        params.set_temperature(0.0);
        params.set_temperature_inc(0.0);
        params.set_print_special(false);
        params.set_print_progress(false);
        params.set_print_realtime(false);
        params.set_print_timestamps(false);
        params.set_audio_ctx(int(context));
        params.set_max_tokens(int(8 + 6 * wide.len().div_ceil(16_000)));
        // The language stays the default, English: setting it leaks a string at every call of the binding.
        params.set_tokens(hints);
        self.state.full(params, wide).map_err(|error| failed(&error))?;
        Ok(self.words())
    }

    fn words(&self) -> Decoded {
        let end = self.weights.token_eot();
        let mut decoded = Decoded { text: String::new(), no_speech: 0.0, log_probability: 0.0 };
        let (mut sum, mut count) = (0.0_f32, 0_u16);
        for segment in self.state.as_iter() {
            decoded.no_speech = decoded.no_speech.max(segment.no_speech_probability());
            if let Ok(text) = segment.to_str_lossy() {
                decoded.text.push_str(&text);
            }
            for token in (0..segment.n_tokens()).filter_map(|index| segment.get_token(index)).filter(|token| token.token_id() < end) {
                sum += token.token_probability().max(1e-6).ln();
                count = count.saturating_add(1);
            }
        }
        decoded.log_probability = if count == 0 { f32::NEG_INFINITY } else { sum / f32::from(count) };
        decoded
    }
}

/// At 16 kHz in -1..1, with silence around it, at least 1.2 s.
fn padded(audio: &[i16]) -> Vec<f32> {
    let mut wide = vec![0_i16; audio.len() * 2];
    Upsampler::default().run(audio, &mut wide);
    let mut samples = vec![0.0; PADDING];
    samples.extend(wide.iter().map(|sample| f32::from(*sample) / 32_768.0));
    samples.resize((samples.len() + PADDING).max(SHORTEST), 0.0);
    samples
}

/// Length of samples at 8 kHz.
#[expect(clippy::cast_precision_loss, reason = "at most some hundred thousand samples")]
pub(super) fn seconds(samples: usize) -> f32 {
    samples as f32 / 8_000.0
}

fn int(value: usize) -> c_int {
    c_int::try_from(value).unwrap_or(c_int::MAX)
}

fn failed(error: &whisper_rs::WhisperError) -> SpeechError {
    SpeechError::Recognition { why: error.to_string() }
}
