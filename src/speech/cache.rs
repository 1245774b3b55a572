//! Sentences that were spoken once are not made again: samples by voice, pace and text, bounded in bytes, the longest unused go first.
//!
//! A text whose first sentences are known begins with them at once while the rest is made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::voice::split_sentences;
use super::{Pcm, SpeakRequest, SpeechError, SpeechStream, Synthesizer};
use crate::model::Redacted;

/// A voice that remembers. A text longer than a quarter of the bound is spoken but not kept.
pub struct CachedSynthesizer {
    voice: Arc<dyn Synthesizer>,
    cache: Arc<Mutex<Cache>>,
}

/// How the cache does; counters never fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    pub hits: u64,
    pub misses: u64,
    pub evicted: u64,
    pub prompts: usize,
    pub bytes: usize,
}

impl CachedSynthesizer {
    /// `max_bytes` bounds the samples; 8 kHz speech takes 16,000 bytes a second.
    pub fn new(voice: Arc<dyn Synthesizer>, max_bytes: usize) -> Self {
        Self { voice, cache: Arc::new(Mutex::new(Cache { max_bytes, ..Cache::default() })) }
    }

    /// Speaks fixed prompts ahead, so that the first caller does not wait. Blocks: call it from a plain thread at the start.
    ///
    /// # Errors
    /// The first prompt that cannot be spoken; the ones before it are kept.
    pub fn prerender(&self, prompts: impl IntoIterator<Item = SpeakRequest>) -> Result<(), SpeechError> {
        for prompt in prompts {
            let mut stream = self.speak(prompt)?;
            while let Some(piece) = stream.blocking_next() {
                piece?;
            }
        }
        Ok(())
    }

    pub fn stats(&self) -> CacheStats {
        let cache = lock(&self.cache);
        CacheStats { prompts: cache.prompts.len(), bytes: cache.bytes, ..cache.stats }
    }
}

impl Synthesizer for CachedSynthesizer {
    fn speak(&self, request: SpeakRequest) -> Result<SpeechStream, SpeechError> {
        request.check()?;
        let (known, rest) = lock(&self.cache).begin(&request);
        let Some(rest) = rest else { return Ok(SpeechStream::ready(known)) };
        let making = SpeakRequest { text: Redacted::new(rest.join(" ")), ..request };
        let stream = self.voice.speak(making.clone())?.after(known);
        let cache = Arc::clone(&self.cache);
        Ok(stream.on_finished(Box::new(move |pieces| lock(&cache).keep(making, &rest, pieces))))
    }
}

fn lock(cache: &Mutex<Cache>) -> MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Default)]
struct Cache {
    max_bytes: usize,
    bytes: usize,
    clock: u64,
    prompts: BTreeMap<SpeakRequest, Prompt>,
    /// By last use, oldest first.
    order: BTreeMap<u64, SpeakRequest>,
    stats: CacheStats,
}

struct Prompt {
    pieces: Vec<Pcm>,
    bytes: usize,
    used: u64,
}

impl Cache {
    /// The samples that are known, from the beginning of the text, and the sentences that must be made.
    fn begin(&mut self, request: &SpeakRequest) -> (Vec<Pcm>, Option<Vec<String>>) {
        let sentences = split_sentences(request.text.expose());
        let mut known = Vec::new();
        for at in 0..sentences.len() {
            let key = |text: String| SpeakRequest { text: Redacted::new(text), ..request.clone() };
            if let Some(rest) = self.get(&key(sentences[at..].join(" "))) {
                known.extend(rest);
                self.stats.hits += 1;
                return (known, None);
            }
            let Some(pieces) = self.get(&key(sentences[at].clone())) else {
                self.stats.misses += 1;
                return (known, Some(sentences[at..].to_vec()));
            };
            known.extend(pieces);
        }
        (known, None)
    }

    /// Sentence by sentence where the voice made a piece of each, else as one.
    fn keep(&mut self, making: SpeakRequest, sentences: &[String], pieces: Vec<Pcm>) {
        if pieces.len() != sentences.len() {
            return self.put(making, pieces);
        }
        for (sentence, piece) in sentences.iter().zip(pieces) {
            self.put(SpeakRequest { text: Redacted::new(sentence.clone()), ..making.clone() }, vec![piece]);
        }
    }

    fn get(&mut self, request: &SpeakRequest) -> Option<Vec<Pcm>> {
        let prompt = self.prompts.get_mut(request)?;
        self.clock += 1;
        let before = std::mem::replace(&mut prompt.used, self.clock);
        if let Some(request) = self.order.remove(&before) {
            self.order.insert(self.clock, request);
        }
        Some(prompt.pieces.clone())
    }

    fn put(&mut self, request: SpeakRequest, pieces: Vec<Pcm>) {
        // The text counts, too: many short prompts must not outgrow the bound by their keys.
        let samples: usize = pieces.iter().map(|piece| size_of_val::<[i16]>(piece)).sum();
        let bytes = samples + 2 * request.text.expose().len() + 256;
        if bytes > self.max_bytes / 4 || self.prompts.contains_key(&request) {
            return;
        }
        self.clock += 1;
        self.bytes += bytes;
        self.order.insert(self.clock, request.clone());
        self.prompts.insert(request, Prompt { pieces, bytes, used: self.clock });
        while self.bytes > self.max_bytes {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.bytes -= self.prompts.remove(&oldest).map_or(0, |prompt| prompt.bytes);
            self.stats.evicted += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::scripted::ScriptedSynthesizer;

    /// Ten words of 60 ms: 9,600 bytes of samples.
    fn prompt(name: &str) -> SpeakRequest {
        SpeakRequest::plain(format!("{name} two three four five six seven eight nine ten"))
    }

    fn cached(max_bytes: usize) -> CachedSynthesizer {
        CachedSynthesizer::new(Arc::new(ScriptedSynthesizer::default()), max_bytes)
    }

    #[test]
    fn a_prompt_heard_to_its_end_is_not_made_again() {
        let voice = cached(100_000);
        let first = voice.speak(prompt("a")).unwrap().blocking_all().unwrap();
        let second = voice.speak(prompt("a")).unwrap().blocking_all().unwrap();
        assert_eq!(first, second);
        assert_eq!((voice.stats().hits, voice.stats().misses, voice.stats().prompts), (1, 1, 1));
    }

    #[test]
    fn a_known_first_sentence_is_not_made_again_and_the_rest_follows_it() {
        let voice = cached(200_000);
        voice.prerender([prompt("Hello."), prompt("Bye.")]).unwrap();
        let whole = voice.speak(SpeakRequest::plain("Hello. New words here. Bye.")).unwrap();
        let mixed = whole.blocking_all().unwrap();
        let fresh = ScriptedSynthesizer::default().speak(SpeakRequest::plain("Hello. New words here. Bye.")).unwrap();
        assert_eq!(mixed, fresh.blocking_all().unwrap(), "nothing twice, nothing left out");
        let misses = voice.stats().misses;
        let again = voice.speak(SpeakRequest::plain("New words here. Hello.")).unwrap().blocking_all().unwrap();
        assert_eq!((again.len(), voice.stats().misses), (4 * 480, misses), "kept by the sentence, in any order");
    }

    #[test]
    fn a_prompt_that_was_cut_or_failed_is_not_kept() {
        let voice = cached(100_000);
        let mut cut = voice.speak(SpeakRequest::plain("one. two.")).unwrap();
        assert!(cut.blocking_next().is_some());
        drop(cut);
        assert_eq!(voice.stats().prompts, 0);
        let failing = CachedSynthesizer::new(Arc::new(ScriptedSynthesizer::failing(60)), 100_000);
        let mut stream = failing.speak(prompt("a")).unwrap();
        assert_eq!(std::iter::from_fn(|| stream.blocking_next()).filter(Result::is_err).count(), 1);
        assert_eq!(failing.stats().prompts, 0);
    }

    #[test]
    fn the_bound_holds_and_the_longest_unused_goes_first() {
        let voice = cached(45_000);
        voice.prerender(["a", "b", "c", "d"].map(prompt)).unwrap();
        assert_eq!(voice.stats().prompts, 4);
        voice.prerender([prompt("a"), prompt("e")]).unwrap();
        assert!(voice.stats().bytes <= 45_000);
        let hits = voice.stats().hits;
        voice.prerender([prompt("a")]).unwrap();
        assert_eq!(voice.stats().hits, hits + 1, "a was used lately and stayed");
        voice.prerender([prompt("b")]).unwrap();
        assert_eq!(voice.stats().hits, hits + 1, "b had to go");
        voice.prerender([prompt("a"), prompt("f"), prompt("g"), prompt("a")]).unwrap();
        assert_eq!(voice.stats().hits, hits + 3, "each use counts, not only the first");
    }

    #[test]
    fn pace_and_voice_are_part_of_the_key_and_a_giant_is_not_kept() {
        let voice = cached(20_000);
        voice.prerender([SpeakRequest::plain("one"), SpeakRequest { speed_percent: 150, ..SpeakRequest::plain("one") }]).unwrap();
        assert_eq!((voice.stats().prompts, voice.stats().hits), (2, 0));
        voice.prerender([prompt("a")]).unwrap();
        assert_eq!(voice.stats().prompts, 2);
    }
}
