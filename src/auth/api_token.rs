//! The text form of API tokens: `mst_` and a secret.

use super::keys::{is_secret_form, new_secret};

/// What every API token starts with, so that people and secret scanners recognise one.
pub const PREFIX: &str = "mst_";

/// A fresh API token, 47 characters.
#[must_use]
pub fn new_api_token() -> String {
    format!("{PREFIX}{}", new_secret())
}

/// Whether a text has the form of an API token: whatever has not can't be ours, and needs no hash.
#[must_use]
pub fn is_api_token_form(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(is_secret_form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_form_is_a_token() {
        let token = new_api_token();
        assert!(is_api_token_form(&token));
        assert_ne!(token, new_api_token());
        for wrong in
            ["", PREFIX, &token[1..], &token[..46], &format!("{token}A"), &token.replace("mst_", "MST_")]
        {
            assert!(!is_api_token_form(wrong), "{wrong}");
        }
    }
}
