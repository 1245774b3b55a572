//! Bodies of several parts (RFC 2046 section 5.1, RFC 5621): trunks put SDP beside ISUP or XML.

use super::MediaType;
use crate::sip::headers::canonical_name;

/// The body of kind `essence` (`application/sdp`): the whole body if it is of that kind, or the first such part of a `multipart/*` body. Bytes are not
/// changed. Parts inside parts are not looked into; at most 32 parts are.
pub(crate) fn part<'a>(content_type: &MediaType, body: &'a [u8], essence: &str) -> Option<&'a [u8]> {
    const PARTS: usize = 32;
    if content_type.is(essence) {
        return Some(body);
    }
    if content_type.kind != "multipart" {
        return None;
    }
    let delimiter = format!("--{}", content_type.params.get("boundary").filter(|boundary| !boundary.is_empty())?);
    let mut rest = &body[next_delimiter(body, delimiter.as_bytes())?.1..];
    for _ in 0..PARTS {
        if rest.starts_with(b"--") {
            return None;
        }
        let (end, next) = next_delimiter(rest, delimiter.as_bytes())?;
        if let Some(found) = read_part(&rest[..end], essence) {
            return Some(found);
        }
        rest = &rest[next..];
    }
    None
}

/// Where the next delimiter line's own line end begins, and where the delimiter's text ends.
fn next_delimiter(bytes: &[u8], delimiter: &[u8]) -> Option<(usize, usize)> {
    let starts_line = |at: usize| at == 0 || bytes[at - 1] == b'\n';
    // `--b1` is no delimiter of its own where the line says `--b10`: that one belongs to a part inside.
    let ends_there = |at: usize| bytes.get(at + delimiter.len()).is_none_or(|next| matches!(next, b'-' | b' ' | b'\t' | b'\r' | b'\n'));
    let mut places = bytes.windows(delimiter.len()).enumerate();
    let at = places.find(|(at, window)| *window == delimiter && starts_line(*at) && ends_there(*at))?.0;
    let before = bytes[..at].strip_suffix(b"\n").map_or(&bytes[..at], |line| line.strip_suffix(b"\r").unwrap_or(line));
    Some((before.len(), at + delimiter.len()))
}

/// `part` begins with what is left of the delimiter line. A part without Content-Type is text and never what we look for.
fn read_part<'a>(part: &'a [u8], essence: &str) -> Option<&'a [u8]> {
    let mut rest = after_line(part)?.1;
    let mut wanted = false;
    loop {
        let (line, next) = after_line(rest)?;
        if line.is_empty() {
            return wanted.then_some(next);
        }
        let line = String::from_utf8_lossy(line);
        if let Some((name, value)) = line.split_once(':')
            && canonical_name(name.trim()) == "Content-Type"
        {
            wanted = MediaType::read(value.trim()).is_ok_and(|kind| kind.is(essence));
        }
        rest = next;
    }
}

fn after_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|b| *b == b'\n')?;
    let line = &bytes[..end];
    Some((line.strip_suffix(b"\r").unwrap_or(line), &bytes[end + 1..]))
}
