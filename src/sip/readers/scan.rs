//! Cutting a value at separators that stand neither in a quoted string nor between angle brackets.

/// Pieces of `text` between `separator`s at the top level, trimmed. Blank pieces are kept: the caller decides what they mean. In an unbalanced quote
/// or bracket everything up to the end is one piece.
pub(crate) fn split(text: &str, separator: u8) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = find(rest, separator) {
        pieces.push(rest[..at].trim());
        rest = &rest[at + 1..];
    }
    pieces.push(rest.trim());
    pieces
}

/// Cuts at the first top-level `separator`: what stands before it and, if it was found, what stands after it.
pub(crate) fn cut(text: &str, separator: u8) -> (&str, Option<&str>) {
    match find(text, separator) {
        Some(at) => (text[..at].trim(), Some(&text[at + 1..])),
        None => (text.trim(), None),
    }
}

/// Place of the first `wanted` (ASCII) outside quotes and angle brackets.
pub(crate) fn find(text: &str, wanted: u8) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    let mut angle = false;
    for (at, byte) in text.bytes().enumerate() {
        if escaped {
            escaped = false;
        } else if quoted {
            match byte {
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if byte == wanted && (!angle || wanted == b'>') {
            return Some(at);
        } else {
            match byte {
                b'"' if !angle => quoted = true,
                b'<' => angle = true,
                b'>' => angle = false,
                _ => {}
            }
        }
    }
    None
}

/// True if every quoted string in `text` is closed.
pub(crate) fn balanced(text: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    !quoted
}

/// The text of a quoted string without its quotes and escapes; anything else as it is.
pub(crate) fn unquote(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return text.to_owned() };
    let mut plain = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.extend(chars.next()),
            _ => plain.push(c),
        }
    }
    plain
}

/// `text` as a quoted string.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A decimal number: digits only, no sign, no blanks inside.
pub(crate) fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Place of the first `<` outside a quoted string.
pub(crate) fn find_open(text: &str) -> Option<usize> {
    find(text, b'<')
}
