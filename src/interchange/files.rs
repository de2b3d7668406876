//! The texts of one import, parsed; and how they name each other.

use std::sync::Arc;

use super::node::Node;
use super::place::{Notes, Place};
use super::statements::{self, Statement};
use super::{MAX_TEXT_BYTES, SourceText, json, yaml};

/// All texts, in the order in which they were given.
pub(super) struct Files {
    pub(super) files: Vec<File>,
}

/// A text.
pub(super) struct File {
    /// Its path.
    pub(super) name: Arc<str>,
    pub(super) content: Content,
}

/// What a text was parsed to.
pub(super) enum Content {
    /// Documents of JSON or YAML.
    Documents(Vec<Node>),
    /// Statements of SQL.
    Statements(Vec<Statement>),
}

impl Files {
    /// Parses every text, by the end of its name.
    pub(super) fn parse(texts: &[SourceText], notes: &mut Notes) -> Self {
        let files = texts.iter().map(|source| {
            let name: Arc<str> = source.name.replace('\\', "/").into();
            let content = content(&name, &source.text, notes);
            File { name, content }
        });
        Self { files: files.collect() }
    }

    /// The text that `path` names in the text `from`: at that place from there, or else the only one, or the nearest,
    /// of that base name.
    pub(super) fn named(&self, from: &File, path: &str) -> Option<&File> {
        let path = path.replace('\\', "/");
        let wanted = joined(folder(&from.name), &path);
        if let Some(found) = self.files.iter().find(|file| joined("", &file.name) == wanted) {
            return Some(found);
        }
        let base = base(&path);
        let nearness = |file: &&File| {
            let common = |a: Vec<&str>, b: Vec<&str>| a.iter().zip(&b).take_while(|(a, b)| a == b).count();
            let ends = common(file.name.rsplit('/').collect(), path.rsplit('/').collect());
            (ends, common(file.name.split('/').collect(), from.name.split('/').collect()))
        };
        // The first of equals, so that the order of texts decides.
        self.files.iter().rev().filter(|file| self::base(&file.name) == base).max_by_key(nearness)
    }

    /// The texts whose path matches a pattern with `*` and `**`, as written in the text `from`.
    pub(super) fn matching<'a>(&'a self, from: &File, pattern: &str) -> Vec<&'a File> {
        let pattern = pattern.replace('\\', "/");
        let wanted = joined(folder(&from.name), &pattern);
        let by_path: Vec<_> =
            self.files.iter().filter(|file| glob(&wanted, &joined("", &file.name))).collect();
        if !by_path.is_empty() || !pattern.starts_with('/') {
            return by_path;
        }
        // A path on the agents' machines: the last folder and the base name are what can be the same here.
        let mut ends: Vec<_> = pattern.rsplit('/').take(2).collect();
        ends.reverse();
        let end = format!("**/{}", ends.join("/"));
        self.files.iter().filter(|file| glob(&end, &format!("/{}", file.name))).collect()
    }

    /// A name for what a text does not name: the end of its path that no other text has, without folders where that
    /// will do.
    pub(super) fn name_of(&self, file: &File) -> String {
        let own: Vec<&str> = without_end(&file.name).split('/').collect();
        let others = self.files.iter().filter(|other| other.name != file.name);
        let others: Vec<&str> = others.map(|other| without_end(&other.name)).collect();
        for parts in 1..own.len() {
            let end = own[own.len() - parts..].join("/");
            let is_end = |other: &&str| {
                other.strip_suffix(end.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            };
            if !others.iter().any(is_end) {
                return end;
            }
        }
        own.join("/")
    }
}

impl File {
    /// The beginning of the text.
    pub(super) fn start(&self) -> Place {
        Place { file: Arc::clone(&self.name), line: 1, column: 1 }
    }
}

fn content(name: &Arc<str>, text: &str, notes: &mut Notes) -> Content {
    if text.len() > MAX_TEXT_BYTES {
        let message = format!("the file has {} bytes; at most {MAX_TEXT_BYTES} are read", text.len());
        notes.error(&Place { file: Arc::clone(name), line: 1, column: 1 }, message);
        return Content::Documents(Vec::new());
    }
    match name.rsplit('.').next().map(str::to_ascii_lowercase).as_deref() {
        Some("sql") => Content::Statements(statements::parse(name, text)),
        Some("yaml" | "yml") => Content::Documents(yaml::parse(name, text, notes)),
        Some("json") => Content::Documents(json::parse(name, text, notes).into_iter().collect()),
        _ if is_json(text) => Content::Documents(json::parse(name, text, notes).into_iter().collect()),
        _ => Content::Documents(yaml::parse(name, text, notes)),
    }
}

/// Whether the first thing in a text that is no comment begins a JSON document.
fn is_json(text: &str) -> bool {
    let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim_start);
    let mut lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .next()
        .is_some_and(|line| line.starts_with(['{', '[']) || line.starts_with("//") || line.starts_with("/*"))
}

/// The folder of a path; empty for none.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The last part of a path.
pub(super) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// A path without the end of its last part.
pub(super) fn without_end(path: &str) -> &str {
    let begin = path.len() - base(path).len();
    match path[begin..].rfind('.') {
        Some(dot) if dot > 0 => &path[..begin + dot],
        _ => path,
    }
}

/// A path from a folder, without `.` and `..`.
fn joined(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let start = if path.starts_with('/') { "" } else { folder };
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let root = if start.starts_with('/') || path.starts_with('/') { "/" } else { "" };
    format!("{root}{}", parts.join("/"))
}

/// Whether a path matches a pattern: `*` is anything within a part, `**` anything.
fn glob(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.as_bytes(), path.as_bytes());
    // Where to go on after a mismatch: the star, and what it has swallowed so far.
    let (mut at, mut of, mut star, mut deep) = (0, 0, None::<(usize, usize)>, None::<(usize, usize)>);
    while of < path.len() {
        if pattern[at..].starts_with(b"**") {
            (deep, star, at) = (Some((at + 2, of)), None, at + 2);
        } else if pattern.get(at) == Some(&b'*') {
            (star, at) = (Some((at + 1, of)), at + 1);
        } else if pattern.get(at) == Some(&path[of]) {
            (at, of) = (at + 1, of + 1);
        } else if let Some((next, swallowed)) = star.filter(|(_, swallowed)| path[*swallowed] != b'/') {
            (star, at, of) = (Some((next, swallowed + 1)), next, swallowed + 1);
        } else if let Some((next, swallowed)) = deep {
            (deep, star, at, of) = (Some((next, swallowed + 1)), None, next, swallowed + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(names: &[&str]) -> Files {
        let texts = names.iter().map(|name| SourceText { name: (*name).to_owned(), text: "{}".to_owned() });
        Files::parse(&texts.collect::<Vec<_>>(), &mut Notes::default())
    }

    #[test]
    fn a_reference_is_followed_from_where_it_stands() {
        let files = files(&["a/default.yml", "a/lib/x.yml", "b/lib/x.yml", "c/packs/p.conf"]);
        let named = |from: usize, path: &str| files.named(&files.files[from], path).map(|file| &*file.name);
        assert_eq!(named(0, "./lib/x.yml"), Some("a/lib/x.yml"));
        assert_eq!(named(0, "../b/lib/x.yml"), Some("b/lib/x.yml"));
        assert_eq!(named(0, "elsewhere/x.yml"), Some("a/lib/x.yml"), "the nearest of that name");
        assert_eq!(named(0, "/etc/osquery/packs/p.conf"), Some("c/packs/p.conf"));
        assert_eq!(named(0, "/etc/osquery/packs/q.conf"), None);
    }

    #[test]
    fn a_name_is_the_end_of_the_path_that_no_other_has() {
        let files = files(&["a/linux/users.sql", "a/darwin/users.sql", "a/darwin/.hidden", "mounts.v2.sql"]);
        let names: Vec<_> = files.files.iter().map(|file| files.name_of(file)).collect();
        assert_eq!(names, ["linux/users", "darwin/users", ".hidden", "mounts.v2"]);
    }

    #[test]
    fn patterns() {
        for (pattern, path) in [
            ("lib/*.yml", "lib/a.yml"),
            ("lib/**/*.yml", "lib/a/b/c.yml"),
            ("**/packs/*", "/x/packs/a.conf"),
            ("a*b*c", "aXbYbZc"),
        ] {
            assert!(glob(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [("lib/*.yml", "lib/a/b.yml"), ("*.yml", "a.yaml"), ("a", "ab"), ("ab", "a")] {
            assert!(!glob(pattern, path), "{pattern} {path}");
        }
    }
}
