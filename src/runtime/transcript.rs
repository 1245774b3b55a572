//! What was said, kept until the flush: only what the caller really heard, and what the caller said.

use super::ask::ToolCall;
use crate::model::{Redacted, TurnId};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Buffered words of one conversation.
///
/// When full (`MAX_ENTRIES` entries or `MAX_BYTES` bytes of text) the oldest entry is dropped and counted; sequence numbers go on, so a
/// reader sees the gap.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    entries: VecDeque<TranscriptEntry>,
    next_seq: u64,
    bytes: usize,
    dropped: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptEntry {
    /// From 0, without gaps as long as nothing was dropped.
    pub seq: u64,
    pub role: Role,
    pub turn: TurnId,
    pub text: Redacted<String>,
    /// The caller cut in: `text` is what was heard until then.
    #[serde(default)]
    pub interrupted: bool,
}

/// One call of a tool and its answer, for the model of later turns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) turn: TurnId,
    pub(crate) call: ToolCall,
    pub(crate) result: Redacted<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Caller,
    Assistant,
}

impl Transcript {
    pub const MAX_ENTRIES: usize = 2_000;
    pub const MAX_BYTES: usize = 256 * 1024;

    /// From words in order, as a recording holds them.
    pub fn of(words: impl IntoIterator<Item = (Role, TurnId, Redacted<String>)>) -> Self {
        let mut transcript = Self::default();
        for (role, turn, text) in words {
            transcript.push(role, turn, text.expose());
        }
        transcript
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = &TranscriptEntry> + Clone {
        self.entries.iter()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Entries that did not fit any more.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Silence is not an entry.
    pub(crate) fn push(&mut self, role: Role, turn: TurnId, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = Redacted::new(cut_to(text, Self::MAX_BYTES).to_owned());
        self.bytes += text.expose().len();
        self.entries.push_back(TranscriptEntry { seq: self.next_seq, role, turn, text, interrupted: false });
        self.next_seq += 1;
        while self.entries.len() > Self::MAX_ENTRIES || self.bytes > Self::MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.text.expose().len();
            self.dropped += 1;
        }
    }

    /// The assistant broke off in `turn`: only `text` was handed out, and of that perhaps less was heard ([`Self::keep_heard`] follows).
    pub(crate) fn interrupt(&mut self, turn: TurnId, text: &str) {
        let known = self.entries.iter().any(|entry| entry.turn == turn && entry.role == Role::Assistant);
        if known {
            self.keep_heard(turn, text);
        } else {
            self.push(Role::Assistant, turn, text);
        }
        let found = self.entries.iter_mut().rev().find(|entry| entry.turn == turn && entry.role == Role::Assistant);
        if let Some(entry) = found {
            entry.interrupted = true;
        }
    }

    /// Of the assistant's words in `turn` only `text` was heard; nothing heard removes the entry.
    pub(crate) fn keep_heard(&mut self, turn: TurnId, text: &str) {
        let found = self.entries.iter_mut().rev().find(|entry| entry.turn == turn && entry.role == Role::Assistant);
        let Some(entry) = found else { return };
        let kept = cut_to(text, entry.text.expose().len());
        self.bytes = self.bytes - entry.text.expose().len() + kept.len();
        entry.interrupted |= kept.len() < entry.text.expose().len();
        entry.text = Redacted::new(kept.to_owned());
        if kept.is_empty() {
            self.entries.retain(|entry| !(entry.turn == turn && entry.role == Role::Assistant));
        }
    }
}

/// The longest prefix of at most `bytes` bytes that ends between characters.
fn cut_to(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_heard_is_kept() {
        let mut transcript = Transcript::default();
        transcript.push(Role::Assistant, TurnId(1), "Our office opens at nine.");
        transcript.push(Role::Caller, TurnId(2), "thanks");
        transcript.keep_heard(TurnId(1), "Our office");
        let first = transcript.entries().next().unwrap();
        assert_eq!((first.text.expose().as_str(), first.interrupted), ("Our office", true));
        transcript.keep_heard(TurnId(1), "");
        assert_eq!(transcript.entries().map(|entry| entry.role).collect::<Vec<_>>(), [Role::Caller]);
    }

    #[test]
    fn a_full_transcript_drops_the_oldest_and_counts_it() {
        let mut transcript = Transcript::default();
        for turn in 0..2_100 {
            transcript.push(Role::Caller, TurnId(turn), "word");
        }
        assert_eq!((transcript.len(), transcript.dropped()), (2_000, 100));
        assert_eq!(transcript.entries().next().unwrap().seq, 100);
        transcript.push(Role::Caller, TurnId(1), &"ä".repeat(Transcript::MAX_BYTES));
        assert_eq!(transcript.len(), 1, "one entry may fill the window, never more");
    }

    #[test]
    fn its_debug_form_shows_no_words() {
        let mut transcript = Transcript::default();
        transcript.push(Role::Caller, TurnId(1), "my account is 4572");
        assert!(!format!("{transcript:?}").contains("4572"));
    }
}
