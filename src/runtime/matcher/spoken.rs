//! Numbers, digits, yes and no as people say them, in English.

use super::normalise::fold;
use crate::runtime::value::Decimal;

const UNITS: &[(&str, i64)] = &[
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
];
const TENS: &[(&str, i64)] = &[
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fourty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
];
const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "ya",
    "correct",
    "right",
    "sure",
    "ok",
    "okay",
    "exactly",
    "absolutely",
    "affirmative",
    "indeed",
    "definitely",
    "perfect",
    "of course",
    "it is",
    "that is it",
    "go ahead",
];
const NO: &[&str] = &["no", "nope", "nah", "wrong", "incorrect", "negative", "not", "never", "neither"];
const MAX_DIGITS: usize = 64;

/// Digits said one by one, in pairs ("forty five"), doubled ("double four"), as "oh", or already written as digits. Other words are passed
/// over. `None` where there is no digit; at most 64 are kept.
pub(crate) fn spoken_digits(text: &str) -> Option<String> {
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').collect();
    let (mut digits, mut repeat, mut at) = (String::new(), 1usize, 0);
    while at < words.len() && digits.len() < MAX_DIGITS {
        let word = words[at];
        at += 1;
        let piece = if let Some(ten) = find(TENS, word) {
            let unit = words.get(at).and_then(|next| find(UNITS, next)).filter(|unit| (1..=9).contains(unit));
            at += usize::from(unit.is_some());
            (ten + unit.unwrap_or(0)).to_string()
        } else if let Some(unit) = find(UNITS, word) {
            unit.to_string()
        } else if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            word.to_owned()
        } else {
            match word {
                "double" => repeat = 2,
                "triple" | "treble" => repeat = 3,
                "oh" | "o" if is_digit_word(words.get(at)) || !digits.is_empty() => {
                    digits.push_str(&"0".repeat(std::mem::replace(&mut repeat, 1)))
                }
                "hundred" if !digits.is_empty() => digits.push_str("00"),
                _ => repeat = 1,
            }
            continue;
        };
        digits.push_str(&piece.repeat(std::mem::replace(&mut repeat, 1)));
    }
    digits.truncate(MAX_DIGITS);
    if digits.is_empty() { None } else { Some(digits) }
}

fn is_digit_word(word: Option<&&str>) -> bool {
    word.is_some_and(|word| find(UNITS, word).is_some() || word.bytes().all(|byte| byte.is_ascii_digit()) || *word == "double")
}

/// The first number in the text: written (`12`, `12.50`, `1,200`) or said ("twelve hundred and five", "minus three point five").
pub(crate) fn spoken_number(text: &str) -> Option<Decimal> {
    for word in text.split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_ascii_digit() && letter != '-').trim_end_matches('.').replace(',', "");
        if let Some(number) = Decimal::parse(&bare) {
            return Some(number);
        }
    }
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').collect();
    let start = words.iter().position(|word| is_number_word(word))?;
    let negative = start > 0 && (words[start - 1] == "minus" || words[start - 1] == "negative");
    let (mut total, mut group, mut at) = (0i64, 0i64, start);
    while let Some(word) = words.get(at) {
        if let Some(small) = find(UNITS, word).or_else(|| find(TENS, word)) {
            group = group.checked_add(small)?;
        } else {
            match *word {
                "hundred" => group = group.max(1).checked_mul(100)?,
                "thousand" => (total, group) = (total.checked_add(group.max(1).checked_mul(1_000)?)?, 0),
                "million" => (total, group) = (total.checked_add(group.max(1).checked_mul(1_000_000)?)?, 0),
                "and" if words.get(at + 1).is_some_and(|next| is_number_word(next)) => {}
                _ => break,
            }
        }
        at += 1;
    }
    let whole = total.checked_add(group)?;
    let fraction = if words.get(at) == Some(&"point") { spoken_digits(&words[at + 1..].join(" ")) } else { None };
    let fraction: String = fraction.unwrap_or_default().chars().take(6).collect();
    let sign = if negative { "-" } else { "" };
    Decimal::parse(&if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

fn is_number_word(word: &str) -> bool {
    find(UNITS, word).is_some() || find(TENS, word).is_some() || matches!(word, "hundred" | "thousand" | "million")
}

fn find(list: &[(&str, i64)], word: &str) -> Option<i64> {
    list.iter().find(|(known, _)| *known == word).map(|(_, value)| *value)
}

/// `None` where neither was said, or both. A negation wins over the word it negates: "that's not right" is no, "no problem" is yes.
pub(crate) fn yes_or_no(text: &str) -> Option<bool> {
    let padded = format!(" {} ", fold(text)).replace(" no problem ", " yes ").replace(" why not ", " yes ");
    let says = |list: &[&str]| list.iter().any(|phrase| padded.contains(&format!(" {phrase} ")));
    let negated = padded.contains(" not ");
    match (says(YES), says(NO)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        (true, true) if negated && !padded.starts_with(" yes ") => Some(false),
        (true, true) | (false, false) => None,
    }
}
