//! Agent replay: what the caller did and what models and tools answered, through today's runtime; its turn results compared.

use super::format::Entry;
use super::log::Recording;
use crate::call::{Command, Direction, Event, Opening};
use crate::model::{CallTime, Text, TurnId, TurnResult};
use crate::runtime::{Answer, AskId, Assistant, CallDirection, RuntimeOpening, RuntimeOutput, VoiceRuntime};
use serde_json::Value;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// What an agent replay found.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentReplay {
    /// Turns whose results were compared.
    pub turns: usize,
    /// Recorded answers of models and tools that were given again, pieces included.
    pub answers: usize,
    pub difference: Option<AgentDifference>,
}

/// The first field of a turn's result that comes out otherwise today.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentDifference {
    /// Entry number of the recorded result.
    pub seq: u64,
    pub at: CallTime,
    pub turn: TurnId,
    /// Path of the field: `messages[0].content`.
    pub field: String,
    /// Null: there is none.
    pub recorded: Value,
    /// Null: there is none.
    pub today: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AgentReplayError {
    #[error("the recording is masked: an agent replay needs the words")]
    Masked,
    #[error("the recording does not begin with the call's opening")]
    NoOpening,
    #[error("entry {seq}: an answer was too long to be recorded; what the runtime made of it cannot be told")]
    LeftOut { seq: u64 },
    #[error("entry {seq} is no answer of this build: {why}")]
    Answer { seq: u64, why: String },
}

/// Runs what a recording knows of a conversation through today's runtime. Stops at the first difference.
///
/// # Errors
/// A recording that does not hold what a runtime needs.
pub fn agent_replay(recording: &Recording, assistant: Arc<Assistant>) -> Result<AgentReplay, AgentReplayError> {
    if recording.header.masked {
        return Err(AgentReplayError::Masked);
    }
    let mut desk = Desk {
        runtime: VoiceRuntime::new(assistant, opening(recording)?),
        asked: Vec::new(),
        recorded_asks: BTreeMap::new(),
        results: BTreeMap::new(),
        early: VecDeque::new(),
    };
    let mut found = AgentReplay { turns: 0, answers: 0, difference: None };
    for line in &recording.lines {
        match &line.entry {
            Entry::Command(command) => desk.command(command),
            Entry::Ask(ask) => desk.recorded_ask(ask),
            Entry::Answer(answer) => {
                found.answers += 1;
                desk.answer(answer, line.seq)?;
            }
            Entry::Event(Event::TurnReady { turn, result }) => {
                found.turns += 1;
                found.difference = desk.compare(*turn, &Outcome::Ready(result.clone()), line.seq, line.at);
            }
            Entry::Event(Event::TurnFailed { turn, error }) => {
                found.turns += 1;
                found.difference = desk.compare(*turn, &Outcome::Failed(error.clone()), line.seq, line.at);
            }
            Entry::Truncated { .. } => break,
            Entry::Event(_) | Entry::Opened(_) | Entry::Sip(_) | Entry::Closed => {}
        }
        if found.difference.is_some() {
            break;
        }
    }
    Ok(found)
}

/// What it was opened with, as recorded; recordings of earlier builds say it in the call's opening.
fn opening(recording: &Recording) -> Result<RuntimeOpening, AgentReplayError> {
    for line in &recording.lines {
        if let Entry::Opened(opening) = &line.entry
            && let Ok(opening) = serde_json::from_value(opening.clone())
        {
            return Ok(opening);
        }
        if let Entry::Event(Event::Offered(opening)) = &line.entry {
            return Ok(of_call(opening));
        }
    }
    Err(AgentReplayError::NoOpening)
}

fn of_call(opening: &Opening) -> RuntimeOpening {
    RuntimeOpening {
        conversation: opening.conversation,
        from: opening.from.clone(),
        to: opening.to.clone(),
        direction: match opening.direction {
            Direction::Inbound => CallDirection::Inbound,
            Direction::Outbound => CallDirection::Outbound,
        },
        variables: BTreeMap::new(),
        seed: opening.seed,
        wall: opening.wall,
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Ready(Box<TurnResult>),
    Failed(String),
}

struct Desk {
    runtime: VoiceRuntime,
    /// Today's questions, in order.
    asked: Vec<AskId>,
    /// Recorded question to its place in their order: ids may be given otherwise today, their order says which is which.
    recorded_asks: BTreeMap<u64, usize>,
    results: BTreeMap<TurnId, Outcome>,
    /// Answers whose question today's runtime has not asked yet.
    early: VecDeque<(usize, Answer)>,
}

impl Desk {
    fn command(&mut self, command: &Command) {
        // The other commands are not for the runtime.
        if let Command::RunTurn { turn, input } = command {
            if let Err(error) = self.runtime.begin_turn(*turn, input.clone()) {
                self.results.insert(*turn, Outcome::Failed(error.to_string()));
            }
        } else if let Command::CancelTurn { turn } = command {
            self.runtime.cancel_turn(*turn);
        } else if let Command::ReportHeard { turn, text } = command {
            self.runtime.heard(*turn, text.expose());
        } else if let Command::ComposeBriefing { request, mode, template, .. } = command {
            self.runtime.begin_briefing(request.0, *mode, template.as_ref().map(Text::as_str));
        } else if let Command::EndSession { cause, triggered_by, .. } = command {
            let _ = self.runtime.end_session(*triggered_by, *cause);
        }
        self.drain();
    }

    fn recorded_ask(&mut self, ask: &Value) {
        if let Some(id) = ask["id"].as_u64() {
            let place = self.recorded_asks.len();
            self.recorded_asks.insert(id, place);
        }
    }

    fn answer(&mut self, answer: &Value, seq: u64) -> Result<(), AgentReplayError> {
        if answer.get("left_out_bytes").is_some() {
            return Err(AgentReplayError::LeftOut { seq });
        }
        let answer: Answer =
            serde_json::from_value(answer.clone()).map_err(|error| AgentReplayError::Answer { seq, why: error.to_string() })?;
        if let Some(place) = self.recorded_asks.get(&u64::from(answer.id.0)) {
            self.early.push_back((*place, answer));
            self.drain();
        }
        Ok(())
    }

    /// Everything that follows by itself, answers that waited for their question included.
    fn drain(&mut self) {
        loop {
            while let Some(output) = self.runtime.poll() {
                match output {
                    RuntimeOutput::Ask(ask) => self.asked.push(ask.id),
                    RuntimeOutput::Ready { turn, result } => drop(self.results.insert(turn, Outcome::Ready(result))),
                    RuntimeOutput::Failed { turn, error } => drop(self.results.insert(turn, Outcome::Failed(error))),
                    RuntimeOutput::CancelAsk { .. }
                    | RuntimeOutput::Speech { .. }
                    | RuntimeOutput::ApprovalWanted { .. }
                    | RuntimeOutput::Briefing { .. } => {}
                }
            }
            let next = self.early.iter().position(|(place, _)| *place < self.asked.len());
            let Some((place, answer)) = next.and_then(|next| self.early.remove(next)) else { return };
            if let Some(id) = self.asked.get(place) {
                self.runtime.answer(Answer { id: *id, body: answer.body });
            }
        }
    }

    fn compare(&mut self, turn: TurnId, recorded: &Outcome, seq: u64, at: CallTime) -> Option<AgentDifference> {
        let today = self.results.remove(&turn).map_or(Value::Null, |outcome| outcome.to_json());
        let (field, recorded, today) = first_difference("", &recorded.to_json(), &today)?;
        Some(AgentDifference { seq, at, turn, field, recorded, today })
    }
}

impl Outcome {
    fn to_json(&self) -> Value {
        match self {
            Self::Ready(result) => serde_json::to_value(result).unwrap_or_default(),
            Self::Failed(error) => serde_json::json!({ "failed": error }),
        }
    }
}

/// The first leaf that differs, in the order of names and indices.
fn first_difference(path: &str, recorded: &Value, today: &Value) -> Option<(String, Value, Value)> {
    match (recorded, today) {
        (Value::Object(left), Value::Object(right)) => {
            let names: std::collections::BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let of = |map: &serde_json::Map<String, Value>, name: &str| map.get(name).cloned().unwrap_or_default();
            names.into_iter().find_map(|name| {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                first_difference(&inner, &of(left, name), &of(right, name))
            })
        }
        (Value::Array(left), Value::Array(right)) => (0..left.len().max(right.len())).find_map(|index| {
            let of = |items: &[Value]| items.get(index).cloned().unwrap_or_default();
            first_difference(&format!("{path}[{index}]"), &of(left), &of(right))
        }),
        _ if recorded == today => None,
        _ => Some((path.to_owned(), recorded.clone(), today.clone())),
    }
}

impl fmt::Display for AgentDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = if self.field.is_empty() { "result" } else { &self.field };
        writeln!(f, "first difference at {} (entry {}), {} of {}:", self.at, self.seq, field, self.turn)?;
        writeln!(f, "  recorded  {}", self.recorded)?;
        write!(f, "  today     {}", self.today)
    }
}
