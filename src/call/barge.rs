//! Does what the caller says now interrupt what is being spoken? (contract section 6)

use super::playback::Shield;
use crate::model::{CallTime, Millis, VoiceSettings};
use std::time::Duration;

/// What to do about the speech that is playing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Let it play.
    Ignore,
    /// Enough words, not yet long enough: ask again after this.
    Wait(Millis),
    /// Cut it if its shield is at most this.
    Cut(Shield),
}

/// What is known of the caller's voice.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    /// Since when the caller speaks.
    speaking: Option<CallTime>,
    /// The utterance began while we were speaking: it may be our own voice that came back.
    over_us: bool,
    /// The utterance began while the peer held us: whoever speaks does not speak to us.
    on_hold: bool,
    /// How long the last speech was; unknown until one ended.
    spoke_for: Option<Duration>,
    partial: Option<String>,
    /// Partial words that were used because the final ones did not come in time.
    assumed: Option<String>,
    last_cut: Option<CallTime>,
}

impl Hearing {
    pub(crate) fn is_speaking(&self) -> bool {
        self.speaking.is_some()
    }

    pub(crate) fn started(&mut self, now: CallTime, over_us: bool, on_hold: bool) {
        self.speaking = Some(now);
        (self.over_us, self.on_hold) = (over_us, on_hold);
        self.spoke_for = None;
        self.partial = None;
    }

    pub(crate) fn ended(&mut self, now: CallTime) {
        if let Some(since) = self.speaking.take() {
            self.spoke_for = Some(now.since(since));
        }
    }

    pub(crate) fn partial(&mut self, text: &str) {
        self.partial = Some(text.to_owned());
    }

    /// What was heard over our own words and is our own words.
    pub(crate) fn is_echo(&self, text: &str, spoken: &str) -> bool {
        self.over_us && is_echo(text, spoken)
    }

    pub(crate) fn is_on_hold(&self) -> bool {
        self.on_hold
    }

    pub(crate) fn has_partial(&self) -> bool {
        self.partial.is_some()
    }

    /// The final words are here: the partial ones are done with. Returns those that were used in their place.
    pub(crate) fn finalise(&mut self) -> Option<String> {
        self.partial = None;
        self.assumed.take()
    }

    /// The final words did not come: takes the partial ones for them.
    pub(crate) fn assume(&mut self) -> Option<String> {
        let text = self.partial.take()?;
        self.assumed = Some(text.clone());
        Some(text)
    }

    pub(crate) fn forget(&mut self) {
        *self = Self { last_cut: self.last_cut, on_hold: self.on_hold, ..Self::default() };
    }

    pub(crate) fn cut(&mut self, now: CallTime) {
        self.last_cut = Some(now);
    }

    /// Judges the words known so far.
    pub(crate) fn judge_partial(&self, voice: &VoiceSettings, now: CallTime) -> Verdict {
        self.judge(voice, now, self.partial.as_deref().unwrap_or_default())
    }

    pub(crate) fn judge(&self, voice: &VoiceSettings, now: CallTime, text: &str) -> Verdict {
        let words = words(text);
        if holds_any(&words, &voice.interruption_hard_phrases) {
            return Verdict::Cut(Shield::Polite);
        }
        let backoff = Duration::from_millis(u64::from(voice.interruption_backoff_ms.get()));
        if !voice.interruptions_enabled || self.last_cut.is_some_and(|last| now.since(last) < backoff) {
            return Verdict::Ignore;
        }
        if holds_any(&words, &voice.interruption_trigger_phrases) {
            return Verdict::Cut(Shield::Open);
        }
        let wanted_words = voice.interruption_min_words.get() as usize;
        let meant = words.iter().filter(|word| !FILLERS.contains(&word.as_str())).count();
        let nodding = !words.is_empty() && words.iter().all(|word| FILLERS.contains(&word.as_str()) || NODS.contains(&word.as_str()));
        if meant < wanted_words || wanted_words > 0 && nodding {
            return Verdict::Ignore;
        }
        let wanted = Duration::from_millis(u64::from(voice.interruption_min_duration_ms.get()));
        match (self.speaking, self.spoke_for) {
            (Some(since), _) if now.since(since) < wanted => {
                Verdict::Wait(Millis(u64::try_from((wanted - now.since(since)).as_millis()).unwrap_or(u64::MAX)))
            }
            (None, Some(length)) if length < wanted => Verdict::Ignore,
            (Some(_) | None, _) => Verdict::Cut(Shield::Open),
        }
    }
}

/// Sounds of a listener, not words.
const FILLERS: [&str; 20] = [
    "ah", "aha", "ahh", "eh", "er", "erm", "hm", "hmm", "hm-hmm", "huh", "mh", "mhm", "mm", "mm-hm", "mm-hmm", "mmm", "oh", "uh", "uh-huh",
    "um",
];
/// Words of a listener who agrees: alone they ask for nothing, not for silence either.
const NODS: [&str; 10] = ["alright", "good", "great", "i", "ok", "okay", "right", "see", "sure", "yeah"];
/// Fewer words than this may be chance.
const ECHO_WORDS_MIN: usize = 3;

/// Nothing was said: silence, a cough, "uh-huh".
pub(crate) fn says_nothing(text: &str) -> bool {
    words(text).iter().all(|word| FILLERS.contains(&word.as_str()))
}

/// At least three words in a row, and three quarters of all, are what was just spoken.
fn is_echo(text: &str, spoken: &str) -> bool {
    let (heard, ours) = (words(text), words(spoken));
    let run = (0..heard.len())
        .flat_map(|from| (0..ours.len()).map(move |place| (from, place)))
        .map(|(from, place)| heard[from..].iter().zip(&ours[place..]).take_while(|(one, other)| one == other).count())
        .max()
        .unwrap_or(0);
    run >= ECHO_WORDS_MIN && run * 4 >= heard.len() * 3
}

/// Same words, whatever their case and punctuation.
pub(crate) fn same_words(one: &str, other: &str) -> bool {
    words(one) == words(other)
}

/// Whether `text` is what the recogniser made of the same utterance in the end: at least half of its `assumed` words are in it, or it is empty.
pub(crate) fn is_version_of(assumed: &str, text: &str) -> bool {
    let (before, after) = (words(assumed), words(text));
    let kept = before.iter().filter(|word| after.contains(word)).count();
    after.is_empty() || kept * 2 >= before.len()
}

fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric() && letter != '\'' && letter != '-')
        .map(|word| word.trim_matches('-'))
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn holds_any(said: &[String], phrases: &[String]) -> bool {
    phrases.iter().any(|phrase| {
        let wanted = words(phrase);
        !wanted.is_empty() && said.windows(wanted.len()).any(|window| window == wanted)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Bounded;

    const NOW: CallTime = CallTime::from_millis(10_000);

    fn judge(voice: &VoiceSettings, text: &str) -> Verdict {
        Hearing::default().judge(voice, NOW, text)
    }

    #[test]
    fn one_word_does_not_interrupt_and_two_do() {
        let voice = VoiceSettings::default();
        assert_eq!(judge(&voice, "Uh-huh?"), Verdict::Ignore, "one word, however it is written");
        assert_eq!(judge(&voice, " Mhm. "), Verdict::Ignore);
        assert_eq!(judge(&voice, "no, wait"), Verdict::Cut(Shield::Open));
    }

    #[test]
    fn a_listener_who_nods_does_not_interrupt() {
        let voice = VoiceSettings::default();
        for nod in ["Mm-hmm. Uh-huh.", "okay, great", "I see.", "yeah yeah right", "um, oh"] {
            assert_eq!(judge(&voice, nod), Verdict::Ignore, "{nod}");
        }
        assert_eq!(judge(&voice, "okay, stop"), Verdict::Cut(Shield::Open));
        assert_eq!(judge(&voice, "um, no, wait"), Verdict::Cut(Shield::Open));
        assert!(says_nothing("Uh-huh.") && says_nothing("") && !says_nothing("yes"));
    }

    #[test]
    fn our_own_words_are_known_again_and_an_answer_made_of_a_few_of_them_is_not_mistaken() {
        let ours = "Shall I put you through to billing, or to technical support?";
        assert!(is_echo("put you through to billing", ours));
        assert!(is_echo("I put you true to billing or to technical", "I put you true to billing or to technical support"));
        assert!(!is_echo("to billing", ours), "two words are an answer");
        assert!(!is_echo("to technical support I guess please", ours));
        assert!(!is_echo("", ours) && !is_echo("one two three", ""));
    }

    #[test]
    fn phrases_match_whole_words_whatever_the_case() {
        let voice = VoiceSettings {
            interruption_trigger_phrases: vec!["Stop".to_owned()],
            interruption_hard_phrases: vec!["let me speak".to_owned()],
            ..VoiceSettings::default()
        };
        assert_eq!(judge(&voice, "STOP!"), Verdict::Cut(Shield::Open));
        assert_eq!(judge(&voice, "stopping"), Verdict::Ignore);
        assert_eq!(judge(&voice, "please, let me speak"), Verdict::Cut(Shield::Polite));
        let off = VoiceSettings { interruptions_enabled: false, ..voice };
        assert_eq!(judge(&off, "stop it now"), Verdict::Ignore);
        assert_eq!(judge(&off, "let me speak"), Verdict::Cut(Shield::Polite));
    }

    #[test]
    fn speech_must_last_and_a_second_cut_must_wait() {
        let voice = VoiceSettings { interruption_min_duration_ms: Bounded::of(500), ..VoiceSettings::default() };
        let mut hearing = Hearing::default();
        hearing.started(CallTime::from_millis(9_800), true, false);
        assert_eq!(hearing.judge(&voice, NOW, "no wait"), Verdict::Wait(Millis(300)));
        assert_eq!(hearing.judge(&voice, CallTime::from_millis(10_300), "no wait"), Verdict::Cut(Shield::Open));
        hearing.cut(CallTime::from_millis(10_300));
        assert_eq!(hearing.judge(&voice, CallTime::from_millis(11_299), "no wait"), Verdict::Ignore);
        assert_eq!(hearing.judge(&voice, CallTime::from_millis(11_300), "no wait"), Verdict::Cut(Shield::Open));
    }
}
