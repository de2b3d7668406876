//! Layers of values: defaults, file, environment, flags; the last one that sets a key wins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::client::CLIENT_VARIABLES;
use super::destinations::Destinations;
use super::error::{ConfigError, Origin};
use super::keys::{KnownKey, LISTS, known_keys, nearest};
use super::setting::Setting;

/// The variable that names the configuration file.
const FILE_VARIABLE: &str = "MUSTER_CONFIG";
/// Beginnings of variables that are not ours to judge: of the test suite, and those that Kubernetes sets in every
/// pod beside a service named `muster`.
const FOREIGN_PREFIXES: &[&str] = &["MUSTER_TEST_", "MUSTER_SERVICE_", "MUSTER_PORT"];
/// The section whose sections are destinations.
const DESTINATION: &str = "destination";
/// The file that is read when none is named and it exists.
const DEFAULT_FILE: &str = "muster.toml";

/// What a configuration is read from. The default is nothing but the defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The configuration file; it must exist.
    pub file: Option<PathBuf>,
    /// Environment variables, name and value.
    pub environment: Vec<(String, String)>,
    /// Flags that were given: known key and value.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The sources of this process: its environment, the file named by `file` or `MUSTER_CONFIG`, else
    /// `./muster.toml` where it exists, and the flags.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(String, String)>) -> Self {
        let environment: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let file = file
            .or_else(|| variable(&environment, FILE_VARIABLE).map(PathBuf::from))
            .or_else(|| Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()));
        Self { file, environment, flags }
    }
}

/// A value as text, and where it came from.
#[derive(Clone, Debug)]
struct Value {
    text: String,
    origin: Origin,
}

/// The merged values of every known key.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the values of the known keys, beside what else there is")]
pub(super) struct Values {
    keys: Vec<KnownKey>,
    values: BTreeMap<String, Value>,
    destinations: Destinations,
}

impl Values {
    /// Merges the sources over the defaults.
    pub(super) fn merge(sources: &Sources) -> Result<Self, ConfigError> {
        let mut merged =
            Self { keys: known_keys(), values: BTreeMap::new(), destinations: Destinations::default() };
        merged.add_toml(super::DEFAULTS, Path::new("default.toml"), &Origin::Default)?;
        if let Some(path) = &sources.file {
            merged.add_toml(&read_file(path)?, path, &Origin::File(path.clone()))?;
        }
        merged.add_environment(&sources.environment)?;
        let flags = sources.flags.iter().map(|(key, value)| {
            let flag = key.replace(['.', '_'], "-");
            (key.clone(), value.clone(), Origin::Flag(flag))
        });
        merged.add_layer(flags.collect())?;
        Ok(merged)
    }

    /// Every known key with its value as it is written and where that came from.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&KnownKey, &str, &Origin)> {
        self.keys.iter().filter_map(|key| {
            let value = self.values.get(&key.name)?;
            Some((key, value.text.trim(), &value.origin))
        })
    }

    /// Where log lines are shipped to.
    pub(super) fn destinations(&self) -> &Destinations {
        &self.destinations
    }

    /// The value of a key, parsed.
    pub(super) fn get<T: Setting>(&self, key: &str) -> Result<T, ConfigError> {
        let value = self.values.get(key).ok_or_else(|| ConfigError::Unknown {
            key: key.to_owned(),
            origin: Origin::Default,
            suggestion: None,
        })?;
        T::parse(value.text.trim()).ok_or_else(|| ConfigError::Invalid {
            key: key.to_owned(),
            origin: value.origin.clone(),
            expected: T::EXPECTED,
            found: self.shown(key, &value.text),
        })
    }

    fn add_toml(&mut self, text: &str, path: &Path, origin: &Origin) -> Result<(), ConfigError> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| text[..span.start].lines().count().max(1)),
            reason: error.message().to_owned(),
        })?;
        let mut layer = Vec::new();
        for (section, content) in table {
            let toml::Value::Table(entries) = content else {
                return Err(self.unknown(section, origin));
            };
            if section == DESTINATION {
                self.destinations.add(entries, origin)?;
                continue;
            }
            for (key, value) in entries {
                let name = format!("{section}.{key}");
                layer.push((name.clone(), scalar(&name, &value, origin)?, origin.clone()));
            }
        }
        self.add_layer(layer)
    }

    fn add_environment(&mut self, variables: &[(String, String)]) -> Result<(), ConfigError> {
        let names = self.names();
        let mut layer = Vec::new();
        if let Some(filter) = variable(variables, "RUST_LOG") {
            layer.push(("log.filter".to_owned(), filter, Origin::Environment("RUST_LOG".to_owned())));
        }
        for (name, value) in variables.iter().filter(|(name, _)| name.starts_with("MUSTER_")) {
            let origin = Origin::Environment(name.clone());
            if let Some(key) = names.iter().find(|key| key.variable() == *name) {
                layer.push((key.name.clone(), value.clone(), origin));
            } else if !is_foreign(name) {
                let suggestion = nearest(name, names.iter().map(KnownKey::variable));
                return Err(ConfigError::Unknown { key: name.clone(), origin, suggestion });
            }
        }
        self.add_layer(layer)
    }

    /// Adds a layer of known keys; a `KEY_file` puts the file's content under `KEY`.
    fn add_layer(&mut self, layer: Vec<(String, String, Origin)>) -> Result<(), ConfigError> {
        let names = self.names();
        let mut from_files = Vec::new();
        let mut direct = Vec::new();
        for (name, text, origin) in layer {
            if !names.iter().any(|key| key.name == name) {
                return Err(self.unknown(name, &origin));
            }
            match name.strip_suffix("_file").filter(|key| self.is_secret(key)) {
                Some(key) => from_files.push((key.to_owned(), PathBuf::from(text), origin)),
                None => direct.push((name, Value { text, origin })),
            }
        }
        for (key, path, origin) in from_files {
            if direct.iter().any(|(name, value)| *name == key && !value.text.is_empty()) {
                return Err(ConfigError::Twice { key, origin });
            }
            let text = std::fs::read_to_string(&path).map_err(|error| ConfigError::Invalid {
                key: format!("{key}_file"),
                origin: origin.clone(),
                expected: "a file that can be read",
                found: format!("`{}` ({error})", path.display()),
            })?;
            direct.push((key, Value { text, origin: Origin::SecretFile(path, Box::new(origin)) }));
        }
        self.values.extend(direct);
        Ok(())
    }

    /// Every known name, those of secrets' files included.
    fn names(&self) -> Vec<KnownKey> {
        self.keys.iter().flat_map(|key| [Some(key.clone()), key.file_variant()]).flatten().collect()
    }

    fn is_secret(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.secret && key.name == name)
    }

    fn unknown(&self, key: String, origin: &Origin) -> ConfigError {
        let suggestion = nearest(&key, self.names().into_iter().map(|known| known.name));
        ConfigError::Unknown { key, origin: origin.clone(), suggestion }
    }

    fn shown(&self, key: &str, text: &str) -> String {
        if self.is_secret(key) { "a secret that is not shown".to_owned() } else { format!("`{text}`") }
    }
}

fn variable(variables: &[(String, String)], name: &str) -> Option<String> {
    variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

fn is_foreign(variable: &str) -> bool {
    variable == FILE_VARIABLE
        || CLIENT_VARIABLES.contains(&variable)
        || FOREIGN_PREFIXES.iter().any(|prefix| variable.starts_with(prefix))
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })
}

fn scalar(key: &str, value: &toml::Value, origin: &Origin) -> Result<String, ConfigError> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(truth) => Ok(truth.to_string()),
        toml::Value::Array(values) if LISTS.contains(&key) => {
            let texts: Result<Vec<_>, _> = values.iter().map(|value| scalar(key, value, origin)).collect();
            Ok(texts?.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Array(_) | toml::Value::Table(_) => {
            Err(ConfigError::Invalid {
                key: key.to_owned(),
                origin: origin.clone(),
                expected: "a text or a number",
                found: format!("`{value}`"),
            })
        }
    }
}
