//! What a scripted model answers, and how badly.

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// A script: replies in order; the first one that fits a request and is not used up answers it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Requests must carry `Authorization: Bearer` with this; anything else is answered 401.
    #[serde(default)]
    pub key: Option<String>,
    /// The model's name in answers that do not repeat the request's.
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default, rename = "reply")]
    pub replies: Vec<Reply>,
}

/// One answer and when it is given.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reply {
    /// Part of the last user message, in whatever case.
    pub when: Option<String>,
    /// Part of the first (system) message, in whatever case.
    pub when_system: Option<String>,
    /// The request's last message answers a call of this tool.
    pub after_tool: Option<String>,
    /// The request's `model`.
    pub when_model: Option<String>,
    /// How often it is given; then the next one that fits.
    pub times: Option<u32>,
    pub text: String,
    pub tool_calls: Vec<ScriptedCall>,
    pub pieces: Pieces,
    /// Before the first piece, milliseconds.
    pub first_ms: u64,
    /// Before each further piece, milliseconds.
    pub pace_ms: u64,
    pub fault: Option<Fault>,
    /// Pieces that are sent before a `stall`, `cut`, `broken_json` or `error`.
    pub after: usize,
    /// For `fault = "status"`.
    pub status: Option<u16>,
    /// `Retry-After` in seconds, beside a status.
    pub retry_after: Option<u64>,
    /// False: one JSON body, though a stream was asked for.
    pub stream: Option<bool>,
    /// The stream in writes of this many bytes, wherever that splits it.
    pub split: Option<usize>,
    /// Line ends of the stream are CR LF, and comments stand between its events.
    pub odd: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    pub name: String,
    /// A table, or text that is sent as it is: valid JSON or not.
    #[serde(default)]
    pub arguments: Arguments,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Arguments {
    Text(String),
    Table(Map<String, Value>),
}

impl Default for Arguments {
    fn default() -> Self {
        Self::Table(Map::new())
    }
}

impl Arguments {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Table(table) => Value::Object(table.clone()).to_string(),
        }
    }
}

/// How the text is cut into deltas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pieces {
    #[default]
    Words,
    Letters,
    Whole,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Never answers.
    Hang,
    /// Answers the head and `after` pieces, then nothing more.
    Stall,
    /// Answers with `status` and an error body.
    Status,
    /// After `after` pieces an event that is no JSON.
    BrokenJson,
    /// After `after` pieces the connection is gone.
    Cut,
    /// After `after` pieces an error object, as real servers report trouble in a stream.
    Error,
    /// A well-formed answer without a word.
    Empty,
    /// Text without end.
    Endless,
}

#[derive(Debug, Error)]
pub enum ScriptError {
    #[error("the script is no TOML: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("line {line} of the script: {source}")]
    Line { line: usize, source: serde_json::Error },
    #[error("the script has no reply")]
    Empty,
    #[error("reply {reply}: fault \"status\" needs status, 100 to 599")]
    Status { reply: usize },
}

impl Script {
    /// A script in TOML (`[[reply]]` tables) or in JSON Lines (one reply a line), told apart by the first character.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let script = if text.trim_start().starts_with('{') { Self::parse_lines(text)? } else { toml::from_str(text)? };
        if script.replies.is_empty() {
            return Err(ScriptError::Empty);
        }
        for (index, reply) in script.replies.iter().enumerate() {
            if reply.fault == Some(Fault::Status) && !reply.status.is_some_and(|status| (100..600).contains(&status)) {
                return Err(ScriptError::Status { reply: index + 1 });
            }
        }
        Ok(script)
    }

    /// Always this text.
    pub fn saying(text: &str) -> Self {
        Self { replies: vec![Reply { text: text.to_owned(), ..Reply::default() }], ..Self::default() }
    }

    fn parse_lines(text: &str) -> Result<Self, ScriptError> {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let replies = lines.map(|(index, line)| serde_json::from_str(line).map_err(|source| ScriptError::Line { line: index + 1, source }));
        Ok(Self { replies: replies.collect::<Result<_, _>>()?, ..Self::default() })
    }
}

impl Reply {
    /// Whether it answers this request, uses aside.
    pub(super) fn fits(&self, request: &Value) -> bool {
        let messages = request["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let has = |wanted: &Option<String>, text: Option<&str>| {
            wanted.as_ref().is_none_or(|part| text.is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase())))
        };
        let user = messages.iter().rev().find(|message| message["role"] == "user").and_then(|message| message["content"].as_str());
        let system = messages.first().and_then(|message| message["content"].as_str());
        let tool = self.after_tool.as_ref().is_none_or(|name| answered_tool(messages) == Some(name.as_str()));
        // A reply to words is none to the tool's answer that came since.
        let words_are_last = self.when.is_none() || self.after_tool.is_some() || answered_tool(messages).is_none();
        let model = self.when_model.as_ref().is_none_or(|name| request["model"] == **name);
        has(&self.when, user) && has(&self.when_system, system) && tool && words_are_last && model
    }

    /// The text in the deltas it is sent in.
    pub(super) fn deltas(&self) -> Vec<String> {
        match self.pieces {
            Pieces::Words => self.text.split_inclusive(' ').map(str::to_owned).collect(),
            Pieces::Letters => self.text.chars().map(String::from).collect(),
            Pieces::Whole => vec![self.text.clone()],
        }
    }
}

/// Name of the tool whose answer is the last message.
fn answered_tool(messages: &[Value]) -> Option<&str> {
    let last = messages.last().filter(|message| message["role"] == "tool")?;
    let calls = messages.iter().rev().filter_map(|message| message["tool_calls"].as_array()).flatten();
    calls.into_iter().find(|call| call["id"] == last["tool_call_id"])?["function"]["name"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_script_reads_from_toml_and_from_json_lines() {
        let toml = "key = \"k\"\n[[reply]]\nwhen = \"billing\"\ntext = \"One moment.\"\n[[reply.tool_calls]]\nname = \"transfer_call\"\narguments = { target = \"billing\" }\n[[reply]]\nfault = \"status\"\nstatus = 429\nretry_after = 1\n";
        let script = Script::parse(toml).unwrap();
        assert_eq!(script.replies[0].tool_calls[0].arguments.text(), r#"{"target":"billing"}"#);
        assert_eq!(script.replies[1].fault, Some(Fault::Status));
        let lines = "{\"text\":\"Hi.\",\"times\":1}\n\n{\"fault\":\"hang\"}\n";
        assert_eq!(Script::parse(lines).unwrap().replies.len(), 2);
    }

    #[test]
    fn what_a_script_cannot_mean_is_said() {
        assert!(Script::parse("[[reply]]\nfault = \"status\"").unwrap_err().to_string().contains("reply 1"));
        assert!(Script::parse("").is_err());
        assert!(Script::parse("{\"txt\":1}").unwrap_err().to_string().contains("line 1"));
    }

    #[test]
    fn a_reply_fits_by_words_tool_and_model() {
        let request = |messages: Value| json!({ "model": "m", "messages": messages });
        let said = request(json!([{ "role": "system", "content": "You book." }, { "role": "user", "content": "BILLING please" }]));
        let answered = request(json!([
            { "role": "user", "content": "billing" },
            { "role": "assistant", "content": null, "tool_calls": [{ "id": "c1", "function": { "name": "lookup", "arguments": "{}" } }] },
            { "role": "tool", "tool_call_id": "c1", "content": "{}" },
        ]));
        let when = Reply { when: Some("billing".to_owned()), ..Reply::default() };
        let after = Reply { after_tool: Some("lookup".to_owned()), ..Reply::default() };
        let system = Reply { when_system: Some("you BOOK".to_owned()), ..Reply::default() };
        assert_eq!((when.fits(&said), when.fits(&answered)), (true, false));
        assert_eq!((after.fits(&said), after.fits(&answered)), (false, true));
        assert_eq!((system.fits(&said), system.fits(&answered)), (true, false));
        assert!(!Reply { when_model: Some("other".to_owned()), ..Reply::default() }.fits(&said));
    }
}
