//! The first place where today's core decides otherwise than the recorded one.

use crate::call::{Command, Event};
use crate::model::CallTime;
use std::fmt;

/// One divergence with the event that caused it.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Entry number of the causing event.
    pub seq: u64,
    pub at: CallTime,
    pub event: Event,
    /// Which command after that event, from 0.
    pub index: usize,
    /// `None`: the recording has no further command here.
    pub recorded: Option<Command>,
    /// `None`: today's core gives no further command here.
    pub today: Option<Command>,
}

impl Difference {
    /// Compares what followed one event; `None` if it is the same.
    pub(super) fn between(seq: u64, at: CallTime, event: &Event, recorded: &[Command], today: &[Command]) -> Option<Self> {
        let index = (0..recorded.len().max(today.len())).find(|index| recorded.get(*index) != today.get(*index))?;
        Some(Self { seq, at, event: event.clone(), index, recorded: recorded.get(index).cloned(), today: today.get(index).cloned() })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "first difference at {} (entry {}), command {} after this event:", self.at, self.seq, self.index)?;
        writeln!(f, "  event     {}", json(&self.event))?;
        writeln!(f, "  recorded  {}", self.recorded.as_ref().map_or_else(|| "(no further command)".to_owned(), json))?;
        write!(f, "  today     {}", self.today.as_ref().map_or_else(|| "(no further command)".to_owned(), json))
    }
}

/// JSON on purpose: a difference is read by whoever holds the recording, which has the same words.
fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("(not printable: {error})"))
}
