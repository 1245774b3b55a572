//! One answer of a chat endpoint, put together from its chunks (or read whole, where a server does not stream).

use super::error::{Failure, TooLong};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// All text of one answer.
pub(super) const TEXT_BYTES_MAX: usize = 64 << 10;
/// Tool calls in one answer.
pub(super) const TOOL_CALLS_MAX: usize = 16;
/// Arguments of one tool call.
pub(super) const ARGUMENTS_BYTES_MAX: usize = 64 << 10;
/// Names and ids are cut to this many characters.
const NAME_MAX: usize = 128;

/// A tool the model wants called. `arguments` is what it wrote, valid JSON or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WantedTool {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// What has come so far.
#[derive(Debug, Default)]
pub(super) struct Completion {
    pub(super) text: String,
    pub(super) model: Option<String>,
    pub(super) usage: Option<Usage>,
    /// The server said why it stopped.
    pub(super) finished: bool,
    /// Pieces of tool calls taken so far: how far it is, for whoever waits for the next one.
    pub(super) tool_pieces: u64,
    tools: BTreeMap<u64, WantedTool>,
}

/// Tokens, as the server counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Usage {
    #[serde(default)]
    pub(super) prompt_tokens: u64,
    #[serde(default)]
    pub(super) completion_tokens: u64,
    #[serde(default)]
    pub(super) total_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolPiece>>,
}

#[derive(Deserialize)]
struct ToolPiece {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: FunctionPiece,
}

#[derive(Default, Deserialize)]
struct FunctionPiece {
    #[serde(default)]
    name: Option<String>,
    /// A string in the protocol; an object from servers that think further than they should.
    #[serde(default)]
    arguments: Option<Value>,
}

impl Usage {
    pub(super) fn total(self) -> u64 {
        self.total_tokens.unwrap_or_else(|| self.prompt_tokens.saturating_add(self.completion_tokens))
    }
}

impl Completion {
    /// Takes one chunk of a stream, or one whole answer. The text it brings is added to `text` too.
    pub(super) fn take(&mut self, data: &str, text: &mut String) -> Result<(), Failure> {
        let chunk: Chunk = serde_json::from_str(data).map_err(|_| Failure::NotUnderstood)?;
        if chunk.error.is_some_and(|error| !error.is_null()) {
            return Err(Failure::Reported);
        }
        self.model = self.model.take().or(chunk.model.map(|model| short(&model)));
        self.usage = chunk.usage.or(self.usage);
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            self.finished |= choice.finish_reason.is_some();
            let Some(delta) = choice.delta else { continue };
            if let Some(content) = delta.content {
                if self.text.len() + content.len() > TEXT_BYTES_MAX {
                    return Err(TooLong::Text.into());
                }
                self.text.push_str(&content);
                text.push_str(&content);
            }
            for piece in delta.tool_calls.into_iter().flatten() {
                self.take_tool(piece)?;
            }
        }
        Ok(())
    }

    /// The calls in the order of their indices.
    pub(super) fn tools(&self) -> impl Iterator<Item = &WantedTool> {
        self.tools.values()
    }

    pub(super) fn has_words_or_tools(&self) -> bool {
        !self.text.is_empty() || !self.tools.is_empty()
    }

    /// Pieces belong together by index; where a server leaves it out, an id begins a call and what has none goes on with the last one.
    fn take_tool(&mut self, piece: ToolPiece) -> Result<(), Failure> {
        let last = self.tools.last_key_value().map(|(index, call)| (*index, call.id.clone()));
        self.tool_pieces += 1;
        let index = match (piece.index, last) {
            (Some(index), _) => index,
            (None, None) => 0,
            (None, Some((last, id))) => match &piece.id {
                Some(new) if !new.is_empty() && *new != id => last.saturating_add(1),
                _ => last,
            },
        };
        if !self.tools.contains_key(&index) && self.tools.len() >= TOOL_CALLS_MAX {
            return Err(TooLong::ToolCalls.into());
        }
        let call = self.tools.entry(index).or_default();
        if let Some(id) = piece.id.filter(|_| call.id.is_empty()) {
            call.id = short(&id);
        }
        if let Some(name) = piece.function.name.filter(|_| call.name.is_empty()) {
            call.name = short(&name);
        }
        let arguments = match piece.function.arguments {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::String(text)) => text,
            Some(whole) => whole.to_string(),
        };
        if call.arguments.len() + arguments.len() > ARGUMENTS_BYTES_MAX {
            return Err(TooLong::Arguments.into());
        }
        call.arguments.push_str(&arguments);
        Ok(())
    }
}

fn short(text: &str) -> String {
    text.chars().take(NAME_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(chunks: &[&str]) -> Result<(Completion, String), Failure> {
        let (mut completion, mut text) = (Completion::default(), String::new());
        for chunk in chunks {
            completion.take(chunk, &mut text)?;
        }
        Ok((completion, text))
    }

    #[test]
    fn text_usage_and_model_are_put_together() {
        let (completion, text) = taken(&[
            r#"{"model":"m-1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"Good "}},{"index":1,"delta":{"content":"other choice"}}]}"#,
            r#"{"choices":[{"index":0,"delta":{"content":"day."},"finish_reason":"stop"}]}"#,
            r#"{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":3}}"#,
        ])
        .unwrap();
        assert_eq!((text.as_str(), completion.model.as_deref(), completion.finished), ("Good day.", Some("m-1"), true));
        assert_eq!(completion.usage.unwrap().total(), 14);
    }

    #[test]
    fn tool_calls_are_assembled_by_index_in_whatever_order_their_pieces_come() {
        let (completion, _) = taken(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"second","arguments":"{\"x\""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"first","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":1,"function":{"arguments":":1}"}},{"index":0,"function":{"arguments":"{}"}}]}}]}"#,
        ])
        .unwrap();
        let calls: Vec<_> = completion.tools().map(|call| (call.id.as_str(), call.name.as_str(), call.arguments.as_str())).collect();
        assert_eq!(calls, [("a", "first", "{}"), ("b", "second", "{\"x\":1}")]);
    }

    #[test]
    fn a_server_without_indices_and_one_with_objects_are_understood() {
        let (completion, _) = taken(&[
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"first","arguments":"{\"n\":"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"1}"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"id":"b","function":{"name":"second","arguments":{"n":2}}}]}}]}"#,
        ])
        .unwrap();
        let calls: Vec<_> = completion.tools().map(|call| call.arguments.as_str()).collect();
        assert_eq!(calls, ["{\"n\":1}", "{\"n\":2}"]);
    }

    #[test]
    fn what_is_too_much_or_not_json_is_a_failure() {
        assert_eq!(taken(&["{\"choices\":[{"]).unwrap_err(), Failure::NotUnderstood);
        assert_eq!(taken(&[r#"{"error":{"message":"secret words"}}"#]).unwrap_err(), Failure::Reported);
        let long = format!(r#"{{"choices":[{{"delta":{{"content":"{}"}}}}]}}"#, "x".repeat(TEXT_BYTES_MAX / 2 + 1));
        assert_eq!(taken(&[&long, &long]).unwrap_err(), TooLong::Text.into());
        let many: Vec<String> =
            (0..=TOOL_CALLS_MAX).map(|index| format!(r#"{{"choices":[{{"delta":{{"tool_calls":[{{"index":{index}}}]}}}}]}}"#)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(taken(&many).unwrap_err(), TooLong::ToolCalls.into());
    }

    #[test]
    fn a_whole_answer_reads_like_one_chunk() {
        let (completion, text) = taken(&[
            r#"{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi.","tool_calls":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":9}}"#,
        ])
        .unwrap();
        assert_eq!((text.as_str(), completion.finished, completion.usage.unwrap().total()), ("Hi.", true, 9));
    }
}
