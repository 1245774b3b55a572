//! A summary without a model: the caller's own most telling sentences.

use crate::runtime::transcript::{Role, Transcript};
use std::collections::{BTreeMap, BTreeSet};

const SENTENCES: usize = 3;
const MAX_CHARS: usize = 400;
/// Words that say nothing about the matter of a call.
const EMPTY_WORDS: &[&str] = &[
    "a", "an", "and", "are", "at", "be", "but", "can", "could", "do", "for", "have", "hello", "hi", "i", "id", "im", "in", "is", "it",
    "like", "me", "my", "no", "of", "oh", "ok", "okay", "on", "please", "so", "thank", "thanks", "that", "the", "this", "to", "uh", "um",
    "was", "we", "with", "would", "yes", "you", "your",
];

/// At most three sentences and 400 characters of what the caller said, in the order they were said: those with the most words that carry
/// meaning, a word counting more the more often the caller came back to it. Sentences without letters (keypad input) are left out.
pub fn summarise(transcript: &Transcript) -> String {
    let said: Vec<&str> = transcript
        .entries()
        .filter(|entry| entry.role == Role::Caller)
        .flat_map(|entry| entry.text.expose().split_terminator(['.', '!', '?', '\n']))
        .map(str::trim)
        .filter(|sentence| !sentence.starts_with("DTMF") && sentence.chars().any(char::is_alphabetic))
        .collect();
    let mut weight: BTreeMap<String, usize> = BTreeMap::new();
    for word in said.iter().flat_map(|sentence| telling_words(sentence)) {
        *weight.entry(word).or_default() += 1;
    }
    let score = |sentence: &str| telling_words(sentence).iter().map(|word| weight.get(word).copied().unwrap_or(0)).sum::<usize>();
    let mut ranked: Vec<usize> = (0..said.len()).filter(|index| score(said[*index]) > 0).collect();
    ranked.sort_by_key(|index| (usize::MAX - score(said[*index]), *index));
    let mut seen = BTreeSet::new();
    ranked.retain(|index| seen.insert(said[*index].to_lowercase()));
    ranked.truncate(SENTENCES);
    ranked.sort_unstable();
    let joined: Vec<String> = ranked.into_iter().map(|index| format!("{}.", said[index])).collect();
    joined.join(" ").chars().take(MAX_CHARS).collect()
}

fn telling_words(sentence: &str) -> BTreeSet<String> {
    sentence
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .map(|word| word.replace('\'', "").to_lowercase())
        .filter(|word| !word.is_empty() && !EMPTY_WORDS.contains(&word.as_str()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TurnId;

    #[test]
    fn the_summary_is_what_the_caller_came_for_not_their_politeness() {
        let mut transcript = Transcript::default();
        for (turn, words) in
            ["Hello.", "DTMF: 4572", "I have a question about my last invoice. Thank you.", "yes", "The invoice is too high."]
                .iter()
                .enumerate()
        {
            transcript.push(Role::Caller, TurnId(u32::try_from(turn).unwrap()), words);
        }
        transcript.push(Role::Assistant, TurnId(9), "The invoice invoice invoice.");
        assert_eq!(summarise(&transcript), "I have a question about my last invoice. The invoice is too high.");
        assert_eq!(summarise(&Transcript::default()), "");
    }
}
