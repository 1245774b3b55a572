//! What a supervisor says when he is asked whether he takes the call: a small list of words, read cautiously.

use super::consult::Choice;
use crate::model::Digit;

const REPEAT: &[&str] = &["repeat", "again", "pardon", "once more", "say that", "wiederholen", "nochmal", "repetir", "répéter", "encore"];
const DECLINE: &[&str] = &[
    "no", "nope", "decline", "reject", "not now", "not", "can't", "cannot", "don't", "won't", "busy", "later", "nein", "ablehnen", "non",
    "rechazar",
];
const ACCEPT: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "sure",
    "ok",
    "okay",
    "accept",
    "connect",
    "take it",
    "take the call",
    "put them through",
    "put him through",
    "put her through",
    "go ahead",
    "of course",
    "fine",
    "ja",
    "verbinden",
    "annehmen",
    "sí",
    "si",
    "oui",
];
/// Courtesies with a word of the other meaning in them.
const NO_DECISION: &[&str] = &["no problem", "not a problem", "no worries", "why not"];

/// The choice in spoken words. Asking to repeat wins over declining, declining over accepting: whoever is joined said yes and nothing else.
pub(crate) fn spoken(text: &str) -> Choice {
    let mut said = format!(" {} ", words(text));
    for courtesy in NO_DECISION {
        said = said.replace(&format!(" {courtesy} "), " yes ");
    }
    let holds = |list: &[&str]| list.iter().any(|phrase| said.contains(&format!(" {phrase} ")));
    if holds(REPEAT) {
        Choice::Repeat
    } else if holds(DECLINE) {
        Choice::Decline
    } else if holds(ACCEPT) {
        Choice::Accept
    } else {
        Choice::Unclear
    }
}

/// One word with the same meaning; `None` where the text decides nothing. For recordings that keep no words.
pub(crate) fn decision_word(text: &str) -> Option<&'static str> {
    match spoken(text) {
        Choice::Accept => Some("yes"),
        Choice::Decline => Some("no"),
        Choice::Repeat => Some("again"),
        Choice::Unclear => None,
    }
}

/// The choice of a key: 1 accepts, 2 declines, 3 repeats (contract section 7); another one only tells that somebody is there.
pub(crate) fn keyed(digit: Digit) -> Option<Choice> {
    match digit.as_char() {
        '1' => Some(Choice::Accept),
        '2' => Some(Choice::Decline),
        '3' => Some(Choice::Repeat),
        _ => None,
    }
}

fn words(text: &str) -> String {
    let lower = text.to_lowercase().replace('\u{2019}', "'");
    let words = lower.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_decide_whole_and_cautiously() {
        for (said, choice) in [
            ("Yes, put them through!", Choice::Accept),
            ("OK.", Choice::Accept),
            ("I\u{2019}ll take it", Choice::Accept),
            ("No problem.", Choice::Accept),
            ("Ja", Choice::Accept),
            ("no, not now", Choice::Decline),
            ("Yes but I can't", Choice::Decline),
            ("Sorry, I'm busy", Choice::Decline),
            ("Could you repeat that?", Choice::Repeat),
            ("yes again please", Choice::Repeat),
            ("Hello, who is this?", Choice::Unclear),
            ("I know nothing", Choice::Unclear),
            ("", Choice::Unclear),
        ] {
            assert_eq!(spoken(said), choice, "{said}");
        }
    }

    #[test]
    fn three_keys_decide_and_no_other() {
        let choice = |key: char| keyed(Digit::from_char(key).unwrap());
        assert_eq!(
            [choice('1'), choice('2'), choice('3'), choice('4'), choice('#')],
            [Some(Choice::Accept), Some(Choice::Decline), Some(Choice::Repeat), None, None]
        );
    }
}
