//! JSON as osquery's configurations have it in the wild.
//!
//! A parser of our own, for none that is kept takes what osquery takes: it cuts a backslash before a line's end out of
//! the text, also inside of strings, and skips lines that begin with `#` or `//`. Beyond that, comments anywhere and
//! commas before a closing bracket are taken, for other tools write them; raw line ends and tabs in strings are taken
//! and said, for agents refuse them. Every value keeps its place, and a name that is given twice is seen.

use std::sync::Arc;

use super::node::{Member, Node, Value};
use super::place::{At, Notes, Place};
use super::{MAX_DEPTH, MAX_NODES};

/// Reads one document; none, and an error, when it is none.
pub(super) fn parse(file: &Arc<str>, text: &str, notes: &mut Notes) -> Option<Node> {
    let mut reader = Reader { rest: text, file, line: 1, column: 1, depth: 0, nodes: 0, notes };
    if let Some(rest) = text.strip_prefix('\u{feff}') {
        reader.rest = rest;
    }
    match reader.document() {
        Ok(node) => Some(node),
        Err(Stop { place, message }) => {
            notes.error(&place, message);
            None
        }
    }
}

/// Why reading ended early.
struct Stop {
    place: Place,
    message: String,
}

type Read<T> = Result<T, Stop>;

struct Reader<'a> {
    rest: &'a str,
    file: &'a Arc<str>,
    line: u32,
    column: u32,
    depth: usize,
    nodes: usize,
    notes: &'a mut Notes,
}

impl Reader<'_> {
    fn document(&mut self) -> Read<Node> {
        self.blank()?;
        let node = self.value()?;
        self.blank()?;
        match self.peek() {
            None => Ok(node),
            Some(c) => self.stop(format!("nothing may follow the document, but `{c}` does")),
        }
    }

    fn value(&mut self) -> Read<Node> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return self.stop(format!("the document has more than {MAX_NODES} values"));
        }
        let place = self.place();
        let value = match self.peek() {
            Some('{') => self.nested(Self::object)?,
            Some('[') => self.nested(Self::list)?,
            Some('"') => Value::Text(self.string()?),
            Some(c) if c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.') => self.word()?,
            Some(c) => return self.stop(format!("a value must be here, not `{c}`")),
            None => return self.stop("the document ends where a value must be"),
        };
        Ok(Node::new(place, value))
    }

    /// Reads an object or a list, one level deeper.
    fn nested(&mut self, read: fn(&mut Self) -> Read<Value>) -> Read<Value> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.stop(format!("the document nests more than {MAX_DEPTH} deep"));
        }
        self.take();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object(&mut self) -> Read<Value> {
        let mut members: Vec<Member> = Vec::new();
        let mut known = std::collections::HashMap::new();
        while self.goes_on('}', members.is_empty())? {
            let place = self.place();
            let name = match self.peek() {
                Some('"') => self.string()?,
                _ => return self.stop("a name in double quotes must be here"),
            };
            self.blank()?;
            if self.peek() != Some(':') {
                return self.stop(format!("a colon must follow the name `{name}`"));
            }
            self.take();
            self.blank()?;
            let node = self.value()?;
            if let Some(first) = known.get(&name) {
                let message = format!("`{name}` is there already, in line {first}; osquery takes the first");
                self.notes.warn(&place, message);
                continue;
            }
            known.insert(name.clone(), place.line);
            members.push(Member { name: At::new(place, name), node });
        }
        Ok(Value::Object(members))
    }

    fn list(&mut self) -> Read<Value> {
        let mut items = Vec::new();
        while self.goes_on(']', items.is_empty())? {
            items.push(self.value()?);
        }
        Ok(Value::List(items))
    }

    /// Whether another item follows, after its comma; else the closing bracket is taken.
    fn goes_on(&mut self, closing: char, is_first: bool) -> Read<bool> {
        self.blank()?;
        if !is_first && self.peek() == Some(',') {
            self.take();
            self.blank()?;
        } else if !is_first && self.peek() != Some(closing) {
            return self.stop(format!("a comma or `{closing}` must be here"));
        }
        let ends = self.peek() == Some(closing);
        if ends {
            self.take();
        }
        Ok(!ends)
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self) -> Read<Value> {
        let is_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.' | '_');
        let length = self.rest.find(|c| !is_of_word(c)).unwrap_or(self.rest.len());
        let word = &self.rest[..length];
        let value = match word {
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            "null" => Value::Null,
            number if is_number(number) => Value::Number(number.to_owned()),
            other => return self.stop(format!("`{}` is no value: texts are in double quotes", short(other))),
        };
        self.skip(length);
        Ok(value)
    }

    fn string(&mut self) -> Read<String> {
        let start = self.place();
        self.take();
        let mut text = String::new();
        let mut is_raw = false;
        loop {
            match self.take() {
                Some('"') => break,
                Some('\\') => self.escape(&mut text)?,
                Some(c) => {
                    is_raw |= u32::from(c) < 0x20;
                    text.push(if c == '\0' { '\u{fffd}' } else { c });
                }
                None => {
                    let message = "a text begins here and has no end".to_owned();
                    return Err(Stop { place: start, message });
                }
            }
        }
        if is_raw {
            let message =
                "this text has raw line ends or tabs, which agents refuse in a file: taken as they are";
            self.notes.warn(&start, message);
        }
        Ok(text)
    }

    /// What a backslash stands for; before the end of a line, for nothing.
    fn escape(&mut self, text: &mut String) -> Read<()> {
        let plain = match self.take() {
            Some('\n') => return Ok(()),
            Some('\r') if self.peek() == Some('\n') => {
                self.take();
                return Ok(());
            }
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => self.unicode()?,
            Some(c) => {
                return self.stop(format!("`\\{c}` means nothing in JSON; a backslash itself is `\\\\`"));
            }
            None => return self.stop("the document ends in a text"),
        };
        text.push(plain);
        Ok(())
    }

    /// The character of `\uXXXX`, perhaps of two that make a pair; what is no character is U+FFFD, as everywhere.
    fn unicode(&mut self) -> Read<char> {
        let first = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&first) || !self.rest.starts_with("\\u") {
            return Ok(char::from_u32(first).filter(|c| *c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.take();
        self.take();
        let second = self.four_digits()?;
        let pair = 0x1_0000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff);
        let is_pair = (0xdc00..0xe000).contains(&second);
        Ok(Some(pair).filter(|_| is_pair).and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_digits(&mut self) -> Read<u32> {
        let mut code = 0;
        for _ in 0..4 {
            match self.take().and_then(|c| c.to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return self.stop("`\\u` needs four hexadecimal digits"),
            }
        }
        Ok(code)
    }

    /// Skips white space and comments.
    fn blank(&mut self) -> Read<()> {
        loop {
            let rest = self.rest;
            if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else {
                    return self.stop("a comment begins here and has no end");
                };
                self.skip(length + 4);
            } else if rest.starts_with('#') || rest.starts_with("//") {
                let length = rest.find('\n').unwrap_or(rest.len());
                self.skip(length);
            } else if rest.starts_with("\\\n") || rest.starts_with("\\\r\n") || rest.starts_with(is_blank) {
                self.take();
            } else {
                return Ok(());
            }
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// The next character, counted.
    fn take(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.rest = &self.rest[c.len_utf8()..];
        if c == '\n' {
            self.line = self.line.saturating_add(1);
            self.column = 1;
        } else {
            self.column = self.column.saturating_add(1);
        }
        Some(c)
    }

    /// Takes so many bytes.
    fn skip(&mut self, bytes: usize) {
        let end = self.rest.len().saturating_sub(bytes);
        while self.rest.len() > end {
            self.take();
        }
    }

    fn place(&self) -> Place {
        Place { file: Arc::clone(self.file), line: self.line, column: self.column }
    }

    fn stop<T>(&self, message: impl Into<String>) -> Read<T> {
        Err(Stop { place: self.place(), message: message.into() })
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\u{feff}'
}

/// Whether a word is a number: JSON's, and those that begin with a plus, a dot or a zero.
fn is_number(word: &str) -> bool {
    let begins = word.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit());
    begins && word.parse::<f64>().is_ok_and(f64::is_finite)
}

/// The beginning of a word.
fn short(word: &str) -> String {
    word.chars().take(40).collect()
}
