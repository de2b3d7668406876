//! Input that people type: cleaned and bounded alike everywhere.

use super::{FleetError, RejectionCode};

/// Characters of a name at most.
const MAX_NAME_CHARS: usize = 255;

/// Characters of a description at most.
const MAX_DESCRIPTION_CHARS: usize = 4_096;

/// A name to show, without the space around it.
///
/// # Errors
/// Rejected at `path`: empty, over 255 characters, or with control characters.
pub(super) fn name(text: &str, path: &'static str) -> Result<String, FleetError> {
    let name = text.trim();
    let problem = match name.chars().count() {
        0 => "it is empty",
        1..=MAX_NAME_CHARS if name.contains(char::is_control) => "it has control characters",
        1..=MAX_NAME_CHARS => return Ok(name.to_owned()),
        _ => "it has more than 255 characters",
    };
    Err(FleetError::rejected(RejectionCode::Invalid, path, format!("this is no {path}: {problem}")))
}

/// A purpose, as it is told to people.
///
/// # Errors
/// Rejected at `description`: over 4,096 characters, or with a NUL.
pub(super) fn description(text: Option<&str>) -> Result<(), FleetError> {
    long_text(text, "description")
}

/// A text as it is told to people.
///
/// # Errors
/// Rejected at `path`: over 4,096 characters, or with a NUL.
pub(super) fn long_text(text: Option<&str>, path: &'static str) -> Result<(), FleetError> {
    let text = text.unwrap_or_default();
    if text.chars().count() > MAX_DESCRIPTION_CHARS || text.contains('\0') {
        let message = format!("a {path} has up to 4,096 characters, and no NUL");
        return Err(FleetError::rejected(RejectionCode::Invalid, path, message));
    }
    Ok(())
}

/// An e-mail address in lower case, as accounts are known by; none when it has not the shape of one.
pub(super) fn email(text: &str) -> Option<String> {
    let email = text.trim().to_lowercase();
    let (local, domain) = email.split_once('@')?;
    let strange = |c: char| c.is_whitespace() || c.is_control() || c == '@';
    let shaped =
        !local.is_empty() && !domain.is_empty() && !local.contains(strange) && !domain.contains(strange);
    // RFC 5321 allows no longer path than 254 octets.
    (shaped && email.len() <= 254).then_some(email)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("  Workstations ", "name").ok().as_deref(), Some("Workstations"));
        assert!(name(&"é".repeat(255), "name").is_ok());
        for wrong in ["", " \t", "a\nb", "a\0", &"é".repeat(256)] {
            assert!(matches!(name(wrong, "name"), Err(FleetError::Rejected(_))), "{wrong:?}");
        }
    }

    #[test]
    fn an_email_has_something_before_and_after_one_at_sign() {
        assert_eq!(email(" Ada@Example.COM ").as_deref(), Some("ada@example.com"));
        assert_eq!(email("admin@localhost").as_deref(), Some("admin@localhost"));
        let long = format!("{}@example.com", "a".repeat(250));
        for wrong in ["", "ada", "@example.com", "ada@", "a@b@c", "a b@c", "a@b\nc", &long] {
            assert_eq!(email(wrong), None, "{wrong:?}");
        }
    }
}
