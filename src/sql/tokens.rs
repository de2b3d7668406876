//! The words of an SQL text, without white space and comments, and where each stands.

use sqlparser::dialect::SQLiteDialect;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::SqlIssue;

/// The words of a text: those of its first statement, and where a second one begins.
pub(super) struct Tokens {
    first: Vec<TokenWithSpan>,
    second: Option<(u64, u64)>,
}

impl Tokens {
    /// Reads `sql`; fails where a string, a quoted name or a comment has no end.
    pub(super) fn of(sql: &str) -> Result<Self, SqlIssue> {
        let all = Tokenizer::new(&SQLiteDialect {}, sql)
            .tokenize_with_location()
            .map_err(|error| SqlIssue::at((error.location.line, error.location.column), error.message))?;
        let words = all.into_iter().filter(|word| !matches!(word.token, Token::Whitespace(_) | Token::EOF));
        let mut words = words.skip_while(|word| word.token == Token::SemiColon);
        let first = words.by_ref().take_while(|word| word.token != Token::SemiColon).collect();
        let second = words.find(|word| word.token != Token::SemiColon).map(|word| start(&word));
        Ok(Self { first, second })
    }

    /// The words of the first statement, without its semicolon.
    pub(super) fn words(&self) -> &[TokenWithSpan] {
        &self.first
    }

    /// Where a second statement begins, if there is one.
    pub(super) fn second_statement(&self) -> Option<(u64, u64)> {
        self.second
    }

    /// The first parenthesis of the first statement that is nested deeper than `limit`.
    pub(super) fn deeper_than(&self, limit: usize) -> Option<(u64, u64)> {
        with_depth(&self.first).find(|(_, depth)| *depth > limit).map(|(word, _)| start(word))
    }
}

/// Each word with the number of parentheses around it; an opening one counts itself.
pub(super) fn with_depth(words: &[TokenWithSpan]) -> impl Iterator<Item = (&TokenWithSpan, usize)> {
    words.iter().scan(0_usize, |depth, word| {
        match word.token {
            Token::LParen => *depth += 1,
            Token::RParen => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some((word, *depth))
    })
}

/// Line and column of a word, from 1.
pub(super) fn start(word: &TokenWithSpan) -> (u64, u64) {
    (word.span.start.line, word.span.start.column)
}

/// Line and column, from 1 and in characters, of the byte at `offset`.
pub(super) fn location(sql: &str, offset: usize) -> (u64, u64) {
    let before = sql.get(..offset).unwrap_or(sql);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
    (u64::try_from(line).unwrap_or(u64::MAX), u64::try_from(column).unwrap_or(u64::MAX))
}
