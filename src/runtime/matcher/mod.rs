//! What the caller meant, without a model: phrases against words.
//!
//! Owns: normalisation, scoring, the choice among candidates, words that are numbers, digits, yes or no. Everything is a pure function of the
//! words and the assistant's `[matcher]` table. Does not: keep state or decide what follows from a match.

mod normalise;
mod spoken;

pub(crate) use normalise::{fold, stem};
pub(crate) use spoken::{spoken_digits, spoken_number, yes_or_no};

use std::collections::BTreeMap;

/// Words looked at; what is said beyond them in one turn is not matched.
const MAX_WORDS: usize = 200;

/// How generously phrases are matched. Scores run from 0 to 1000.
#[derive(Clone, Debug)]
pub(crate) struct Matcher {
    /// A phrase counts from this score on.
    pub(crate) threshold: u32,
    /// Two candidates closer than this are ambiguous, unless one explains more of what was said.
    pub(crate) margin: u32,
    /// Word → the word it stands for; both stemmed.
    pub(crate) synonyms: BTreeMap<String, String>,
}

impl Default for Matcher {
    fn default() -> Self {
        Self { threshold: 600, margin: 100, synonyms: BTreeMap::new() }
    }
}

/// A phrase of the assistant, normalised when it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phrase {
    Words(Vec<String>),
    /// `@yes`
    Yes,
    /// `@no`
    No,
}

/// What the caller said, normalised once a turn.
pub(crate) struct Heard {
    words: Vec<String>,
    yes_or_no: Option<bool>,
}

/// The outcome of a choice among candidates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    Nothing,
    Ambiguous,
    One(usize),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Hit {
    score: u32,
    used: Vec<usize>,
}

impl Matcher {
    /// `None`: nothing of it can be matched (`@` words apart, it has no letters or digits).
    pub(crate) fn phrase(&self, text: &str) -> Option<Phrase> {
        match text {
            "@yes" => Some(Phrase::Yes),
            "@no" => Some(Phrase::No),
            _ => {
                let words = normalise::content_words(text, &self.synonyms);
                if words.is_empty() { None } else { Some(Phrase::Words(words)) }
            }
        }
    }

    pub(crate) fn hear(&self, text: &str) -> Heard {
        let mut words = normalise::content_words(text, &self.synonyms);
        words.truncate(MAX_WORDS);
        Heard { words, yes_or_no: yes_or_no(text) }
    }

    /// The best candidate; each is matched by its best phrase.
    pub(crate) fn choose<'p, I>(&self, candidates: I, heard: &Heard) -> Choice
    where
        I: IntoIterator<Item = (usize, &'p [Phrase])>,
    {
        let mut hits: Vec<(usize, Hit)> = Vec::new();
        for (index, phrases) in candidates {
            let best = phrases.iter().map(|phrase| score(phrase, heard)).max_by_key(|hit| (hit.score, hit.used.len()));
            if let Some(hit) = best.filter(|hit| hit.score >= self.threshold) {
                hits.push((index, hit));
            }
        }
        let Some((top, first)) = hits.iter().max_by_key(|(index, hit)| (hit.score, hit.used.len(), usize::MAX - index)) else {
            return Choice::Nothing;
        };
        let rival = |other: &Hit| {
            let close = other.score + self.margin > first.score;
            let explained = first.used.len() > other.used.len() && other.used.iter().all(|at| first.used.contains(at));
            close && !explained
        };
        if hits.iter().any(|(index, hit)| index != top && rival(hit)) { Choice::Ambiguous } else { Choice::One(*top) }
    }
}

fn score(phrase: &Phrase, heard: &Heard) -> Hit {
    match phrase {
        Phrase::Yes | Phrase::No => {
            let wanted = *phrase == Phrase::Yes;
            let score = if heard.yes_or_no == Some(wanted) { 1_000 } else { 0 };
            Hit { score, used: Vec::new() }
        }
        Phrase::Words(words) => {
            let starts = (0..heard.words.len()).filter(|at| words.first().is_some_and(|word| closeness(word, &heard.words[*at]) > 0));
            let tries = starts.chain([0]).map(|start| score_from(words, &heard.words, start));
            tries.max_by_key(|hit| hit.score).unwrap_or_default()
        }
    }
}

/// All words together 1000, in order with gaps from 950 down, out of order 750, only some of them at most 700; less for words that are only
/// similar, half for what is negated.
fn score_from(phrase: &[String], heard: &[String], start: usize) -> Hit {
    let mut used: Vec<usize> = Vec::new();
    let (mut similar, mut in_order) = (0u32, true);
    for word in phrase {
        let from = used.last().map_or(start, |last| last + 1);
        let ahead = (from..heard.len()).find(|at| closeness(word, &heard[*at]) > 0);
        let found = ahead.or_else(|| {
            in_order = false;
            (0..heard.len()).find(|at| !used.contains(at) && closeness(word, &heard[*at]) > 0)
        });
        if let Some(at) = found {
            similar += u32::from(closeness(word, &heard[at]) == 1);
            used.push(at);
        }
    }
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let (Some(low), Some(high)) = (used.iter().min().copied(), used.iter().max().copied()) else { return Hit::default() };
    let gaps = count((high + 1 - low).saturating_sub(used.len()));
    let base = if used.len() < phrase.len() {
        700 * count(used.len()) / count(phrase.len())
    } else if !in_order {
        750
    } else if gaps == 0 {
        1_000
    } else {
        950u32.saturating_sub(10 * gaps).max(800)
    };
    let whole = base.saturating_sub(60 * similar);
    Hit { score: if is_negated(heard, &used, low) { whole / 2 } else { whole }, used }
}

/// "not" at most three words before, with no "but" between.
fn is_negated(heard: &[String], used: &[usize], first: usize) -> bool {
    let before = &heard[first.saturating_sub(3)..first];
    let offset = first.saturating_sub(3);
    let not = before.iter().rposition(|word| word == "not" || word == "never");
    let but = before.iter().rposition(|word| word == "but" || word == "and" || word == "just");
    not.is_some_and(|at| !used.contains(&(at + offset)) && but.is_none_or(|turn| turn < at))
}

/// 2 the same word, 1 a similar one (a slip of the recogniser), 0 another.
fn closeness(left: &str, right: &str) -> u8 {
    if left == right {
        return 2;
    }
    let (short, long) = (left.chars().count().min(right.chars().count()), left.chars().count().max(right.chars().count()));
    let allowed = match short {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    };
    let numbers = left.bytes().chain(right.bytes()).any(|byte| byte.is_ascii_digit());
    u8::from(!numbers && long - short <= allowed && long <= 32 && edits(left, right) <= allowed)
}

/// Levenshtein distance; the words are at most 32 characters long.
fn edits(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (index, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[index + 1];
            row[index + 1] = replaced.min(row[index] + 1).min(diagonal + 1);
        }
    }
    row[right.len()]
}

/// The known word nearest to a mistyped one, for "did you mean".
pub(crate) fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    let letters = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    // Swapped letters are one slip.
    let distance = |other: &str| if letters(word) == letters(other) { usize::from(word != other) } else { edits(word, other) };
    let near = known.into_iter().filter(|other| other.len() <= 64 && word.len() <= 64).map(|other| (distance(other), other));
    near.filter(|(distance, _)| *distance <= limit).min().map(|(_, other)| other)
}

#[cfg(test)]
mod tests;
