//! The pre-pass: from a peer's bytes to text that a strict parser can read, with every m-line counted on the way.

use super::error::SdpError;

/// A description larger than this is not read; real ones have 300–4,000 bytes.
pub(super) const MAX_BYTES: usize = 32 * 1024;
/// More streams than any phone offers.
pub(super) const MAX_STREAMS: usize = 32;

/// A body with one line for each of the peer's (unused ones empty, so that line numbers in errors stay true).
pub(super) struct Clean {
    pub(super) text: String,
    /// `m=` lines in the text the peer wrote.
    pub(super) streams: usize,
}

/// Keeps `c=`, `m=` and `a=`; nothing else is needed to negotiate audio, and what is dropped cannot make a call fail: an `o=` with blanks in
/// its user name, a missing `t=`, an empty `s=`, `b=` and `k=` in odd places. Takes CRLF, LF or CR as line end, blanks before a line and runs of
/// blanks within `c=` and `m=`; bytes that are not UTF-8 are replaced.
pub(super) fn clean(body: &[u8]) -> Result<Clean, SdpError> {
    if body.len() > MAX_BYTES {
        return Err(SdpError::TooLarge { bytes: body.len(), max: MAX_BYTES });
    }
    let raw = String::from_utf8_lossy(body).replace("\r\n", "\n").replace('\r', "\n");
    let mut text = String::with_capacity(raw.len() + 8);
    let mut has_version = false;
    let mut has_session_address = false;
    let mut streams = 0;
    for line in raw.split('\n') {
        let line = line.trim();
        match split_line(line) {
            Some(('v', value)) if !has_version && streams == 0 => {
                check_version(value)?;
                has_version = true;
                text.push_str("v=0");
            }
            Some(('c', value)) if streams > 0 || !has_session_address => {
                has_session_address |= streams == 0;
                push_words(&mut text, "c=", value);
            }
            Some(('m', value)) => {
                streams += 1;
                if streams > MAX_STREAMS {
                    return Err(SdpError::TooManyStreams { max: MAX_STREAMS });
                }
                push_words(&mut text, "m=", value);
            }
            Some(('a', value)) => {
                text.push_str("a=");
                text.extend(value.chars().filter(|c| *c != '\0'));
            }
            Some(_) | None => {}
        }
        text.push('\n');
    }
    match (has_version, streams) {
        (true, _) => Ok(Clean { text, streams }),
        (false, 0) => Err(SdpError::Malformed { problem: "neither a v= nor an m= line".to_owned() }),
        (false, _) => Ok(Clean { text: format!("v=0\n{text}"), streams }),
    }
}

fn split_line(line: &str) -> Option<(char, &str)> {
    let (key, value) = line.split_once('=')?;
    let mut letters = key.chars();
    match (letters.next(), letters.next()) {
        (Some(letter), None) => Some((letter, value)),
        _ => None,
    }
}

fn check_version(value: &str) -> Result<(), SdpError> {
    match value.trim() {
        "0" => Ok(()),
        other => Err(SdpError::Malformed { problem: format!("version '{}' is not 0", super::error::quoted(other)) }),
    }
}

fn push_words(text: &mut String, key: &str, value: &str) {
    text.push_str(key);
    for (place, word) in value.split_whitespace().enumerate() {
        if place > 0 {
            text.push(' ');
        }
        text.extend(word.chars().filter(|c| *c != '\0'));
    }
}
