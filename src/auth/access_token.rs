//! Access tokens: short-lived JWTs (HS256) that name a session, and by `kid` the key that signed them.
//!
//! The crate `jsonwebtoken` does the format; the HMAC is ring's, and the time is our clock's.

use std::time::Duration;

use entity::id::{PublicId, SigningKeyId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};

use super::hs256;
use crate::clock::Timestamp;

/// Issuer and audience: tokens of Muster are for Muster.
const MUSTER: &str = "muster";

/// A token of ours is about 300 bytes; what is longer is not looked at.
const MAX_BYTES: usize = 2048;

/// How far the clocks of two servers may be apart, in seconds; counts for `nbf` and `iat` only, so that a token never
/// lives longer than it says.
const LEEWAY_S: i64 = 60;

/// What the header of a token says that it is.
const TYPE: &str = "JWT";

/// Makes and reads access tokens: the newest key signs, the others hold until their time is over.
pub struct AccessTokens {
    newest: Key,
    earlier: Vec<Key>,
    validation: Validation,
}

/// A key, and until when what it signed is in force.
struct Key {
    id: SigningKeyId,
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    until: Timestamp,
}

impl Key {
    fn new(id: SigningKeyId, secret: &[u8; 32], until: Timestamp) -> Self {
        let (encoding, decoding) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Self { id, kid: id.to_string(), encoding, decoding, until }
    }
}

/// What a valid access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The user's outside id.
    pub user: PublicId,
    /// The session's outside id.
    pub session: PublicId,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// The key that signed it.
    pub key: SigningKeyId,
}

/// The claims as they are written; times in seconds since 1970.
#[derive(Serialize, Deserialize)]
struct Wire {
    iss: String,
    aud: String,
    sub: PublicId,
    sid: PublicId,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
    jti: PublicId,
}

impl AccessTokens {
    /// Tokens signed with the newest key; each of the earlier ones holds until its time.
    pub(super) fn new(
        newest: (SigningKeyId, [u8; 32]),
        earlier: impl IntoIterator<Item = (SigningKeyId, [u8; 32], Timestamp)>,
    ) -> Self {
        hs256::install();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[MUSTER]);
        validation.set_audience(&[MUSTER]);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        // `verify` holds them against the clock it was given.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Self {
            newest: Key::new(newest.0, &newest.1, Timestamp(i64::MAX)),
            earlier: earlier.into_iter().map(|(id, secret, until)| Key::new(id, &secret, until)).collect(),
            validation,
        }
    }

    /// A token for this session of this user, and when it ends.
    #[must_use]
    pub fn issue(
        &self,
        user: &PublicId,
        session: &PublicId,
        now: Timestamp,
        ttl: Duration,
    ) -> (String, Timestamp) {
        let exp = seconds(now.plus(ttl));
        let claims = Wire {
            iss: MUSTER.into(),
            aud: MUSTER.into(),
            sub: user.clone(),
            sid: session.clone(),
            iat: seconds(now),
            nbf: None,
            exp,
            jti: super::keys::new_public_id("jwt"),
        };
        let header = Header { kid: Some(self.newest.kid.clone()), ..Header::new(Algorithm::HS256) };
        let token = encode(&header, &claims, &self.newest.encoding)
            .expect("the claims are plain JSON and the key is for HS256");
        (token, Timestamp(exp * 1000))
    }

    /// What the token says, if it is ours, for us, and in force at `now`.
    #[must_use]
    pub fn verify(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let header = decode_header(token).ok()?;
        let key = self.key(header.kid.as_deref()?, now)?;
        if header.typ.as_deref() != Some(TYPE) {
            return None;
        }
        let claims = decode::<Wire>(token, &key.decoding, &self.validation).ok()?.claims;
        let expires_at = Timestamp(claims.exp.checked_mul(1000)?);
        let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        let in_force = now < expires_at && begins <= seconds(now).saturating_add(LEEWAY_S);
        in_force.then_some(Claims { user: claims.sub, session: claims.sid, expires_at, key: key.id })
    }
}

impl AccessTokens {
    /// Whether what the key signed is in force at `now`.
    #[must_use]
    pub fn holds(&self, key: SigningKeyId, now: Timestamp) -> bool {
        self.keys().any(|known| known.id == key && now < known.until)
    }

    /// The key of that name, while what it signed is in force.
    fn key(&self, kid: &str, now: Timestamp) -> Option<&Key> {
        self.keys().find(|key| key.kid == kid).filter(|key| now < key.until)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        self.earlier.iter().chain([&self.newest])
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.0.div_euclid(1000)
}

#[cfg(test)]
mod tests;
