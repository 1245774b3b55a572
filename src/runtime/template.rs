//! `{{name}}` in spoken texts. Checked when the assistant is loaded; filling cannot fail.

/// A placeholder that is not right; `column` counts characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TemplateFault {
    Syntax { column: usize, detail: &'static str },
    UnknownVariable { name: String },
}

/// # Errors
/// Every placeholder that is broken or names nothing `known`.
pub(crate) fn check(text: &str, known: impl Fn(&str) -> bool) -> Result<(), Vec<TemplateFault>> {
    let mut faults = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Text(_) => {}
            Piece::Broken { at, detail } => faults.push(TemplateFault::Syntax { column: text[..at].chars().count() + 1, detail }),
            Piece::Variable { name, .. } if known(name) => {}
            Piece::Variable { name, .. } => faults.push(TemplateFault::UnknownVariable { name: name.to_owned() }),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(faults) }
}

/// A variable without a value is filled with nothing; what is no placeholder stays as it is.
pub(crate) fn fill(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    for piece in pieces(text) {
        match piece {
            Piece::Text(words) => filled.push_str(words),
            Piece::Broken { .. } => {}
            Piece::Variable { name, spell } => {
                let value = value(name).unwrap_or_default();
                if spell { filled.push_str(&spelled(&value)) } else { filled.push_str(&value) }
            }
        }
    }
    filled
}

/// The names of its placeholders.
pub(crate) fn names(text: &str) -> Vec<&str> {
    let name = |piece| match piece {
        Piece::Variable { name, .. } => Some(name),
        Piece::Text(_) | Piece::Broken { .. } => None,
    };
    pieces(text).into_iter().filter_map(name).collect()
}

/// `4572` as `4 5 7 2`: each character a word of its own.
fn spelled(value: &str) -> String {
    let letters: Vec<String> = value.chars().filter(|letter| !letter.is_whitespace()).map(String::from).collect();
    letters.join(" ")
}

enum Piece<'t> {
    Text(&'t str),
    Variable { name: &'t str, spell: bool },
    Broken { at: usize, detail: &'static str },
}

fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut pieces, mut at) = (Vec::new(), 0);
    while let Some(open) = text[at..].find("{{").map(|offset| at + offset) {
        pieces.push(Piece::Text(&text[at..open]));
        let Some(close) = text[open..].find("}}").map(|offset| open + offset) else {
            pieces.push(Piece::Broken { at: open, detail: "'{{' without '}}'" });
            return pieces;
        };
        pieces.push(placeholder(&text[open + 2..close], open));
        at = close + 2;
    }
    pieces.push(Piece::Text(&text[at..]));
    pieces
}

fn placeholder(inner: &str, at: usize) -> Piece<'_> {
    let (name, filter) = inner.split_once('|').map_or((inner, None), |(name, filter)| (name, Some(filter.trim())));
    let name = name.trim();
    if !is_identifier(name) {
        return Piece::Broken { at, detail: "a placeholder holds one variable name: {{name}} or {{name | spell}}" };
    }
    match filter {
        None => Piece::Variable { name, spell: false },
        Some("spell") => Piece::Variable { name, spell: true },
        Some(_) => Piece::Broken { at, detail: "the only filter is 'spell'" },
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`, at most 64 characters.
pub(crate) fn is_identifier(name: &str) -> bool {
    let starts = name.bytes().next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_');
    starts && name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_and_spelled() {
        let value = |name: &str| (name == "account").then(|| "4572".to_owned());
        assert_eq!(fill("No {{account}}: {{ account | spell }}{{other}}.", value), "No 4572: 4 5 7 2.");
        assert_eq!(fill("a } b { c", value), "a } b { c");
    }

    #[test]
    fn a_broken_or_unknown_placeholder_is_named() {
        let faults = check("ä {{x}} {{ a b }} {{y|loud}} {{", |name| name == "y").unwrap_err();
        assert_eq!(faults[0], TemplateFault::UnknownVariable { name: "x".to_owned() });
        assert!(matches!(faults[1], TemplateFault::Syntax { column: 9, .. }), "{faults:?}");
        assert!(matches!(faults[2], TemplateFault::Syntax { column: 19, .. }), "{faults:?}");
        assert!(matches!(faults[3], TemplateFault::Syntax { column: 30, .. }), "{faults:?}");
    }
}
