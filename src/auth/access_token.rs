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
    kid: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    until: Timestamp,
}

impl Key {
    fn new(id: SigningKeyId, secret: &[u8; 32], until: Timestamp) -> Self {
        let (encoding, decoding) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Self { kid: id.to_string(), encoding, decoding, until }
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
        in_force.then_some(Claims { user: claims.sub, session: claims.sid, expires_at })
    }
}

impl AccessTokens {
    /// The key of that name, while what it signed is in force.
    fn key(&self, kid: &str, now: Timestamp) -> Option<&Key> {
        let mut keys = self.earlier.iter().chain([&self.newest]);
        keys.find(|key| key.kid == kid).filter(|key| now < key.until)
    }
}

fn seconds(time: Timestamp) -> i64 {
    time.0.div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;
    use ring::hmac;
    use serde_json::{Value, json};

    use super::*;

    const KEY: [u8; 32] = [3; 32];
    const OLD_KEY: [u8; 32] = [2; 32];
    const NOW: Timestamp = Timestamp(1_800_000_000_500);
    const TTL: Duration = Duration::from_mins(15);

    fn ids() -> (PublicId, PublicId) {
        (PublicId::new("usr", 1), PublicId::new("ses", 2))
    }

    fn claims() -> Value {
        let (user, session) = ids();
        let now = seconds(NOW);
        json!({
            "iss": "muster", "aud": "muster", "sub": user, "sid": session, "jti": "jwt_1",
            "iat": now, "exp": now + 900,
        })
    }

    /// A token with any header and claims, signed rightly for the key.
    fn forge(header: &Value, claims: &Value, key: &[u8]) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn hs256(claims: &Value) -> String {
        forge(&json!({"alg": "HS256", "typ": "JWT", "kid": "1"}), claims, &KEY)
    }

    fn tokens() -> AccessTokens {
        AccessTokens::new((SigningKeyId(1), KEY), [(SigningKeyId(0), OLD_KEY, NOW.plus(TTL))])
    }

    fn verify(token: &str) -> Option<Claims> {
        tokens().verify(token, NOW)
    }

    #[test]
    fn a_token_is_in_force_until_it_ends() {
        let (user, session) = ids();
        let tokens = tokens();
        let (token, ends) = tokens.issue(&user, &session, NOW, TTL);
        let expected = Some(Claims { user, session, expires_at: ends });
        assert_eq!(ends, Timestamp(1_800_000_900_000));
        assert_eq!(tokens.verify(&token, NOW), expected);
        assert_eq!(tokens.verify(&token, Timestamp(ends.0 - 1)), expected);
        assert_eq!(tokens.verify(&token, ends), None);
        assert_eq!(tokens.verify(&token, NOW.minus(Duration::from_mins(1))), expected);
        assert_eq!(tokens.verify(&token, NOW.minus(Duration::from_secs(62))), None);
    }

    #[test]
    fn the_forger_of_these_tests_can_forge() {
        assert!(verify(&hs256(&claims())).is_some());
    }

    #[test]
    fn other_algorithms_and_keys_are_refused() {
        for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "EdDSA", "", "hs256"] {
            let header = json!({"alg": alg, "typ": "JWT", "kid": "1"});
            assert_eq!(verify(&forge(&header, &claims(), &KEY)), None, "{alg}");
        }
        assert_eq!(verify(&forge(&json!({"typ": "JWT", "kid": "1"}), &claims(), &KEY)), None);
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": "1"});
        assert_eq!(verify(&forge(&header, &claims(), &[4; 32])), None);
        assert_eq!(verify(&forge(&header, &claims(), b"")), None);
        for typ in [json!("at+jwt"), json!(""), Value::Null] {
            let header = json!({"alg": "HS256", "typ": typ, "kid": "1"});
            assert_eq!(verify(&forge(&header, &claims(), &KEY)), None, "{header}");
        }
    }

    #[test]
    fn a_key_is_found_by_its_name_and_an_earlier_one_ends_by_its_time() {
        let (name, key) = (|kid: &str| json!({"alg": "HS256", "typ": "JWT", "kid": kid}), tokens());
        let old = forge(&name("0"), &claims(), &OLD_KEY);
        assert!(key.verify(&old, NOW).is_some());
        assert!(key.verify(&old, NOW.plus(Duration::from_secs(899))).is_some());
        assert_eq!(key.verify(&old, NOW.plus(TTL)), None);
        for (kid, secret) in [("0", KEY), ("1", OLD_KEY), ("2", KEY), ("", KEY), ("../1", KEY), ("01", KEY)] {
            assert_eq!(verify(&forge(&name(kid), &claims(), &secret)), None, "{kid}");
        }
        assert_eq!(verify(&forge(&json!({"alg": "HS256", "typ": "JWT"}), &claims(), &KEY)), None, "no kid");
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let token = hs256(&claims());
        let message = token.rsplit_once('.').expect("a token has three parts").0;
        assert_eq!(verify(&format!("{message}.")), None);
        assert_eq!(verify(message), None);
    }

    #[test]
    fn keys_that_a_header_brings_are_not_used() {
        let header = json!({
            "alg": "HS256", "kid": "../../dev/null", "jku": "https://example.com/keys",
            "jwk": {"kty": "oct", "k": URL_SAFE_NO_PAD.encode([9; 32])},
        });
        assert_eq!(verify(&forge(&header, &claims(), &[9; 32])), None);
    }

    #[test]
    fn wrong_missing_and_untimely_claims_are_refused() {
        let now = seconds(NOW);
        let wrong = [
            ("iss", json!("other")),
            ("iss", Value::Null),
            ("aud", json!("other")),
            ("aud", json!(["other"])),
            ("aud", Value::Null),
            ("sub", Value::Null),
            ("sid", Value::Null),
            ("exp", Value::Null),
            ("exp", json!(now)),
            ("exp", json!(now - 900)),
            ("exp", json!(i64::MAX)),
            ("exp", json!("9999999999")),
            ("nbf", json!(now + 61)),
            ("iat", json!(now + 61)),
        ];
        for (name, value) in wrong {
            let mut claims = claims();
            claims[name] = value.clone();
            assert_eq!(verify(&hs256(&claims)), None, "{name}: {value}");
            if value.is_null() {
                claims.as_object_mut().expect("claims are an object").remove(name);
                assert_eq!(verify(&hs256(&claims)), None, "without {name}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_changed_character_is_refused(at in any::<prop::sample::Index>(), by in 1u8..64) {
            const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
            let mut token = hs256(&claims()).into_bytes();
            let at = at.index(token.len());
            token[at] = match ALPHABET.iter().position(|c| *c == token[at]) {
                Some(old) => ALPHABET[(old + usize::from(by)) % 64],
                None => b'A',
            };
            let token = String::from_utf8(token).expect("the alphabet is ASCII");
            prop_assert!(verify(&token).is_none());
        }

        #[test]
        fn any_text_may_be_tried(text in ".{0,200}") {
            prop_assert!(verify(&text).is_none());
        }
    }
}
