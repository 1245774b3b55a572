//! The lines of a transcript file: one JSON object each, one step each.

use crate::model::{Digit, Millis};
use serde::Deserialize;
use thiserror::Error;

/// More steps than any call has.
const STEPS_MAX: usize = 10_000;
/// Longest pause: a day.
const PAUSE_MAX: u64 = 86_400_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// The caller waits until the worker has finished speaking, then says this.
    Caller(String),
    /// The caller says this over whatever is being played.
    Over(String),
    Dtmf(Vec<Digit>),
    Pause(Millis),
    Hangup,
    Expect(Expectation),
}

/// What must be true by now. Every set field is checked.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// Heard since the caller's last input; case, punctuation and line breaks do not count.
    pub spoken: Option<String>,
    /// Not heard since the caller's last input.
    pub not_spoken: Option<String>,
    /// A transfer to this destination was asked for since the caller's last input.
    pub transfer: Option<String>,
    pub dtmf: Option<KeypadExpectation>,
    /// The call is over with this termination reason.
    pub end: Option<String>,
    /// The call is not over.
    pub live: Option<bool>,
}

/// The keypad settings now in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeypadExpectation {
    pub enabled: Option<bool>,
    pub max_digits: Option<u32>,
    pub termination_digit: Option<Digit>,
    pub inter_digit_timeout_ms: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {why}")]
pub struct ScriptError {
    pub line: usize,
    pub why: String,
}

/// Steps with their line numbers. Empty lines and lines that begin with `#` or `//` are comments.
pub fn parse(text: &str) -> Result<Vec<(usize, Step)>, ScriptError> {
    let mut steps = Vec::new();
    for (index, raw) in text.lines().enumerate() {
        let (line, raw) = (index + 1, raw.trim());
        if raw.is_empty() || raw.starts_with('#') || raw.starts_with("//") {
            continue;
        }
        let fault = |why: String| ScriptError { line, why };
        if steps.len() == STEPS_MAX {
            return Err(fault(format!("more than {STEPS_MAX} steps")));
        }
        let written: Written = serde_json::from_str(raw).map_err(|error| fault(error.to_string()))?;
        steps.push((line, written.into_step().map_err(fault)?));
    }
    Ok(steps)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    caller: Option<String>,
    #[serde(default)]
    over: bool,
    dtmf: Option<String>,
    pause_ms: Option<u64>,
    hangup: Option<bool>,
    expect: Option<Expectation>,
}

impl Written {
    fn into_step(self) -> Result<Step, String> {
        match self {
            Self { caller: Some(words), over, dtmf: None, pause_ms: None, hangup: None, expect: None } => {
                Ok(if over { Step::Over(words) } else { Step::Caller(words) })
            }
            Self { caller: None, over: false, dtmf: Some(keys), pause_ms: None, hangup: None, expect: None } => keys
                .chars()
                .map(|key| Digit::from_char(key).ok_or_else(|| format!("\"dtmf\": '{key}' is no key of a telephone (0-9 * # A-D)")))
                .collect::<Result<_, _>>()
                .map(Step::Dtmf),
            Self { caller: None, over: false, dtmf: None, pause_ms: Some(pause), hangup: None, expect: None } if pause <= PAUSE_MAX => {
                Ok(Step::Pause(Millis(pause)))
            }
            Self { caller: None, over: false, dtmf: None, pause_ms: Some(pause), hangup: None, expect: None } => {
                Err(format!("\"pause_ms\": {pause} is outside 0..={PAUSE_MAX}"))
            }
            Self { caller: None, over: false, dtmf: None, pause_ms: None, hangup: Some(true), expect: None } => Ok(Step::Hangup),
            Self { caller: None, over: false, dtmf: None, pause_ms: None, hangup: None, expect: Some(expectation) } => {
                Ok(Step::Expect(expectation))
            }
            Self { .. } => {
                Err("a step is exactly one of \"caller\" (with \"over\"), \"dtmf\", \"pause_ms\", \"hangup\": true, \"expect\"".to_owned())
            }
        }
    }
}
