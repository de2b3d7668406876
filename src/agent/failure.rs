//! What an agent's error message means.

use entity::kind::HostErrorCode;

use crate::fleet::campaigns::HostFailure;

/// Bytes of a message at most.
const MAX_MESSAGE: usize = 1024;

/// Parts of osquery's messages, in lower case, and what they mean; the first that fits counts.
const MEANINGS: &[(&str, HostErrorCode)] = &[
    ("no such table", HostErrorCode::TableNotFound),
    ("without a required column", HostErrorCode::MissingConstraint),
    ("constraint failed", HostErrorCode::MissingConstraint),
    ("query is denylisted", HostErrorCode::Denylisted),
    ("syntax error", HostErrorCode::SqlError),
    ("no such column", HostErrorCode::SqlError),
    ("no such function", HostErrorCode::SqlError),
    ("no such collation", HostErrorCode::SqlError),
    ("no such module", HostErrorCode::SqlError),
    ("ambiguous column", HostErrorCode::SqlError),
    ("wrong number of arguments", HostErrorCode::SqlError),
    ("misuse of", HostErrorCode::SqlError),
    ("unrecognized token", HostErrorCode::SqlError),
    ("incomplete input", HostErrorCode::SqlError),
    ("not an error", HostErrorCode::SqlError),
    ("not authorized", HostErrorCode::SqlError),
    ("sql logic error", HostErrorCode::SqlError),
];

/// The failure of a query that ended with a status other than 0.
pub(super) fn of_status(status: i64, message: &str) -> HostFailure {
    let lower = message.to_ascii_lowercase();
    let code = MEANINGS
        .iter()
        .find(|(part, _)| lower.contains(part))
        .map_or(HostErrorCode::Unknown, |(_, code)| *code);
    let message = clean(message);
    if message.is_empty() {
        return HostFailure { code, message: format!("the query failed with status {status}") };
    }
    HostFailure { code, message }
}

/// The failure of an answer that can't be read.
pub(super) fn malformed() -> HostFailure {
    let message = "the host's answer can't be read".to_owned();
    HostFailure { code: HostErrorCode::Malformed, message }
}

/// The failure of an answer that is larger than we take.
pub(super) fn too_large() -> HostFailure {
    let message = "the host's answer is larger than the server takes".to_owned();
    HostFailure { code: HostErrorCode::ResultTooLarge, message }
}

/// The message without control characters, cut to [`MAX_MESSAGE`] at a character.
fn clean(message: &str) -> String {
    let start = &message[..message.floor_char_boundary(MAX_MESSAGE)];
    start.trim().chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_osquery_are_told_apart() {
        for (message, code) in [
            ("no such table: foo", HostErrorCode::TableNotFound),
            ("Error running query: no such table: foo", HostErrorCode::TableNotFound),
            (
                "Table file was queried without a required column in the WHERE clause",
                HostErrorCode::MissingConstraint,
            ),
            ("constraint failed", HostErrorCode::MissingConstraint),
            ("distributed query is denylisted", HostErrorCode::Denylisted),
            ("near \"selct\": syntax error", HostErrorCode::SqlError),
            ("no such column: x", HostErrorCode::SqlError),
            ("not an error", HostErrorCode::SqlError),
            ("disk I/O error", HostErrorCode::Unknown),
        ] {
            let failure = of_status(1, message);
            assert_eq!((failure.code, failure.message.as_str()), (code, message));
        }
    }

    #[test]
    fn a_message_is_never_empty() {
        assert_eq!(of_status(2, " \n").message, "the query failed with status 2");
    }

    #[test]
    fn a_message_is_cleaned_and_cut_at_a_character() {
        assert_eq!(of_status(1, "a\r\nb\u{1b}[31m").message, "a  b [31m");
        let long = of_status(1, &"é".repeat(2000)).message;
        assert_eq!(long, "é".repeat(512));
        let uneven = of_status(1, &format!("a{}", "é".repeat(2000))).message;
        assert_eq!(uneven.len(), 1023);
    }
}
