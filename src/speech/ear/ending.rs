//! Do these words sound finished? Pure: text and what is expected in, one of three shapes out.

use super::digits::digits_in;
use crate::speech::Expected;

/// What the words so far say of the end of the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::speech) enum Shape {
    /// A whole answer: waiting longer only feels slow.
    Finished,
    /// Nothing is known either way.
    Open,
    /// More must come: cutting in here would be rude.
    Dangling,
}

/// Words nobody ends on.
const DANGLING: [&str; 52] = [
    "a", "about", "actually", "also", "an", "and", "are", "as", "at", "because", "but", "by", "cause", "er", "for", "from", "hmm", "i",
    "i'd", "i'm", "i've", "if", "in", "into", "is", "it's", "like", "my", "number's", "of", "on", "or", "our", "plus", "since", "so",
    "some", "than", "that's", "the", "their", "then", "to", "uh", "um", "until", "was", "when", "which", "with", "would", "your",
];
/// Ends that announce what was not said yet.
const ANNOUNCING: [&str; 12] = [
    "my name",
    "my number",
    "the number",
    "my address",
    "my email",
    "my order",
    "order number",
    "account number",
    "phone number",
    "let me see",
    "let me check",
    "hold on",
];
/// Answers that are whole by themselves.
const WHOLE: [&str; 34] = [
    "yes", "yeah", "yep", "yup", "no", "nope", "sure", "okay", "ok", "correct", "right", "exactly", "please", "thanks", "thank", "you",
    "that's", "it", "is", "fine", "goodbye", "bye", "hello", "hi", "all", "that", "was", "nothing", "else", "repeat", "again", "agent",
    "operator", "perfect",
];
const WHOLE_WORDS_MAX: usize = 5;

pub(in crate::speech) fn shape(text: &str, expected: Expected, choices: &[String]) -> Shape {
    let words = words(text);
    let Some(last) = words.last() else { return Shape::Open };
    let digits = digits_in(text).len();
    if let Expected::Digits { min, max } = expected
        && digits > 0
    {
        return match digits {
            few if few < usize::from(min) => Shape::Dangling,
            many if many >= usize::from(max) => Shape::Finished,
            _ => Shape::Open,
        };
    }
    let question = text.trim_end().ends_with('?');
    let announcing = ANNOUNCING.iter().any(|end| words.join(" ").ends_with(end));
    // "That's it." and "Thank you." end in such words and are whole.
    let whole =
        words.len() <= WHOLE_WORDS_MAX && words.iter().all(|word| WHOLE.contains(&word.as_str())) && last != "that's" && last != "is";
    if whole {
        return Shape::Finished;
    }
    if !question
        && (DANGLING.contains(&last.as_str())
            || announcing
            || text.trim_end().ends_with([',', '-', '…'])
            || text.trim_end().ends_with("..."))
    {
        return Shape::Dangling;
    }
    let chosen = expected == Expected::Choice && words.len() <= WHOLE_WORDS_MAX && choices.iter().any(|choice| holds(&words, choice));
    if question || chosen { Shape::Finished } else { Shape::Open }
}

/// The choice stands in the words, as whole words in a row.
fn holds(said: &[String], choice: &str) -> bool {
    let wanted = words(choice);
    !wanted.is_empty() && said.windows(wanted.len()).any(|window| window == wanted)
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '\'' && letter != '’')
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finished_yes_is_quick_and_a_sentence_that_dangles_waits() {
        let table = [
            ("Yes.", Shape::Finished),
            ("Yeah, that's right.", Shape::Finished),
            ("No, thank you.", Shape::Finished),
            ("Are you open on Saturday?", Shape::Finished),
            ("I want to book a table and", Shape::Dangling),
            ("My number is.", Shape::Dangling),
            ("It's about my order number.", Shape::Dangling),
            ("Yes, but", Shape::Dangling),
            ("Well, um...", Shape::Dangling),
            ("That's", Shape::Dangling),
            ("I would like to cancel my appointment.", Shape::Open),
            ("", Shape::Open),
        ];
        for (text, expected) in table {
            assert_eq!(shape(text, Expected::Anything, &[]), expected, "{text:?}");
        }
    }

    #[test]
    fn a_number_is_finished_when_all_its_digits_are_there() {
        let six = Expected::Digits { min: 4, max: 6 };
        assert_eq!(shape("Four five seven.", six, &[]), Shape::Dangling);
        assert_eq!(shape("4 5 7 2 9 1", six, &[]), Shape::Finished);
        assert_eq!(shape("It's 457-291.", six, &[]), Shape::Finished);
        assert_eq!(shape("4 5 7 2 9", six, &[]), Shape::Open);
        assert_eq!(shape("four five", Expected::Digits { min: 1, max: 255 }, &[]), Shape::Open);
        assert_eq!(shape("Yes.", six, &[]), Shape::Finished);
        assert_eq!(shape("I don't have it here", six, &[]), Shape::Open);
    }

    #[test]
    fn a_choice_that_was_offered_is_a_whole_answer_where_one_is_asked_for() {
        let choices = ["sales".to_owned(), "technical support".to_owned()];
        assert_eq!(shape("Technical support.", Expected::Choice, &choices), Shape::Finished);
        assert_eq!(shape("The sales team", Expected::Choice, &choices), Shape::Finished);
        assert_eq!(shape("Technical support.", Expected::Anything, &choices), Shape::Open);
        assert_eq!(shape("Sales or", Expected::Choice, &choices), Shape::Dangling);
    }
}
