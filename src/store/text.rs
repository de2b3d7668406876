//! Searching text alike on both databases: bytewise, ASCII letters in any case, with the indices over `lower(…)`.

use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr};
use sea_orm::{ColumnTrait, Condition};

/// A column in lower case, as it is indexed.
pub(super) fn lower(column: impl ColumnTrait) -> Expr {
    Func::lower(Expr::col(column.as_column_ref())).into()
}

/// Whether a column is `text`.
pub(super) fn equals(column: impl ColumnTrait, text: &str) -> Expr {
    lower(column).eq(folded(text))
}

/// Whether a column is one of `texts`.
pub(super) fn any_of(column: impl ColumnTrait, texts: &[String]) -> Expr {
    lower(column).is_in(texts.iter().map(|text| folded(text)))
}

/// Whether a column begins with `prefix`: a range, which every index in byte order serves.
pub(super) fn starts_with(column: impl ColumnTrait, prefix: &str) -> Condition {
    let prefix = folded(prefix);
    let end = end_of_prefix(&prefix).map(|end| lower(column).lt(end));
    Condition::all().add(lower(column).gte(prefix)).add_option(end)
}

/// Whether a column that holds lower case only begins with `prefix`.
pub(super) fn begins(column: impl ColumnTrait, prefix: &str) -> Condition {
    let prefix = folded(prefix);
    let end = end_of_prefix(&prefix).map(|end| column.lt(end));
    Condition::all().add(column.gte(prefix)).add_option(end)
}

/// Whether a column contains `text`.
pub(super) fn contains(column: impl ColumnTrait, text: &str) -> Expr {
    lower(column).like(LikeExpr::new(format!("%{}%", escaped(&folded(text)))).escape('\\'))
}

/// The text as `lower(…)` makes it; without NUL, which PostgreSQL has in no text.
fn folded(text: &str) -> String {
    text.to_ascii_lowercase().replace('\0', "\u{fffd}")
}

/// The text with what LIKE takes for wildcards escaped.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The smallest text after every text that begins with `prefix`; none when there is no such text.
fn end_of_prefix(prefix: &str) -> Option<String> {
    let mut rest = prefix.to_owned();
    while let Some(last) = rest.pop() {
        if let Some(next) = (last..=char::MAX).nth(1) {
            rest.push(next);
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_text_begins_with_a_prefix_exactly_when_it_lies_in_the_range(prefix in ".{0,4}", rest in ".{0,4}", other in ".{0,6}") {
            let within = |text: &str| {
                text >= prefix.as_str() && end_of_prefix(&prefix).is_none_or(|end| text < end.as_str())
            };
            let longer = prefix.clone() + &rest;
            prop_assert!(within(&longer));
            prop_assert_eq!(within(&other), other.starts_with(&prefix));
        }
    }

    #[test]
    fn the_end_of_a_prefix_skips_what_is_no_character() {
        assert_eq!(end_of_prefix("web"), Some("wec".to_owned()));
        assert_eq!(end_of_prefix("\u{d7ff}"), Some("\u{e000}".to_owned()));
        assert_eq!(end_of_prefix("a\u{10ffff}"), Some("b".to_owned()));
        assert_eq!(end_of_prefix("\u{10ffff}"), None);
    }

    #[test]
    fn wildcards_are_taken_literally() {
        assert_eq!(escaped(r"50%_\"), r"50\%\_\\");
    }
}
