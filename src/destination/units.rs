//! Durations and sizes as people write them: `5m`, `64 MiB`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A duration, written `500ms`, `10s`, `5m` or `30d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes, written with a unit: `64 KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    /// As the size of something in memory.
    #[must_use]
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

const UNITS: &[(&str, u64)] = &[("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        let (name, unit) = whole.unwrap_or(&("B", 1));
        write!(f, "{} {name}", self.0 / unit)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span = humantime::parse_duration(&text).ok();
        span.map(Self)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a duration such as 10s or 5m")))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = UNITS.iter().find_map(|(name, unit)| {
            let number = text.trim().strip_suffix(name)?.trim().parse::<u64>().ok()?;
            number.checked_mul(*unit)
        });
        bytes
            .map(Self)
            .ok_or_else(|| de::Error::custom(format!("`{text}` is not a size such as 64 KiB or 4 MiB")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_are_written_as_they_are_read() {
        for text in ["1 B", "64 KiB", "3 MiB", "2 GiB", "1500 B"] {
            let bytes: Bytes = serde_json::from_str(&format!("\"{text}\"")).expect("a size");
            assert_eq!(bytes.to_string(), text);
        }
        for text in ["500ms", "10s", "5m", "1day"] {
            let span: Span = serde_json::from_str(&format!("\"{text}\"")).expect("a duration");
            assert_eq!(span.to_string(), text);
        }
        for wrong in ["\"10\"", "10", "\"x MiB\"", "\"99999999999999 GiB\""] {
            assert!(serde_json::from_str::<Bytes>(wrong).is_err(), "{wrong}");
        }
    }
}
