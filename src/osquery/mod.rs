//! What an osquery agent accepts as its configuration, and what it would drop, misread or die of.
//!
//! The agent says nothing about what it ignores, so the rules are enforced here when something is saved. Facts only:
//! flags and tables as osquery 5.23 defines them, names that it reserves, and the text that its hash is taken over.

pub mod document;
pub mod flags;
pub mod merge;
pub mod names;
pub mod tables;
pub mod text;

use std::fmt;

/// Something about a configuration that its author should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where, as a path of members: `options.logger_plugin`.
    pub path: String,
    /// What, for people.
    pub message: String,
    /// How bad.
    pub gravity: Gravity,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gravity {
    /// The agent would drop it, misread it or die of it: not accepted.
    Error,
    /// It has no effect, or another than it seems: accepted, and said.
    Warning,
}

impl Finding {
    /// What is not accepted.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), gravity: Gravity::Error }
    }

    /// What is accepted, and said.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), gravity: Gravity::Warning }
    }

    /// Whether it is not accepted.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.gravity == Gravity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.path, self.message)
    }
}
