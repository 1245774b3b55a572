//! What was seen against what was expected.

use super::desk::Desk;
use super::script::{Expectation, KeypadExpectation};
use std::fmt;

/// One expectation that is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Line of the transcript.
    pub line: usize,
    pub expected: String,
    pub seen: String,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: expected {}, but {}", self.line, self.expected, self.seen)
    }
}

pub(super) fn check(line: usize, expectation: &Expectation, desk: &Desk) -> Vec<Unmet> {
    let mut unmet = Vec::new();
    let mut miss = |expected: String, seen: String| unmet.push(Unmet { line, expected, seen });
    if let Some(spoken) = &expectation.spoken
        && !plain(&desk.spoken()).contains(&plain(spoken))
    {
        miss(format!("to hear “{spoken}”"), format!("heard “{}”", desk.spoken()));
    }
    if let Some(spoken) = &expectation.not_spoken
        && plain(&desk.spoken()).contains(&plain(spoken))
    {
        miss(format!("not to hear “{spoken}”"), format!("heard “{}”", desk.spoken()));
    }
    if let Some(destination) = &expectation.transfer
        && !desk.transfers().iter().any(|seen| seen == destination)
    {
        miss(format!("a transfer to {destination}"), format!("the transfers were {:?}", desk.transfers()));
    }
    if let Some(keypad) = &expectation.dtmf {
        check_keypad(keypad, desk, &mut miss);
    }
    if let Some(reason) = &expectation.end {
        let seen = desk
            .ended_with()
            .map_or("the call is not over".to_owned(), |cause| format!("it ended with {}", cause.termination_reason().as_str()));
        if desk.ended_with().is_none_or(|cause| cause.termination_reason().as_str() != reason) {
            miss(format!("the end {reason}"), seen);
        }
    }
    if let Some(live) = expectation.live
        && live == desk.is_finished()
    {
        let (expected, seen) = if live { ("a live call", "it is over") } else { ("the call to be over", "it is live") };
        miss(expected.to_owned(), seen.to_owned());
    }
    unmet
}

fn check_keypad(expected: &KeypadExpectation, desk: &Desk, miss: &mut impl FnMut(String, String)) {
    let seen = desk.keypad();
    if let Some(enabled) = expected.enabled
        && enabled != seen.dtmf_enabled
    {
        miss(format!("collection enabled = {enabled}"), format!("it is {}", seen.dtmf_enabled));
    }
    if let Some(max) = expected.max_digits
        && max != seen.dtmf_max_digits.get()
    {
        miss(format!("at most {max} keys"), format!("{} are in force", seen.dtmf_max_digits.get()));
    }
    if let Some(key) = expected.termination_digit
        && Some(key) != seen.dtmf_termination_digit
    {
        let now = seen.dtmf_termination_digit.map_or_else(|| "none".to_owned(), |key| key.as_char().to_string());
        miss(format!("termination key {}", key.as_char()), format!("{now} is in force"));
    }
    if let Some(timeout) = expected.inter_digit_timeout_ms
        && timeout != seen.dtmf_inter_digit_timeout_ms.get()
    {
        miss(format!("{timeout} ms between keys"), format!("{} ms are in force", seen.dtmf_inter_digit_timeout_ms.get()));
    }
}

/// Lower-case words with single blanks: what is said, not how it is written.
fn plain(text: &str) -> String {
    let words: Vec<String> = text
        .split(|character: char| !(character.is_alphanumeric() || character == '\''))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join(" ")
}
