//! Searching text, in any case, with what the caller typed taken literally.

use sea_orm::ColumnTrait;
use sea_orm::sea_query::{Expr, ExprTrait, Func, LikeExpr, SimpleExpr};

/// Whether a text column begins with `text`; an index on `lower(column)` serves it.
pub(super) fn prefix_text(column: impl ColumnTrait, text: &str) -> SimpleExpr {
    like(column, format!("{}%", literal(text)))
}

/// Whether a text column contains `text`.
pub(super) fn contains_text(column: impl ColumnTrait, text: &str) -> SimpleExpr {
    like(column, format!("%{}%", literal(text)))
}

fn like(column: impl ColumnTrait, pattern: String) -> SimpleExpr {
    Func::lower(Expr::col(column.as_column_ref())).like(LikeExpr::new(pattern).escape('\\'))
}

/// `text` in lower case, with the wildcards of LIKE escaped.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_are_letters() {
        assert_eq!(literal(r"A_b%\"), r"a\_b\%\\");
    }
}
