//! Credentials of destinations: written, never read back.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What stands for a credential wherever it is shown; given back in a change, it keeps the one that is there.
pub const MASK: &str = "********";

/// A credential. It is not printed.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The credential, for its one user.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Keys of a destination whose values are credentials; of `headers`, every value is.
const KEYS: &[&str] =
    &["token", "password", "signing_secret", "secret_access_key", "client_key", "session_token"];

/// The keys of a destination with its credentials masked.
#[must_use]
pub fn masked(mut options: serde_json::Value) -> serde_json::Value {
    each(&mut options, &mut |_, value| *value = MASK.into());
    options
}

/// Puts the credentials of `old` where `new` has the mask.
#[must_use]
pub fn kept(mut new: serde_json::Value, old: &serde_json::Value) -> serde_json::Value {
    each(&mut new, &mut |path, value| {
        if *value == MASK {
            *value = old.pointer(path).cloned().unwrap_or_else(|| "".into());
        }
    });
    new
}

/// Does something with every credential that is set, and its place.
fn each(options: &mut serde_json::Value, work: &mut dyn FnMut(&str, &mut serde_json::Value)) {
    let Some(options) = options.as_object_mut() else { return };
    for (key, value) in options.iter_mut() {
        if KEYS.contains(&key.as_str()) && value.as_str().is_some_and(|value| !value.is_empty()) {
            work(&format!("/{key}"), value);
        }
        if key == "headers"
            && let Some(headers) = value.as_object_mut()
        {
            for (name, value) in headers.iter_mut() {
                let name = name.replace('~', "~0").replace('/', "~1");
                work(&format!("/headers/{name}"), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s42_what_is_a_credential_is_masked_and_the_mask_keeps_it() {
        let stored = json!({ "type": "http", "url": "https://x", "token": "t", "headers": { "X-A/b": "h" } });
        let shown = masked(stored.clone());
        assert!(!shown.to_string().contains("\"t\"") && !shown.to_string().contains("\"h\""), "{shown}");
        assert_eq!(shown["url"], "https://x");
        assert_eq!(kept(shown.clone(), &stored), stored);
        let changed = json!({ "token": "new", "headers": { "X-A/b": MASK, "other": MASK } });
        let changed = kept(changed, &stored);
        assert_eq!(changed, json!({ "token": "new", "headers": { "X-A/b": "h", "other": "" } }));
        assert_eq!(format!("{:?}", Secret("t".to_owned())), "Secret(…)");
    }
}
