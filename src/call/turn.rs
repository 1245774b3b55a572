//! The turn loop's parts: the turn that is computed, and the inputs that wait for theirs.

use super::barge;
use super::core::Core;
use super::playback::Shield;
use super::timers::TimerKind;
use crate::model::{Notice, Redacted, TurnId, TurnInput};
use std::collections::VecDeque;

/// Inputs that wait. When full, the newest is dropped with a notice: what was said first is answered first.
pub(crate) const INPUTS_MAX: usize = 16;
/// Characters that consecutive words of the caller may merge to.
const SAID_MAX: usize = 4_000;
/// Early sentences a turn may speak; what comes after waits for its end.
const EARLY_MAX: usize = 256;

#[derive(Debug)]
pub(crate) enum TurnLoop {
    Idle,
    Thinking(Thinking),
}

/// One turn that the runtime computes.
#[derive(Debug)]
pub(crate) struct Thinking {
    pub(crate) turn: TurnId,
    pub(crate) input: TurnInput,
    early: Vec<String>,
    shield: Shield,
    /// A key cut its first sentences: the rest is not spoken, but its answer still tunes the keypad. Not a state: the turn runs on the same.
    muted: bool,
}

impl Thinking {
    pub(crate) fn start(input: TurnInput, shield: Shield, core: &mut Core) -> Self {
        Self::adopt(core.run_turn(input.clone()), input, shield)
    }

    /// A turn that was asked for already.
    pub(crate) fn adopt(turn: TurnId, input: TurnInput, shield: Shield) -> Self {
        Self { turn, input, early: Vec::new(), shield, muted: false }
    }

    pub(crate) fn mute(&mut self) {
        self.muted = true;
    }

    /// It answers the caller's words `said`.
    pub(crate) fn answers(&self, said: &str) -> bool {
        matches!(&self.input, TurnInput::Said { text } if barge::same_words(text.expose(), said))
    }

    /// Nothing of it was spoken yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.early.is_empty()
    }

    /// An early sentence: spoken at once; the wait starts anew.
    pub(crate) fn speak(&mut self, text: &str, core: &mut Core) {
        core.arm(TimerKind::Turn, core.settings.deadlines.turn);
        if self.early.len() >= EARLY_MAX {
            return;
        }
        if !self.muted {
            core.say(Some(self.turn), text, self.shield);
        }
        self.early.push(text.trim().to_owned());
    }

    /// The turn is closed by its whole text: says what was not said yet.
    pub(crate) fn close(self, text: &str, core: &mut Core) {
        if !self.muted {
            core.say(Some(self.turn), unspoken(text, &self.early), self.shield);
        }
        core.close_turn();
    }

    /// Its answer is not wanted any more.
    pub(crate) fn cancel(self, core: &mut Core) {
        core.cancel_turn(self.turn);
    }
}

impl TurnLoop {
    pub(crate) fn is_idle(&self) -> bool {
        match self {
            Self::Idle => true,
            Self::Thinking(_) => false,
        }
    }

    pub(crate) fn cancel(&mut self, core: &mut Core) {
        if let Self::Thinking(thinking) = std::mem::replace(self, Self::Idle) {
            thinking.cancel(core);
        }
    }

    /// The turn that is computed, if it is this one; else the answer is stale.
    pub(crate) fn take(&mut self, turn: TurnId) -> Option<Thinking> {
        match std::mem::replace(self, Self::Idle) {
            Self::Thinking(thinking) if thinking.turn == turn => Some(thinking),
            current @ (Self::Thinking(_) | Self::Idle) => {
                *self = current;
                None
            }
        }
    }
}

/// What is left of `text` after the sentences spoken early. Where they are not its beginning nothing more is said: twice is worse than less.
fn unspoken<'a>(text: &'a str, early: &[String]) -> &'a str {
    let mut rest = text.trim_start();
    for sentence in early {
        match rest.strip_prefix(sentence.as_str()) {
            Some(after) => rest = after.trim_start(),
            None => return "",
        }
    }
    rest
}

/// What came while no turn could take it, in order.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    queue: VecDeque<TurnInput>,
}

impl Inputs {
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn next(&mut self) -> Option<TurnInput> {
        self.queue.pop_front()
    }

    /// Words of the caller; they join the ones before them.
    pub(crate) fn said(&mut self, text: &str, core: &mut Core) {
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        if let Some(TurnInput::Said { text: before }) = self.queue.back_mut() {
            if before.expose().len() + text.len() >= SAID_MAX {
                core.notify(Notice::InputsDropped { count: 1 });
                return;
            }
            *before = Redacted::new(format!("{} {text}", before.expose()));
            return;
        }
        self.push(TurnInput::Said { text: Redacted::new(text.chars().take(SAID_MAX).collect()) }, core);
    }

    pub(crate) fn push(&mut self, input: TurnInput, core: &mut Core) {
        if self.queue.len() >= INPUTS_MAX {
            core.notify(Notice::InputsDropped { count: 1 });
            return;
        }
        self.queue.push_back(input);
    }

    /// Ahead of everything kept: the news of a transfer. When full the last one makes room.
    pub(crate) fn push_first(&mut self, input: TurnInput, core: &mut Core) {
        if self.queue.len() >= INPUTS_MAX {
            self.queue.pop_back();
            core.notify(Notice::InputsDropped { count: 1 });
        }
        self.queue.push_front(input);
    }

    /// Partial words were taken for final ones and still wait: the final ones take their place. False if they are gone already.
    pub(crate) fn correct(&mut self, assumed: &str, text: &str) -> bool {
        match self.queue.back_mut() {
            Some(TurnInput::Said { text: last }) if barge::same_words(last.expose(), assumed) => {
                *last = Redacted::new(text.trim().to_owned());
                true
            }
            Some(_) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Command;

    #[test]
    fn what_was_spoken_early_is_not_spoken_again() {
        let early = ["Hello there.".to_owned(), "How are you?".to_owned()];
        assert_eq!(unspoken("Hello there. How are you? Tell me.", &early), "Tell me.");
        assert_eq!(unspoken("Hello there. How are you?", &early), "");
        assert_eq!(unspoken("Something else", &early), "");
        assert_eq!(unspoken("  All of it", &[]), "All of it");
    }

    #[test]
    fn consecutive_words_merge_and_the_queue_is_bounded() {
        let mut core = Core::new();
        let mut inputs = Inputs::default();
        inputs.said("my number", &mut core);
        inputs.said(" is ten ", &mut core);
        inputs.said("  ", &mut core);
        assert_eq!(inputs.next(), Some(TurnInput::Said { text: "my number is ten".into() }));
        for _ in 0..INPUTS_MAX + 3 {
            inputs.push(TurnInput::Keyed { text: "1".into() }, &mut core);
        }
        assert_eq!(inputs.len(), INPUTS_MAX);
        let dropped = std::iter::from_fn(|| core.poll()).filter(|order| matches!(order, Command::Notify(Notice::InputsDropped { .. })));
        assert_eq!(dropped.count(), 3);
    }
}
