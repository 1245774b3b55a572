//! From the bytes of a header section to a canonical header list.

use crate::sip::headers::{Headers, canonical_name, clean, is_list, is_token, single};
use crate::sip::readers::scan;
use std::collections::BTreeSet;

/// Header fields a message may hold. A long call through many proxies stays far below.
pub(super) const MAX_FIELDS: usize = 256;

/// A header section, read. Faults do not stop the reading: the headers that can be read are what the refusal is made of.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) start: String,
    pub(super) headers: Headers,
    pub(super) content_length: ContentLength,
    /// The first thing found wrong.
    pub(super) fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ContentLength {
    Absent,
    Bytes(usize),
    /// Negative, no number, or two of them.
    Unusable,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) status: u16,
    pub(super) why: &'static str,
}

impl Fault {
    pub(super) const fn bad(why: &'static str) -> Self {
        Self { status: 400, why }
    }
}

/// Where the header section that starts at 0 ends (the blank line included), if its end is there. Lines end with CRLF or a lone LF. The search begins at
/// `from`, so that a stream need not be searched from its start for every segment.
pub(super) fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from.saturating_sub(3);
    while let Some(found) = bytes.get(at..)?.iter().position(|b| *b == b'\n') {
        let next = at + found + 1;
        match bytes.get(next..)? {
            [b'\n', ..] => return Some(next + 1),
            [b'\r', b'\n', ..] => return Some(next + 2),
            _ => at = next,
        }
    }
    None
}

/// Reads a header section; `None` if there is no start line.
pub(super) fn read_head(bytes: &[u8]) -> Option<Head> {
    let mut lines = bytes.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let start = lines.next().filter(|line| !line.is_empty())?;
    let mut head = Head { start: decode(start), headers: Headers::new(), content_length: ContentLength::Absent, fault: None };
    let mut seen = BTreeSet::new();
    let mut fields = 0_usize;
    for line in unfold(lines) {
        fields += 1;
        if fields > MAX_FIELDS {
            head.note(Fault { status: 513, why: "too many header fields" });
            break;
        }
        head.read_field(&line, &mut seen);
    }
    Some(head)
}

impl Head {
    pub(super) fn note(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn read_field(&mut self, line: &str, seen: &mut BTreeSet<&'static str>) {
        let Some((name, value)) = line.split_once(':') else { return self.note(Fault::bad("a header line has no colon")) };
        let name = name.trim_matches([' ', '\t']);
        if !is_token(name) {
            return self.note(Fault::bad("a header name is no token"));
        }
        let name = canonical_name(name);
        if let Some(twice) = single(name).filter(|single| !seen.insert(single)) {
            if twice == "Content-Length" {
                self.content_length = ContentLength::Unusable;
            }
            return self.note(Fault::bad(DUPLICATE));
        }
        let value = clean(value);
        if name == "Content-Length" {
            self.content_length = scan::number(&value).map_or(ContentLength::Unusable, ContentLength::Bytes);
        } else if is_list(name) {
            self.push_list(name, &value);
        } else {
            self.headers.push(name, &value);
        }
    }

    /// A blank element of a list of addresses is kept and found wrong later; in other lists it means nothing.
    fn push_list(&mut self, name: &str, value: &str) {
        let addresses = matches!(name, "Via" | "Contact" | "Route" | "Record-Route");
        let pieces = scan::split(value, b',');
        let only = pieces.len() == 1;
        for piece in pieces.into_iter().filter(|piece| only || addresses || !piece.is_empty()) {
            self.headers.push(name, piece);
        }
    }
}

const DUPLICATE: &str = "a header that may stand once stands twice";

/// Joins folded lines (RFC 3261 section 7.3.1) with one blank and decodes them. Blank lines end the section.
fn unfold<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for line in lines.take_while(|line| !line.is_empty()) {
        let text = decode(line);
        match (text.starts_with([' ', '\t']), fields.last_mut()) {
            (true, Some(last)) => {
                last.push(' ');
                last.push_str(text.trim_matches([' ', '\t']));
            }
            (true, None) | (false, _) => fields.push(text),
        }
        if fields.len() > MAX_FIELDS + 1 {
            break;
        }
    }
    fields
}

/// UTF-8, or else Latin-1: old PBXs write names in it, and every byte has a meaning there.
fn decode(line: &[u8]) -> String {
    std::str::from_utf8(line).map_or_else(|_| line.iter().map(|byte| char::from(*byte)).collect(), str::to_owned)
}
