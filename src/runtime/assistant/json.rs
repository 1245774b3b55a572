//! JSON read into the same tree as TOML, places included, so that one loader checks both and names the same lines.

use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

const MAX_DEPTH: usize = 64;

/// What is wrong, at which byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonFault {
    pub(super) at: usize,
    pub(super) detail: String,
}

/// The table of a JSON object. A null is a key that is not there.
///
/// # Errors
/// The first fault.
pub(super) fn parse(text: &str) -> Result<DeTable<'_>, JsonFault> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    reader.space();
    let value = reader.value()?;
    reader.space();
    if reader.at < text.len() {
        return Err(reader.fault("nothing may follow the object"));
    }
    match value.map(Spanned::into_inner) {
        Some(DeValue::Table(table)) => Ok(table),
        Some(_) | None => Err(JsonFault { at: 0, detail: "an assistant is a JSON object".to_owned() }),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

type Parsed<'t> = Result<DeValue<'t>, JsonFault>;

impl<'t> Reader<'t> {
    /// `None` for null.
    fn value(&mut self) -> Result<Option<Spanned<DeValue<'t>>>, JsonFault> {
        let start = self.at;
        let value = match self.peek() {
            Some(b'{') => self.deeper(Self::object)?,
            Some(b'[') => self.deeper(Self::array)?,
            Some(b'"') => DeValue::String(Cow::Owned(self.string()?)),
            Some(b't' | b'f' | b'n') => match self.word() {
                "true" => DeValue::Boolean(true),
                "false" => DeValue::Boolean(false),
                "null" => return Ok(None),
                _ => return Err(JsonFault { at: start, detail: "only true, false and null stand without quotes".to_owned() }),
            },
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => return Err(self.fault("a value was expected here")),
            None => return Err(self.fault("the text ends in the middle")),
        };
        Ok(Some(Spanned::new(start..self.at, value)))
    }

    fn object(&mut self) -> Parsed<'t> {
        let mut table = DeTable::new();
        self.list(b'}', |reader| {
            let start = reader.at;
            if reader.peek() != Some(b'"') {
                return Err(reader.fault("a key in double quotes was expected here"));
            }
            let key = reader.string()?;
            let span: Range<usize> = start..reader.at;
            reader.space();
            reader.expect(b':')?;
            reader.space();
            if let Some(value) = reader.value()? {
                let twice = table.insert(Spanned::new(span, Cow::Owned(key)), value).is_some();
                if twice {
                    return Err(JsonFault { at: start, detail: "this key is here twice".to_owned() });
                }
            }
            Ok(())
        })?;
        Ok(DeValue::Table(table))
    }

    fn array(&mut self) -> Parsed<'t> {
        let mut items = Vec::new();
        self.list(b']', |reader| {
            let at = reader.at;
            items.push(reader.value()?.ok_or_else(|| JsonFault { at, detail: "null means nothing in a list".to_owned() })?);
            Ok(())
        })?;
        Ok(DeValue::Array(items.into_iter().collect::<DeArray<'t>>()))
    }

    /// From the opening bracket to the closing one.
    fn list(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Result<(), JsonFault>) -> Result<(), JsonFault> {
        self.at += 1;
        self.space();
        if self.peek() == Some(end) {
            self.at += 1;
            return Ok(());
        }
        loop {
            item(self)?;
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(found) if found == end => {
                    self.at += 1;
                    return Ok(());
                }
                Some(_) | None => return Err(self.fault(&format!("',' or '{}' was expected here", char::from(end)))),
            }
            self.space();
        }
    }

    fn string(&mut self) -> Result<String, JsonFault> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(_) => self.at += 1,
                None => return Err(JsonFault { at: start, detail: "this text has no end".to_owned() }),
            }
        }
        self.at += 1;
        let raw = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(raw)
            .map_err(|_| JsonFault { at: start, detail: "a control character or a broken escape in this text".to_owned() })
    }

    fn number(&mut self) -> Parsed<'t> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
            self.at += 1;
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        let known = serde_json::from_str::<serde_json::Number>(raw).is_ok();
        match DeValue::parse(raw).ok().filter(|_| known) {
            Some(value) => Ok(value.into_inner()),
            None => Err(JsonFault { at: start, detail: format!("'{raw}' is no number") }),
        }
    }

    fn word(&mut self) -> &str {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            self.at += 1;
        }
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn deeper(&mut self, part: fn(&mut Self) -> Parsed<'t>) -> Parsed<'t> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fault(&format!("nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let parsed = part(self);
        self.depth -= 1;
        parsed
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonFault> {
        if self.peek() != Some(byte) {
            return Err(self.fault(&format!("'{}' was expected here", char::from(byte))));
        }
        self.at += 1;
        Ok(())
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| b" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn fault(&self, detail: &str) -> JsonFault {
        JsonFault { at: self.at, detail: detail.to_owned() }
    }
}
