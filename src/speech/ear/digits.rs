//! Digits said as words, written as digits.

const WORDS: [(&str, &str); 30] = [
    ("zero", "0"),
    ("oh", "0"),
    ("o", "0"),
    ("one", "1"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("five", "5"),
    ("six", "6"),
    ("seven", "7"),
    ("eight", "8"),
    ("nine", "9"),
    ("ten", "10"),
    ("eleven", "11"),
    ("twelve", "12"),
    ("thirteen", "13"),
    ("fourteen", "14"),
    ("fifteen", "15"),
    ("sixteen", "16"),
    ("seventeen", "17"),
    ("eighteen", "18"),
    ("nineteen", "19"),
    ("twenty", "20"),
    ("thirty", "30"),
    ("forty", "40"),
    ("fifty", "50"),
    ("sixty", "60"),
    ("seventy", "70"),
    ("eighty", "80"),
    ("ninety", "90"),
];
/// What the recogniser writes for a digit it half understood; taken for one only in the middle of a number.
const ALIASES: [(&str, &str); 4] = [("to", "2"), ("too", "2"), ("for", "4"), ("ate", "8")];

/// All digits of a text in order, those said as words included. Empty where there is none.
pub(in crate::speech) fn digits_in(text: &str) -> String {
    runs(text).into_iter().map(|run| run.digits).collect()
}

/// The text with every run of spoken digits written as one number: "my code is four five double seven" is "my code is 4577". For answers to a
/// question for digits; elsewhere "one moment" would suffer.
pub(in crate::speech) fn written(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for run in runs(text) {
        out.push_str(&text[at..run.start]);
        out.push_str(&run.digits);
        at = run.end;
    }
    out.push_str(&text[at..]);
    out
}

/// Numbers that follow one another with nothing but blanks and punctuation between.
struct Run {
    start: usize,
    end: usize,
    digits: String,
}

struct Number {
    digits: String,
    /// Words it takes.
    words: usize,
    /// Spelled and one digit: it completes a ten before it.
    unit: bool,
    /// Spelled and a multiple of ten: "forty", which "five" makes 45.
    tens: bool,
}

fn runs(text: &str) -> Vec<Run> {
    let words = spans(text);
    let mut runs = Vec::new();
    let mut open: Option<Run> = None;
    let (mut at, mut tens) = (0, false);
    while at < words.len() {
        let Some(number) = number_at(&words[at..], open.is_some()) else {
            runs.extend(open.take());
            (at, tens) = (at + 1, false);
            continue;
        };
        let (start, _) = words[at];
        let (last, word) = words[at + number.words - 1];
        let run = open.get_or_insert(Run { start, end: 0, digits: String::new() });
        if tens && number.unit {
            run.digits.pop();
        }
        run.digits.push_str(&number.digits);
        run.end = last + word.len();
        (at, tens) = (at + number.words, number.tens);
    }
    runs.extend(open);
    runs
}

/// The number these words begin with; `inside` where one stands before them.
fn number_at(words: &[(usize, &str)], inside: bool) -> Option<Number> {
    let word = words.first()?.1;
    let next = words.get(1).and_then(|(_, next)| value(next));
    let same = |other: &str| word.eq_ignore_ascii_case(other);
    let repeat = if same("double") { 2 } else { 3 };
    if same("double") || same("triple") || same("treble") {
        let digits = next.filter(|digits| digits.len() == 1)?.repeat(repeat);
        return Some(Number { digits, words: 2, unit: false, tens: false });
    }
    if (same("oh") || same("o")) && !inside && next.is_none() {
        return None;
    }
    let alias = ALIASES.iter().find(|(heard, _)| same(heard)).map(|(_, meant)| *meant).filter(|_| inside && next.is_some());
    let digits = alias.or_else(|| value(word))?;
    let spelled = word.chars().all(char::is_alphabetic);
    Some(Number {
        digits: digits.to_owned(),
        words: 1,
        unit: spelled && digits.len() == 1 && digits != "0",
        tens: spelled && digits.len() == 2 && digits.ends_with('0') && digits != "10",
    })
}

fn value(word: &str) -> Option<&str> {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(word);
    }
    WORDS.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)).map(|(_, digits)| *digits)
}

fn spans(text: &str) -> Vec<(usize, &str)> {
    let mut spans = Vec::new();
    let mut start = None;
    for (at, letter) in text.char_indices().chain([(text.len(), ' ')]) {
        match (letter.is_alphanumeric() || letter == '\'', start) {
            (true, None) => start = Some(at),
            (false, Some(begun)) => {
                spans.push((begun, &text[begun..at]));
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_said_as_words_are_written_as_digits() {
        let table = [
            ("four five seven two nine", "45729"),
            ("My code is four five double seven.", "My code is 4577."),
            ("It's 457, 291.", "It's 457291."),
            ("forty five twenty", "4520"),
            ("oh one seven triple three", "017333"),
            ("one, two. three-four", "1234"),
            ("two to four", "224"),
            ("nineteen eighty four", "1984"),
            ("Oh, I do not know", "Oh, I do not know"),
            ("for me", "for me"),
            ("", ""),
        ];
        for (said, expected) in table {
            assert_eq!(written(said), expected, "{said:?}");
        }
        assert_eq!(digits_in("my number is four five, that is 45"), "4545");
        assert_eq!(digits_in("no idea"), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_text_keeps_what_is_no_number(text in "[a-z éO0-9 ,.'-]{0,60}") {
            let other = |text: &str| text.split_whitespace().any(|word| word == "é");
            prop_assert_eq!(other(&written(&text)), other(&text));
            prop_assert!(digits_in(&text).bytes().all(|byte| byte.is_ascii_digit()));
        }
    }
}
