//! The SQL functions that osquery adds to `SQLite`, as far as they are simulated.

use std::cmp::Ordering;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use ring::digest::{self, Algorithm};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::{Connection, Error, Result};

use super::value;

/// What all of them are: the same input gives the same output.
const PURE: FunctionFlags = FunctionFlags::SQLITE_UTF8.union(FunctionFlags::SQLITE_DETERMINISTIC);

/// A function of one number.
type Math = (&'static str, fn(f64) -> f64);

/// The functions of one number.
const MATH: [Math; 14] = [
    ("sqrt", f64::sqrt),
    ("exp", f64::exp),
    ("log", f64::ln),
    ("log10", f64::log10),
    ("sin", f64::sin),
    ("cos", f64::cos),
    ("tan", f64::tan),
    ("asin", f64::asin),
    ("acos", f64::acos),
    ("atan", f64::atan),
    ("ceil", f64::ceil),
    ("floor", f64::floor),
    ("degrees", f64::to_degrees),
    ("radians", f64::to_radians),
];

/// Adds the functions to a connection.
pub(super) fn add_to(connection: &Connection) -> Result<()> {
    connection.create_scalar_function("split", 3, PURE, split)?;
    connection.create_scalar_function("regex_match", 3, PURE, regex_match)?;
    connection.create_scalar_function("version_compare", 2, PURE, |context| {
        Ok(compare_versions(&argument(context, 0), &argument(context, 1)))
    })?;
    connection
        .create_scalar_function("to_base64", 1, PURE, |context| Ok(STANDARD.encode(argument(context, 0))))?;
    connection.create_scalar_function("sha1", 1, PURE, |context| {
        Ok(hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, &argument(context, 0)))
    })?;
    connection.create_scalar_function("sha256", 1, PURE, |context| {
        Ok(hash(&digest::SHA256, &argument(context, 0)))
    })?;
    for (name, function) in MATH {
        connection.create_scalar_function(name, 1, PURE, move |context| {
            Ok(context.get::<Option<f64>>(0)?.map(function))
        })?;
    }
    connection.create_scalar_function("power", 2, PURE, |context| {
        Ok(context.get::<f64>(0)?.powf(context.get::<f64>(1)?))
    })
}

/// An argument as text.
fn argument(context: &Context<'_>, index: usize) -> String {
    value::text(context.get_raw(index))
}

/// `split(text, delimiters, index)`: the part at `index` of what stands between any of the delimiters, empty parts
/// apart; NULL past the end.
fn split(context: &Context<'_>) -> Result<Option<String>> {
    let (text, delimiters) = (argument(context, 0), argument(context, 1));
    let index = usize::try_from(context.get::<i64>(2)?).unwrap_or(usize::MAX);
    let mut parts = text.split(|letter| delimiters.contains(letter)).filter(|part| !part.is_empty());
    Ok(parts.nth(index).map(|part| part.trim().to_owned()))
}

/// `regex_match(text, pattern, group)`: what a group of the first match holds; NULL without a match.
fn regex_match(context: &Context<'_>) -> Result<Option<String>> {
    let (text, pattern) = (argument(context, 0), argument(context, 1));
    let regex = Regex::new(&pattern).map_err(|error| Error::UserFunctionError(Box::new(error)))?;
    let group = usize::try_from(context.get::<i64>(2)?).unwrap_or(usize::MAX);
    Ok(regex.captures(&text).and_then(|found| found.get(group)).map(|found| found.as_str().to_owned()))
}

/// Compares versions part by part, numbers as numbers: -1, 0 or 1.
fn compare_versions(left: &str, right: &str) -> i64 {
    fn parts(version: &str) -> Vec<&str> {
        version.split(|letter: char| !letter.is_alphanumeric()).collect()
    }
    let (left, right) = (parts(left), parts(right));
    let unequal =
        left.iter().zip(&right).map(|(left, right)| compare_parts(left, right)).find(|order| order.is_ne());
    match unequal.unwrap_or_else(|| left.len().cmp(&right.len())) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
}

/// Compares parts of versions.
fn compare_parts(left: &str, right: &str) -> Ordering {
    match (left.parse::<u64>(), right.parse::<u64>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        _ => left.cmp(right),
    }
}

/// The hash of a text in hexadecimal.
fn hash(algorithm: &'static Algorithm, text: &str) -> String {
    let digest = digest::digest(algorithm, text.as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
