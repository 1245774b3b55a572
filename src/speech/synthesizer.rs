//! Text in, telephone audio out.

use super::SpeechError;
use crate::model::Redacted;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Linear 16-bit samples, mono, [`SAMPLE_RATE`]. Shared, because a cached prompt plays on many calls at once.
pub type Pcm = Arc<[i16]>;

/// Hertz, both ways: what the telephone carries.
pub const SAMPLE_RATE: u32 = 8_000;

/// Longest text one request may carry, in characters: about five minutes of speech, 5 MB of samples.
pub const MAX_TEXT_CHARS: usize = 5_000;

/// What to say and how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SpeakRequest {
    pub text: Redacted<String>,
    /// A voice the engine knows; `None` is its default.
    pub voice: Option<String>,
    /// 100 is the voice's own pace; 50 to 200 are accepted.
    pub speed_percent: u16,
}

impl SpeakRequest {
    /// The default voice at its own pace.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: Redacted::new(text.into()), voice: None, speed_percent: 100 }
    }

    /// The bounds every engine keeps.
    ///
    /// # Errors
    /// `TextTooLong` or `Speed`.
    pub fn check(&self) -> Result<(), SpeechError> {
        let chars = self.text.expose().chars().count();
        if chars > MAX_TEXT_CHARS {
            return Err(SpeechError::TextTooLong { chars, max: MAX_TEXT_CHARS });
        }
        if !(SPEED.0..=SPEED.1).contains(&self.speed_percent) {
            return Err(SpeechError::Speed { percent: self.speed_percent, min: SPEED.0, max: SPEED.1 });
        }
        Ok(())
    }
}

/// How an assistant speaks: the part of a request that does not change from sentence to sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakingStyle {
    pub voice: Option<String>,
    /// Held to what [`SpeakRequest::check`] takes.
    pub speed_percent: u16,
    /// Word or phrase (whatever its case) to what is said for it: other words, or phonemes between slashes.
    pub pronunciations: BTreeMap<String, String>,
}

impl Default for SpeakingStyle {
    fn default() -> Self {
        Self { voice: None, speed_percent: 100, pronunciations: BTreeMap::new() }
    }
}

impl SpeakingStyle {
    pub fn request(&self, text: &str) -> SpeakRequest {
        SpeakRequest {
            text: Redacted::new(pronounced(text, &self.pronunciations)),
            voice: self.voice.clone(),
            speed_percent: self.speed_percent.clamp(SPEED.0, SPEED.1),
        }
    }
}

/// The text with every overridden word replaced: by its other words, or marked `[word](/phonemes/)` for a voice that reads phonemes.
fn pronounced(text: &str, overrides: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    let mut fresh = true;
    while let Some(letter) = text[at..].chars().next() {
        let found = overrides.iter().filter(|(word, _)| fresh && begins_with(&text[at..], word)).max_by_key(|(word, _)| word.len());
        if let Some((word, said)) = found {
            let written = &text[at..at + word.len()];
            match said.strip_prefix('/').and_then(|said| said.strip_suffix('/')) {
                Some(phonemes) => out.push_str(&format!("[{written}](/{phonemes}/)")),
                None => out.push_str(said),
            }
            at += word.len();
            fresh = false;
            continue;
        }
        out.push(letter);
        at += letter.len_utf8();
        fresh = !letter.is_alphanumeric();
    }
    out
}

/// As a whole word, whatever the case.
fn begins_with(text: &str, word: &str) -> bool {
    let Some((head, rest)) = text.split_at_checked(word.len()) else { return false };
    !word.is_empty() && head.to_lowercase() == word.to_lowercase() && !rest.starts_with(char::is_alphanumeric)
}

/// The text without phonemes, for a voice that reads none.
pub(super) fn without_phonemes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, marked)) = rest.split_once('[') {
        let word = marked.split_once("](/").and_then(|(word, after)| Some((word, after.split_once("/)")?.1)));
        out.push_str(before);
        match word {
            Some((word, after)) => {
                out.push_str(word);
                rest = after;
            }
            None => {
                out.push('[');
                rest = marked;
            }
        }
    }
    out + rest
}

/// Percent of a voice's own pace.
const SPEED: (u16, u16) = (50, 200);

/// A voice. Calls return at once; the work is done on the engine's own threads.
pub trait Synthesizer: Send + Sync {
    /// Starts speaking. The stream's first piece is ready as soon as the first sentence is.
    ///
    /// # Errors
    /// What is known at once: bounds, an unknown voice, a full queue, no engine. Later failures arrive in the stream.
    fn speak(&self, request: SpeakRequest) -> Result<SpeechStream, SpeechError>;
}

/// What is done with the pieces of a stream that was heard to its end.
type Finished = Box<dyn FnOnce(Vec<Pcm>) + Send>;

/// The audio of one request, sentence by sentence, in order. Dropping it cancels what was not made yet.
pub struct SpeechStream {
    /// Samples that were there before the first piece was made.
    before: VecDeque<Pcm>,
    pieces: mpsc::Receiver<Result<Pcm, SpeechError>>,
    kept: Vec<Pcm>,
    finished: Option<Finished>,
}

impl SpeechStream {
    /// A stream and the end that fills it; `bound` pieces may wait in between. The filling end sees a dropped stream as `is_closed`.
    pub fn channel(bound: usize) -> (mpsc::Sender<Result<Pcm, SpeechError>>, Self) {
        let (sender, pieces) = mpsc::channel(bound.max(1));
        (sender, Self { before: VecDeque::new(), pieces, kept: Vec::new(), finished: None })
    }

    /// A stream that is complete already.
    pub fn ready(pieces: Vec<Pcm>) -> Self {
        let (sender, stream) = Self::channel(pieces.len());
        for piece in pieces {
            sender.try_send(Ok(piece)).expect("the channel was made as long as the pieces");
        }
        stream
    }

    /// These samples come first.
    pub(super) fn after(mut self, before: Vec<Pcm>) -> Self {
        self.before = before.into();
        self
    }

    /// The next piece; `None` at the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Pcm, SpeechError>> {
        if let Some(known) = self.before.pop_front() {
            return Some(Ok(known));
        }
        let piece = self.pieces.recv().await;
        self.note(piece.as_ref());
        piece
    }

    /// The next piece for a plain thread; never call it on the async runtime.
    pub fn blocking_next(&mut self) -> Option<Result<Pcm, SpeechError>> {
        if let Some(known) = self.before.pop_front() {
            return Some(Ok(known));
        }
        let piece = self.pieces.blocking_recv();
        self.note(piece.as_ref());
        piece
    }

    /// Everything that is left, joined; for a plain thread.
    ///
    /// # Errors
    /// The first failure of the stream.
    pub fn blocking_all(mut self) -> Result<Vec<i16>, SpeechError> {
        let mut samples = Vec::new();
        while let Some(piece) = self.blocking_next() {
            samples.extend_from_slice(&piece?);
        }
        Ok(samples)
    }

    /// Calls `finished` with all pieces once the stream was read to a good end.
    pub(super) fn on_finished(mut self, finished: Finished) -> Self {
        self.finished = Some(finished);
        self
    }

    fn note(&mut self, piece: Option<&Result<Pcm, SpeechError>>) {
        if self.finished.is_none() {
            return;
        }
        match piece {
            Some(Ok(pcm)) => self.kept.push(Arc::clone(pcm)),
            Some(Err(_)) => self.finished = None,
            None => {
                if let Some(finished) = self.finished.take() {
                    finished(std::mem::take(&mut self.kept));
                }
            }
        }
    }
}

impl std::fmt::Debug for SpeechStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SpeechStream").field("waiting", &self.pieces.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_said_as_the_assistant_has_them() {
        let pronunciations = BTreeMap::from([
            ("Nguyen".to_owned(), "win".to_owned()),
            ("SQL".to_owned(), "sequel".to_owned()),
            ("SQL Server".to_owned(), "sequel server".to_owned()),
            ("Acme".to_owned(), "/ˈækmi/".to_owned()),
        ]);
        let style = SpeakingStyle { pronunciations, speed_percent: 900, ..SpeakingStyle::default() };
        let request = style.request("Ms. NGUYEN of acme, MySQL and SQL Server; sql!");
        assert_eq!(request.text.expose(), "Ms. win of [acme](/ˈækmi/), MySQL and sequel server; sequel!");
        assert_eq!(without_phonemes(request.text.expose()), "Ms. win of acme, MySQL and sequel server; sequel!");
        assert_eq!((request.speed_percent, request.check()), (200, Ok(())));
        assert_eq!(without_phonemes("a [b] (c) ["), "a [b] (c) [");
    }
}
