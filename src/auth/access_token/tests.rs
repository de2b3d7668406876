//! What makes a token valid, and what does not.

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
    let expected = Some(Claims { user, session, expires_at: ends, key: SigningKeyId(1) });
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
