//! What a statement may touch: every name in it that `SQLite` could take for a table or a function.
//!
//! A guard reads this, so it follows the words of `SQLite` itself, and where a name could be a table or something
//! else it is listed: aliases and columns too, and texts where `SQLite` takes a text for the name of a table. What is
//! hidden in subqueries, common table expressions, quotes, comments or capitals is seen; nothing is resolved.

use std::collections::BTreeSet;

/// The names that `sql` may touch, in lower case.
#[must_use]
pub fn names(sql: &str) -> BTreeSet<String> {
    let mut reading =
        Reading { names: BTreeSet::new(), before: Word::Other, clauses: vec![Clause::Expression] };
    let mut rest = sql;
    while let Some((word, length)) = next(rest) {
        rest = rest.get(length..).unwrap_or_default();
        if word != Word::Space {
            reading.take(word);
        }
    }
    reading.names
}

/// A word, names and texts in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// A name or keyword without quotes.
    Bare(String),
    /// A name in quotes.
    Quoted(String),
    /// A text, which is a name where a table is named.
    Text(String),
    Open,
    Close,
    Comma,
    Period,
    /// White space and comments.
    Space,
    Other,
}

/// Where in a SELECT the reader is, at one depth of parentheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clause {
    /// Where tables are named.
    Tables,
    /// The condition of a join: a comma goes back to tables.
    Join,
    /// Anywhere else.
    Expression,
}

struct Reading {
    names: BTreeSet<String>,
    /// The word before.
    before: Word,
    /// One for each open parenthesis, and the outermost.
    clauses: Vec<Clause>,
}

impl Reading {
    fn take(&mut self, word: Word) {
        match &word {
            Word::Open => self.open(),
            Word::Close if self.clauses.len() > 1 => drop(self.clauses.pop()),
            Word::Comma if self.clause() == Clause::Join => self.enter(Clause::Tables),
            Word::Bare(name) => {
                self.keyword(name);
                self.names.insert(name.clone());
            }
            Word::Quoted(name) => drop(self.names.insert(name.clone())),
            Word::Text(name) if self.names_a_table() => drop(self.names.insert(name.clone())),
            _ => {}
        }
        self.before = word;
    }

    /// A parenthesis among tables holds tables, unless it holds the arguments of one.
    fn open(&mut self) {
        let holds_tables = match &self.before {
            Word::Open | Word::Comma => true,
            Word::Bare(word) => matches!(word.as_str(), "from" | "join"),
            _ => false,
        };
        let tables = holds_tables && self.clause() == Clause::Tables;
        self.clauses.push(if tables { Clause::Tables } else { Clause::Expression });
    }

    fn keyword(&mut self, word: &str) {
        match word {
            "from" | "join" => self.enter(Clause::Tables),
            "on" | "using" => self.enter(Clause::Join),
            "select" | "values" | "where" | "group" | "having" | "order" | "limit" => {
                self.enter(Clause::Expression);
            }
            _ => {}
        }
    }

    /// Whether a text here is the name of a table.
    fn names_a_table(&self) -> bool {
        let after_in = matches!(&self.before, Word::Bare(word) if word == "in");
        self.clause() == Clause::Tables || self.before == Word::Period || after_in
    }

    fn clause(&self) -> Clause {
        self.clauses.last().copied().unwrap_or(Clause::Expression)
    }

    fn enter(&mut self, clause: Clause) {
        if let Some(last) = self.clauses.last_mut() {
            *last = clause;
        }
    }
}

/// The first word of a text, and its length in bytes; none at the end.
pub(super) fn next(text: &str) -> Option<(Word, usize)> {
    let first = text.chars().next()?;
    Some(match first {
        '(' => (Word::Open, 1),
        ')' => (Word::Close, 1),
        ',' => (Word::Comma, 1),
        '.' => (Word::Period, 1),
        '\'' => quoted(text, '\'', Word::Text),
        '"' | '`' => quoted(text, first, Word::Quoted),
        '[' => quoted(text, ']', Word::Quoted),
        '$' | '@' | '#' | ':' => (Word::Other, 1 + variable(&text[1..])),
        // A byte order mark at the start of a word is white space.
        '\u{feff}' => (Word::Space, first.len_utf8()),
        _ if text.starts_with("--") => (Word::Space, text.find('\n').map_or(text.len(), |end| end + 1)),
        _ if text.starts_with("/*") => (Word::Space, comment(text)),
        _ if first.is_ascii_whitespace() => (Word::Space, 1),
        _ if is_of_name(first) && !first.is_ascii_digit() => {
            let length = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
            (Word::Bare(text[..length].to_ascii_lowercase()), length)
        }
        // A digit too: what follows it directly is listed as a name, which hides nothing.
        _ => (Word::Other, first.len_utf8()),
    })
}

/// A word in quotes; the closing one doubled stands for itself, except that of brackets.
fn quoted(text: &str, closing: char, word: fn(String) -> Word) -> (Word, usize) {
    let mut name = String::new();
    let mut rest = text[1..].char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if c != closing {
            name.push(c.to_ascii_lowercase());
        } else if closing != ']' && rest.next_if(|(_, c)| *c == closing).is_some() {
            name.push(closing);
        } else {
            return (word(name), at + 2);
        }
    }
    (word(name), text.len())
}

/// The length of a variable after its first character: a name, perhaps with `::`, and then with a Tcl index.
fn variable(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let name = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        length += name;
        let rest = &rest[name..];
        if rest.starts_with("::") {
            length += 2;
        } else if rest.starts_with('(') && length > 0 {
            let end = rest.find(|c: char| c == ')' || c.is_ascii_whitespace());
            return length + end.map_or(rest.len(), |end| end + usize::from(rest[end..].starts_with(')')));
        } else {
            return length;
        }
    }
}

/// The length of a comment; one without an end goes to the end.
fn comment(text: &str) -> usize {
    text[2..].find("*/").map_or(text.len(), |end| end + 4)
}

/// What names are made of.
fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use rusqlite::Connection;
    use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

    use super::*;

    /// Whether `SQLite`, which has the table `curl`, reads it.
    fn reads_curl(sql: &str) -> bool {
        let db = Connection::open_in_memory().expect("memory is there");
        db.execute_batch("create table curl(url, result); create table other(id, name)").expect("tables");
        let read = Arc::new(Mutex::new(false));
        let note = Arc::clone(&read);
        db.authorizer(Some(move |context: AuthContext<'_>| {
            if matches!(context.action, AuthAction::Read { table_name: "curl", .. }) {
                *note.lock().expect("one thread") = true;
            }
            Authorization::Allow
        }))
        .expect("an authorizer");
        db.prepare(sql).map_or_else(|error| panic!("{sql}: {error}"), drop);
        *read.lock().expect("one thread")
    }

    #[test]
    fn whatever_sqlite_reads_is_named() {
        for sql in [
            "select * from curl",
            "SELECT * FROM CuRl",
            "select * from \"curl\"",
            "select * from [curl]",
            "select * from `CURL`",
            "select * from 'curl'",
            "select * from main.'curl'",
            "select * from other, 'curl'",
            "select * from other o join 'curl' on 1, 'other' p",
            "select * from other o join other p on o.id = p.id, 'curl'",
            "select * from other join other p using (id), 'curl'",
            "select * from ('curl')",
            "select * from (other, 'curl')",
            "select * from (((('curl'))))",
            "select * from other left join (other o, ('curl')) on 1",
            "select 1 where ('x', 'y') in 'curl'",
            "select 1 where ('x', 'y') in curl",
            "select 1 where ('x', 'y') in main.'curl'",
            "with a as (select * from 'curl') select * from a",
            "with other as (with b as (select url from curl) select * from b) select * from other",
            "select (select max(url) from 'curl')",
            "select * from other where exists (select 1 from curl)",
            "select id from other union all select url from 'curl'",
            "select * from/**/curl",
            "select * from -- other\n'curl'",
            "select * from \u{feff}curl",
            "select $a$ from curl -- $a$",
            "select $a('), url from curl where ('')=''",
            "select @x::y(\"), url from curl where (\"\")=''",
            "select 1e1, x'41', 0x1F from 'curl'",
            "select 'it''s', url from 'curl'",
            "values ((select url from 'curl'))",
            "select * from other window, 'curl'",
            "explain query plan select * from 'curl'",
        ] {
            assert!(reads_curl(sql), "{sql}");
            assert!(names(sql).contains("curl"), "{sql}");
        }
    }

    #[test]
    fn a_value_is_no_name() {
        for sql in [
            "select * from programs where name = 'curl'",
            "select * from programs where name in ('curl', 'wget')",
            "select 'curl', name from programs -- curl",
            "select * from programs p join hash h on h.name = 'curl' where 1 /* curl */",
            "select * from file('curl'), programs where name like 'curl'",
            "select max('a', 'curl') from programs group by 'curl' order by 'curl' limit 'curl'",
        ] {
            assert!(!names(sql).contains("curl"), "{sql}");
        }
    }

    #[test]
    fn functions_are_named() {
        let found = names("select CARVE(path), \"sleep\"(5) from file");
        assert!(["carve", "sleep", "file"].iter().all(|name| found.contains(*name)), "{found:?}");
    }
}
