//! Finds the session description in a message body: plain, or as one part of a multipart body (RFC 2046, RFC 5621).

use super::error::{SdpError, quoted};

/// Multipart bodies inside multipart bodies are followed this deep.
const MAX_DEPTH: u8 = 3;
/// Parts looked at in one multipart body.
const MAX_PARTS: usize = 32;

/// The `application/sdp` bytes within `body`, given the value of its `Content-Type`. SIP's default for a body without one is not guessed:
/// pass `application/sdp` if it shall count as such.
pub fn sdp_part<'a>(content_type: &str, body: &'a [u8]) -> Result<&'a [u8], SdpError> {
    find(content_type, body, MAX_DEPTH)
}

fn find<'a>(content_type: &str, body: &'a [u8], depth: u8) -> Result<&'a [u8], SdpError> {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/sdp" {
        return Ok(body);
    }
    if !essence.starts_with("multipart/") {
        return Err(SdpError::ContentType { content_type: quoted(content_type) });
    }
    let unreadable = |problem: &str| SdpError::Multipart { content_type: quoted(content_type), problem: problem.to_owned() };
    let boundary = boundary(content_type).ok_or_else(|| unreadable("the boundary parameter is missing or empty"))?;
    if depth == 0 {
        return Err(unreadable("parts are nested too deeply"));
    }
    let mut encoded = false;
    for part in parts(body, &boundary).into_iter().take(MAX_PARTS) {
        if part.is_encoded() {
            encoded = true;
        } else if let Ok(found) = find(&part.content_type, part.body, depth - 1) {
            return Ok(found);
        }
    }
    Err(unreadable(if encoded { "it is sent in a transfer encoding; send it as it is" } else { "none was found between the boundaries" }))
}

/// The `boundary` parameter, quoted or not.
fn boundary(content_type: &str) -> Option<String> {
    let at = content_type.to_ascii_lowercase().find("boundary")?;
    let value = content_type.get(at + "boundary".len()..)?.trim_start().strip_prefix('=')?.trim_start();
    let boundary = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split(';').next()?.trim(),
    };
    (!boundary.is_empty() && boundary.len() <= 200).then(|| boundary.to_owned())
}

struct Part<'a> {
    content_type: String,
    transfer_encoding: String,
    body: &'a [u8],
}

impl Part<'_> {
    fn is_encoded(&self) -> bool {
        !matches!(self.transfer_encoding.as_str(), "" | "7bit" | "8bit" | "binary")
    }
}

/// What stands between delimiter lines; the text before the first is no part, a missing last delimiter is forgiven.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<Part<'a>> {
    let delimiter = format!("--{boundary}");
    let mut found = Vec::new();
    let mut started: Option<usize> = None;
    for (from, to) in lines(body) {
        let line = body[from..to].trim_ascii_end();
        let Some(rest) = line.strip_prefix(delimiter.as_bytes()) else { continue };
        if !rest.is_empty() && rest != b"--" {
            continue;
        }
        if let Some(start) = started {
            found.push(part(body.get(start..from).unwrap_or_default()));
        }
        started = (rest != b"--").then_some(to);
    }
    if let Some(start) = started {
        found.push(part(body.get(start..).unwrap_or_default()));
    }
    found
}

/// Headers, blank line, content; the line end before the next delimiter belongs to the delimiter.
fn part(raw: &[u8]) -> Part<'_> {
    let mut part = Part { content_type: "text/plain".to_owned(), transfer_encoding: String::new(), body: &[] };
    for (from, to) in lines(raw) {
        let line = raw[from..to].trim_ascii();
        if line.is_empty() {
            let content = raw.get(to..).unwrap_or_default();
            let content = content.strip_suffix(b"\n").unwrap_or(content);
            part.body = content.strip_suffix(b"\r").unwrap_or(content);
            break;
        }
        let line = String::from_utf8_lossy(line);
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().to_ascii_lowercase().as_str() {
            "content-type" | "c" => part.content_type = value.trim().to_owned(),
            "content-transfer-encoding" => part.transfer_encoding = value.trim().to_ascii_lowercase(),
            _ => {}
        }
    }
    part
}

/// Start and end (after its line end) of each line.
fn lines(bytes: &[u8]) -> impl Iterator<Item = (usize, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |place| place + 1);
        let line = (at, at + length);
        at += length;
        Some(line)
    })
}
