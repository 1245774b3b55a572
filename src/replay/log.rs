//! Lines of a recording: encode one, decode a whole file's text. Knows nothing of files.

use super::format::{Entry, Header, Line, SCHEMA};
use super::seal::{SealError, SealKey, Sealer};
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
    #[error("line {line}: entry {found} stands where entry {expected} should; lines are missing, doubled or out of order")]
    Gap { line: usize, expected: u64, found: u64 },
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("line {line} does not open: it, its place or the header was changed after it was written")]
    Tampered { line: usize },
}

/// One header line, with its line end.
pub fn encode_header(header: &Header) -> Result<String, serde_json::Error> {
    serde_json::to_string(header).map(|text| text + "\n")
}

/// One entry line, with its line end.
pub fn encode(line: &Line) -> Result<String, serde_json::Error> {
    serde_json::to_string(line).map(|text| text + "\n")
}

/// Reads a recording that is not encrypted; see [`decode_with`].
pub fn decode(text: &str) -> Result<Recording, LogError> {
    decode_with(text, None)
}

/// Reads a recording; `key` opens an encrypted one. A last line without its line end that does not parse is what a crash leaves: it is dropped
/// and `torn` says so.
pub fn decode_with(text: &str, key: Option<&SealKey>) -> Result<Recording, LogError> {
    let mut raw = text.split_inclusive('\n').enumerate();
    let (_, first) = raw.next().ok_or(LogError::Empty)?;
    let header = decode_header(first)?;
    let sealer = sealer(&header, first, key)?;
    let (mut lines, mut torn) = (Vec::new(), false);
    for (index, raw_line) in raw {
        let number = index + 1;
        if raw_line.trim().is_empty() {
            continue;
        }
        if raw_line.len() > LINE_BYTES_MAX {
            return Err(LogError::Line { line: number, why: format!("{} bytes, at most {LINE_BYTES_MAX} are read", raw_line.len()) });
        }
        match read_line(raw_line, sealer.as_ref(), lines.len() as u64, number) {
            Ok(line) => lines.push(line),
            Err(LogError::Line { .. }) if !raw_line.ends_with('\n') => torn = true,
            Err(error) => return Err(error),
        }
    }
    Ok(Recording { header, lines, torn })
}

fn sealer(header: &Header, first: &str, key: Option<&SealKey>) -> Result<Option<Sealer>, LogError> {
    let Some(seal) = &header.sealed else { return Ok(None) };
    let key = key.ok_or_else(|| SealError::NoKey { key: seal.key.clone() })?;
    Ok(Some(Sealer::new(key, seal, first.trim_end_matches('\n'))?))
}

/// The line that must be entry number `expected`.
fn read_line(raw: &str, sealer: Option<&Sealer>, expected: u64, number: usize) -> Result<Line, LogError> {
    let bad = |error: serde_json::Error| LogError::Line { line: number, why: error.to_string() };
    let gap = |found| LogError::Gap { line: number, expected, found };
    let line: Line = match sealer {
        None => serde_json::from_str(raw).map_err(bad)?,
        Some(sealer) => {
            let (claimed, text) = sealer.open(raw).map_err(bad)?;
            let changed = if claimed == expected { LogError::Tampered { line: number } } else { gap(claimed) };
            serde_json::from_str(&text.ok_or(changed)?).map_err(bad)?
        }
    };
    // What says that lines are missing counts them: its own number lies beyond them.
    let says_so = line.seq > expected && matches!(line.entry, Entry::Truncated { .. });
    if line.seq == expected || says_so { Ok(line) } else { Err(gap(line.seq)) }
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
