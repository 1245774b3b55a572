//! What is written becomes what is said: numbers that are read digit by digit, and sentences as the pieces of work.

use super::read::read_out;

const DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
/// A bare run of this many digits is an account or telephone number, not a quantity.
const RUN: usize = 5;
/// Groups joined by hyphens or blanks are a number to dial from this many digits on.
const GROUPED: usize = 7;
/// A full stop after these does not end a sentence.
const ABBREVIATIONS: [&str; 18] =
    ["mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "no", "vs", "etc", "inc", "ltd", "co", "ext", "approx", "dept", "mt"];

/// The sentences of a text, ready to be pronounced.
pub(super) fn sentences(text: &str) -> Vec<String> {
    split_sentences(text).iter().map(|sentence| spoken(&read_out(sentence))).collect()
}

/// The sentences as they are written; what holds no letter and no digit is none.
pub(in crate::speech) fn split_sentences(text: &str) -> Vec<String> {
    text.lines().flat_map(split).filter(|sentence| sentence.chars().any(char::is_alphanumeric)).collect()
}

fn split(line: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut start = 0;
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if !matches!(letter, '.' | '!' | '?' | '…') {
            continue;
        }
        while letters.next_if(|(_, next)| matches!(next, '"' | '”' | '’' | ')' | ']' | '.' | '!' | '?' | '…')).is_some() {}
        let end = letters.peek().map_or(line.len(), |(end, _)| *end);
        let rest = &line[end..];
        let next = rest.trim_start().chars().next();
        let ends =
            rest.starts_with(char::is_whitespace) && !next.is_some_and(char::is_lowercase) && !is_abbreviation(&line[start..at], letter);
        if ends || rest.trim().is_empty() {
            sentences.push(line[start..end].trim().to_owned());
            start = end;
        }
    }
    sentences.push(line[start..].trim().to_owned());
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

fn is_abbreviation(before: &str, stop: char) -> bool {
    let word = before.rsplit(|letter: char| letter.is_whitespace() || letter == '(').next().unwrap_or_default();
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase);
    stop == '.' && (initial && word != "I" || ABBREVIATIONS.contains(&word.to_lowercase().as_str()))
}

/// Numbers to dial or to note are read digit by digit with a pause between groups; quantities, money, dates and decimals stay as they are.
pub(super) fn spoken(sentence: &str) -> String {
    let letters: Vec<char> = sentence.chars().collect();
    let mut out = String::with_capacity(sentence.len());
    let mut at = 0;
    while at < letters.len() {
        let fresh = at == 0 || !letters[at - 1].is_alphanumeric() && !matches!(letters[at - 1], '.' | ',' | '$' | '€' | '£' | ':' | '/');
        let number = if fresh { Number::at(&letters, at) } else { None };
        if let Some(number) = number {
            out.push_str(&number.said);
            at = number.end;
        } else {
            out.push(letters[at]);
            at += 1;
        }
    }
    out
}

struct Number {
    said: String,
    end: usize,
}

impl Number {
    fn at(letters: &[char], start: usize) -> Option<Self> {
        let plus = letters[start] == '+';
        let mut at = start + usize::from(plus);
        let mut groups: Vec<String> = Vec::new();
        let mut end = at;
        loop {
            let open = letters.get(at) == Some(&'(');
            let from = at + usize::from(open);
            let digits: String = letters[from.min(letters.len())..].iter().take_while(|letter| letter.is_ascii_digit()).collect();
            if digits.is_empty() {
                break;
            }
            at = from + digits.len();
            if open && letters.get(at) != Some(&')') {
                break;
            }
            at += usize::from(open);
            groups.push(digits);
            end = at;
            let hyphen = matches!(letters.get(at), Some('-' | ' '));
            let more = letters.get(at + 1).is_some_and(|letter| letter.is_ascii_digit() || *letter == '(');
            at += usize::from(hyphen);
            if !(more && hyphen) && letters.get(at) != Some(&'(') {
                break;
            }
        }
        let count: usize = groups.iter().map(String::len).sum();
        let follows = (letters.get(end), letters.get(end + 1));
        let quantity = match follows {
            (Some('.' | ',' | ':' | '/'), Some(next)) => next.is_ascii_digit(),
            (Some('%'), _) => true,
            (Some(next), _) => next.is_alphanumeric(),
            (None, _) => false,
        };
        let date = groups.len() == 3 && groups.iter().map(String::len).eq([4, 2, 2]);
        let dialled = if groups.len() == 1 { count >= RUN || plus } else { count >= GROUPED };
        (dialled && !quantity && !date).then(|| Self { said: said(&groups, plus), end })
    }
}

fn said(groups: &[String], plus: bool) -> String {
    let pieces: Vec<String> = groups.iter().flat_map(|group| chunks(group)).map(|chunk| words(&chunk)).collect();
    format!("{}{}", if plus { "plus " } else { "" }, pieces.join(", "))
}

/// Long runs in threes, the last of up to four, as people say them.
fn chunks(group: &str) -> Vec<String> {
    let mut rest = group;
    let mut chunks = Vec::new();
    while rest.len() > 4 {
        let (chunk, later) = rest.split_at(3);
        chunks.push(chunk.to_owned());
        rest = later;
    }
    chunks.push(rest.to_owned());
    chunks
}

fn words(digits: &str) -> String {
    let names: Vec<&str> =
        digits.chars().filter_map(|digit| digit.to_digit(10)).filter_map(|digit| DIGITS.get(digit as usize).copied()).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_to_note_are_read_digit_by_digit_and_quantities_are_not() {
        assert_eq!(spoken("Order 45729 is ready."), "Order four five seven, two nine is ready.");
        assert_eq!(spoken("Call 555-123-4567."), "Call five five five, one two three, four five six seven.");
        assert_eq!(spoken("Call (555) 123-4567."), "Call five five five, one two three, four five six seven.");
        assert_eq!(spoken("+4930123456"), "plus four nine three, zero one two, three four five six");
        for quantity in ["$12345", "12345.50", "12,345 people", "1234", "2026-11-23", "50000%", "in 1999 and 2024", "AB12345"] {
            assert_eq!(spoken(quantity), quantity);
        }
    }

    #[test]
    fn sentences_end_at_marks_but_not_at_titles_initials_or_decimals() {
        let text = "Hello there! Dr. Smith has 3.5 hours. J. K. is in. \"Really?\" Yes\nNew line";
        let expected = ["Hello there!", "Dr. Smith has 3.5 hours.", "J. K. is in.", "\"Really?\"", "Yes", "New line"];
        assert_eq!(sentences(text), expected);
        assert_eq!(sentences("Yes, you and I. Good."), ["Yes, you and I.", "Good."]);
        assert!(sentences("... \n - !").is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_text_splits_without_panic_and_keeps_its_letters(text in "[a-zA-Z0-9 .!?,()+\\-\n\"$é]{0,80}") {
            let letters = |text: &str| text.chars().filter(|letter| letter.is_alphabetic()).count();
            prop_assert!(letters(&sentences(&text).concat()) >= letters(&text));
        }
    }
}
