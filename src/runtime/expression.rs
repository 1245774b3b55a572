//! Conditions over variables: `account != "" and not (tries >= 3 or missing(name))`. Parsed and typed when the assistant is loaded.
//!
//! ```text
//! or      = and { "or" and }
//! and     = not { "and" not }
//! not     = "not" not | compare
//! compare = value [ ("=" | "==" | "!=" | "<" | "<=" | ">" | ">=") value ]
//! value   = name | "text" | 'text' | number | true | false | "(" or ")" | missing(name) | eq_normalized(value, value)
//! ```
//! A comparison with a variable that has no value is false, whatever the operator; `missing(name)` asks for that.

use super::matcher::fold;
use super::value::{Decimal, Value};
use std::iter::Peekable;
use std::vec::IntoIter;

const MAX_DEPTH: usize = 32;

/// A condition that parsed and whose types fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Condition(Expr);

/// What a variable can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Number,
    Boolean,
}

/// `column` counts characters from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExpressionFault {
    Syntax { column: usize, detail: String },
    UnknownVariable { name: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expr {
    Literal(Value),
    Variable(String),
    Missing(String),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(Operator, Box<Expr>, Box<Expr>),
    EqNormalized(Box<Expr>, Box<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Condition {
    /// # Errors
    /// The first fault, with its column.
    pub(crate) fn parse(text: &str, kind_of: &dyn Fn(&str) -> Option<Kind>) -> Result<Self, ExpressionFault> {
        let tokens = tokens(text)?;
        let end = text.chars().count() + 1;
        let mut parser = Parser { tokens: tokens.into_iter().peekable(), end, depth: 0, kind_of };
        let (expr, kind) = parser.or()?;
        if let Some((column, _)) = parser.tokens.peek() {
            return Err(syntax(*column, "nothing may follow here; combine conditions with 'and' or 'or'"));
        }
        if kind != Kind::Boolean {
            return Err(syntax(1, "a condition is true or false; compare this value with something"));
        }
        Ok(Self(expr))
    }

    pub(crate) fn holds(&self, value: &dyn Fn(&str) -> Option<Value>) -> bool {
        evaluate(&self.0, value) == Some(Value::Boolean(true))
    }
}

fn evaluate(expr: &Expr, value: &dyn Fn(&str) -> Option<Value>) -> Option<Value> {
    let truth = |part: &Expr| evaluate(part, value) == Some(Value::Boolean(true));
    let flag = match expr {
        Expr::Literal(literal) => return Some(literal.clone()),
        Expr::Variable(name) => return value(name),
        Expr::Missing(name) => value(name).is_none_or(|value| value.render().is_empty()),
        Expr::Not(part) => !truth(part),
        Expr::And(left, right) => truth(left) && truth(right),
        Expr::Or(left, right) => truth(left) || truth(right),
        Expr::EqNormalized(left, right) => match (evaluate(left, value), evaluate(right, value)) {
            (Some(left), Some(right)) => fold(&left.render()) == fold(&right.render()),
            (None, _) | (_, None) => false,
        },
        Expr::Compare(operator, left, right) => match (evaluate(left, value), evaluate(right, value)) {
            (Some(left), Some(right)) => match operator {
                Operator::Equal => left == right,
                Operator::NotEqual => left != right,
                Operator::Less => left < right,
                Operator::LessOrEqual => left <= right,
                Operator::Greater => left > right,
                Operator::GreaterOrEqual => left >= right,
            },
            (None, _) | (_, None) => false,
        },
    };
    Some(Value::Boolean(flag))
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(String),
    Number(Decimal),
    Operator(Operator),
    Open,
    Close,
    Comma,
}

fn syntax(column: usize, detail: impl Into<String>) -> ExpressionFault {
    ExpressionFault::Syntax { column, detail: detail.into() }
}

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, ExpressionFault> {
    let letters: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(letter) = letters.get(at).copied() {
        let column = at + 1;
        let run = |from: usize, keep: &dyn Fn(char) -> bool| -> String { letters[from..].iter().take_while(|next| keep(**next)).collect() };
        let next_is_equals = letters.get(at + 1) == Some(&'=');
        let (token, length) = match letter {
            _ if letter.is_whitespace() => {
                at += 1;
                continue;
            }
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            ',' => (Token::Comma, 1),
            '=' => (Token::Operator(Operator::Equal), 1 + usize::from(next_is_equals)),
            '!' if next_is_equals => (Token::Operator(Operator::NotEqual), 2),
            '<' if next_is_equals => (Token::Operator(Operator::LessOrEqual), 2),
            '>' if next_is_equals => (Token::Operator(Operator::GreaterOrEqual), 2),
            '<' => (Token::Operator(Operator::Less), 1),
            '>' => (Token::Operator(Operator::Greater), 1),
            '"' | '\'' => {
                let inside = run(at + 1, &|next| next != letter);
                let length = inside.chars().count() + 2;
                if at + length > letters.len() {
                    return Err(syntax(column, "this text has no closing quote"));
                }
                (Token::Text(inside), length)
            }
            '-' | '0'..='9' => {
                let digits = format!("{letter}{}", run(at + 1, &|next| next.is_ascii_digit() || next == '.'));
                let number = Decimal::parse(&digits).ok_or_else(|| syntax(column, format!("'{digits}' is no number")))?;
                (Token::Number(number), digits.len())
            }
            _ if letter.is_ascii_alphabetic() || letter == '_' => {
                let word = run(at, &|next| next.is_ascii_alphanumeric() || next == '_');
                let length = word.len();
                (Token::Word(word), length)
            }
            _ => return Err(syntax(column, format!("'{letter}' means nothing here"))),
        };
        found.push((column, token));
        at += length;
    }
    Ok(found)
}

struct Parser<'k> {
    tokens: Peekable<IntoIter<(usize, Token)>>,
    end: usize,
    depth: usize,
    kind_of: &'k dyn Fn(&str) -> Option<Kind>,
}

type Typed = (Expr, Kind);

impl Parser<'_> {
    fn or(&mut self) -> Result<Typed, ExpressionFault> {
        self.chain("or", Self::and, Expr::Or)
    }

    fn and(&mut self) -> Result<Typed, ExpressionFault> {
        self.chain("and", Self::not, Expr::And)
    }

    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Typed, ExpressionFault>,
        join: fn(Box<Expr>, Box<Expr>) -> Expr,
    ) -> Result<Typed, ExpressionFault> {
        let start = self.column();
        let (mut left, mut kind) = part(self)?;
        while self.take_word(word) {
            let at = self.column();
            let (right, right_kind) = part(self)?;
            for (column, side) in [(start, kind), (at, right_kind)] {
                if side != Kind::Boolean {
                    return Err(syntax(column, format!("'{word}' joins conditions, and this is {}", name_of(side))));
                }
            }
            (left, kind) = (join(Box::new(left), Box::new(right)), Kind::Boolean);
        }
        Ok((left, kind))
    }

    fn not(&mut self) -> Result<Typed, ExpressionFault> {
        if !self.take_word("not") {
            return self.compare();
        }
        let at = self.column();
        self.deeper(|parser| {
            let (part, kind) = parser.not()?;
            if kind == Kind::Boolean {
                Ok((Expr::Not(Box::new(part)), Kind::Boolean))
            } else {
                Err(syntax(at, format!("'not' wants a condition, and this is {}", name_of(kind))))
            }
        })
    }

    fn compare(&mut self) -> Result<Typed, ExpressionFault> {
        let (left, left_kind) = self.value()?;
        let Some((column, Token::Operator(operator))) = self.tokens.peek().cloned() else { return Ok((left, left_kind)) };
        self.tokens.next();
        let (right, right_kind) = self.value()?;
        if left_kind != right_kind {
            return Err(syntax(column, format!("{} cannot be compared with {}", name_of(left_kind), name_of(right_kind))));
        }
        if left_kind != Kind::Number && !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(syntax(column, format!("{} is compared with = or != only", name_of(left_kind))));
        }
        Ok((Expr::Compare(operator, Box::new(left), Box::new(right)), Kind::Boolean))
    }

    fn value(&mut self) -> Result<Typed, ExpressionFault> {
        let Some((column, token)) = self.tokens.next() else {
            return Err(syntax(self.end, "a value is missing at the end"));
        };
        match token {
            Token::Text(text) => Ok((Expr::Literal(Value::text(text)), Kind::Text)),
            Token::Number(number) => Ok((Expr::Literal(Value::Number(number)), Kind::Number)),
            Token::Open => self.deeper(|parser| {
                let inside = parser.or()?;
                parser.expect(Token::Close, "')'")?;
                Ok(inside)
            }),
            Token::Word(word) => self.word(column, word),
            Token::Operator(_) | Token::Close | Token::Comma => Err(syntax(column, "a value was expected here")),
        }
    }

    fn word(&mut self, column: usize, word: String) -> Result<Typed, ExpressionFault> {
        let is_call = matches!(self.tokens.peek(), Some((_, Token::Open)));
        match word.as_str() {
            "true" | "false" => Ok((Expr::Literal(Value::Boolean(word == "true")), Kind::Boolean)),
            "and" | "or" | "not" => Err(syntax(column, format!("a value was expected before '{word}'"))),
            "missing" if is_call => {
                self.tokens.next();
                let at = self.column();
                let Some((_, Token::Word(name))) = self.tokens.next() else {
                    return Err(syntax(at, "missing() wants the name of a variable"));
                };
                self.kind(&name)?;
                self.expect(Token::Close, "')'")?;
                Ok((Expr::Missing(name), Kind::Boolean))
            }
            "eq_normalized" if is_call => self.deeper(|parser| {
                parser.tokens.next();
                let (left, _) = parser.value()?;
                parser.expect(Token::Comma, "','")?;
                let (right, _) = parser.value()?;
                parser.expect(Token::Close, "')'")?;
                Ok((Expr::EqNormalized(Box::new(left), Box::new(right)), Kind::Boolean))
            }),
            _ if is_call => Err(syntax(column, format!("there is no function '{word}'; known: missing(name), eq_normalized(a, b)"))),
            _ => {
                let kind = self.kind(&word)?;
                Ok((Expr::Variable(word), kind))
            }
        }
    }

    fn kind(&self, name: &str) -> Result<Kind, ExpressionFault> {
        (self.kind_of)(name).ok_or_else(|| ExpressionFault::UnknownVariable { name: name.to_owned() })
    }

    fn expect(&mut self, wanted: Token, shown: &str) -> Result<(), ExpressionFault> {
        let column = self.column();
        match self.tokens.next() {
            Some((_, token)) if token == wanted => Ok(()),
            Some(_) | None => Err(syntax(column, format!("{shown} was expected here"))),
        }
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.tokens.next_if(|(_, token)| matches!(token, Token::Word(found) if found == word)).is_some()
    }

    fn column(&mut self) -> usize {
        self.tokens.peek().map_or(self.end, |(column, _)| *column)
    }

    fn deeper(&mut self, part: impl FnOnce(&mut Self) -> Result<Typed, ExpressionFault>) -> Result<Typed, ExpressionFault> {
        if self.depth >= MAX_DEPTH {
            return Err(syntax(self.column(), format!("nested deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let parsed = part(self);
        self.depth -= 1;
        parsed
    }
}

const fn name_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Number => "a number",
        Kind::Boolean => "true or false",
    }
}

#[cfg(test)]
mod tests;
