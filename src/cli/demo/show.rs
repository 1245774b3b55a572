//! Lines for the terminal: when, who, what. Who speaks is seen by place and colour; no line is wider than a terminal.

use crate::call::{Command, Event};
use crate::model::CallTime;
use crate::replay::{Entry, Line, Moment, Who, Words, moment};

/// No line is longer, in characters.
const WIDTH: usize = 100;
/// Time, name and the gaps around them.
const INDENT: usize = 22;

/// One thing to see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub at: CallTime,
    pub speaker: Speaker,
    pub text: String,
}

/// Whose line it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speaker {
    Caller,
    Assistant,
    Billing,
    Worker,
    Network,
}

impl Seen {
    /// What of the recording's growth is worth a line while the call lasts.
    pub(super) fn live(line: &Line) -> Option<Self> {
        let seen = |speaker, text| Some(Self { at: line.at, speaker, text });
        match &line.entry {
            // What the caller's voice said is shown by the telephone; this is what arrived.
            Entry::Event(Event::Transcript { text, .. }) => seen(Speaker::Worker, format!("understands “{}”", text.expose())),
            Entry::Command(Command::Play { text, .. }) => seen(Speaker::Assistant, format!("“{}”", text.expose())),
            entry => moment(line.at, entry, Words::Shown).map(|moment| Self::of(&moment)),
        }
    }

    pub(super) fn of(moment: &Moment) -> Self {
        let speaker = match moment.who {
            Who::Caller => Speaker::Caller,
            Who::Assistant => Speaker::Assistant,
            Who::Worker | Who::Operator | Who::Human => Speaker::Worker,
            Who::Network => Speaker::Network,
        };
        Self { at: moment.at, speaker, text: moment.text.clone() }
    }

    /// As lines of at most [`WIDTH`] characters, the first one with time and name.
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{:>9}  {:<9}  ", self.at.to_string(), self.speaker.name())];
        let mut empty = true;
        for word in self.text.split_whitespace() {
            let full = lines.last().map_or(0, |line| line.chars().count()) + word.chars().count() + usize::from(!empty);
            if full > WIDTH && !empty {
                lines.push(" ".repeat(INDENT));
                empty = true;
            }
            if let Some(line) = lines.last_mut() {
                if !empty {
                    line.push(' ');
                }
                line.push_str(word);
            }
            empty = false;
        }
        lines
    }
}

impl Speaker {
    const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Assistant => "assistant",
            Self::Billing => "billing",
            Self::Worker => "· worker",
            Self::Network => "· network",
        }
    }

    /// ANSI: people bright, machinery dim.
    const fn colour(self) -> &'static str {
        match self {
            Self::Caller => "\x1b[1;36m",
            Self::Assistant => "\x1b[1;32m",
            Self::Billing => "\x1b[1;35m",
            Self::Worker => "\x1b[2m",
            Self::Network => "\x1b[33m",
        }
    }
}

/// Colours, or none where nobody looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ink {
    on: bool,
}

impl Ink {
    pub(super) const fn new(on: bool) -> Self {
        Self { on }
    }

    #[allow(clippy::print_stdout, reason = "the demonstration talks to its user")]
    pub(super) fn print(self, seen: &Seen) {
        for line in seen.lines() {
            println!("{}", self.paint(seen.speaker.colour(), &line));
        }
    }

    pub(super) fn strong(self, text: &str) -> String {
        self.paint("\x1b[1m", text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.paint("\x1b[1;32m", text)
    }

    pub(super) fn bad(self, text: &str) -> String {
        self.paint("\x1b[1;31m", text)
    }

    fn paint(self, colour: &str, text: &str) -> String {
        if self.on { format!("{colour}{text}\x1b[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_wrapped_under_itself_and_no_line_is_too_wide() {
        let text = "“Hello, this is the front desk, and here are many words.” ".repeat(5);
        let seen = Seen { at: CallTime::from_millis(61_500), speaker: Speaker::Assistant, text };
        let lines = seen.lines();
        assert!(lines.len() > 2 && lines.iter().all(|line| line.chars().count() <= WIDTH), "{lines:#?}");
        assert!(lines[0].starts_with("  61.500s  assistant  “Hello,"), "{}", lines[0]);
        assert!(lines[1].starts_with(&" ".repeat(INDENT)) && !lines[1].starts_with(&" ".repeat(INDENT + 1)), "{}", lines[1]);
    }

    #[test]
    fn colours_are_for_terminals_only() {
        assert_eq!(Ink::new(false).good("fine"), "fine");
        assert!(Ink::new(true).good("fine").contains('\x1b'));
    }
}
