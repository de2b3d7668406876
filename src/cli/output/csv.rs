//! Comma-separated values (RFC 4180) that no spreadsheet runs.

use std::borrow::Cow;

/// One line of the file, without its end.
pub(super) fn line<'a>(cells: impl Iterator<Item = Cow<'a, str>>) -> String {
    cells.map(|cell| quoted(harmless(cell)).into_owned()).collect::<Vec<_>>().join(",")
}

/// The cell behind a `'` if a spreadsheet could take it for a formula: `=`, `+`, `-` and `@`, their full-width forms,
/// a tab or a line break first, also behind blanks and quotes.
fn harmless(cell: Cow<'_, str>) -> Cow<'_, str> {
    let is_break = |c: char| matches!(c, '\t' | '\r' | '\n');
    let first = cell
        .trim_start_matches(|c: char| c.is_whitespace() && !is_break(c) || "'\"".contains(c))
        .chars()
        .next();
    let runs = first.is_some_and(|c| is_break(c) || "=+-@＝＋－＠".contains(c));
    if runs { Cow::Owned(format!("'{cell}")) } else { cell }
}

fn quoted(cell: Cow<'_, str>) -> Cow<'_, str> {
    let is_plain = !cell.contains([',', '"', '\n', '\r']) && cell.trim() == cell;
    if is_plain { cell } else { Cow::Owned(format!("\"{}\"", cell.replace('"', "\"\""))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> String {
        line([Cow::Borrowed(text)].into_iter())
    }

    #[test]
    fn what_separates_is_quoted() {
        assert_eq!(
            line(["a", "b,c", "d\"e", "f\ng", ""].map(Cow::Borrowed).into_iter()),
            "a,\"b,c\",\"d\"\"e\",\"f\ng\","
        );
        assert_eq!(cell(" a"), "\" a\"");
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", "－1", "＋1", "＠x", "'=1", "  =1"] {
            assert!(cell(formula).trim_start_matches('"').starts_with('\''), "{formula}");
        }
        for formula in
            ["\t=1", "\r=1", "\n=1", "\"=1", "=HYPERLINK(\"http://a\",\"b\")", "=cmd|' /C calc'!A0"]
        {
            let cell = cell(formula);
            assert!(cell.trim_start_matches('"').starts_with('\''), "{formula}: {cell}");
        }
        for text in ["a=1", "1-1", "10.0.0.1", "a@b", "/bin/sh", "", "0"] {
            assert_eq!(cell(text), text);
        }
    }
}
