//! Host replay: recorded events through today's core, commands compared.

use super::diff::Difference;
use super::format::{Entry, Line};
use super::log::Recording;
use super::mask::Masker;
use crate::call::{Call, Command, Event};
use crate::model::CallTime;

/// What a host replay found.
#[derive(Clone, Debug, PartialEq)]
pub struct HostReplay {
    pub events: usize,
    pub commands: usize,
    /// Time of the last event.
    pub length: CallTime,
    pub difference: Option<Difference>,
    /// The call's core came to its end.
    pub finished: bool,
}

/// Runs a recording through today's core. Stops at the first difference.
pub fn host_replay(recording: &Recording) -> HostReplay {
    let mut call = Call::new();
    let mut masker = recording.header.masked.then(Masker::new);
    let mut found = HostReplay { events: 0, commands: 0, length: CallTime::ZERO, difference: None, finished: false };
    let steps = steps(&recording.lines);
    let last = steps.len().saturating_sub(1);
    for (index, step) in steps.into_iter().enumerate() {
        if let Some(masker) = &mut masker {
            // The event is masked already; this keeps the masker's own state (phrases, terminator) in step.
            let _ = masker.mask(Entry::Event(step.event.clone()));
        }
        call.handle(step.at, step.event.clone());
        let today = drain(&mut call, masker.as_mut());
        found.events += 1;
        found.commands += today.len();
        found.length = step.at;
        // A recording that was cut short may miss the last commands; what it has must still be the same.
        let cut_short = index == last && !recording.is_whole();
        let compared = if cut_short { &today[..today.len().min(step.commands.len())] } else { &today[..] };
        found.difference = Difference::between(step.seq, step.at, step.event, &step.commands, compared);
        if found.difference.is_some() {
            break;
        }
    }
    found.finished = call.is_finished();
    found
}

struct Step<'a> {
    seq: u64,
    at: CallTime,
    event: &'a Event,
    commands: Vec<Command>,
}

/// Each event with the commands that followed it, up to the next event or a gap.
fn steps(lines: &[Line]) -> Vec<Step<'_>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    for line in lines {
        match &line.entry {
            Entry::Event(event) => steps.push(Step { seq: line.seq, at: line.at, event, commands: Vec::new() }),
            Entry::Command(command) => {
                if let Some(step) = steps.last_mut() {
                    step.commands.push(command.clone());
                }
            }
            Entry::Truncated { .. } => break,
            Entry::Opened(_) | Entry::Ask(_) | Entry::Answer(_) | Entry::Sip(_) | Entry::Closed => {}
        }
    }
    steps
}

fn drain(call: &mut Call, mut masker: Option<&mut Masker>) -> Vec<Command> {
    let mut commands = Vec::new();
    while let Some(command) = call.poll_command() {
        let entry = Entry::Command(command);
        let entry = match masker.as_deref_mut() {
            Some(masker) => masker.mask(entry),
            None => entry,
        };
        if let Entry::Command(command) = entry {
            commands.push(command);
        }
    }
    commands
}
