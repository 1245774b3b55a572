//! Transcript replay: a hand-written conversation drives today's core and runtime in virtual time, and says what it expects.
//!
//! - [`script`]: the lines of a transcript file;
//! - [`desk`]: core and runtime with a world that answers every command at once, or as the faults say;
//! - [`expect`]: what was seen against what was expected.

mod desk;
mod expect;
mod script;

#[cfg(test)]
mod tests;

pub use desk::{Desk, Faults, ReferFault};
pub use expect::Unmet;
pub use script::{Expectation, KeypadExpectation, ScriptError, Step, parse};

use crate::call::CallSettings;
use crate::replay::Line;
use crate::runtime::Assistant;
use std::sync::Arc;

/// What a transcript replay found.
#[derive(Clone, Debug, PartialEq)]
pub struct TranscriptReplay {
    pub expectations: usize,
    pub unmet: Vec<Unmet>,
    /// The call as a recording, for its timeline.
    pub lines: Vec<Line>,
    /// The call came to its end; false is a stranded caller.
    pub finished: bool,
}

/// Plays the whole script. A caller who neither hangs up nor is hung up on hangs up after the last step.
pub fn transcript_replay(
    assistant: &Arc<Assistant>,
    settings: CallSettings,
    steps: &[(usize, Step)],
    faults: Faults,
    seed: u64,
) -> TranscriptReplay {
    let mut desk = Desk::new(Arc::clone(assistant), settings, faults, seed);
    let (mut expectations, mut unmet) = (0, Vec::new());
    for (line, step) in steps {
        match step {
            Step::Expect(expectation) => {
                desk.settle();
                expectations += 1;
                unmet.extend(expect::check(*line, expectation, &desk));
            }
            Step::Caller(words) => desk.say(words),
            Step::Over(words) => desk.say_over(words),
            Step::Dtmf(keys) => desk.press(keys),
            Step::Pause(span) => desk.pass(*span),
            Step::Hangup => desk.hang_up(),
        }
    }
    desk.settle();
    if !desk.is_finished() {
        desk.hang_up();
    }
    TranscriptReplay { expectations, unmet, finished: desk.is_finished(), lines: desk.into_lines() }
}
