//! Are these the caller's words? Whisper writes something for every sound; this module says what not to believe.

/// What one decoding gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decoded {
    pub(super) text: String,
    /// How sure the network is that this was no speech, 0 to 1.
    pub(super) no_speech: f32,
    /// Mean natural logarithm of the probability of its tokens.
    pub(super) log_probability: f32,
}

/// The circumstances.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sound {
    /// Length of the utterance with its pauses.
    pub(super) seconds: f32,
    /// Level, dB below full scale.
    pub(super) level_db: f32,
}

/// Faster than anybody speaks.
const WORDS_PER_SECOND: f32 = 5.0;
/// What whisper writes for breath, hum and silence.
const INVENTED: [&str; 7] = ["you", "thank you", "thanks", "thanks for watching", "bye", "the end", "so"];
const SHORT: f32 = 1.6;
const QUIET_DB: f32 = -42.0;

/// True where the text says the same thing over and over, or says too much: decode again with the whole context.
pub(super) fn is_looping(text: &str, seconds: f32) -> bool {
    let words: Vec<String> = text.split_whitespace().map(plain).collect();
    let rate_words = u16::try_from(words.len()).unwrap_or(u16::MAX);
    if words.len() > 4 && f32::from(rate_words) > WORDS_PER_SECOND * seconds {
        return true;
    }
    (3..=words.len() / 2).any(|length| words.windows(2 * length).any(|window| window[..length] == window[length..]))
}

/// One round of a text that is nothing but rounds of the same words, spoken faster than anybody can: then the network looped and the caller
/// said it once. A caller who says a thing twice takes the time to; that is decoded again instead.
pub(super) fn without_loop(text: &str, seconds: f32) -> Option<String> {
    let written: Vec<&str> = text.split_whitespace().collect();
    let words: Vec<String> = written.iter().map(|word| plain(word)).collect();
    let rate = |count: usize| f32::from(u16::try_from(count).unwrap_or(u16::MAX)) / seconds.max(0.1);
    let round = (3..=words.len() / 2).find(|round| words.iter().zip(words.iter().skip(*round)).all(|(word, later)| word == later))?;
    (rate(2 * round) > WORDS_PER_SECOND && rate(round) <= WORDS_PER_SECOND).then(|| written[..round].join(" "))
}

/// The words, or nothing where they are not to be believed.
pub(super) fn believed(decoded: &Decoded, sound: Sound) -> Option<String> {
    let text = without_remarks(&decoded.text);
    if !text.chars().any(char::is_alphanumeric) {
        return None;
    }
    if decoded.log_probability < -1.3 || decoded.no_speech > 0.6 && decoded.log_probability < -0.8 {
        return None;
    }
    let words = plain(&text);
    let doubtful = sound.level_db < QUIET_DB || decoded.no_speech > 0.4 || decoded.log_probability < -0.8;
    if sound.seconds < SHORT && doubtful && INVENTED.contains(&words.as_str()) {
        return None;
    }
    Some(text)
}

/// Without `[BLANK_AUDIO]`, `(music)`, `*coughs*` and notes.
fn without_remarks(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut closing = None;
    for letter in text.chars() {
        match (closing, letter) {
            (Some(end), letter) if letter == end => closing = None,
            (Some(_), _) | (None, '♪' | '♫') => {}
            (None, '[') => closing = Some(']'),
            (None, '(') => closing = Some(')'),
            (None, '*') => closing = Some('*'),
            (None, letter) => kept.push(letter),
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn plain(text: &str) -> String {
    let letters: String = text.chars().filter(|letter| letter.is_alphanumeric() || letter.is_whitespace() || *letter == '\'').collect();
    letters.trim().to_lowercase()
}

/// Mean token probability in thousandths.
pub(super) fn confidence_permille(log_probability: f32) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000")]
    let permille = (log_probability.exp() * 1_000.0).clamp(0.0, 1_000.0) as u16;
    permille
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLEAR: Sound = Sound { seconds: 2.0, level_db: -20.0 };

    fn sure(text: &str) -> Decoded {
        Decoded { text: text.to_owned(), no_speech: 0.02, log_probability: -0.1 }
    }

    #[test]
    fn a_loop_is_noticed_and_a_repeated_word_is_not() {
        assert!(is_looping("I want to go I want to go I want to go", 4.0));
        assert!(!is_looping("no no I want to go home", 4.0));
        assert!(is_looping("one two three four five six seven eight nine ten", 1.9));
        assert!(!is_looping("yes please", 0.4));
    }

    #[test]
    fn a_loop_faster_than_speech_is_cut_to_one_round_and_a_caller_who_repeats_is_not() {
        let looped = "Are you open on Saturday? Are you open on Saturday? Are you open";
        assert_eq!(without_loop(looped, 1.8).as_deref(), Some("Are you open on Saturday?"));
        assert_eq!(without_loop(looped, 6.0), None, "there was time to say it twice");
        assert_eq!(without_loop("Are you open on Saturday? I am free on Saturday.", 1.0), None);
        assert_eq!(without_loop("", 0.0), None);
    }

    #[test]
    fn a_caller_who_says_thank_you_is_believed_and_a_breath_is_not() {
        assert_eq!(believed(&sure("Thank you."), CLEAR).as_deref(), Some("Thank you."));
        assert!(believed(&sure("Thank you."), Sound { seconds: 0.9, ..CLEAR }).is_some());
        let breath = Sound { seconds: 0.9, level_db: -50.0 };
        assert_eq!(believed(&sure("you"), breath), None);
        let doubtful = Decoded { no_speech: 0.5, ..sure("Thank you.") };
        assert_eq!(believed(&doubtful, Sound { seconds: 0.9, level_db: -20.0 }), None);
    }

    #[test]
    fn remarks_and_guesses_are_no_words() {
        assert_eq!(believed(&sure("[BLANK_AUDIO]"), CLEAR), None);
        assert_eq!(believed(&sure("(beeping) ♪♪ *coughs*"), CLEAR), None);
        assert_eq!(believed(&sure("(sighs) Yes,  please."), CLEAR).as_deref(), Some("Yes, please."));
        assert_eq!(believed(&Decoded { log_probability: -1.5, ..sure("Beep beep") }, CLEAR), None);
        assert_eq!(believed(&Decoded { no_speech: 0.9, log_probability: -0.9, ..sure("hello") }, CLEAR), None);
    }

    #[test]
    fn confidence_is_the_mean_probability() {
        assert_eq!(confidence_permille(0.0), 1_000);
        assert_eq!(confidence_permille(0.5_f32.ln()), 500);
        assert_eq!(confidence_permille(f32::NEG_INFINITY), 0);
    }
}
