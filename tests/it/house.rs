//! The rules of the house that no compiler holds: who may import whom, a doc for each file, lints everywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

/// Who may import whom: closed, not transitive. A new need changes the table in the same commit, with its reason.
/// `entity` stands for its tables; every module may import `entity::{id, kind, time}`, the words of the domain.
const IMPORTS: &[(&str, &[&str])] = &[
    ("main", &["cli", "telemetry"]),
    // policy, clock: commands on the database act as the system, now. auth: the demonstration makes a password.
    (
        "cli",
        &["app", "config", "fleet", "graphql", "sql", "simulator", "telemetry", "policy", "clock", "auth"],
    ),
    (
        "app",
        &[
            "config",
            "store",
            "auth",
            "bus",
            "spool",
            "destination",
            "fleet",
            "agent",
            "graphql",
            "http",
            "tasks",
            "clock",
            "telemetry",
        ],
    ),
    ("http", &["agent", "graphql", "fleet", "auth", "config", "telemetry"]),
    ("agent", &["fleet", "auth", "clock"]),
    ("graphql", &["fleet", "auth", "policy", "clock"]),
    ("tasks", &["fleet", "clock"]),
    // osquery: what an agent accepts as its configuration, for what is saved and imported.
    // interchange: an import is read by it, an export written.
    (
        "fleet",
        &[
            "auth",
            "store",
            "bus",
            "spool",
            "destination",
            "sql",
            "osquery",
            "interchange",
            "policy",
            "clock",
            "entity",
        ],
    ),
    ("auth", &["store", "policy", "clock", "entity"]),
    // migration: the store brings its own schema up.
    ("store", &["entity", "migration", "policy", "clock"]),
    ("destination", &["spool", "clock"]),
    ("spool", &["clock"]),
    ("bus", &["clock"]),
    ("simulator", &["sql", "clock"]),
    // sql: files of SQL are cut apart as SQLite reads them.
    ("interchange", &["sql"]),
    // sql: views, decorators and the like are SQL.
    ("osquery", &["sql"]),
    ("sql", &[]),
    ("policy", &[]),
    ("clock", &[]),
    ("config", &[]),
    ("telemetry", &[]),
];

/// Modules of `entity` that everybody may import.
const WORDS: &[&str] = &["id", "kind", "time"];

#[test]
fn imports_follow_the_table() {
    let table: BTreeMap<_, _> = IMPORTS.iter().copied().collect();
    let mut offences = Vec::new();
    for file in rust_files("src").into_iter().filter(|file| !file.ends_with("lib.rs")) {
        let module = module_of(&file);
        let from = module.first().cloned().unwrap_or_else(|| "main".to_owned());
        let allowed = table.get(from.as_str()).unwrap_or_else(|| panic!("`{from}` is not in the table"));
        for import in imports_of(&file, module) {
            if import != from && !allowed.contains(&import.as_str()) {
                offences.push(format!("{} imports {import}", file.display()));
            }
        }
    }
    assert_eq!(offences, Vec::<String>::new());
}

#[test]
fn the_walk_over_imports_finds_every_way_to_name_a_module() {
    let source = "
        use crate::{clock::Clock, store as s};
        use super::super::bus;
        use entity::{hosts, id::HostId};
        fn f() { crate::policy::allow(); some_macro!(crate::sql::lint(x)); }
        #[cfg(test)] mod tests { use crate::telemetry; }
    ";
    let found = Imports::of(source, ["fleet", "roster"].map(str::to_owned).to_vec());
    let expected = ["bus", "clock", "entity", "policy", "sql", "store"];
    assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
}

#[test]
fn every_file_says_what_it_is_and_silences_nothing() {
    let silencer = ["#[", "allow("].concat();
    let inner_silencer = ["#![", "allow("].concat();
    for file in ["src", "entity/src", "migration/src", "tests"].into_iter().flat_map(rust_files) {
        let text = read(&file);
        assert!(text.starts_with("//! "), "{} begins with its purpose", file.display());
        let silent = text.contains(&silencer) || text.contains(&inner_silencer);
        assert!(!silent, "{}: an expectation with its reason, not an allowance", file.display());
    }
}

/// Who may do what is decided in `policy`: nobody else asks which role somebody has.
#[test]
fn roles_are_looked_at_by_the_policy_alone() {
    let named = ["Role::Admin", "Role::Maintainer", "Role::ObserverPlus", "Role::Observer", "Role::Gitops"];
    let outside = |file: &PathBuf| {
        let path = file.strip_prefix(root()).expect("it was found there").display().to_string();
        let is_test = path.ends_with("tests.rs") || path.contains("/tests/");
        !is_test && path != "src/policy.rs"
    };
    let mut offences = Vec::new();
    for file in rust_files("src").into_iter().filter(outside) {
        let text = read(&file);
        // The words of the API are translated where they are declared.
        let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
        offences.extend(
            named
                .iter()
                .filter(|role| before_tests.contains(**role))
                .map(|role| format!("{} names {role}", file.display())),
        );
    }
    assert_eq!(offences, Vec::<String>::new());
}

#[test]
fn every_member_has_the_lints_of_the_workspace() {
    for manifest in ["Cargo.toml", "entity/Cargo.toml", "migration/Cargo.toml"] {
        let manifest: toml::Table = read(&root().join(manifest)).parse().expect("it is TOML");
        assert_eq!(manifest["lints"]["workspace"].as_bool(), Some(true));
    }
    let workspace: toml::Table = read(&root().join("Cargo.toml")).parse().expect("it is TOML");
    let lints = &workspace["workspace"]["lints"];
    assert_eq!(lints["rust"]["unsafe_code"].as_str(), Some("forbid"));
    for lint in ["unwrap_used", "dbg_macro", "todo", "print_stdout", "await_holding_lock", "too_many_lines"] {
        assert!(lints["clippy"].get(lint).is_some(), "{lint} is switched on");
    }
}

#[test]
fn migrations_do_not_know_what_rows_are_today() {
    let manifest: toml::Table = read(&root().join("migration/Cargo.toml")).parse().expect("it is TOML");
    assert!(manifest["dependencies"].get("entity").is_none());
}

/// The tops of the modules that a file names.
fn imports_of(file: &Path, module: Vec<String>) -> BTreeSet<String> {
    Imports::of(&read(file), module)
}

/// Collects, outside of unit tests, the top-level modules that paths lead to.
struct Imports {
    /// Path of the module that is read.
    module: Vec<String>,
    found: BTreeSet<String>,
}

impl Imports {
    fn of(source: &str, module: Vec<String>) -> BTreeSet<String> {
        let file = syn::parse_file(source).expect("it compiles");
        let mut imports = Self { module, found: BTreeSet::new() };
        imports.visit_file(&file);
        imports.found
    }

    /// Notes a path such as `crate::fleet::Fleet`.
    fn note(&mut self, path: &[String]) {
        let supers = path.iter().take_while(|part| *part == "super").count();
        match path.first().map(String::as_str) {
            Some("crate" | "muster") => self.found.extend(path.get(1).cloned()),
            Some("super") if supers >= self.module.len() => self.found.extend(path.get(supers).cloned()),
            Some("entity") if path.get(1).is_none_or(|next| !WORDS.contains(&next.as_str())) => {
                self.found.insert("entity".to_owned());
            }
            Some("migration") => {
                self.found.insert("migration".to_owned());
            }
            _ => {}
        }
    }

    fn note_tree(&mut self, tree: &syn::UseTree, path: &mut Vec<String>) {
        match tree {
            syn::UseTree::Path(part) => {
                path.push(part.ident.to_string());
                self.note_tree(&part.tree, path);
                path.pop();
            }
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.note_tree(tree, path);
                }
            }
            syn::UseTree::Name(name) => self.note_leaf(name.ident.to_string(), path),
            syn::UseTree::Rename(rename) => self.note_leaf(rename.ident.to_string(), path),
            syn::UseTree::Glob(_) => self.note(path),
        }
    }

    fn note_leaf(&mut self, leaf: String, path: &[String]) {
        let whole: Vec<_> = path.iter().cloned().chain([leaf]).filter(|part| part != "self").collect();
        self.note(&whole);
    }

    /// Paths in the arguments of a macro, which are no syntax yet.
    fn note_tokens(&mut self, tokens: TokenStream) {
        let mut path = Vec::new();
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => path.push(ident.to_string()),
                TokenTree::Punct(punct) if punct.as_char() == ':' => {}
                TokenTree::Group(group) => {
                    self.note(&std::mem::take(&mut path));
                    self.note_tokens(group.stream());
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => self.note(&std::mem::take(&mut path)),
            }
        }
        self.note(&path);
    }
}

impl<'a> Visit<'a> for Imports {
    fn visit_item_mod(&mut self, module: &'a syn::ItemMod) {
        let test = module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg"));
        if !test {
            self.module.push(module.ident.to_string());
            syn::visit::visit_item_mod(self, module);
            self.module.pop();
        }
    }

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.note_tree(&item.tree, &mut Vec::new());
    }

    fn visit_path(&mut self, path: &'a syn::Path) {
        // A path of one part is a local name, whatever it is called.
        if path.segments.len() > 1 {
            self.note(&path.segments.iter().map(|part| part.ident.to_string()).collect::<Vec<_>>());
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'a syn::Macro) {
        self.note_tokens(call.tokens.clone());
    }
}

/// The path of a file's module below the crate: `src/fleet/roster.rs` is `fleet`, `roster`.
fn module_of(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(root().join("src")).expect("it was found there").with_extension("");
    let parts = inside.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "mod" && part != "main").collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Every Rust file below a folder of the repository.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let (mut folders, mut files) = (vec![root().join(folder)], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}
