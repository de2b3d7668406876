//! Every key derives from one master secret; every random text is made here.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use entity::id::{PublicId, SigningKeyId};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use ring::{hkdf, hmac};

use super::AccessTokens;
use crate::clock::Timestamp;

/// The keys of the installation: for credential hashes, access tokens and sealed cursors. A cheap handle.
#[derive(Clone)]
pub struct Keys(Arc<Derived>);

struct Derived {
    root: hkdf::Prk,
    credentials: hmac::Key,
    seal: LessSafeKey,
    nonces: hmac::Key,
}

impl Keys {
    /// Derives the keys from the master secret, 32 bytes or more, by HKDF-SHA-256 with a label each.
    #[must_use]
    pub fn derive(master: &[u8]) -> Self {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"muster").extract(master);
        let seal =
            UnboundKey::new(&AES_256_GCM, &expand(&root, &[b"seal"])).expect("an AES-256 key has 32 bytes");
        Self(Arc::new(Derived {
            credentials: hmac_key(&root, b"credentials"),
            seal: LessSafeKey::new(seal),
            nonces: hmac_key(&root, b"seal nonces"),
            root,
        }))
    }

    /// The keyed hash under which a credential (node key, enroll secret, refresh or API token) is stored:
    /// HMAC-SHA-256, 32 bytes.
    #[must_use]
    pub fn hash(&self, credential: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.0.credentials, credential.as_bytes());
        tag.as_ref().try_into().expect("an HMAC-SHA-256 tag has 32 bytes")
    }

    /// Seals a short text for the outside: AEAD, nonce derived from `purpose` and `plain`, so that equal input gives
    /// equal output; base64url.
    #[must_use]
    pub fn seal(&self, purpose: &str, plain: &[u8]) -> String {
        let nonce = self.nonce(purpose, plain);
        let mut sealed = plain.to_vec();
        let tag = self
            .0
            .seal
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose.as_bytes()),
                &mut sealed,
            )
            .expect("a short text is below the limit of the cipher");
        URL_SAFE_NO_PAD.encode([&nonce, sealed.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what [`Self::seal`] made for the same purpose; none for anything else.
    #[must_use]
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, body) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut body = body.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.seal.open_in_place(nonce, Aad::from(purpose.as_bytes()), &mut body).ok()?;
        Some(plain.to_vec())
    }

    /// Access tokens signed with the newest key; each of the earlier ones holds until its time.
    #[must_use]
    pub fn access_tokens(
        &self,
        newest: SigningKeyId,
        earlier: impl IntoIterator<Item = (SigningKeyId, Timestamp)>,
    ) -> AccessTokens {
        let secret = |id: SigningKeyId| expand(&self.0.root, &[b"access tokens", &id.0.to_be_bytes()]);
        let earlier = earlier.into_iter().map(|(id, until)| (id, secret(id), until));
        AccessTokens::new((newest, secret(newest)), earlier)
    }

    /// What lets the first administrator in while there is no user: the same on every server, and after a restart.
    #[must_use]
    pub fn setup_token(&self) -> String {
        URL_SAFE_NO_PAD.encode(expand(&self.0.root, &[b"setup"]))
    }

    /// A nonce that two different inputs share with a chance of 2⁻⁹⁶. The length keeps ("a", "bc") and ("ab", "c")
    /// apart.
    fn nonce(&self, purpose: &str, plain: &[u8]) -> [u8; NONCE_LEN] {
        let mut context = hmac::Context::with_key(&self.0.nonces);
        context.update(&purpose.len().to_be_bytes());
        context.update(purpose.as_bytes());
        context.update(plain);
        let tag = context.sign();
        *tag.as_ref().first_chunk().expect("an HMAC-SHA-256 tag is longer than a nonce")
    }
}

/// A fresh random outside id of this prefix.
#[must_use]
pub fn new_public_id(prefix: &str) -> PublicId {
    PublicId::new(prefix, u128::from_be_bytes(random()))
}

/// A fresh secret of 256 random bits, less one twentieth of a bit, in base64url: 43 characters that begin with a letter
/// or digit, for a command line takes what begins with `-` for a flag.
#[must_use]
pub fn new_secret() -> String {
    loop {
        let secret = URL_SAFE_NO_PAD.encode(random::<32>());
        if secret.starts_with(|first: char| first.is_ascii_alphanumeric()) {
            return secret;
        }
    }
}

/// Whether a text has the form of [`new_secret`]: whatever has not can't be ours, and needs no hash.
#[must_use]
pub fn is_secret_form(text: &str) -> bool {
    text.len() == 43 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

fn hmac_key(root: &hkdf::Prk, label: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, &expand(root, &[label]))
}

fn expand(root: &hkdf::Prk, label: &[&[u8]]) -> [u8; 32] {
    let mut key = [0; 32];
    root.expand(label, hkdf::HKDF_SHA256)
        .and_then(|okm| okm.fill(&mut key))
        .expect("HKDF-SHA-256 gives 32 bytes");
    key
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn keys() -> Keys {
        Keys::derive(&[7; 32])
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_for_its_purpose_only(
            purpose in "[a-z ]{0,12}", other in "[a-z ]{0,12}",
            plain in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            let sealed = keys().seal(&purpose, &plain);
            prop_assert_eq!(&sealed, &keys().seal(&purpose, &plain));
            prop_assert_eq!(keys().open(&purpose, &sealed), Some(plain));
            prop_assert!(Keys::derive(&[8; 32]).open(&purpose, &sealed).is_none());
            if other != purpose {
                prop_assert!(keys().open(&other, &sealed).is_none());
            }
        }

        #[test]
        fn a_changed_byte_does_not_open(
            plain in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>(), flip in 1u8..,
        ) {
            let mut bytes = URL_SAFE_NO_PAD.decode(keys().seal("p", &plain)).expect("sealed texts are base64url");
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(keys().open("p", &URL_SAFE_NO_PAD.encode(bytes)).is_none());
        }

        #[test]
        fn any_text_may_be_tried(text in ".{0,80}") {
            prop_assert!(keys().open("p", &text).is_none());
            prop_assert_eq!(keys().hash(&text), keys().hash(&text));
        }
    }

    #[test]
    fn keys_of_different_masters_and_purposes_differ() {
        let (one, two) = (keys(), Keys::derive(&[8; 32]));
        assert_ne!(one.hash("a"), two.hash("a"));
        assert_ne!(one.hash("a"), one.hash("b"));
        let (now, ids) = (Timestamp(0), (PublicId::new("usr", 1), PublicId::new("ses", 2)));
        let tokens = |keys: &Keys, id| keys.access_tokens(SigningKeyId(id), []);
        let (token, _) = tokens(&one, 1).issue(&ids.0, &ids.1, now, Duration::from_mins(1));
        assert!(tokens(&one, 1).verify(&token, now).is_some());
        assert!(tokens(&two, 1).verify(&token, now).is_none());
        assert!(tokens(&one, 2).verify(&token, now).is_none());
        let later = one.access_tokens(SigningKeyId(2), [(SigningKeyId(1), Timestamp(1))]);
        assert!(later.verify(&token, now).is_some() && later.verify(&token, Timestamp(1)).is_none());
        assert_ne!(one.setup_token(), two.setup_token());
        assert!(is_secret_form(&one.setup_token()));
    }

    #[test]
    fn random_texts_have_their_form_and_differ() {
        let id = new_public_id("usr");
        assert_eq!((id.prefix(), id.0.len()), ("usr", 36));
        assert_ne!(id, new_public_id("usr"));
        assert!(is_secret_form(&new_secret()));
        assert_ne!(new_secret(), new_secret());
        assert!((0..1_000).all(|_| !new_secret().starts_with(['-', '_'])), "a flag on a command line");
        assert!(
            !is_secret_form("mst_short")
                && !is_secret_form(&"é".repeat(43))
                && !is_secret_form(&"+".repeat(43))
        );
    }
}
