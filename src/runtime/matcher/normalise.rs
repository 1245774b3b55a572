//! From what was said to the words that matter.

use std::collections::BTreeMap;

const CONTRACTIONS: &[(&str, &str)] = &[
    ("can't", "can not"),
    ("cannot", "can not"),
    ("won't", "will not"),
    ("n't", " not"),
    ("i'd", "i would"),
    ("i'm", "i am"),
    ("i've", "i have"),
    ("i'll", "i will"),
    ("let's", "let us"),
    ("'s", ""),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("'d", " would"),
];

/// Words that carry no wish of their own.
const FILLERS: &[&str] = &[
    "a", "about", "actually", "am", "an", "are", "be", "can", "could", "do", "er", "get", "give", "have", "hello", "hey", "hi", "hm", "i",
    "is", "just", "know", "like", "me", "my", "need", "of", "oh", "please", "so", "speak", "talk", "tell", "the", "to", "uh", "um", "us",
    "want", "we", "well", "what", "will", "with", "would", "you", "your",
];

/// Lower case, plain apostrophes, contractions written out, everything but letters and digits a space.
pub(crate) fn fold(text: &str) -> String {
    let mut lower = text.to_lowercase().replace(['\u{2019}', '\u{2018}', '`'], "'");
    for (short, long) in CONTRACTIONS {
        if lower.contains(short) {
            lower = lower.replace(short, long);
        }
    }
    let plain: String = lower.chars().map(|letter| if letter.is_alphanumeric() { letter } else { ' ' }).collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Stemmed words with synonyms resolved and fillers left out; a text of fillers only keeps them.
pub(super) fn content_words(text: &str, synonyms: &BTreeMap<String, String>) -> Vec<String> {
    let folded = fold(text);
    let resolve = |word: &str| {
        let stemmed = stem(word);
        synonyms.get(&stemmed).cloned().unwrap_or(stemmed)
    };
    let content: Vec<String> = folded.split(' ').filter(|word| !word.is_empty() && !FILLERS.contains(word)).map(resolve).collect();
    if content.is_empty() { folded.split(' ').filter(|word| !word.is_empty()).map(resolve).collect() } else { content }
}

/// One form for singular and plural; the same rule for phrases and for what was said.
pub(crate) fn stem(word: &str) -> String {
    let long = word.chars().count();
    if long > 4
        && let Some(root) = word.strip_suffix("ies")
    {
        return format!("{root}y");
    }
    if long > 3 && word.ends_with('s') && !word.ends_with("ss") {
        return word[..word.len() - 1].to_owned();
    }
    word.to_owned()
}
