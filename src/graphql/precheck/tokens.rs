//! Counting tokens and brackets before the parse, so that a hostile document costs neither memory nor stack.
//!
//! The parser descends once per bracket, so their depth is bounded here, on the flat text.

/// What a document's text holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Punctuators, names, numbers and strings; not commas, white space and comments.
    pub count: usize,
    /// Brackets, braces and parentheses open at the same time.
    pub nesting: usize,
    /// `@` signs: directives, used or declared.
    pub directives: usize,
}

/// What stops the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// More tokens than allowed.
    #[error("the document has too many tokens")]
    TooMany,
    /// A string has no end.
    #[error("a string is not terminated")]
    UnterminatedString,
}

/// Counts up to `limit` tokens.
///
/// # Errors
/// Past the limit, or when a string has no end.
pub fn count(document: &str, limit: usize) -> Result<Tokens, TokenError> {
    let bytes = document.as_bytes();
    let (mut tokens, mut open, mut at) = (Tokens::default(), 0usize, 0usize);
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xEF | 0xBB | 0xBF => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of_run(bytes, at, |byte| !matches!(byte, b'\n' | b'\r'));
                continue;
            }
            b'"' => end_of_string(bytes, at)?,
            b'.' => end_of_run(bytes, at, |byte| byte == b'.'),
            byte if is_word(byte) => end_of_run(bytes, at, is_word),
            _ => at + 1,
        };
        match byte {
            b'{' | b'[' | b'(' => open += 1,
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            b'@' => tokens.directives += 1,
            _ => {}
        }
        tokens.count += 1;
        tokens.nesting = tokens.nesting.max(open);
        if tokens.count > limit {
            return Err(TokenError::TooMany);
        }
        at = end;
    }
    Ok(tokens)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+')
}

fn end_of_run(bytes: &[u8], start: usize, belongs: impl Fn(u8) -> bool) -> usize {
    bytes[start..].iter().position(|byte| !belongs(*byte)).map_or(bytes.len(), |length| start + length)
}

/// Where the string that begins at `start` ends: `"…"` on one line, or `"""…"""`.
fn end_of_string(bytes: &[u8], start: usize) -> Result<usize, TokenError> {
    let is_block = bytes[start..].starts_with(b"\"\"\"");
    let mut at = start + if is_block { 3 } else { 1 };
    loop {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty()).ok_or(TokenError::UnterminatedString)?;
        match rest[0] {
            _ if is_block && rest.starts_with(b"\\\"\"\"") => at += 4,
            _ if is_block && rest.starts_with(b"\"\"\"") => return Ok(at + 3),
            _ if is_block => at += 1,
            b'"' => return Ok(at + 1),
            b'\n' | b'\r' => return Err(TokenError::UnterminatedString),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(document: &str) -> Tokens {
        count(document, 1_000).expect("within the limit")
    }

    #[test]
    fn counts_what_the_parser_reads() {
        assert_eq!(tokens("{ a(b: [1, -2.5e+3], c: $d) @skip(if: true) { e } }").nesting, 3);
        assert_eq!(tokens("query Q { a ...F }").count, 7);
        assert_eq!(tokens("{ a @x @y }").directives, 2);
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let hidden = "{ a(b: \"{{{ \\\" [[\", c: \"\"\" (( \\\"\"\" \"\"\") # {{{\n}";
        assert_eq!(tokens(hidden).nesting, 2);
    }

    #[test]
    fn an_open_string_ends_the_count() {
        assert_eq!(count("{ a(b: \"\n\") }", 99), Err(TokenError::UnterminatedString));
        assert_eq!(count("\"\"\" never", 99), Err(TokenError::UnterminatedString));
        assert_eq!(count("\"\\", 99), Err(TokenError::UnterminatedString));
    }

    #[test]
    fn stops_at_the_limit() {
        assert_eq!(count("{ a b c }", 4), Err(TokenError::TooMany));
        assert_eq!(count("{ a b c }", 5).map(|tokens| tokens.count), Ok(5));
    }

    proptest! {
        #[test]
        fn any_text_is_counted_without_panic(text in ".{0,200}") {
            let _ = count(&text, 50);
        }

        #[test]
        fn depth_is_the_number_of_open_brackets(depth in 0usize..400) {
            let text = format!("{}{}", "{".repeat(depth), "}".repeat(depth));
            prop_assert_eq!(tokens(&text).nesting, depth);
        }
    }
}
