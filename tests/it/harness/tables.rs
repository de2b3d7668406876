//! Tables of cases in `docs`, each with the tests that hold it: what they name must be there.

use std::fs;
use std::path::{Path, PathBuf};

/// Holds a table of four cells a row: case, what it is, tests, note. It has these parts, each with so many cases;
/// every case has a test that speaks of it, or a reason for none.
#[track_caller]
pub fn hold(file: &str, parts: &[(char, usize)]) {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let table = fs::read_to_string(root.join(file)).expect("the table is there");
    let rows: Vec<Vec<&str>> = table.lines().filter_map(cells).collect();
    let cases: Vec<_> = rows.iter().map(|row| row[0].to_owned()).collect();
    let numbers = |(part, count): &(char, usize)| {
        let part = *part;
        (1..=*count).map(move |number| format!("{part}{number:02}"))
    };
    assert_eq!(cases, parts.iter().flat_map(numbers).collect::<Vec<_>>());
    let mut wrong = Vec::new();
    for row in &rows {
        let [case, _, tests, note] = row[..] else { panic!("four cells: {row:?}") };
        let named: Vec<_> = tests.split('`').filter(|name| name.contains("::")).collect();
        if named.is_empty() && note.is_empty() {
            wrong.push(format!("{case} has neither test nor reason"));
        }
        let sources: Vec<_> = named.iter().map(|name| text_of(&root.join("tests/it"), name)).collect();
        wrong.extend(
            sources.iter().filter_map(|text| text.as_ref().err()).map(|name| format!("{case}: no {name}")),
        );
        let speaks = |text: &String| text.to_lowercase().contains(&case.to_lowercase());
        if !named.is_empty() && !sources.iter().flatten().any(speaks) {
            wrong.push(format!("{case}: no test says that it is about it"));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The cells of a row about a case.
pub fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix("| ")?.strip_suffix('|')?;
    let cells: Vec<_> = row.split('|').map(str::trim).collect();
    let is_case = cells[0].len() == 3 && cells[0][1..].bytes().all(|byte| byte.is_ascii_digit());
    is_case.then_some(cells)
}

/// The text of the file in which a test is, named as `file::test`; its name where it is not there.
pub fn text_of(tests: &Path, name: &str) -> Result<String, String> {
    let (file, test) = name.split_once("::").unwrap_or_default();
    let source = fs::read_to_string(tests.join(file).with_extension("rs")).unwrap_or_default();
    if source.contains(&format!("fn {test}(")) { Ok(source) } else { Err(name.to_owned()) }
}
