//! Every key derives from one master secret.

/// The keys of the installation: for credential hashes, access tokens and sealed cursors. A cheap handle.
#[derive(Clone)]
pub struct Keys {}

impl Keys {
    /// Derives the keys from the master secret, 32 bytes or more, by HKDF-SHA-256 with a label each.
    #[must_use]
    pub fn derive(_master: &[u8]) -> Self {
        todo!()
    }

    /// The keyed hash under which a credential (node key, enroll secret, refresh or API token) is stored:
    /// HMAC-SHA-256, 32 bytes.
    #[must_use]
    pub fn hash(&self, _credential: &str) -> [u8; 32] {
        todo!()
    }

    /// Seals a short text for the outside: AEAD, nonce derived from `purpose` and `plain`, so that equal input gives
    /// equal output; base64url.
    #[must_use]
    pub fn seal(&self, _purpose: &str, _plain: &[u8]) -> String {
        todo!()
    }

    /// Opens what [`Self::seal`] made for the same purpose; none for anything else.
    #[must_use]
    pub fn open(&self, _purpose: &str, _sealed: &str) -> Option<Vec<u8>> {
        todo!()
    }
}

/// A fresh random outside id of this prefix.
#[must_use]
pub fn new_public_id(_prefix: &str) -> entity::id::PublicId {
    todo!()
}

/// A fresh secret of 256 random bits in base64url, 43 characters.
#[must_use]
pub fn new_secret() -> String {
    todo!()
}
