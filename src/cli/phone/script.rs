//! What the person at the phone does next: the steps of a transcript on a live call. Pure; told the time.
//!
//! Words and keys wait for their turn: the other side has spoken since our last input and is silent now. Both halves of that wait have a
//! bound, so that a mute worker and an endless one cannot hold the script up.

use super::level::Edge;
use crate::model::{Digit, Millis, WorkerTime};
use crate::replay::transcript::Step;
use std::collections::VecDeque;

/// How long an answer is waited for before we go on all the same.
const ANSWER_PATIENCE: Millis = Millis::from_secs(12);
/// How long one speech of the other side may last before we speak over it.
const SPEECH_PATIENCE: Millis = Millis::from_secs(60);
/// How long a key is held.
pub(crate) const KEY_HELD: Millis = Millis(120);
/// From one key to the next.
const KEY_EVERY: Millis = Millis(240);

/// What is to be done now.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Act {
    Say(String),
    Press(Vec<Digit>),
    HangUp,
    /// An expectation: a phone cannot check one.
    Skip,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    up: bool,
    /// The other side.
    speaking: bool,
    /// It spoke since our last input.
    spoke: bool,
    /// Of our last input, or of the answer; later the beginning of the other side's speech.
    since: WorkerTime,
    saying: bool,
    pause_until: Option<WorkerTime>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        let steps = steps.into_iter().collect();
        Self { steps, up: false, speaking: false, spoke: false, since: WorkerTime::ZERO, saying: false, pause_until: None }
    }

    /// The call is up.
    pub(crate) fn answered(&mut self, at: WorkerTime) {
        self.up = true;
        self.since = at;
    }

    /// What our ear says of the other side.
    pub(crate) fn heard(&mut self, at: WorkerTime, edge: Edge) {
        self.speaking = edge == Edge::Speaks;
        if self.speaking && !self.saying {
            self.spoke = true;
            self.since = at;
        }
    }

    /// The words of the last `Say` are out (or could not be said).
    pub(crate) fn said(&mut self, at: WorkerTime) {
        self.saying = false;
        self.since = at;
        // Whoever began under our last word is answering us.
        self.spoke = self.speaking;
    }

    /// Steps not begun yet.
    pub(crate) fn left(&self) -> usize {
        self.steps.len()
    }

    /// The next thing to do, if it is time for it.
    pub(crate) fn poll(&mut self, at: WorkerTime) -> Option<Act> {
        if !self.up || self.saying || self.pause_until.is_some_and(|until| at < until) {
            return None;
        }
        self.pause_until = None;
        match self.steps.front()? {
            Step::Caller(_) | Step::Dtmf(_) if !self.our_turn(at) => None,
            Step::Caller(_) | Step::Over(_) | Step::Dtmf(_) | Step::Pause(_) | Step::Hangup | Step::Expect(_) => {
                let step = self.steps.pop_front()?;
                self.begin(at, step)
            }
        }
    }

    /// When to poll again if nothing happens before.
    pub(crate) fn next_deadline(&self) -> Option<WorkerTime> {
        if !self.up || self.saying || self.steps.is_empty() {
            return None;
        }
        self.pause_until.or_else(|| Some(self.patience_ends()))
    }

    fn begin(&mut self, at: WorkerTime, step: Step) -> Option<Act> {
        match step {
            Step::Caller(words) | Step::Over(words) => {
                self.saying = true;
                self.spoke = false;
                self.since = at;
                Some(Act::Say(words))
            }
            Step::Dtmf(keys) => {
                self.spoke = false;
                let span = Millis(KEY_EVERY.0 * keys.len() as u64);
                self.since = at.after(span);
                self.pause_until = Some(at.after(span));
                Some(Act::Press(keys))
            }
            Step::Pause(span) => {
                self.pause_until = Some(at.after(span));
                None
            }
            Step::Hangup => {
                self.steps.clear();
                Some(Act::HangUp)
            }
            Step::Expect(_) => Some(Act::Skip),
        }
    }

    fn our_turn(&self, at: WorkerTime) -> bool {
        (self.spoke && !self.speaking) || at >= self.patience_ends()
    }

    fn patience_ends(&self) -> WorkerTime {
        self.since.after(if self.speaking { SPEECH_PATIENCE } else { ANSWER_PATIENCE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::transcript::parse;

    fn at(millis: u64) -> WorkerTime {
        WorkerTime::from_millis(millis)
    }

    fn script(text: &str) -> Script {
        let mut script = Script::new(parse(text).unwrap().into_iter().map(|(_, step)| step));
        assert_eq!(script.poll(at(0)), None, "nothing happens before the answer");
        script.answered(at(0));
        script
    }

    fn say(words: &str) -> Option<Act> {
        Some(Act::Say(words.to_owned()))
    }

    #[test]
    fn words_and_keys_wait_until_the_other_side_has_spoken_and_is_silent() {
        let mut script = script("{\"dtmf\": \"12#\"}\n{\"caller\": \"yes\"}\n{\"hangup\": true}");
        assert_eq!(script.poll(at(500)), None);
        script.heard(at(600), Edge::Speaks);
        assert_eq!(script.poll(at(600)), None);
        script.heard(at(3_000), Edge::Quiet);
        assert!(matches!(script.poll(at(3_000)), Some(Act::Press(keys)) if keys.len() == 3));
        assert_eq!(script.poll(at(3_000)), None, "one input, one answer");
        script.heard(at(4_000), Edge::Speaks);
        assert_eq!(script.poll(at(4_500)), None);
        script.heard(at(6_000), Edge::Quiet);
        assert_eq!(script.poll(at(6_000)), say("yes"));
        assert_eq!(script.poll(at(6_100)), None, "still saying it");
        script.said(at(6_900));
        assert_eq!(script.poll(at(6_900)), Some(Act::HangUp));
        assert_eq!((script.poll(at(7_000)), script.left(), script.next_deadline()), (None, 0, None));
    }

    #[test]
    fn over_waits_for_nobody_and_a_pause_for_its_time() {
        let mut script = script("{\"caller\": \"stop\", \"over\": true}\n{\"pause_ms\": 500}\n{\"hangup\": true}");
        script.heard(at(100), Edge::Speaks);
        assert_eq!(script.poll(at(100)), say("stop"));
        script.said(at(900));
        assert_eq!(script.poll(at(900)), None);
        assert_eq!(script.next_deadline(), Some(at(1_400)));
        assert_eq!(script.poll(at(1_399)), None);
        assert_eq!(script.poll(at(1_400)), Some(Act::HangUp));
    }

    #[test]
    fn a_mute_worker_and_an_endless_one_do_not_hold_the_script_up() {
        let mut script = script("{\"caller\": \"hello?\"}\n{\"caller\": \"I will speak now\"}\n{\"expect\": {\"live\": true}}");
        assert_eq!(script.next_deadline(), Some(at(12_000)));
        assert_eq!(script.poll(at(11_999)), None);
        assert_eq!(script.poll(at(12_000)), say("hello?"));
        script.said(at(13_000));
        script.heard(at(14_000), Edge::Speaks);
        assert_eq!(script.poll(at(73_999)), None);
        assert_eq!(script.next_deadline(), Some(at(74_000)));
        assert_eq!(script.poll(at(74_000)), say("I will speak now"));
        script.said(at(75_000));
        assert_eq!(script.poll(at(75_000)), Some(Act::Skip));
    }

    #[test]
    fn who_begins_under_our_last_word_is_answering_us() {
        let mut script = script("{\"caller\": \"one\", \"over\": true}\n{\"caller\": \"two\"}");
        assert_eq!(script.poll(at(0)), say("one"));
        script.heard(at(500), Edge::Speaks);
        script.said(at(600));
        assert_eq!(script.poll(at(600)), None);
        script.heard(at(2_000), Edge::Quiet);
        assert_eq!(script.poll(at(2_000)), say("two"));
    }
}
