//! Sections `destination.NAME`: where log lines are shipped to. What the keys of one mean is not judged here.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::error::{ConfigError, Origin};

/// Destinations, by name: the keys of each, as one JSON object.
#[derive(Clone, Default)]
pub struct Destinations(BTreeMap<String, String>);

impl std::fmt::Debug for Destinations {
    /// Their keys may be credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The key that switches one off, as one does with the files that there are else.
const ENABLED: &str = "enabled";

impl Destinations {
    /// Those that are not switched off.
    pub fn wanted(&self) -> impl Iterator<Item = (&String, &String)> {
        self.0.iter().filter(|(_, options)| !options.is_empty())
    }

    /// Whether anything is said of the destination of this name.
    #[must_use]
    pub fn says(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Adds what a file says of them. A key that ends in `_file` names the file that holds its value.
    pub(super) fn add(&mut self, sections: toml::Table, origin: &Origin) -> Result<(), ConfigError> {
        for (name, section) in sections {
            let key = format!("destination.{name}");
            let toml::Value::Table(mut options) = section else {
                return Err(invalid(key, origin, "a section", "something else".to_owned()));
            };
            for (option, value) in options.clone() {
                let Some(base) = option.strip_suffix("_file") else { continue };
                let path = PathBuf::from(value.as_str().unwrap_or_default());
                let text = std::fs::read_to_string(&path).map_err(|error| {
                    let found = format!("`{}` ({error})", path.display());
                    invalid(format!("{key}.{option}"), origin, "a file that can be read", found)
                })?;
                options.remove(&option);
                options.insert(base.to_owned(), text.trim().into());
            }
            let is_off = options.remove(ENABLED).is_some_and(|enabled| enabled.as_bool() == Some(false));
            let json = serde_json::to_string(&options).unwrap_or_default();
            self.0.insert(name, if is_off { String::new() } else { json });
        }
        Ok(())
    }
}

fn invalid(key: String, origin: &Origin, expected: &'static str, found: String) -> ConfigError {
    ConfigError::Invalid { key, origin: origin.clone(), expected, found }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_from_files_and_are_not_printed() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let file = directory.path().join("token");
        std::fs::write(&file, "hush\n").expect("written");
        let text = format!(
            "[siem]\ntype = 'http'\nurl = 'https://x'\ntoken_file = '{}'\n[files]\nenabled = false",
            file.display()
        );
        let mut destinations = Destinations::default();
        destinations.add(text.parse().expect("TOML"), &Origin::Default).expect("valid");
        let wanted: Vec<_> = destinations.wanted().collect();
        assert_eq!(wanted.len(), 1);
        assert!(wanted[0].1.contains("\"token\":\"hush\""), "{}", wanted[0].1);
        assert!(destinations.says("files") && !destinations.says("other"));
        assert!(!format!("{destinations:?}").contains("hush"));
        let gone = "[x]\ntoken_file = '/nowhere/x'".parse().expect("TOML");
        assert!(destinations.add(gone, &Origin::Default).is_err());
    }
}
