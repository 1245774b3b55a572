//! Masks for what may be shown of numbers.

/// Digits in a row from which on a text may hold a number worth hiding.
const RUN: usize = 4;

/// A phone number or the user part of a URI with only its last two digits: `+4930123456` is `+********56`. Shorter than five digits: none.
/// Everything that is no digit stays.
pub fn mask_number(number: &str) -> String {
    let digits = number.chars().filter(char::is_ascii_digit).count();
    let shown = if digits > 4 { 2 } else { 0 };
    let mut left = digits;
    number
        .chars()
        .map(|letter| {
            if !letter.is_ascii_digit() {
                return letter;
            }
            left -= 1;
            if left < shown { letter } else { '*' }
        })
        .collect()
}

/// A text with every run of four or more digits masked; spaces, dots, dashes, slashes and brackets inside a run do not end it.
pub fn mask_digits(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut run = String::new();
    for letter in text.chars() {
        let inside = letter.is_ascii_digit() || (!run.is_empty() && matches!(letter, ' ' | '.' | '-' | '/' | '(' | ')'));
        if inside {
            run.push(letter);
        } else {
            flush(&mut run, &mut masked);
            masked.push(letter);
        }
    }
    flush(&mut run, &mut masked);
    masked
}

fn flush(run: &mut String, to: &mut String) {
    let hide = run.chars().filter(char::is_ascii_digit).count() >= RUN;
    to.extend(run.drain(..).map(|letter| if hide && letter.is_ascii_digit() { '*' } else { letter }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_shows_its_last_two_digits_at_most() {
        assert_eq!(mask_number("+4930123456"), "+********56");
        assert_eq!(mask_number("sip:4711@example.net"), "sip:****@example.net");
        assert_eq!(mask_number("1234"), "****");
        assert_eq!(mask_number("ü12345"), "ü***45");
        assert_eq!(mask_number(""), "");
    }

    #[test]
    fn digits_in_a_sentence_are_masked_with_or_without_separators() {
        assert_eq!(mask_digits("card 4111 1111-1111 1111 ok"), "card **** ****-**** **** ok");
        assert_eq!(mask_digits("DTMF: 123#"), "DTMF: 123#");
        assert_eq!(mask_digits("DTMF: 1234#"), "DTMF: ****#");
        assert_eq!(mask_digits("in 3 steps, 200 OK"), "in 3 steps, 200 OK");
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
        #[test]
        fn no_run_of_four_digits_survives(text in "[0-9a-z ().-]{0,40}") {
            let masked = mask_digits(&text);
            let longest = masked.split(|letter: char| !letter.is_ascii_digit()).map(str::len).max().unwrap_or(0);
            proptest::prop_assert!(longest < 4, "{masked}");
            proptest::prop_assert_eq!(masked.chars().count(), text.chars().count());
        }
    }
}
