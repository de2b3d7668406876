//! A text of several statements, cut apart at its semicolons, with the comments before each.

use std::ops::Range;

use super::names::{Word, next};

/// A statement in a text, by bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// White space and comments before its first word.
    pub before: Range<usize>,
    /// From its first word up to its semicolon or the end of the text.
    pub words: Range<usize>,
}

/// The statements of a text, in order. Semicolons in texts, names in quotes and comments do not count; what has no
/// word is no statement.
#[must_use]
pub fn split(text: &str) -> Vec<Piece> {
    let (mut pieces, mut offset, mut before, mut first) = (Vec::new(), 0, 0, None);
    let mut end = |before: &mut usize, first: &mut Option<usize>, at: usize, after: usize| {
        if let Some(first) = first.take() {
            pieces.push(Piece { before: *before..first, words: first..at });
        }
        *before = after;
    };
    while let Some((word, length)) = text.get(offset..).and_then(next) {
        if word == Word::Other && text.as_bytes().get(offset) == Some(&b';') {
            end(&mut before, &mut first, offset, offset + length);
        } else if word != Word::Space {
            first.get_or_insert(offset);
        }
        offset += length;
    }
    end(&mut before, &mut first, text.len(), text.len());
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_semicolon_ends_a_statement_and_nothing_else_does() {
        let text = "-- a; b\nselect ';' , \"x;\" /* ; */ from t; ;\nselect 2 -- ;\n;-- nothing";
        let pieces = split(text);
        let words: Vec<_> = pieces.iter().map(|piece| &text[piece.words.clone()]).collect();
        assert_eq!(words, ["select ';' , \"x;\" /* ; */ from t", "select 2 -- ;\n"]);
        assert_eq!(&text[pieces[0].before.clone()], "-- a; b\n");
        assert_eq!(split(" -- only a comment"), []);
    }

    proptest! {
        #[test]
        fn pieces_are_in_order_and_within_the_text(text in "[a-z;'\"/*\\- \\n\u{feff}é$(\\[`:]{0,60}") {
            let mut end = 0;
            for piece in split(&text) {
                prop_assert!(end <= piece.before.start && piece.before.end == piece.words.start);
                prop_assert!(!text[piece.words.clone()].trim().is_empty());
                end = piece.words.end;
            }
            prop_assert!(end <= text.len());
        }
    }
}
