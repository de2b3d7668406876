//! The flags of osquery: which a configuration can set, and of what type they are.

/// Name, where it can be set, and type of every flag, a line each. Source: the flag definitions of osquery 5.23.
const LIST: &str = include_str!("flags.txt");

/// A flag of osquery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Set on the command line or in the flag file alone; in a configuration it is ignored since 5.4.
    pub is_cli_only: bool,
    /// What its values are.
    pub kind: FlagKind,
}

/// What the values of a flag are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagKind {
    /// True or false.
    Bool,
    /// Any text.
    Text,
    /// A whole number that may be negative.
    Int,
    /// A whole number, from 0.
    Uint,
}

/// The flag of this name; none when osquery has no such flag.
#[must_use]
pub fn flag(name: &str) -> Option<Flag> {
    let line = LIST.lines().find(|line| line.split(' ').next() == Some(name))?;
    let mut words = line.split(' ').skip(1);
    let is_cli_only = words.next() == Some("cli");
    let kind = match words.next() {
        Some("bool") => FlagKind::Bool,
        Some("int") => FlagKind::Int,
        Some("uint") => FlagKind::Uint,
        _ => FlagKind::Text,
    };
    Some(Flag { is_cli_only, kind })
}

impl FlagKind {
    /// Whether a value, as text, is one of this kind.
    #[must_use]
    pub fn accepts(self, value: &str) -> bool {
        match self {
            Self::Bool => matches!(
                value.to_ascii_lowercase().as_str(),
                "true" | "false" | "1" | "0" | "t" | "f" | "yes" | "no" | "y" | "n"
            ),
            Self::Text => true,
            Self::Int => value.parse::<i32>().is_ok(),
            Self::Uint => value.parse::<u64>().is_ok(),
        }
    }

    /// What it wants, for people.
    #[must_use]
    pub fn wanted(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Text => "a text",
            Self::Int => "a whole number",
            Self::Uint => "a whole number, from 0",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_known_by_name() {
        assert_eq!(
            flag("config_refresh"),
            Some(Flag { is_cli_only: true, kind: FlagKind::Uint }),
            "only on the command line"
        );
        assert_eq!(flag("pack_delimiter"), Some(Flag { is_cli_only: false, kind: FlagKind::Text }));
        assert_eq!(flag("disable_events").map(|flag| flag.kind), Some(FlagKind::Bool));
        assert_eq!(flag("pack_"), None, "a part of a name is none");
    }
}
