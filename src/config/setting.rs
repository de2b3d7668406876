//! Kinds of values, and how each is written.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// A kind of value that a key may have.
pub(super) trait Setting: Sized {
    /// What a right value looks like, to complete "expected …".
    const EXPECTED: &'static str;

    /// The value of a trimmed text; none when it is not one.
    fn parse(text: &str) -> Option<Self>;
}

/// A value that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being printed.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The value, for its one user.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A number of bytes, written with a unit: `64 KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// As the size of something in memory.
    #[must_use]
    pub fn in_memory(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// As the size of something in the store.
    #[must_use]
    pub fn stored(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl Setting for ByteSize {
    const EXPECTED: &'static str = "a size such as 64 KiB, 4 MiB or 1 GiB";

    fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..digits].parse().ok()?;
        let unit: u64 = match text[digits..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.checked_mul(unit).map(Self)
    }
}

/// Points of the API, in which operations cost: enough for signing in, or nobody could.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Points(pub u64);

impl Setting for Points {
    const EXPECTED: &'static str =
        "a whole number of at least 110, for signing in costs about 103 points and would be refused";

    fn parse(text: &str) -> Option<Self> {
        u64::parse(text).filter(|points| *points >= 110).map(Self)
    }
}

impl Setting for Duration {
    const EXPECTED: &'static str = "a duration such as 500ms, 10s, 5m or 30d";

    fn parse(text: &str) -> Option<Self> {
        humantime::parse_duration(text).ok()
    }
}

impl Setting for SocketAddr {
    const EXPECTED: &'static str = "an address and a port such as 127.0.0.1:8080";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Setting for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
}

impl Setting for String {
    const EXPECTED: &'static str = "a text";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.to_owned())
    }
}

impl Setting for Secret {
    const EXPECTED: &'static str = "a text";

    fn parse(text: &str) -> Option<Self> {
        String::parse(text).map(Self)
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "true or false";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl<T: Setting> Setting for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::parse(text).map(Some) }
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => {$(
        impl Setting for $kind {
            const EXPECTED: &'static str = "a whole number above 0";

            fn parse(text: &str) -> Option<Self> {
                text.replace('_', "").parse().ok().filter(|number| *number > 0)
            }
        }
    )*};
}

numbers! { u32 u64 usize i64 }
