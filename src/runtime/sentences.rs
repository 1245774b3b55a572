//! Sentences out of a stream of pieces, so that the first one is spoken while the rest is still being made.

/// Characters of one model answer that are spoken; what comes beyond is left out.
pub(crate) const MAX_CHARS: usize = 4_000;
/// Without any end of a sentence, words are given out from here on, cut at a comma or between two words.
const LONG: usize = 220;
const CLAUSE_FROM: usize = 60;
const ABBREVIATIONS: &[&str] = &[
    "dr", "mr", "mrs", "ms", "prof", "st", "no", "nr", "e.g", "i.e", "etc", "vs", "inc", "ltd", "jr", "sr", "approx", "ext", "bzw", "z.b",
];

/// What came so far and how much of it was given out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sentences {
    received: String,
    chars: usize,
    given: usize,
}

impl Sentences {
    /// The sentences that are whole after `piece`, as they are spoken.
    pub(crate) fn push(&mut self, piece: &str) -> Vec<String> {
        for letter in piece.chars().take(MAX_CHARS.saturating_sub(self.chars)) {
            self.received.push(letter);
            self.chars += 1;
        }
        let mut whole = Vec::new();
        while let Some(end) = sentence_end(&self.received[self.given..]) {
            let sentence = spoken(&self.received[self.given..self.given + end]);
            self.given += end;
            whole.extend(sentence);
        }
        whole
    }

    /// The answer is over and this is all of it: what was not given out yet. Where it is not what was streamed, only the streamed rest is given:
    /// twice is worse than less.
    pub(crate) fn finish(&mut self, all: &str) -> Vec<String> {
        let missing = all.strip_prefix(self.received.as_str()).unwrap_or_default().to_owned();
        let mut whole = self.push(&missing);
        whole.extend(self.rest());
        whole
    }

    /// The rest, as it is; for an answer that broke off this is half a sentence.
    pub(crate) fn rest(&mut self) -> Option<String> {
        let rest = spoken(&self.received[self.given..]);
        self.given = self.received.len();
        rest
    }

    /// Longer than is ever spoken.
    pub(crate) const fn is_full(&self) -> bool {
        self.chars >= MAX_CHARS
    }
}

/// Where the first sentence of `text` ends, in bytes; `None` while that is not sure.
fn sentence_end(text: &str) -> Option<usize> {
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let after = at + letter.len_utf8();
        let has_words = text[..at].chars().any(char::is_alphanumeric);
        match letter {
            '\n' if has_words => return Some(after),
            '。' | '！' | '？' if has_words => return Some(after),
            '.' | '!' | '?' | '…' if has_words => {
                let mut end = after;
                while let Some((_, closer)) = letters.next_if(|(_, next)| matches!(next, '"' | '\'' | ')' | '”' | '’' | '.' | '!' | '?'))
                {
                    end += closer.len_utf8();
                }
                let spaced = letters.peek().is_some_and(|(_, next)| next.is_whitespace());
                let dot = letter == '.' && end == after;
                if spaced && !(dot && (is_abbreviation(&text[..at]) || goes_on(&text[end..]))) {
                    return Some(end);
                }
            }
            _ => {}
        }
    }
    (text.chars().count() > LONG).then(|| clause_end(text))
}

/// After a dot a small letter goes on; nothing yet may still be one.
fn goes_on(after: &str) -> bool {
    !after.contains('\n') && after.trim_start().chars().next().is_none_or(char::is_lowercase)
}

/// `Dr`, `J`, `1` before the dot: the sentence goes on.
fn is_abbreviation(before: &str) -> bool {
    let word = before.rsplit(char::is_whitespace).next().unwrap_or_default();
    let starts = before.trim() == word;
    let initial = word.chars().count() == 1 && word.chars().all(char::is_uppercase) && word != "I";
    let numbering = starts && word.chars().all(|letter| letter.is_ascii_digit());
    initial || numbering || ABBREVIATIONS.contains(&word.trim_start_matches('(').to_lowercase().as_str())
}

fn clause_end(text: &str) -> usize {
    let limit = text.char_indices().nth(LONG).map_or(text.len(), |(at, _)| at);
    let head = &text[..limit];
    let comma = head.rfind([',', ';', ':']).filter(|at| *at >= CLAUSE_FROM).map(|at| at + 1);
    comma.or_else(|| head.rfind(' ')).filter(|at| *at > 0).unwrap_or(limit)
}

/// As a voice says it: no marks of a written page, one space between two words; `None` where nothing is left to say.
fn spoken(text: &str) -> Option<String> {
    let plain = text.replace(['*', '`'], "");
    let trimmed = plain.trim_start();
    let body = trimmed.strip_prefix("- ").or_else(|| trimmed.strip_prefix("• ")).unwrap_or_else(|| trimmed.trim_start_matches('#'));
    let words = body.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().any(char::is_alphanumeric).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(pieces: &[&str]) -> Vec<String> {
        let mut sentences = Sentences::default();
        let mut found: Vec<String> = pieces.iter().flat_map(|piece| sentences.push(piece)).collect();
        found.extend(sentences.finish(&pieces.concat()));
        found
    }

    #[test]
    fn a_sentence_is_given_out_as_soon_as_the_next_one_begins() {
        let mut sentences = Sentences::default();
        assert_eq!(sentences.push("Good mor"), Vec::<String>::new());
        assert_eq!(sentences.push("ning."), Vec::<String>::new(), "the dot may be part of a number or a name");
        assert_eq!(sentences.push(" How"), ["Good morning."]);
        assert_eq!(sentences.finish("Good morning. How are you?"), ["How are you?"]);
    }

    #[test]
    fn names_numbers_and_times_do_not_end_a_sentence() {
        assert_eq!(split(&["Dr. Smith is here at 3.30 p.m. today, e.g. now. Come in!"]).len(), 2, "p.m. is followed by a small letter");
        assert_eq!(split(&["It costs 12.50 euros. Fine?"]), ["It costs 12.50 euros.", "Fine?"]);
        assert_eq!(split(&["1. First. 2. Second."]).len(), 2);
    }

    #[test]
    fn marks_of_a_written_page_are_not_spoken() {
        assert_eq!(split(&["## Hours\n- **Monday** to `Friday`.\n\n***\n"]), ["Hours", "Monday to Friday."]);
    }

    #[test]
    fn a_flood_without_an_end_is_cut_at_words_and_bounded() {
        let flood = "word ".repeat(2_000);
        let found = split(&[&flood]);
        assert!(found.iter().all(|part| part.chars().count() <= LONG + 1), "{found:?}");
        assert!(found.iter().map(|part| part.len() + 1).sum::<usize>() <= MAX_CHARS + found.len());
    }

    #[test]
    fn an_end_that_contradicts_the_stream_is_not_said_on_top() {
        let mut sentences = Sentences::default();
        sentences.push("Hello there. And");
        assert_eq!(sentences.finish("Something else entirely."), ["And"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        /// However the stream is cut into pieces, the words are the same and in order.
        #[test]
        fn the_cut_of_the_stream_does_not_change_the_words(text in "[a-zA-Z0-9 .!?,\n\"'äß…]{0,300}", cut in 1usize..7) {
            let letters: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = letters.chunks(cut).map(|piece| piece.iter().collect()).collect();
            let refs: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let words = |found: &[String]| found.join(" ").split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            prop_assert_eq!(words(&split(&refs)).concat(), words(&split(&[&text])).concat());
        }
    }
}
