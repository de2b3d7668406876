//! What an agent has to say about one query, in the bytes that osquery would write.

use serde_json::{Map, Value};

/// A row: columns in SELECT order. Values are bytes: osquery sends what a table gave, UTF-8 or not.
pub type Row = Vec<(String, Vec<u8>)>;

/// The result of one query on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentAnswer {
    /// Rows; none with a failure.
    pub rows: Vec<Row>,
    /// 0, or 1 for a failure.
    pub status: u8,
    /// Why it failed; empty else.
    pub message: String,
    /// Wall time in milliseconds; none where it was not measured.
    pub wall_time_ms: Option<u64>,
}

impl AgentAnswer {
    /// Rows of text.
    pub fn rows<const N: usize>(rows: impl IntoIterator<Item = [(&'static str, String); N]>) -> Self {
        let row =
            |row: [(&str, String); N]| row.map(|(column, value)| (column.to_owned(), value.into_bytes()));
        let rows = rows.into_iter().map(|cells| row(cells).to_vec()).collect();
        Self { rows, status: 0, message: String::new(), wall_time_ms: Some(3) }
    }

    /// One row with one value.
    #[expect(clippy::needless_pass_by_value, reason = "calls read better without a reference")]
    pub fn one(column: &'static str, value: impl ToString) -> Self {
        Self::rows([[(column, value.to_string())]])
    }

    /// Success without rows.
    pub fn empty() -> Self {
        Self { rows: Vec::new(), status: 0, message: String::new(), wall_time_ms: Some(1) }
    }

    /// A failure.
    pub fn failure(message: &str) -> Self {
        Self { rows: Vec::new(), status: 1, message: message.to_owned(), wall_time_ms: None }
    }

    /// The rows as people are shown them: bytes that are not UTF-8 replaced.
    pub fn shown(&self) -> Vec<Value> {
        let cell = |(column, value): &(String, Vec<u8>)| {
            (column.clone(), Value::String(String::from_utf8_lossy(cut(value)).into_owned()))
        };
        self.rows.iter().map(|row| Value::Object(row.iter().map(cell).collect::<Map<_, _>>())).collect()
    }
}

/// Writes a JSON string as `RapidJSON` does: control characters escaped, other bytes as they are, valid or not.
pub fn write_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            0x08 => out.extend(b"\\b"),
            0x0c => out.extend(b"\\f"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0..0x20 => out.extend(format!("\\u{byte:04X}").bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// osquery's strings end at the first NUL.
pub fn cut(value: &[u8]) -> &[u8] {
    value.split(|&byte| byte == 0).next().unwrap_or_default()
}
