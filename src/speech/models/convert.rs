//! Turns the published recogniser (CTranslate2, half precision) into the file whisper.cpp reads (ggml, 8-bit blocks).
//!
//! Runs once, when the models are fetched. The result depends on its input alone, so its hash is pinned too.

use std::collections::BTreeMap;
use std::f64::consts::LN_2;

use super::ModelsError;
use super::ct2::{Variable, read, to_half};

const MAGIC: u32 = 0x6767_6d6c;
/// Quantisation version 2 (thousands) of "mostly q8_0" (7).
const FTYPE: u32 = 2_007;
const MELS: usize = 80;
const FFT_BINS: usize = 201;
const BLOCK: usize = 32;
/// Tokens that stand for text; the special ones after them whisper.cpp names itself.
const TEXT_TOKENS: usize = 50_256;
/// Both sides of attention are this wide in every whisper model.
const HEAD_WIDTH: usize = 64;

/// The ggml file of an English-only whisper model.
pub(super) fn whisper(model: &[u8], vocabulary: &str) -> Result<Vec<u8>, ModelsError> {
    let source = Source { variables: read(model)? };
    let mut out = Output::default();
    header(&source, &mut out)?;
    for filter in mel_filters() {
        out.bytes.extend(filter.to_le_bytes());
    }
    words(vocabulary, &mut out)?;
    ends(&source, &mut out)?;
    for side in ["encoder", "decoder"] {
        for layer in 0..source.layers(side) {
            block(&source, side, layer, &mut out)?;
        }
    }
    Ok(out.bytes)
}

struct Source<'a> {
    variables: BTreeMap<String, Variable<'a>>,
}

impl Source<'_> {
    fn get(&self, name: &str) -> Result<Tensor, ModelsError> {
        let missing = || ModelsError::Convert { why: format!("tensor {name} is not in the file") };
        let variable = self.variables.get(name).ok_or_else(missing)?;
        let values = variable.values()?;
        let expected = variable.dims.iter().try_fold(1_usize, |product, dim| product.checked_mul(*dim));
        if expected != Some(values.len()) || values.is_empty() {
            return Err(ModelsError::Convert { why: format!("tensor {name} does not hold what its dimensions say") });
        }
        Ok(Tensor { dims: variable.dims.clone(), values })
    }

    fn layers(&self, side: &str) -> usize {
        (0..).take_while(|layer| self.variables.contains_key(&format!("{side}/layer_{layer}/ffn/linear_0/weight"))).count()
    }
}

#[derive(Clone)]
struct Tensor {
    dims: Vec<usize>,
    values: Vec<f32>,
}

impl Tensor {
    /// The `index`th of `count` equal groups of rows: fused projections lie one below the other.
    fn part(&self, index: usize, count: usize) -> Self {
        let length = self.values.len() / count;
        let mut dims = self.dims.clone();
        dims[0] /= count;
        Self { dims, values: self.values[index * length..(index + 1) * length].to_vec() }
    }

    fn dim(&self, index: usize) -> usize {
        self.dims.get(index).copied().unwrap_or(1)
    }
}

#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
}

impl Output {
    fn u32(&mut self, value: usize) {
        self.bytes.extend(u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }

    /// ggml writes dimensions innermost first.
    fn tensor_head(&mut self, name: &str, dims: &[usize], kind: usize) {
        self.u32(dims.len());
        self.u32(name.len());
        self.u32(kind);
        for dim in dims.iter().rev() {
            self.u32(*dim);
        }
        self.bytes.extend(name.as_bytes());
    }

    fn single(&mut self, name: &str, tensor: &Tensor, dims: &[usize]) {
        self.tensor_head(name, dims, 0);
        self.bytes.extend(tensor.values.iter().flat_map(|value| value.to_le_bytes()));
    }

    fn half(&mut self, name: &str, tensor: &Tensor) {
        self.tensor_head(name, &tensor.dims, 1);
        self.bytes.extend(tensor.values.iter().flat_map(|value| to_half(*value).to_le_bytes()));
    }

    /// Blocks of 32 values: a half-precision scale, then 32 signed bytes.
    fn quantised(&mut self, name: &str, tensor: &Tensor) -> Result<(), ModelsError> {
        if tensor.dims.len() != 2 || !tensor.dim(1).is_multiple_of(BLOCK) {
            return Err(ModelsError::Convert { why: format!("tensor {name} cannot be cut into rows of {BLOCK}") });
        }
        self.tensor_head(name, &tensor.dims, 8);
        for block in tensor.values.chunks(BLOCK) {
            let largest = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            let scale = largest / 127.0;
            let inverse = if scale > 0.0 { 1.0 / scale } else { 0.0 };
            self.bytes.extend(to_half(scale).to_le_bytes());
            self.bytes.extend(block.iter().map(|value| signed_byte(value * inverse)));
        }
        Ok(())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to a signed byte, kept as its bits")]
fn signed_byte(value: f32) -> u8 {
    value.round().clamp(-127.0, 127.0) as i8 as u8
}

fn header(source: &Source<'_>, out: &mut Output) -> Result<(), ModelsError> {
    let tokens = source.get("decoder/embeddings/weight")?;
    let heard = source.get("encoder/position_encodings/encodings")?;
    let said = source.get("decoder/position_encodings/encodings")?;
    out.bytes.extend(MAGIC.to_le_bytes());
    out.u32(tokens.dim(0));
    for (side, positions) in [("encoder", &heard), ("decoder", &said)] {
        out.u32(positions.dim(0));
        out.u32(positions.dim(1));
        out.u32(positions.dim(1) / HEAD_WIDTH);
        out.u32(source.layers(side));
    }
    out.u32(MELS);
    out.bytes.extend(FTYPE.to_le_bytes());
    out.u32(MELS);
    out.u32(FFT_BINS);
    Ok(())
}

/// The text tokens as the bytes they stand for.
fn words(vocabulary: &str, out: &mut Output) -> Result<(), ModelsError> {
    let bytes_of = byte_alphabet();
    let tokens: Vec<&str> = vocabulary.lines().take(TEXT_TOKENS).collect();
    if tokens.len() < TEXT_TOKENS {
        return Err(ModelsError::Convert { why: format!("the vocabulary has {} words, expected {TEXT_TOKENS}", tokens.len()) });
    }
    out.u32(tokens.len());
    for token in tokens {
        let unknown = |letter: char| ModelsError::Convert { why: format!("the vocabulary has the letter U+{:04X}", u32::from(letter)) };
        let bytes = token.chars().map(|letter| bytes_of.get(&letter).copied().ok_or_else(|| unknown(letter)));
        let bytes = bytes.collect::<Result<Vec<u8>, _>>()?;
        out.u32(bytes.len());
        out.bytes.extend(bytes);
    }
    Ok(())
}

/// GPT-2 writes each byte as a printable letter: itself where it is printable, else the next letter from U+0100 on.
fn byte_alphabet() -> BTreeMap<char, u8> {
    let mut next = 0x100;
    let mut alphabet = BTreeMap::new();
    for byte in 0..=u8::MAX {
        let letter = if matches!(byte, 0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff) {
            char::from(byte)
        } else {
            let letter = char::from_u32(next).unwrap_or(' ');
            next += 1;
            letter
        };
        alphabet.insert(letter, byte);
    }
    alphabet
}

/// What lies before and after the layers.
fn ends(source: &Source<'_>, out: &mut Output) -> Result<(), ModelsError> {
    for (side, norm) in [("encoder", "ln_post"), ("decoder", "ln")] {
        let positions = source.get(&format!("{side}/position_encodings/encodings"))?;
        out.single(&format!("{side}.positional_embedding"), &positions, &positions.dims);
        layer_norm(source, &format!("{side}/layer_norm"), &format!("{side}.{norm}"), out)?;
    }
    for conv in ["conv1", "conv2"] {
        out.half(&format!("encoder.{conv}.weight"), &source.get(&format!("encoder/{conv}/weight"))?);
        let bias = source.get(&format!("encoder/{conv}/bias"))?;
        out.single(&format!("encoder.{conv}.bias"), &bias, &[bias.dim(0), 1]);
    }
    out.quantised("decoder.token_embedding.weight", &source.get("decoder/embeddings/weight")?)
}

fn block(source: &Source<'_>, side: &str, layer: usize, out: &mut Output) -> Result<(), ModelsError> {
    let from = format!("{side}/layer_{layer}");
    let to = format!("{side}.blocks.{layer}");
    layer_norm(source, &format!("{from}/ffn/layer_norm"), &format!("{to}.mlp_ln"), out)?;
    linear(source, &format!("{from}/ffn/linear_0"), &format!("{to}.mlp.0"), out)?;
    linear(source, &format!("{from}/ffn/linear_1"), &format!("{to}.mlp.2"), out)?;

    let (own, own_to) = (format!("{from}/self_attention"), format!("{to}.attn"));
    layer_norm(source, &format!("{own}/layer_norm"), &format!("{own_to}_ln"), out)?;
    fused(source, &format!("{own}/linear_0"), &own_to, &["query", "key", "value"], out)?;
    linear(source, &format!("{own}/linear_1"), &format!("{own_to}.out"), out)?;
    if side == "encoder" {
        return Ok(());
    }
    let (cross, cross_to) = (format!("{from}/attention"), format!("{to}.cross_attn"));
    layer_norm(source, &format!("{cross}/layer_norm"), &format!("{cross_to}_ln"), out)?;
    linear(source, &format!("{cross}/linear_0"), &format!("{cross_to}.query"), out)?;
    fused(source, &format!("{cross}/linear_1"), &cross_to, &["key", "value"], out)?;
    linear(source, &format!("{cross}/linear_2"), &format!("{cross_to}.out"), out)
}

fn layer_norm(source: &Source<'_>, from: &str, to: &str, out: &mut Output) -> Result<(), ModelsError> {
    for (theirs, ours) in [("gamma", "weight"), ("beta", "bias")] {
        let tensor = source.get(&format!("{from}/{theirs}"))?;
        out.single(&format!("{to}.{ours}"), &tensor, &tensor.dims);
    }
    Ok(())
}

fn linear(source: &Source<'_>, from: &str, to: &str, out: &mut Output) -> Result<(), ModelsError> {
    out.quantised(&format!("{to}.weight"), &source.get(&format!("{from}/weight"))?)?;
    let bias = source.get(&format!("{from}/bias"))?;
    out.single(&format!("{to}.bias"), &bias, &bias.dims);
    Ok(())
}

/// Projections that were joined for speed; whisper.cpp wants each by itself, and keys have no bias.
fn fused(source: &Source<'_>, from: &str, to: &str, parts: &[&str], out: &mut Output) -> Result<(), ModelsError> {
    let weight = source.get(&format!("{from}/weight"))?;
    let bias = source.get(&format!("{from}/bias"))?;
    for (index, part) in parts.iter().enumerate() {
        out.quantised(&format!("{to}.{part}.weight"), &weight.part(index, parts.len()))?;
        if *part != "key" {
            let bias = bias.part(index, parts.len());
            out.single(&format!("{to}.{part}.bias"), &bias, &bias.dims);
        }
    }
    Ok(())
}

/// Slaney's mel filter bank for 16 kHz and a 400-point transform, each triangle of unit area; row by row.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small indices; the file holds single precision")]
fn mel_filters() -> Vec<f32> {
    const LINEAR_STEP: f64 = 200.0 / 3.0;
    const KNEE: f64 = 15.0;
    // ln 6.4 / 27: 27 steps from 1 kHz to 6.4 kHz.
    const LOG_STEP: f64 = 0.068_751_777_420_949_12;
    let hertz = |mel: f64| if mel < KNEE { mel * LINEAR_STEP } else { 1_000.0 * exponential((mel - KNEE) * LOG_STEP) };
    let top = KNEE + 3.0 * LN_2 / LOG_STEP;
    let edges: Vec<f64> = (0..MELS + 2).map(|index| hertz(top * index as f64 / (MELS + 1) as f64)).collect();
    let mut filters = Vec::with_capacity(MELS * FFT_BINS);
    for edge in edges.windows(3) {
        let (low, middle, high) = (edge[0], edge[1], edge[2]);
        for bin in 0..FFT_BINS {
            let frequency = bin as f64 * 40.0;
            let rising = (frequency - low) / (middle - low);
            let falling = (high - frequency) / (high - middle);
            filters.push((rising.min(falling).max(0.0) * 2.0 / (high - low)) as f32);
        }
    }
    filters
}

/// e^x for small x by its series. The C library's own differs in the last bit between machines, and the result's hash is pinned.
fn exponential(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    for divisor in 1..40_u32 {
        term *= x / f64::from(divisor);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_bank_is_slaneys() {
        let filters = mel_filters();
        assert_eq!(filters.len(), MELS * FFT_BINS);
        // Values of the reference bank: filter 0 at bin 1, filter 79 at bin 190.
        assert!((filters[1] - 0.024_862_6).abs() < 1e-5, "{}", filters[1]);
        assert!(filters[79 * FFT_BINS + 200].abs() < 1e-9);
        for row in filters.chunks(FFT_BINS) {
            assert!(row.iter().any(|value| *value > 0.0));
        }
    }

    #[test]
    fn a_block_keeps_its_largest_value_and_its_signs() {
        let mut out = Output::default();
        let values: Vec<f32> = (0..32_i16).map(|index| f32::from(index) - 16.0).collect();
        out.quantised("w", &Tensor { dims: vec![1, 32], values }).unwrap();
        let block = &out.bytes[out.bytes.len() - 34..];
        assert_eq!(block[2], 0x81, "-16 is the largest and becomes -127");
        assert_eq!(block[2 + 16], 0);
        assert!(out.quantised("w", &Tensor { dims: vec![1, 31], values: vec![0.0; 31] }).is_err());
    }

    #[test]
    fn the_byte_alphabet_gives_back_every_byte_once() {
        let alphabet = byte_alphabet();
        assert_eq!(alphabet.len(), 256);
        assert_eq!(alphabet[&'\u{120}'], b' ');
        assert_eq!(alphabet[&'\u{10a}'], b'\n');
    }

    #[test]
    fn a_file_that_is_no_model_is_an_error() {
        assert!(whisper(b"not a model", "").is_err());
        let empty = [6_u32.to_le_bytes().as_slice(), &[1, 0, 0], &[0; 8]].concat();
        assert!(whisper(&empty, "").is_err());
    }
}
