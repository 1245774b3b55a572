//! The calls a model makes: each is judged, carried out or refused with a reason the model can act on.

use super::agent::Talk;
use super::progress::Waiting;
use super::turn::{Outcome, Turn};
use crate::model::{Millis, Redacted};
use crate::runtime::ask::{AnswerBody, ChatMessage, Question, ToolCall, ToolSpec};
use crate::runtime::http_tool;
use crate::runtime::transcript::Note;
use crate::runtime::value::Value;
use crate::runtime::workflow::Node;
use serde_json::{Map, Value as Json, json};

/// Calls of one answer that are carried out; more are refused.
const CALLS_MAX: usize = 8;
/// Characters of arguments that are read.
const ARGUMENTS_MAX: usize = 16_000;

/// A call after which the model says nothing more in this turn.
pub(super) enum Terminal {
    Transfer {
        label: String,
        reason: Option<String>,
    },
    Human {
        reason: Option<String>,
    },
    End,
    Path(usize),
    /// The step is done.
    Done,
}

/// Calls of one answer, some of them still open outside.
pub(super) struct Calls {
    talk: Talk,
    calls: Vec<ToolCall>,
    results: Vec<Option<String>>,
    /// Place in the batch of questions and place among the calls.
    open: Vec<(usize, usize)>,
    terminal: Option<Terminal>,
    /// The last thing that was wrong with a call.
    faulty: Option<String>,
    /// Nothing but variables was written.
    quiet: bool,
}

/// What became of a call at once.
enum Made {
    Result(String),
    /// The model's mistake; the text is for it.
    Wrong(String),
    Last(Terminal, &'static str),
    Ask(Box<(Question, Millis, crate::runtime::ask::RetryPolicy)>),
}

impl Turn<'_> {
    pub(super) fn begin_calls(&mut self, mut talk: Talk, text: &Redacted<String>, mut calls: Vec<ToolCall>) -> Outcome {
        calls.truncate(CALLS_MAX);
        talk.exchanges.push(ChatMessage::Assistant { text: text.clone(), tool_calls: calls.clone() });
        let count = calls.len();
        let mut state = Calls { talk, calls, results: vec![None; count], open: Vec::new(), terminal: None, faulty: None, quiet: true };
        for place in 0..count {
            let call = state.calls[place].clone();
            let made = self.make(&call, &state);
            state.quiet &= call.name == "set_variables";
            match made {
                Made::Result(text) => state.results[place] = Some(text),
                Made::Wrong(text) => {
                    state.faulty = Some(format!("call {} of {count}: {}", place + 1, fault_word(&text)));
                    state.results[place] = Some(json!({"error": text}).to_string());
                }
                Made::Last(..) if state.terminal.is_some() => {
                    state.results[place] = Some(r#"{"error": "already in progress; nothing more is needed"}"#.to_owned());
                }
                Made::Last(terminal, text) => {
                    state.terminal = Some(terminal);
                    state.results[place] = Some(text.to_owned());
                }
                Made::Ask(wanted) => {
                    let (what, deadline, retry) = *wanted;
                    state.open.push((self.progress.wanted.len(), place));
                    self.progress.want(what, deadline, retry);
                }
            }
        }
        if state.open.is_empty() {
            return self.calls_answered(state);
        }
        let waits = state.open.iter().find_map(|(_, place)| self.assistant.tools.http.get(&state.calls[*place].name)?.say.clone());
        if let Some(text) = waits.filter(|_| text.expose().trim().is_empty()) {
            self.say(&text);
        }
        self.progress.flush();
        self.progress.waiting = Some(Waiting::Calls(state));
        Ok(())
    }

    /// A tool behind HTTP has answered.
    pub(super) fn call_answered(&mut self, mut state: Calls, slot: usize, body: AnswerBody) -> Outcome {
        let Some(at) = state.open.iter().position(|(open, _)| *open == slot) else {
            self.progress.waiting = Some(Waiting::Calls(state));
            return Ok(());
        };
        let (_, place) = state.open.swap_remove(at);
        let call = state.calls[place].clone();
        let tool = self.assistant.tools.http.get(&call.name);
        let outputs = tool.map(|tool| tool.outputs.clone()).unwrap_or_default();
        let text = self.take_http(&outputs, body);
        state.talk.results.insert((call.name, call.arguments.into_exposed()), text.clone());
        state.results[place] = Some(text);
        if state.open.is_empty() {
            return self.calls_answered(state);
        }
        self.progress.waiting = Some(Waiting::Calls(state));
        Ok(())
    }

    fn calls_answered(&mut self, state: Calls) -> Outcome {
        let Calls { mut talk, calls, results, terminal, faulty, quiet, .. } = state;
        for (call, result) in calls.into_iter().zip(results) {
            let result = Redacted::new(result.unwrap_or_default());
            talk.exchanges.push(ChatMessage::Tool { call_id: call.id.clone(), text: result.clone() });
            self.progress.notes.push(Note { turn: self.progress.turn, call, result });
        }
        self.calls_over(talk, terminal, faulty, quiet)
    }

    /// Outcome, bound variables and the text for the model. Sets `tool_outcome`.
    pub(super) fn take_http(&mut self, outputs: &[(String, String)], body: AnswerBody) -> String {
        let (outcome, text) = match body {
            AnswerBody::HttpDone(answer) => {
                self.progress.waited(answer.elapsed);
                let good = (200..300).contains(&answer.status);
                if good {
                    let (values, _) = http_tool::bound(outputs, answer.body.expose(), &self.assistant.variables);
                    self.dialogue.variables.extend(values.iter().cloned());
                    self.progress.bound.extend(values);
                }
                (if good { "ok" } else { "refused" }, http_tool::shown(answer.status, answer.body.expose()))
            }
            AnswerBody::TimedOut { elapsed } => {
                self.progress.waited(elapsed);
                ("timed_out", json!({"error": "no answer in time"}).to_string())
            }
            AnswerBody::Failed { why, elapsed, .. } => {
                self.progress.waited(elapsed);
                ("failed", json!({"error": why.word()}).to_string())
            }
            AnswerBody::ModelDelta { .. } | AnswerBody::ModelDone(_) => ("failed", json!({"error": "bad_answer"}).to_string()),
        };
        self.dialogue.system.insert("tool_outcome", Value::text(outcome));
        text
    }

    fn make(&mut self, call: &ToolCall, state: &Calls) -> Made {
        let node = state.talk.node.and_then(|index| self.node(index));
        let specs = node.map(|node| self.tool_specs(node)).unwrap_or_default();
        if !specs.iter().any(|spec| spec.name == call.name) {
            let names: Vec<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
            return Made::Wrong(format!("there is no such tool; there is: {}", names.join(", ")));
        }
        let text = call.arguments.expose().trim();
        let parsed = if text.is_empty() { Some(Map::new()) } else { read_object(text) };
        let Some(arguments) = parsed else {
            return Made::Wrong("the arguments are no JSON object; send them again, whole".to_owned());
        };
        // It may become a header or a line on a screen.
        let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
        let word =
            |name: &str| arguments.get(name).and_then(Json::as_str).map(|text| text.chars().take(500).map(clean).collect::<String>());
        match (call.name.as_str(), node) {
            ("set_variables", Some(node)) => self.set_variables(node, &arguments),
            ("transfer_call", _) => match word("label").filter(|label| self.assistant.tools.targets.contains_key(label)) {
                Some(label) => Made::Last(Terminal::Transfer { label, reason: word("reason") }, r#"{"status": "connecting"}"#),
                None => Made::Wrong("'label' is none of those in the schema".to_owned()),
            },
            ("request_human_handoff", _) if self.dialogue.handed_off => {
                Made::Result(r#"{"status": "a colleague has been told already"}"#.to_owned())
            }
            ("request_human_handoff", _) => Made::Last(Terminal::Human { reason: word("reason") }, r#"{"status": "requested"}"#),
            ("end_session", _) => Made::Last(Terminal::End, r#"{"status": "ending"}"#),
            ("step_done", _) => Made::Last(Terminal::Done, r#"{"status": "done"}"#),
            ("take_path", Some(node)) => {
                let picked = word("path").and_then(|path| path.parse::<usize>().ok());
                let to = picked.and_then(|picked| self.paths(node).find(|(number, ..)| *number == picked)).map(|(_, to, _)| to);
                to.map_or_else(
                    || Made::Wrong("'path' is none of those in the schema".to_owned()),
                    |to| Made::Last(Terminal::Path(to), r#"{"status": "taken"}"#),
                )
            }
            (_, _) => self.http_call(call, &arguments, state),
        }
    }

    fn http_call(&mut self, call: &ToolCall, arguments: &Map<String, Json>, state: &Calls) -> Made {
        let Some(tool) = self.assistant.tools.http.get(&call.name) else { return Made::Wrong("there is no such tool".to_owned()) };
        let key = (call.name.clone(), call.arguments.expose().clone());
        if let Some(known) = state.talk.results.get(&key) {
            return Made::Result(known.clone());
        }
        let twice = state.open.iter().any(|(_, place)| {
            let open = &state.calls[*place];
            open.name == call.name && open.arguments == call.arguments
        });
        if twice {
            return Made::Result(r#"{"status": "the same call is under way"}"#.to_owned());
        }
        let values = match tool.read_arguments(arguments, &|text| self.dialogue.fill(text)) {
            Ok(values) => values,
            Err(why) => return Made::Wrong(why),
        };
        let Some(patience) = self.progress.patience(self.assistant.max_wait) else {
            return Made::Result(r#"{"error": "no time left for this in this turn"}"#.to_owned());
        };
        let request = tool.request(&values, &|name| self.dialogue.value(name));
        Made::Ask(Box::new((Question::HttpTool(request), Millis(tool.timeout.0.min(patience.0)), tool.retry)))
    }

    /// What fits is written, what does not is named; system variables are nobody's to write.
    fn set_variables(&mut self, node: &Node, arguments: &Map<String, Json>) -> Made {
        let (mut written, mut refused) = (Vec::new(), Map::new());
        for (name, value) in arguments {
            let allowed = writable(node).any(|known| known == name);
            let spec = self.assistant.variables.get(name).filter(|_| allowed);
            match (spec, spec.and_then(|spec| spec.read_json(value))) {
                (_, Some(value)) => {
                    self.dialogue.variables.insert(name.clone(), value);
                    written.push(name.clone());
                }
                (Some(spec), None) => drop(refused.insert(name.clone(), spec.schema())),
                (None, None) => drop(refused.insert(name.chars().take(64).collect(), Json::from("no such variable here"))),
            }
        }
        if refused.is_empty() && !written.is_empty() {
            return Made::Result(json!({"written": written}).to_string());
        }
        Made::Wrong(json!({"written": written, "does_not_fit": refused}).to_string())
    }

    /// What the model may call at this node.
    pub(super) fn tool_specs(&self, node: &Node) -> Vec<ToolSpec> {
        let (tools, mut specs) = (&self.assistant.tools, Vec::new());
        let offered = |name: &str| node.tools && node.offered.as_ref().is_none_or(|names| names.iter().any(|known| known == name));
        let mut add = |name: &str, description: &str, parameters: Json| {
            specs.push(ToolSpec { name: name.to_owned(), description: description.to_owned(), parameters });
        };
        let properties: Map<String, Json> =
            writable(node).filter_map(|name| Some((name.clone(), self.assistant.variables.get(name)?.schema()))).collect();
        if !properties.is_empty() {
            let schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
            add("set_variables", "Remember what the caller has said. Give only what they really said.", schema);
        }
        let reason = json!({"type": "string", "description": "What it is about, in one sentence"});
        let targets: Vec<(&String, String)> =
            tools.targets.iter().map(|(label, target)| (label, target.description.clone().unwrap_or_default())).collect();
        if !targets.is_empty() && offered("transfer_call") {
            let labels: Vec<&String> = targets.iter().map(|(label, _)| *label).collect();
            let lines: Vec<String> = targets.iter().map(|(label, text)| format!("{label}: {text}")).collect();
            let description = format!("Connect the caller to somebody else, once they want that. Labels: {}", lines.join("; "));
            let schema = json!({"type": "object", "properties": {"label": {"type": "string", "enum": labels}, "reason": reason}, "required": ["label"]});
            add("transfer_call", &description, schema);
        }
        if tools.human.is_some() && offered("request_human_handoff") {
            let schema = json!({"type": "object", "properties": {"reason": reason}});
            add("request_human_handoff", "Ask a human colleague to join this conversation.", schema);
        }
        if tools.end.is_some() && offered("end_session") {
            add("end_session", "Say goodbye and hang up, once the caller is through.", json!({"type": "object", "properties": {}}));
        }
        let paths: Vec<String> = self.paths(node).map(|(number, _, text)| format!("{number}: {text}")).collect();
        if !paths.is_empty() {
            let numbers: Vec<String> = self.paths(node).map(|(number, ..)| number.to_string()).collect();
            let description = format!("Go on with another step as soon as one of these holds: {}", paths.join("; "));
            let schema = json!({"type": "object", "properties": {"path": {"type": "string", "enum": numbers}}, "required": ["path"]});
            add("take_path", &description, schema);
        }
        if let Some(done) = &node.done {
            add("step_done", &format!("Call this as soon as: {}", self.dialogue.fill(done)), json!({"type": "object", "properties": {}}));
        }
        specs.extend(tools.http.values().filter(|tool| offered(&tool.name)).map(http_tool::HttpTool::spec));
        specs
    }

    /// The plain-words conditions of a node's edges, where the rest of their condition holds: number, where to, text.
    fn paths<'n>(&'n self, node: &'n Node) -> impl Iterator<Item = (usize, usize, &'n str)> {
        let open = (1..).zip(&node.edges).filter(|(_, edge)| self.holds(edge));
        open.filter_map(|(number, edge)| Some((number, edge.to, edge.means.as_ref()?.text.as_str())))
    }
}

fn writable(node: &Node) -> impl Iterator<Item = &String> {
    node.required.iter().chain(&node.optional).chain(&node.collect)
}

/// A JSON object, also where it was sent as text in text.
fn read_object(text: &str) -> Option<Map<String, Json>> {
    if text.len() > ARGUMENTS_MAX {
        return None;
    }
    match serde_json::from_str::<Json>(text).ok()? {
        Json::Object(map) => Some(map),
        Json::String(inner) => serde_json::from_str(&inner).ok(),
        Json::Null => Some(Map::new()),
        Json::Bool(_) | Json::Number(_) | Json::Array(_) => None,
    }
}

/// A fault's kind for the turn's error: without anything the model or the caller wrote.
fn fault_word(text: &str) -> &'static str {
    if text.starts_with("there is no such tool") {
        "unknown tool"
    } else if text.starts_with("the arguments are no JSON") {
        "broken arguments"
    } else {
        "arguments that do not fit"
    }
}
