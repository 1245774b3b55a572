//! Text to the ids the voice's network reads.

use misaki_rs::fallback::{Fallback, FallbackError};
use misaki_rs::{G2P, Language};
use rten::{Model, NodeId, RunOptions, ThreadPool};
use rten_tensor::Tensor;
use rten_tensor::prelude::*;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::speech::SpeechError;
use crate::speech::models::ModelPaths;

/// Longest piece the network was trained on; longer ones are cut at a pause or a blank.
const MAX_PHONEMES: usize = 400;
/// Both ends of a piece.
const FRAME: i32 = 0;

/// The way from a sentence to ids.
pub(super) struct Phonemes {
    g2p: G2P,
    ids: BTreeMap<char, i32>,
}

impl Phonemes {
    pub(super) fn load(paths: &ModelPaths) -> Result<Self, SpeechError> {
        let speller = Speller::load(&paths.speller, &paths.speller_letters)?;
        let mut g2p = G2P::with_fallback(Language::EnglishUS, Some(Box::new(speller)));
        // A word nobody can pronounce is left out; the marker is no phoneme.
        g2p.unk = String::new();
        Ok(Self { g2p, ids: read_json(&paths.vocabulary)? })
    }

    /// The pieces of one sentence, framed. Empty where nothing can be pronounced.
    pub(super) fn pieces(&self, sentence: &str) -> Result<Vec<Vec<i32>>, SpeechError> {
        let (phonemes, _) =
            self.g2p.g2p(sentence).map_err(|_| SpeechError::Synthesis { why: "the text cannot be pronounced".to_owned() })?;
        let ids_of = |piece: String| piece.chars().filter_map(|phoneme| self.ids.get(&phoneme).copied()).collect::<Vec<i32>>();
        let pieces = cut(&phonemes).into_iter().map(ids_of).filter(|ids| !ids.is_empty());
        Ok(pieces.map(|ids| [&[FRAME], ids.as_slice(), &[FRAME]].concat()).collect())
    }
}

fn cut(phonemes: &str) -> Vec<String> {
    let mut rest: Vec<char> = phonemes.chars().collect();
    let mut pieces = Vec::new();
    while rest.len() > MAX_PHONEMES {
        let window = &rest[..MAX_PHONEMES];
        let pause = window.iter().rposition(|phoneme| matches!(phoneme, ',' | ';' | ':' | '—'));
        let at = pause.or_else(|| window.iter().rposition(|phoneme| *phoneme == ' ')).unwrap_or(MAX_PHONEMES - 1);
        let later = rest.split_off(at + 1);
        pieces.push(rest.into_iter().collect());
        rest = later;
    }
    pieces.push(rest.into_iter().collect());
    pieces
}

/// Pronounces words no dictionary has, by their letters: a small network whose output is collapsed as CTC has it.
struct Speller {
    model: Model,
    input: NodeId,
    output: NodeId,
    letters: BTreeMap<char, i32>,
    phonemes: Vec<char>,
    max_letters: usize,
    options: RunOptions,
}

#[derive(Deserialize)]
struct Letters {
    #[serde(rename = "in")]
    letters: Vec<char>,
    #[serde(rename = "out")]
    phonemes: Vec<char>,
    maxlen: usize,
}

impl Speller {
    fn load(model: &Path, letters: &Path) -> Result<Self, SpeechError> {
        let model = load_model(model)?;
        let [input, output] =
            [model.node_id("chars"), output_of(&model)].map(|id| id.map_err(|error| SpeechError::Synthesis { why: error.to_string() }));
        let known: Letters = read_json(letters)?;
        let letters = known.letters.into_iter().zip(1..).collect();
        // One thread for all voices: unknown words are rare and short.
        let options = RunOptions::default().with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(1))));
        Ok(Self { model, input: input?, output: output?, letters, phonemes: known.phonemes, max_letters: known.maxlen, options })
    }

    fn spell(&self, word: &str) -> Option<String> {
        let ids: Vec<i32> = word.chars().filter_map(|letter| self.letters.get(&letter).copied()).take(self.max_letters).collect();
        if ids.is_empty() {
            return None;
        }
        let chars = Tensor::from_data(&[1, ids.len()], ids);
        let [out] = self.model.run_n(vec![(self.input, chars.view().into())], [self.output], Some(self.options.clone())).ok()?;
        let mut before = 0;
        let mut said = String::new();
        for id in out.into_tensor::<i32>()?.iter().copied() {
            if id != before && id > 0 {
                said.extend(usize::try_from(id - 1).ok().and_then(|index| self.phonemes.get(index)));
            }
            before = id;
        }
        (!said.is_empty()).then_some(said)
    }
}

fn output_of(model: &Model) -> Result<NodeId, rten::RunError> {
    model.output_ids().first().copied().map_or_else(|| model.node_id("phonemes"), Ok)
}

impl Fallback for Speller {
    fn phonemize(&self, word: &str) -> Result<String, FallbackError> {
        // The word stays out of the error: it may be a caller's name.
        self.spell(word).ok_or_else(|| FallbackError::NoPhonemes { word: "[redacted]".to_owned() })
    }
}

pub(super) fn load_model(path: &Path) -> Result<Model, SpeechError> {
    Model::load_file(path).map_err(|error| damaged(path, error.to_string()))
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, SpeechError> {
    let text = std::fs::read_to_string(path).map_err(|error| damaged(path, error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| damaged(path, error.to_string()))
}

fn damaged(path: &Path, why: String) -> SpeechError {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    SpeechError::DamagedModel { file, dir: path.parent().unwrap_or(path).to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_piece_is_cut_at_a_pause_and_loses_nothing() {
        let clause = "həlˈO ðˈɛɹ ".repeat(20);
        let long = format!("{clause},{clause},{clause}");
        let pieces = cut(&long);
        assert!(pieces.len() >= 2);
        assert!(pieces.iter().all(|piece| piece.chars().count() <= MAX_PHONEMES));
        assert!(pieces[0].ends_with(','));
        assert_eq!(pieces.concat(), long);
        assert_eq!(cut(&"a".repeat(900)).len(), 3);
    }
}
