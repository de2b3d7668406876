//! The rows of one answer, from the agent's text to chunks: sliced, never a value tree.

mod columns;

use bytes::Bytes;

use columns::Columns;

use super::json::{self, Malformed};
use crate::fleet::campaigns::Chunk;

/// Limits of one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct RowLimits {
    /// Rows kept.
    pub(super) rows: i64,
    /// Bytes kept.
    pub(super) bytes: usize,
    /// Rows in a chunk.
    pub(super) chunk_rows: i64,
    /// Bytes in a chunk; a larger row is a chunk alone.
    pub(super) chunk_bytes: usize,
}

impl RowLimits {
    /// The numbers of the design.
    pub(super) const DESIGN: Self =
        Self { rows: 100_000, bytes: 32 << 20, chunk_rows: 1000, chunk_bytes: 256 << 10 };

    /// For what is due: it is kept for every host.
    pub(super) const DUE: Self =
        Self { rows: 5_000, bytes: 2 << 20, chunk_rows: 5_000, chunk_bytes: 2 << 20 };
}

/// Rows as they are stored.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Column names in order of first appearance.
    pub(super) columns: Vec<String>,
    /// The rows.
    pub(super) chunks: Vec<Chunk>,
    /// Rows beyond the limits.
    pub(super) dropped: i64,
}

/// Encodes the rows of one answer: an array of objects. Old agents write `""` for an empty array or object, and
/// `null` counts as an empty array.
pub(super) fn encode(array: &str, limits: RowLimits) -> Result<Rows, Malformed> {
    let mut encoder = Encoder::new(limits);
    if !is_empty_by_custom(array) {
        let mut outcome = Ok(());
        json::elements(array, |row| {
            if outcome.is_ok() {
                outcome = encoder.row(row);
            }
        })?;
        outcome?;
    }
    Ok(encoder.finish())
}

fn is_empty_by_custom(value: &str) -> bool {
    value == "\"\"" || value == "null"
}

struct Encoder {
    limits: RowLimits,
    columns: Columns,
    chunks: Vec<Chunk>,
    /// The open chunk: `[` and its rows, separated by commas.
    open: Vec<u8>,
    open_rows: i64,
    kept_rows: i64,
    kept_bytes: usize,
    dropped: i64,
}

impl Encoder {
    fn new(limits: RowLimits) -> Self {
        Self {
            limits,
            columns: Columns::default(),
            chunks: Vec::new(),
            open: vec![b'['],
            open_rows: 0,
            kept_rows: 0,
            kept_bytes: 0,
            dropped: 0,
        }
    }

    fn row(&mut self, row: &str) -> Result<(), Malformed> {
        if self.dropped > 0 || self.kept_rows >= self.limits.rows {
            self.dropped += 1;
            return Ok(());
        }
        let cells = self.columns.cells(row)?;
        let start = self.open.len();
        self.columns.write_row(&cells, &mut self.open);
        let bytes = self.open.len() - start;
        if self.kept_bytes + bytes > self.limits.bytes {
            self.open.truncate(start);
            self.dropped += 1;
            return Ok(());
        }
        self.kept_rows += 1;
        self.kept_bytes += bytes;
        self.place(start);
        Ok(())
    }

    /// Puts the row that was written at `start` into the open chunk, or into a new one where that has no room.
    fn place(&mut self, start: usize) {
        let is_full = self.open_rows >= self.limits.chunk_rows || self.open.len() >= self.limits.chunk_bytes;
        if self.open_rows > 0 && is_full {
            let row = self.open.split_off(start);
            self.close_chunk();
            self.open.extend_from_slice(&row);
        }
        self.open_rows += 1;
        self.open.push(b',');
    }

    fn close_chunk(&mut self) {
        // The last comma becomes the end.
        self.open.pop();
        self.open.push(b']');
        let json = std::mem::replace(&mut self.open, vec![b'[']);
        self.chunks.push(Chunk { json: Bytes::from(json), rows: std::mem::take(&mut self.open_rows) });
    }

    fn finish(mut self) -> Rows {
        if self.open_rows > 0 {
            self.close_chunk();
        }
        Rows { columns: self.columns.names, chunks: self.chunks, dropped: self.dropped }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::columns::MAX_COLUMNS;
    use super::*;

    fn encoded(array: &str) -> Rows {
        encode(array, RowLimits::DESIGN).expect("rows")
    }

    fn text(rows: &Rows) -> String {
        rows.chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.json)).collect()
    }

    #[test]
    fn values_become_text_and_null_stays() {
        let rows = encoded(r#"[{"s":"x","n":1e+20,"b":true,"o":{"a":[1]},"z":null,"u":"\u0000\ud800é\n"}]"#);
        assert_eq!(rows.columns, ["s", "n", "b", "o", "z", "u"]);
        assert_eq!(
            text(&rows),
            r#"[{"s":"x","n":"1e+20","b":"true","o":"{\"a\":[1]}","z":null,"u":"��é\n"}]"#
        );
    }

    #[test]
    fn members_stand_in_column_order_and_the_last_of_a_repeated_one_counts() {
        let rows = encoded(r#"[{"a":"1","b":"2"},{"b":"3","c":"4","a":"5"},{"a":"6","a":"7"},{}]"#);
        assert_eq!(rows.columns, ["a", "b", "c"]);
        assert_eq!(text(&rows), r#"[{"a":"1","b":"2"},{"a":"5","b":"3","c":"4"},{"a":"7"},{}]"#);
        assert_eq!(rows.chunks[0].rows, 4);
    }

    #[test]
    fn empty_answers_are_written_in_several_ways() {
        for empty in ["[]", "\"\"", "null"] {
            assert_eq!(encoded(empty), Rows { columns: vec![], chunks: vec![], dropped: 0 });
        }
        assert_eq!(text(&encoded(r#"["",{}]"#)), "[{},{}]");
    }

    #[test]
    fn what_is_no_row_is_malformed() {
        for bad in ["5", "{}", "\"x\"", "[1]", "[null]", "[[]]", "[{}"] {
            assert_eq!(encode(bad, RowLimits::DESIGN), Err(Malformed), "{bad}");
        }
    }

    #[test]
    fn rows_beyond_the_limit_are_dropped_and_counted() {
        let limits = RowLimits { rows: 3, chunk_rows: 2, ..RowLimits::DESIGN };
        let rows = encode(r#"[{"a":"1"},{"a":"2"},{"a":"3"},{"a":"4"},{"a":"5"}]"#, limits).expect("rows");
        assert_eq!(rows.chunks.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(text(&rows), r#"[{"a":"1"},{"a":"2"}][{"a":"3"}]"#);
        assert_eq!(rows.dropped, 2);
    }

    #[test]
    fn bytes_beyond_the_limit_are_dropped_and_counted() {
        let limits = RowLimits { bytes: 20, ..RowLimits::DESIGN };
        let rows = encode(r#"[{"a":"1"},{"a":"2"},{"a":"333"},{"a":"4"}]"#, limits).expect("rows");
        assert_eq!(text(&rows), r#"[{"a":"1"},{"a":"2"}]"#);
        assert_eq!(rows.dropped, 2, "what follows the first dropped row is dropped too");
    }

    #[test]
    fn a_chunk_ends_at_its_bytes_and_a_larger_row_is_alone() {
        let limits = RowLimits { chunk_bytes: 24, ..RowLimits::DESIGN };
        let array = r#"[{"a":"1"},{"a":"2"},{"a":"a very long value of a row"},{"a":"4"}]"#;
        let rows = encode(array, limits).expect("rows");
        assert_eq!(rows.chunks.iter().map(|chunk| chunk.rows).collect::<Vec<_>>(), [2, 1, 1]);
        assert_eq!(text(&rows), r#"[{"a":"1"},{"a":"2"}][{"a":"a very long value of a row"}][{"a":"4"}]"#);
    }

    #[test]
    fn a_hundred_thousand_rows_keep_their_chunks_small() {
        let array = format!("[{}]", vec![r#"{"pid":"1","name":"init"}"#; 100_001].join(","));
        let rows = encoded(&array);
        assert_eq!(rows.chunks.len(), 100);
        assert!(rows.chunks.iter().all(|chunk| chunk.rows == 1000 && chunk.json.len() <= 256 << 10));
        assert_eq!(rows.dropped, 1);
    }

    #[test]
    fn more_columns_than_sqlite_has_are_malformed() {
        let row: Vec<String> = (0..=MAX_COLUMNS).map(|column| format!("\"c{column}\":\"\"")).collect();
        assert_eq!(encode(&format!("[{{{}}}]", row.join(",")), RowLimits::DESIGN), Err(Malformed));
    }

    proptest! {
        #[test]
        fn every_row_is_kept_in_some_chunk(
            rows in prop::collection::vec(prop::collection::btree_map("[a-d]", "\\PC*", 0..4), 0..60),
            chunk_rows in 1..7_i64,
            chunk_bytes in 1..200_usize,
        ) {
            let given = serde_json::to_string(&rows).expect("JSON");
            let limits = RowLimits { chunk_rows, chunk_bytes, ..RowLimits::DESIGN };
            let encoded = encode(&given, limits).expect("rows");
            let mut back = Vec::new();
            for chunk in &encoded.chunks {
                let values: Vec<Map<String, Value>> = serde_json::from_slice(&chunk.json).expect("JSON");
                prop_assert_eq!(values.len(), usize::try_from(chunk.rows).expect("small"));
                prop_assert!(chunk.rows <= chunk_rows);
                prop_assert!(chunk.rows == 1 || chunk.json.len() <= chunk_bytes);
                for row in &values {
                    let order: Vec<_> =
                        row.keys().map(|name| encoded.columns.iter().position(|column| column == name)).collect();
                    prop_assert!(order.is_sorted());
                }
                back.extend(values);
            }
            prop_assert_eq!(json!(back), json!(rows));
            prop_assert_eq!(encoded.dropped, 0);
        }

        #[test]
        fn nothing_panics(text: String) {
            let _ = encode(&text, RowLimits::DESIGN);
        }
    }
}
