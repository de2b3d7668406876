//! Rows as lines of text, as PostgreSQL's COPY reads and writes them; and a digest over them.

use ring::digest::{SHA256, digest};

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A whole number.
    Number,
    /// A truth.
    Truth,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
}

impl Kind {
    /// The kind of a type of PostgreSQL, by its name in the information schema; none for one that both databases write
    /// in different ways, such as fractions and times.
    pub(super) fn of(data_type: &str) -> Option<Self> {
        match data_type {
            "bigint" | "integer" | "smallint" => Some(Self::Number),
            "boolean" => Some(Self::Truth),
            "text" | "character varying" | "json" => Some(Self::Text),
            "bytea" => Some(Self::Bytes),
            _ => None,
        }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// None.
    Null,
    /// A whole number.
    Number(i64),
    /// A truth.
    Truth(bool),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// Writes a row and its line feed.
pub(super) fn write_line(out: &mut Vec<u8>, values: impl Iterator<Item = Value>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        write(out, &value);
    }
    out.push(b'\n');
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.extend_from_slice(b"\\N"),
        Value::Number(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Truth(truth) => out.push(if *truth { b't' } else { b'f' }),
        Value::Text(text) => write_text(out, text.as_bytes()),
        Value::Bytes(bytes) => {
            const HEX: &[u8; 16] = b"0123456789abcdef";
            out.extend_from_slice(b"\\\\x");
            let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
            out.extend(digits.map(|digit| HEX[usize::from(digit)]));
        }
    }
}

fn write_text(out: &mut Vec<u8>, text: &[u8]) {
    for byte in text {
        let escaped = match byte {
            b'\\' => b'\\',
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            11 => b'v',
            12 => b'f',
            b'\r' => b'r',
            plain => {
                out.push(*plain);
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', escaped]);
    }
}

/// A count of lines, and the sum of their hashes: the same for the same lines in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    rows: u64,
    sum: u128,
    /// A line whose end has not come yet.
    begun: Vec<u8>,
}

impl Tally {
    /// Takes in a piece of the lines, cut anywhere.
    pub(super) fn take(&mut self, piece: &[u8]) {
        let mut lines = piece.split_inclusive(|byte| *byte == b'\n');
        for part in &mut lines {
            let Some(end) = part.strip_suffix(b"\n") else {
                self.begun.extend_from_slice(part);
                return;
            };
            if self.begun.is_empty() {
                self.add(end);
            } else {
                let mut line = std::mem::take(&mut self.begun);
                line.extend_from_slice(end);
                self.add(&line);
            }
        }
    }

    /// How many lines there were.
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// The sum, in hex.
    pub(super) fn digest(&self) -> String {
        format!("{:032x}", self.sum)
    }

    fn add(&mut self, line: &[u8]) {
        let hash = digest(&SHA256, line);
        let half: [u8; 16] = hash.as_ref()[..16].try_into().expect("SHA-256 has 32 bytes");
        self.sum = self.sum.wrapping_add(u128::from_be_bytes(half));
        self.rows += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_line() {
        let row = [
            Value::Number(-7),
            Value::Null,
            Value::Truth(true),
            Value::Text("a\tb\n\\c\r\u{b}é".to_owned()),
            Value::Bytes(vec![0, 255]),
            Value::Text(String::new()),
        ];
        let mut line = Vec::new();
        write_line(&mut line, row.into_iter());
        assert_eq!(line, "-7\t\\N\tt\ta\\tb\\n\\\\c\\r\\vé\t\\\\x00ff\t\n".as_bytes());
    }

    #[test]
    fn a_tally_depends_neither_on_cuts_nor_on_order() {
        let tally = |pieces: &[&str]| {
            let mut tally = Tally::default();
            for piece in pieces {
                tally.take(piece.as_bytes());
            }
            tally
        };
        let whole = tally(&["a\tb\nc\td\n"]);
        assert_eq!(whole.rows(), 2);
        assert_eq!(tally(&["a", "\tb\nc", "\td\n"]), whole);
        assert_eq!(tally(&["c\td\n", "a\tb\n"]), whole);
        assert_ne!(tally(&["a\tb\nc\te\n"]), whole);
        assert_ne!(tally(&["a\tb\n"]), whole);
    }
}
