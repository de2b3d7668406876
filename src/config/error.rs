//! What is wrong with a configuration: which key, where it came from, what was expected.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `default.toml`, in the binary.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag.
    Flag(String),
    /// A file that holds one secret, and what named it.
    SecretFile(PathBuf, Box<Self>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the defaults"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "the environment variable {name}"),
            Self::Flag(name) => write!(f, "the flag --{name}"),
            Self::SecretFile(path, by) => write!(f, "{}, named by {by}", path.display()),
        }
    }
}

/// Why there is no configuration. Each message is one sentence for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No key has this name.
    #[error("{}{}", unknown(.key, .origin), suggest(.suggestion.as_deref()))]
    Unknown {
        /// The name as it was written.
        key: String,
        /// Where it stands.
        origin: Origin,
        /// The known name nearest to it.
        suggestion: Option<String>,
    },
    /// The value is not of the expected kind.
    #[error("`{key}` from {origin}: expected {expected}, found {found}")]
    Invalid {
        /// The key.
        key: String,
        /// Where the value stands.
        origin: Origin,
        /// What would be right.
        expected: &'static str,
        /// The value, quoted; a secret is not shown.
        found: String,
    },
    /// A secret and the file that holds it are both given.
    #[error("`{key}_file` is set by {origin}, but `{key}` is set too; set one of them")]
    Twice {
        /// The key.
        key: String,
        /// Where the file is named.
        origin: Origin,
    },
    /// A file can't be read.
    #[error("{} can't be read: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// A file is not TOML.
    #[error("{} is not valid TOML in line {line}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What the parser says, on one line.
        reason: String,
    },
}

fn unknown(key: &str, origin: &Origin) -> String {
    match origin {
        Origin::Environment(name) => format!("unknown environment variable `{name}`"),
        _ => format!("unknown key `{key}` in {origin}"),
    }
}

fn suggest(suggestion: Option<&str>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}
