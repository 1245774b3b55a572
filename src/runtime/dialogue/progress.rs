//! What a turn has so far; kept while it waits for answers from outside.

use super::agent::Talk;
use super::calls::Calls;
use super::choose::Heard;
use super::judge::Judge;
use super::{Dialogue, Reply, TurnFault};
use crate::model::{Millis, TurnId};
use crate::runtime::ask::{ModelAnswer, Question, RetryPolicy};
use crate::runtime::transcript::Note;
use crate::runtime::value::Value;
use std::collections::BTreeSet;

/// One turn under way. It is through once it waits for nothing.
pub(crate) struct Progress {
    pub(crate) turn: TurnId,
    pub(crate) reply: Reply,
    /// Sentences to hand out now.
    pub(crate) speech: Vec<String>,
    /// Questions to hand out now; an answer comes back with its place in this batch.
    pub(crate) wanted: Vec<Wanted>,
    pub(crate) usage: Usage,
    /// What tools behind HTTP did in this turn: it stays, even if the turn is taken back.
    pub(crate) bound: Vec<(String, Value)>,
    pub(crate) notes: Vec<Note>,
    pub(super) waiting: Option<Waiting>,
    pub(super) steps: u32,
    /// Model calls, over all nodes.
    pub(super) rounds: u32,
    /// Every sentence a model has said, folded: none is said twice.
    pub(super) said: BTreeSet<String>,
    /// The caller's first words, where the first node is entered by them.
    pub(super) unheard: Option<Heard>,
    /// First words were said already: a node with a model has nothing to add to them.
    pub(super) greeted: bool,
    /// A failure the turn survived.
    pub(super) fault: Option<TurnFault>,
    /// Where a turn that fails goes back to.
    pub(super) before: Box<Dialogue>,
    pub(super) ends_transfer: bool,
    /// How long the caller has heard nothing, as far as the answers tell.
    quiet: Millis,
    /// Bytes of the reply that were handed out as speech.
    emitted: usize,
}

pub(crate) struct Wanted {
    pub(crate) what: Question,
    pub(crate) deadline: Millis,
    pub(crate) retry: RetryPolicy,
}

/// Sums over the model calls of a turn; all `None` without one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) model: Option<String>,
    pub(crate) tokens: Option<u64>,
    pub(crate) latency: Option<Millis>,
}

/// What the next answer continues.
pub(super) enum Waiting {
    Talk(Talk),
    Calls(Calls),
    /// An action node's tool.
    Action(usize),
    Judge(Judge),
}

impl Progress {
    pub(super) fn new(turn: TurnId, before: Dialogue, ends_transfer: bool) -> Self {
        Self {
            turn,
            reply: Reply::default(),
            speech: Vec::new(),
            wanted: Vec::new(),
            usage: Usage::default(),
            bound: Vec::new(),
            notes: Vec::new(),
            waiting: None,
            steps: 0,
            rounds: 0,
            said: BTreeSet::new(),
            unheard: None,
            greeted: false,
            fault: None,
            before: Box::new(before),
            ends_transfer,
            quiet: Millis(0),
            emitted: 0,
        }
    }

    pub(crate) const fn is_through(&self) -> bool {
        self.waiting.is_none()
    }

    /// The words that were handed out, a prefix of the reply.
    pub(crate) fn spoken(&self) -> &str {
        self.reply.text.get(..self.emitted).unwrap_or_default()
    }

    pub(super) fn append(&mut self, words: &str) {
        let words = words.trim();
        if !self.reply.text.is_empty() && !words.is_empty() {
            self.reply.text.push(' ');
        }
        self.reply.text.push_str(words);
    }

    /// Hands out what was said so far: the turn goes on to wait.
    pub(super) fn flush(&mut self) {
        let words = self.reply.text.get(self.emitted..).unwrap_or_default().trim();
        if !words.is_empty() {
            self.speech.push(words.to_owned());
            self.quiet = Millis(0);
        }
        self.emitted = self.reply.text.len();
    }

    pub(super) fn waited(&mut self, elapsed: Millis) {
        self.quiet = Millis(self.quiet.0.saturating_add(elapsed.0));
    }

    /// How much longer the caller may wait in silence; `None`: not worth asking anybody.
    pub(super) fn patience(&self, most: Millis) -> Option<Millis> {
        let left = most.0.saturating_sub(self.quiet.0);
        (left >= 300).then_some(Millis(left))
    }

    pub(super) fn count(&mut self, answer: &ModelAnswer) {
        self.usage.model = Some(answer.model.clone());
        if let Some(tokens) = answer.tokens {
            self.usage.tokens = Some(self.usage.tokens.unwrap_or(0).saturating_add(tokens));
        }
        self.took(answer.elapsed);
    }

    /// A model call that gave nothing took its time, too.
    pub(super) fn took(&mut self, elapsed: Millis) {
        self.usage.latency = Some(Millis(self.usage.latency.map_or(0, |sum| sum.0).saturating_add(elapsed.0)));
    }

    pub(super) fn want(&mut self, what: Question, deadline: Millis, retry: RetryPolicy) {
        self.wanted.push(Wanted { what, deadline, retry });
    }
}
