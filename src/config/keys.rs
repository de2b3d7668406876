//! The list of known keys, read from `default.toml` with its comments.

use super::DEFAULTS;

/// Keys whose values must not be shown; each is also read from a file named by `KEY_file`.
const SECRETS: &[&str] = &["secret.key", "database.url", "redis.url", "metrics.token"];
/// Keys that take several values: an array in a file, separated by commas elsewhere.
pub(super) const LISTS: &[&str] = &["http.trusted_proxies", "egress.allow"];

/// A key that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownKey {
    /// Section and key: `http.listen`.
    pub name: String,
    /// What it is, as `default.toml` says.
    pub help: String,
    /// Its value must not be shown.
    pub secret: bool,
}

impl KnownKey {
    /// The environment variable: `MUSTER_HTTP_LISTEN`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("MUSTER_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The flag without its dashes: `http-listen`.
    #[must_use]
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// The key that names a file with the secret, which is not a key of `default.toml`: `secret.key_file`.
    #[must_use]
    pub fn file_variant(&self) -> Option<Self> {
        self.secret.then(|| Self {
            name: format!("{}_file", self.name),
            help: format!("File that holds {}", self.name),
            secret: false,
        })
    }
}

/// Every key, in the order of `default.toml`.
#[must_use]
pub fn known_keys() -> Vec<KnownKey> {
    let (mut section, mut help, mut keys) = ("", String::new(), Vec::new());
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
            help.clear();
        } else if let Some(comment) = line.strip_prefix("# ") {
            comment.clone_into(&mut help);
        } else if let Some((key, _)) = line.split_once(" = ") {
            let name = format!("{section}.{key}");
            let secret = SECRETS.contains(&name.as_str());
            keys.push(KnownKey { name, help: std::mem::take(&mut help), secret });
        }
    }
    keys
}

/// The name among `known` that is nearest to `name`, if any is near.
pub(super) fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, &candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}
