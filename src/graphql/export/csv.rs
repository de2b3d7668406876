//! Cells of CSV: quoted as RFC 4180 has it, and harmless in a spreadsheet.

/// Signs that begin a formula, also in their full-width forms.
const FORMULA: &[char] = &['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t', '\r', '\n'];

/// Adds a line of cells; a null is an empty cell without quotes.
pub(super) fn line<'a>(out: &mut Vec<u8>, cells: impl Iterator<Item = Option<&'a str>>) {
    for (number, cell) in cells.enumerate() {
        if number > 0 {
            out.push(b',');
        }
        if let Some(text) = cell {
            write(out, text);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn write(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    if is_dangerous(text) {
        out.push(b'\'');
    }
    for (number, part) in text.split('"').enumerate() {
        if number > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(part.as_bytes());
    }
    out.push(b'"');
}

/// Whether a spreadsheet might take a cell for a formula: it begins with such a sign, perhaps after quotes, spaces and
/// what is not seen.
fn is_dangerous(text: &str) -> bool {
    let is_passed_over = |sign: char| {
        matches!(sign, '"' | '\'' | '`' | '\u{feff}' | '\u{200b}'..='\u{200f}')
            || ((sign.is_whitespace() || sign.is_control()) && !FORMULA.contains(&sign))
    };
    text.trim_start_matches(is_passed_over).starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        let mut out = Vec::new();
        write(&mut out, text);
        String::from_utf8(out).expect("text stays text")
    }

    #[test]
    fn s57_cells_that_begin_like_a_formula_are_shown_as_text() {
        for bad in [
            "=cmd|'/c calc'!A1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\"=1",
            "'=1",
            "\"\"@x",
            "＝1",
            "＋1",
            "－1",
            "＠x",
            "\u{feff}=1",
            "\0=1",
        ] {
            assert!(cell(bad).starts_with("\"'"), "{bad:?}");
        }
        for good in ["", "1", "a=b", "root", "/usr/bin/x -a", "\"quoted\""] {
            assert!(!cell(good).starts_with("\"'"), "{good:?}");
        }
    }

    #[test]
    fn quotes_are_doubled_and_null_is_empty() {
        let mut out = Vec::new();
        line(&mut out, [Some("a \"b\""), None, Some("")].into_iter());
        assert_eq!(out, b"\"a \"\"b\"\"\",,\"\"\r\n");
    }
}
