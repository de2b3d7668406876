//! What simulated hosts are made of: operating systems, machines and names that exist.

mod machines;
mod systems;

pub(crate) use machines::{Machine, machines};
pub(crate) use systems::{Os, Packaging, systems};

/// A version of osquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version(pub(crate) u16, pub(crate) u16, pub(crate) u16);

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Versions that are in use.
pub(crate) const CURRENT: [Version; 5] =
    [Version(5, 23, 1), Version(5, 23, 1), Version(5, 22, 1), Version(5, 19, 0), Version(5, 10, 2)];

/// Old versions: before typed JSON, before `messages`, and the oldest that is supported in full.
pub(crate) const OLD: [Version; 3] = [Version(3, 1, 0), Version(4, 3, 0), Version(4, 4, 0)];

/// First names, for accounts and computers.
pub(crate) const PEOPLE: [&str; 24] = [
    "ada",
    "alan",
    "barbara",
    "chen",
    "dennis",
    "edsger",
    "frances",
    "grace",
    "hedy",
    "ines",
    "joan",
    "katherine",
    "ken",
    "linus",
    "margaret",
    "niklaus",
    "olga",
    "priya",
    "radia",
    "sofia",
    "tariq",
    "ursula",
    "wei",
    "yuki",
];

/// What servers are for.
pub(crate) const ROLES: [&str; 10] =
    ["web", "api", "db", "cache", "build", "mail", "queue", "search", "proxy", "batch"];
