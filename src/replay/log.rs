//! Lines of a recording: encode one, decode a whole file's text. Knows nothing of files.

use super::format::{Entry, Header, Line, SCHEMA};
use thiserror::Error;

/// A longer line is refused: no event of ours comes near it.
const LINE_BYTES_MAX: usize = 1 << 20;

/// A recording read whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    pub header: Header,
    pub lines: Vec<Line>,
    /// The last line was cut in the middle: the worker died while writing it.
    pub torn: bool,
}

impl Recording {
    /// True if the call's end was recorded and nothing is missing.
    pub fn is_whole(&self) -> bool {
        !self.torn
            && matches!(self.lines.last(), Some(Line { entry: Entry::Closed, .. }))
            && !self.lines.iter().any(|line| matches!(line.entry, Entry::Truncated { .. }))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LogError {
    #[error("the recording is empty: its first line should be the header")]
    Empty,
    #[error("line 1 is no recording header: {why}")]
    Header { why: String },
    #[error("the recording has schema {found}, this build reads {SCHEMA}; use the build that wrote it")]
    Schema { found: u32 },
    #[error("line {line}: {why}")]
    Line { line: usize, why: String },
    #[error("line {line}: entry {found} follows entry {expected_after}; lines are missing or out of order")]
    Gap { line: usize, expected_after: u64, found: u64 },
}

/// One header line, with its line end.
pub fn encode_header(header: &Header) -> Result<String, serde_json::Error> {
    serde_json::to_string(header).map(|text| text + "\n")
}

/// One entry line, with its line end.
pub fn encode(line: &Line) -> Result<String, serde_json::Error> {
    serde_json::to_string(line).map(|text| text + "\n")
}

/// Reads a recording. A last line without its line end that does not parse is what a crash leaves: it is dropped and `torn` says so.
pub fn decode(text: &str) -> Result<Recording, LogError> {
    let mut raw = text.split_inclusive('\n').enumerate();
    let (_, first) = raw.next().ok_or(LogError::Empty)?;
    let header = decode_header(first)?;
    let (mut lines, mut torn) = (Vec::new(), false);
    for (index, raw_line) in raw {
        let number = index + 1;
        if raw_line.trim().is_empty() {
            continue;
        }
        if raw_line.len() > LINE_BYTES_MAX {
            return Err(LogError::Line { line: number, why: format!("{} bytes, at most {LINE_BYTES_MAX} are read", raw_line.len()) });
        }
        match serde_json::from_str::<Line>(raw_line) {
            Ok(line) => push_in_order(&mut lines, line, number)?,
            Err(_) if !raw_line.ends_with('\n') => torn = true,
            Err(error) => return Err(LogError::Line { line: number, why: error.to_string() }),
        }
    }
    Ok(Recording { header, lines, torn })
}

fn decode_header(first: &str) -> Result<Header, LogError> {
    #[derive(serde::Deserialize)]
    struct OnlySchema {
        schema: u32,
    }
    let schema: OnlySchema = serde_json::from_str(first).map_err(|error| LogError::Header { why: error.to_string() })?;
    if schema.schema != SCHEMA {
        return Err(LogError::Schema { found: schema.schema });
    }
    serde_json::from_str(first).map_err(|error| LogError::Header { why: error.to_string() })
}

fn push_in_order(lines: &mut Vec<Line>, line: Line, number: usize) -> Result<(), LogError> {
    if let Some(before) = lines.last()
        && line.seq != before.seq + 1
    {
        return Err(LogError::Gap { line: number, expected_after: before.seq, found: line.seq });
    }
    lines.push(line);
    Ok(())
}
