//! What is built in belongs to its sources, and reaches for nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;
use serde::Deserialize;

use super::*;

/// Hosts whose addresses stand in the script as names or in texts: namespaces of XML, links for a reader to click,
/// and where messages of React and the parsers point at. The page asks none of them for anything.
const NAMED: &[&str] = &[
    "www.w3.org",
    "codemirror.net",
    "commonmark.org",
    "en.wikipedia.org",
    "github.com",
    "react.dev",
    "yarnpkg.com",
];

/// SHA-256 of every source and of every file that was made of them.
#[derive(Deserialize)]
struct Manifest {
    sources: BTreeMap<String, String>,
    built: BTreeMap<String, String>,
}

#[test]
fn what_is_built_in_was_built_from_these_sources() {
    let manifest: Manifest = serde_json::from_slice(&read("built/manifest.json")).expect("it is JSON");
    let sources = ["package.json", "package-lock.json", "build.mjs"].map(str::to_owned);
    let mut expected = BTreeSet::from(sources);
    for entry in fs::read_dir(here("page/src")).expect("the sources are here") {
        let name = entry.expect("it can be read").file_name();
        expected.insert(format!("src/{}", name.to_string_lossy()));
    }
    let listed: BTreeSet<_> = manifest.sources.keys().cloned().collect();
    assert_eq!(listed, expected, "run `npm run build` in page/");
    for (name, hash) in &manifest.sources {
        assert_eq!(&sha256(&read(&format!("page/{name}"))), hash, "{name}: run `npm run build` in page/");
    }
    let built: BTreeMap<_, _> = contents().into_iter().map(|(name, bytes)| (name, sha256(&bytes))).collect();
    assert_eq!(built, manifest.built);
}

#[test]
fn nothing_is_loaded_from_another_host() {
    let graphiql = Graphiql::built();
    let loads = Regex::new(r#"(?i)(?:src|href|action)\s*=\s*["']?\s*(?:[a-z]+:)?//"#).expect("a pattern");
    assert!(!loads.is_match(&graphiql.page), "{}", graphiql.page);
    let style = text("graphiql.css");
    let foreign =
        Regex::new(r#"(?i)@import|url\(\s*["']?(?:https?:)?//|expression\(|https?:"#).expect("a pattern");
    assert_eq!(foreign.find(&style).map(|found| found.as_str().to_owned()), None);
    assert_script_stays_home(&text("graphiql.js"));
}

#[test]
fn the_page_needs_nothing_that_its_policy_forbids() {
    let page = Graphiql::built().page;
    let inline = Regex::new(r"(?i)<style|<script(?:>|\s[^>]*>[^<])|\sstyle\s*=|\son[a-z]+\s*=|javascript:");
    assert!(!inline.expect("a pattern").is_match(&page), "{page}");
    assert!(!page.contains("{{"), "every asset is named: {page}");
    for unsafe_word in ["unsafe", "*", "http:", "https:", "blob:"] {
        assert!(!POLICY.contains(unsafe_word), "{POLICY}");
    }
    let script = text("graphiql.js");
    for evaluated in ["new Function(", "importScripts(", "document.write("] {
        assert!(!script.contains(evaluated), "{evaluated}");
    }
    assert!(!Regex::new(r"[^\w.$]eval\(").expect("a pattern").is_match(&script));
}

#[test]
fn the_binary_stays_small() {
    let packed: usize = ["graphiql.js.gz", "graphiql.css.gz", "licenses.txt"]
        .iter()
        .map(|name| read(&format!("built/{name}")).len())
        .sum();
    assert!(packed < 700 << 10, "{packed} bytes");
}

/// A script may name other hosts, but only those, and not where something is loaded.
fn assert_script_stays_home(script: &str) {
    let hosts = Regex::new(r"(?i)\b(?:https?|wss?)://([a-z0-9][a-z0-9.-]*)").expect("a pattern");
    let named: BTreeSet<_> = hosts.captures_iter(script).map(|found| found[1].to_owned()).collect();
    let allowed: BTreeSet<_> = NAMED.iter().map(|host| (*host).to_owned()).collect();
    assert_eq!(named, allowed);
    let loading = r#"(?i)(?:\bsrc\s*[:=]|\bimport\(|\bfrom\s*|\bfetch\(|new (?:Worker|WebSocket|EventSource)\(|url\()\s*["'`](?:https?:|wss?:)?//"#;
    let found = Regex::new(loading).expect("a pattern").find(script).map(|found| found.as_str().to_owned());
    assert_eq!(found, None);
}

/// The content of every file that is built in, by the name that the manifest has for it.
fn contents() -> BTreeMap<String, Vec<u8>> {
    let assets = Graphiql::built().assets;
    let name = |asset: &Asset| asset.placeholder.trim_matches(['{', '}']).to_owned();
    assets.iter().map(|asset| (name(asset), asset.unpacked())).collect()
}

fn text(name: &str) -> String {
    String::from_utf8(contents().remove(name).expect("it is built in")).expect("texts are UTF-8")
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graphql/graphiql").join(path)
}

fn read(path: &str) -> Vec<u8> {
    fs::read(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
