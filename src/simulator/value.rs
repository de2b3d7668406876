//! Values of `SQLite` as the texts that osquery makes of them.

use rusqlite::types::ValueRef;

/// Significant digits of a floating-point number.
const DIGITS: i32 = 15;

/// The text of a value: NULL is empty, a floating-point number always has a point, and what follows a NUL is lost.
pub(super) fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => real(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
            String::from_utf8_lossy(&bytes[..end]).into_owned()
        }
    }
}

/// The text of a floating-point number: `1.0`, `0.1`, but also `1e+20.0` and `inf.0`.
fn real(number: f64) -> String {
    let text = general(number);
    if text.contains('.') { text } else { format!("{text}.0") }
}

/// C's `%.15g`.
fn general(number: f64) -> String {
    if number.is_nan() {
        return "-nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or(0);
        return without_zeros(&format!("{number:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs())
}

/// A decimal number without zeros at the end of its fraction.
fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_look_as_osquery_prints_them() {
        let cases = [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (1e20, "1e+20.0"),
            (1e-7, "1e-07.0"),
            (1.5e-9, "1.5e-09"),
            (123_456_789_012_345.0, "123456789012345.0"),
            (1e15, "1e+15.0"),
            (0.1 + 0.2, "0.3"),
            (0.0, "0.0"),
            (f64::INFINITY, "inf.0"),
            (f64::NAN, "-nan.0"),
        ];
        for (number, expected) in cases {
            assert_eq!(text(ValueRef::Real(number)), expected);
        }
    }

    #[test]
    fn other_values() {
        assert_eq!(text(ValueRef::Null), "");
        assert_eq!(text(ValueRef::Integer(i64::MIN)), "-9223372036854775808");
        assert_eq!(text(ValueRef::Text(b"a\0b")), "a");
        assert_eq!(text(ValueRef::Blob(&[0x61, 0xff])), "a\u{fffd}");
    }
}
