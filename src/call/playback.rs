//! What is being spoken, utterance by utterance, and how much of it was heard.
//!
//! Reports carry the utterance's id, so cutting one can neither touch the next nor let the last one play on.

use crate::model::{CallTime, PlaybackReport, TurnId, UtteranceId};
use std::collections::VecDeque;
use std::time::Duration;

/// Utterances ordered and not yet reported. When full: the words are dropped, with a notice, and their turn is told what was heard.
pub(crate) const UTTERANCES_MAX: usize = 64;
/// Failures in a row after which speech counts as gone.
const FAILURES_MAX: u32 = 3;
/// Turns of which the heard words are remembered: the one that speaks and those cut before their reports came.
const TURNS_REMEMBERED: usize = 8;
/// Pace of speech where the length of an utterance is not known: 2.5 words a second.
const MILLIS_A_WORD: u64 = 400;

/// What may cut an utterance; each level includes the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shield {
    /// Any interruption, or a key.
    Open,
    /// Hard phrases only.
    Polite,
    /// Nothing but the end of the call: disclosure, last words, the words before a transfer.
    Whole,
}

#[derive(Debug)]
struct Utterance {
    id: UtteranceId,
    turn: Option<TurnId>,
    text: String,
    shield: Shield,
    started: Option<CallTime>,
    /// Ordered to stop and not yet reported: the caller does not hear it, the report is still owed.
    cut: bool,
    /// Cut by a voice of which no words are known: it may go on.
    suspended: bool,
}

/// What an interruption cut that may prove to be none.
#[derive(Debug)]
struct Suspended {
    turn: Option<TurnId>,
    heard: String,
    rest: String,
    shield: Shield,
}

/// Words to be said after all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rest {
    pub(crate) turn: Option<TurnId>,
    pub(crate) text: String,
    pub(crate) shield: Shield,
}

#[derive(Debug)]
struct Heard {
    turn: TurnId,
    text: String,
    /// Some of its words were not heard: a fact about the past, reported once.
    broken: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Player {
    queue: VecDeque<Utterance>,
    heard: VecDeque<Heard>,
    suspended: Vec<Suspended>,
    failures: u32,
}

impl Player {
    /// False when the queue is full.
    pub(crate) fn queue(&mut self, id: UtteranceId, turn: Option<TurnId>, text: &str, shield: Shield) -> bool {
        if self.queue.len() >= UTTERANCES_MAX {
            self.note(turn, "", true);
            return false;
        }
        self.note(turn, "", false);
        self.queue.push_back(Utterance { id, turn, text: text.to_owned(), shield, started: None, cut: false, suspended: false });
        true
    }

    /// The oldest utterance that is not reported, and whether it was cut.
    pub(crate) fn front(&self) -> Option<(UtteranceId, bool)> {
        self.queue.front().map(|utterance| (utterance.id, utterance.cut))
    }

    pub(crate) fn owns(&self, id: UtteranceId) -> bool {
        self.queue.iter().any(|utterance| utterance.id == id)
    }

    /// Nothing is left to hear.
    pub(crate) fn is_quiet(&self) -> bool {
        self.queue.iter().all(|utterance| utterance.cut)
    }

    pub(crate) fn is_speaking_for(&self, turn: TurnId) -> bool {
        self.queue.iter().any(|utterance| !utterance.cut && utterance.turn == Some(turn))
    }

    /// Speech failed too often in a row to go on with it.
    pub(crate) fn is_broken(&self) -> bool {
        self.failures >= FAILURES_MAX
    }

    /// Every utterance is reported.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// What is queued now can only be cut by the end of the call.
    pub(crate) fn protect(&mut self) {
        for utterance in &mut self.queue {
            utterance.shield = Shield::Whole;
        }
    }

    /// Cuts what is heard now and what queues behind it of the same turn; nothing if its shield is above `reach`.
    pub(crate) fn interrupt(&mut self, reach: Shield) -> Vec<UtteranceId> {
        let Some(audible) = self.queue.iter().find(|utterance| !utterance.cut) else { return Vec::new() };
        if audible.shield > reach {
            return Vec::new();
        }
        let (id, turn) = (audible.id, audible.turn);
        self.cut_where(|utterance| utterance.id == id || (turn.is_some() && utterance.turn == turn && utterance.shield <= reach))
    }

    /// These cuts wait for what the caller says.
    pub(crate) fn suspend(&mut self, cut: &[UtteranceId]) {
        for utterance in self.queue.iter_mut().filter(|utterance| cut.contains(&utterance.id)) {
            utterance.suspended = true;
        }
    }

    pub(crate) fn is_suspended(&self) -> bool {
        !self.suspended.is_empty() || self.queue.iter().any(|utterance| utterance.suspended)
    }

    /// The interruption was meant: what was cut stays cut.
    pub(crate) fn confirm(&mut self) {
        for Suspended { turn, heard, rest, .. } in std::mem::take(&mut self.suspended) {
            self.note(turn, &heard, !rest.is_empty());
        }
        for utterance in &mut self.queue {
            utterance.suspended = false;
        }
    }

    /// The interruption was none: the words that were not heard. `None` while a report of what was heard is owed.
    pub(crate) fn take_back(&mut self) -> Option<Vec<Rest>> {
        if self.suspended.is_empty() || self.queue.iter().any(|utterance| utterance.suspended) {
            return None;
        }
        let mut rests = Vec::new();
        for Suspended { turn, heard, rest, shield } in std::mem::take(&mut self.suspended) {
            self.note(turn, &heard, false);
            rests.push(Rest { turn, text: rest, shield });
        }
        Some(rests)
    }

    /// What the caller hears now or is about to.
    pub(crate) fn audible(&self) -> impl Iterator<Item = &str> {
        self.queue.iter().filter(|utterance| utterance.started.is_some()).map(|utterance| utterance.text.as_str())
    }

    pub(crate) fn cut_all(&mut self) -> Vec<UtteranceId> {
        self.cut_where(|_| true)
    }

    fn cut_where(&mut self, wanted: impl Fn(&Utterance) -> bool) -> Vec<UtteranceId> {
        let mut cut = Vec::new();
        for utterance in self.queue.iter_mut().filter(|utterance| !utterance.cut) {
            if wanted(utterance) {
                utterance.cut = true;
                cut.push(utterance.id);
            }
        }
        cut
    }

    pub(crate) fn started(&mut self, id: UtteranceId, now: CallTime) -> bool {
        let Some(utterance) = self.queue.iter_mut().find(|utterance| utterance.id == id) else { return false };
        utterance.started.get_or_insert(now);
        true
    }

    pub(crate) fn ended(&mut self, id: UtteranceId, report: PlaybackReport) -> bool {
        let Some(utterance) = self.take(id) else { return false };
        self.failures = 0;
        let heard = heard_words(&utterance.text, report);
        self.settle(utterance, heard);
        true
    }

    pub(crate) fn failed(&mut self, id: UtteranceId) -> bool {
        let Some(utterance) = self.take(id) else { return false };
        if !utterance.cut {
            self.failures = self.failures.saturating_add(1);
        }
        self.settle(utterance, String::new());
        true
    }

    /// Its report will not come: what was heard is told from the time it played.
    pub(crate) fn lost(&mut self, id: UtteranceId, now: CallTime) {
        let Some(utterance) = self.take(id) else { return };
        let played = utterance.started.map_or(Duration::ZERO, |started| now.since(started));
        let words = u64::try_from(played.as_millis()).unwrap_or(u64::MAX) / MILLIS_A_WORD;
        let heard = first_words(&utterance.text, words);
        self.settle(utterance, heard);
    }

    fn settle(&mut self, utterance: Utterance, heard: String) {
        let rest = unheard_words(&utterance.text, &heard);
        if utterance.suspended {
            self.suspended.push(Suspended { turn: utterance.turn, heard, rest, shield: utterance.shield });
        } else {
            self.note(utterance.turn, &heard, !rest.is_empty());
        }
    }

    /// The heard words of a turn that was broken off, says nothing more (it is not `open`), and whose every utterance is accounted for.
    pub(crate) fn take_heard(&mut self, open: Option<TurnId>) -> Option<(TurnId, String)> {
        let is_over = |heard: &Heard| {
            let turn = Some(heard.turn);
            let owed = self.queue.iter().any(|utterance| utterance.turn == turn) || self.suspended.iter().any(|cut| cut.turn == turn);
            open != turn && !owed
        };
        let place = self.heard.iter().position(|heard| heard.broken && is_over(heard))?;
        self.heard.remove(place).map(|heard| (heard.turn, heard.text))
    }

    fn take(&mut self, id: UtteranceId) -> Option<Utterance> {
        let place = self.queue.iter().position(|utterance| utterance.id == id)?;
        self.queue.remove(place)
    }

    fn note(&mut self, turn: Option<TurnId>, words: &str, broken: bool) {
        let Some(turn) = turn else { return };
        let known = self.heard.iter().position(|heard| heard.turn == turn);
        let place = known.unwrap_or_else(|| {
            if self.heard.len() >= TURNS_REMEMBERED {
                self.heard.pop_front();
            }
            self.heard.push_back(Heard { turn, text: String::new(), broken: false });
            self.heard.len() - 1
        });
        let heard = &mut self.heard[place];
        if !words.is_empty() {
            if !heard.text.is_empty() {
                heard.text.push(' ');
            }
            heard.text.push_str(words);
        }
        heard.broken |= broken;
    }
}

/// The words really heard: all of them, or the share of them that the audio had.
fn heard_words(text: &str, report: PlaybackReport) -> String {
    if !report.cut {
        return text.to_owned();
    }
    let words = text.split_whitespace().count() as u64;
    match report.total {
        Some(total) if total.0 > 0 && report.heard >= total => text.to_owned(),
        Some(total) if total.0 > 0 => first_words(text, words.saturating_mul(report.heard.0) / total.0),
        Some(_) | None => first_words(text, report.heard.0 / MILLIS_A_WORD),
    }
}

/// What is left after the heard words.
fn unheard_words(text: &str, heard: &str) -> String {
    text.split_whitespace().skip(heard.split_whitespace().count()).collect::<Vec<_>>().join(" ")
}

fn first_words(text: &str, count: u64) -> String {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    text.split_whitespace().take(count).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Millis;

    const TURN: TurnId = TurnId(4);

    fn cut(heard: u64, total: Option<u64>) -> PlaybackReport {
        PlaybackReport { heard: Millis(heard), total: total.map(Millis), cut: true }
    }

    fn queued(texts: &[(u32, &str, Shield)]) -> Player {
        let mut player = Player::default();
        for (id, text, shield) in texts {
            assert!(player.queue(UtteranceId(*id), Some(TURN), text, *shield));
        }
        player
    }

    #[test]
    fn the_heard_words_are_the_share_of_the_audio_that_left() {
        assert_eq!(heard_words("one two three four", cut(500, Some(1_000))), "one two");
        assert_eq!(heard_words("one two three four", cut(999, Some(1_000))), "one two three");
        assert_eq!(heard_words("one two three four", cut(1_000, Some(1_000))), "one two three four");
        assert_eq!(heard_words("one two three four", cut(900, None)), "one two");
        assert_eq!(heard_words("one two", cut(0, Some(0))), "");
    }

    #[test]
    fn an_interrupted_turn_is_reported_once_after_all_its_reports() {
        let mut player =
            queued(&[(0, "first sentence.", Shield::Open), (1, "second one here.", Shield::Open), (2, "third.", Shield::Open)]);
        assert!(player.ended(UtteranceId(0), PlaybackReport { heard: Millis(700), total: Some(Millis(700)), cut: false }));
        assert_eq!(player.interrupt(Shield::Open), [UtteranceId(1), UtteranceId(2)]);
        assert!(player.ended(UtteranceId(1), cut(400, Some(1_200))));
        assert_eq!(player.take_heard(None), None, "one report is still owed");
        assert!(player.ended(UtteranceId(2), cut(0, None)));
        assert_eq!(player.take_heard(None), Some((TURN, "first sentence. second".to_owned())));
        assert_eq!(player.take_heard(None), None);
    }

    #[test]
    fn a_cut_that_is_taken_back_gives_the_unheard_words_once_its_reports_are_there() {
        let mut player = queued(&[(0, "One two three four.", Shield::Open), (1, "Five six.", Shield::Open)]);
        let ids = player.interrupt(Shield::Open);
        player.suspend(&ids);
        assert!(player.is_suspended());
        assert!(player.ended(UtteranceId(0), cut(500, Some(1_000))));
        assert_eq!((player.take_back(), player.take_heard(None)), (None, None), "a report is owed");
        assert!(player.ended(UtteranceId(1), cut(0, None)));
        let rest = |text: &str| Rest { turn: Some(TURN), text: text.to_owned(), shield: Shield::Open };
        assert_eq!(player.take_back(), Some(vec![rest("three four."), rest("Five six.")]));
        assert!(!player.is_suspended());
        assert_eq!(player.take_heard(None), None, "nothing was broken off in the end");
    }

    #[test]
    fn a_cut_that_is_confirmed_is_reported_like_any_other() {
        let mut player = queued(&[(0, "One two three four.", Shield::Open)]);
        let ids = player.interrupt(Shield::Open);
        player.suspend(&ids);
        assert!(player.ended(UtteranceId(0), cut(500, Some(1_000))));
        player.confirm();
        assert_eq!(player.take_back(), None);
        assert_eq!(player.take_heard(None), Some((TURN, "One two".to_owned())));
    }

    #[test]
    fn a_shield_in_front_protects_what_queues_behind_it() {
        let mut player = queued(&[(0, "recorded line", Shield::Whole), (1, "hello", Shield::Open)]);
        assert_eq!(player.interrupt(Shield::Polite), []);
        assert!(!player.is_quiet());
    }

    #[test]
    fn the_queue_is_bounded() {
        let mut player = Player::default();
        for id in 0..UTTERANCES_MAX {
            assert!(player.queue(UtteranceId(id as u32), Some(TURN), "word", Shield::Open));
        }
        assert!(!player.queue(UtteranceId(9_999), Some(TURN), "word", Shield::Open));
        assert_eq!(player.len(), UTTERANCES_MAX);
    }
}
