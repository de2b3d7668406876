//! SCRAM (RFC 5802) with SHA-256 or SHA-512: a password is proved and never told, and the server proves that it knows
//! it, too.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// Rounds that a server may ask for: fewer are not worth the name, more would only cost time.
const ROUNDS: std::ops::RangeInclusive<u32> = 4_096..=500_000;
/// What is said of channel binding: there is none. `n,,` in base64.
const NO_BINDING: &str = "c=biws";

/// The hash of a mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn parts(self) -> (pbkdf2::Algorithm, hmac::Algorithm, &'static digest::Algorithm) {
        match self {
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256, &digest::SHA256),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, hmac::HMAC_SHA512, &digest::SHA512),
        }
    }
}

/// A proof that is under way.
pub(super) struct Scram {
    hash: Hash,
    /// The first message, without what stands before the name.
    bare: String,
    nonce: String,
}

/// What is said second, and what the server is then to say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) message: String,
    expected: String,
}

impl Scram {
    pub(super) fn new(hash: Hash, username: &str) -> Result<Self, &'static str> {
        let mut random = [0; 18];
        SystemRandom::new().fill(&mut random).map_err(|_| "there is no randomness")?;
        Ok(Self::with_nonce(hash, username, &BASE64.encode(random)))
    }

    fn with_nonce(hash: Hash, username: &str, nonce: &str) -> Self {
        let username = username.replace('=', "=3D").replace(',', "=2C");
        Self { hash, bare: format!("n={username},r={nonce}"), nonce: nonce.to_owned() }
    }

    /// What is said first.
    pub(super) fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// The proof for what the server asks.
    pub(super) fn prove(&self, asked: &[u8], password: &str) -> Result<Proof, &'static str> {
        let asked = std::str::from_utf8(asked).map_err(|_| "its challenge is no text")?;
        let part = |name: &str| asked.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = part("r=").filter(|nonce| nonce.len() > self.nonce.len());
        let nonce =
            nonce.filter(|nonce| nonce.starts_with(&self.nonce)).ok_or("its challenge is of another")?;
        let salt = part("s=").and_then(|salt| BASE64.decode(salt).ok()).ok_or("its challenge has no salt")?;
        let rounds = part("i=").and_then(|rounds| rounds.parse().ok()).filter(|n| ROUNDS.contains(n));
        let rounds =
            rounds.and_then(NonZeroU32::new).ok_or("its challenge asks for an odd number of rounds")?;
        let (stretching, signing, hashing) = self.hash.parts();
        let mut salted = vec![0; hashing.output_len()];
        pbkdf2::derive(stretching, rounds, &salt, password.as_bytes(), &mut salted);
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(signing, key), text);
        let last = format!("{NO_BINDING},r={nonce}");
        let whole = format!("{},{asked},{last}", self.bare);
        let client = sign(&salted, b"Client Key");
        let stored = digest::digest(hashing, client.as_ref());
        let signature = sign(stored.as_ref(), whole.as_bytes());
        let proof: Vec<u8> = client.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let server = sign(sign(&salted, b"Server Key").as_ref(), whole.as_bytes());
        Ok(Proof {
            message: format!("{last},p={}", BASE64.encode(proof)),
            expected: format!("v={}", BASE64.encode(server)),
        })
    }
}

impl Proof {
    /// Whether the server proved itself.
    pub(super) fn is_answered(&self, said: &[u8]) -> bool {
        said.split(|byte| *byte == b',').next() == Some(self.expected.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The exchange of RFC 7677, section 3.
    #[test]
    fn it_is_done_as_in_the_specification() {
        let scram = Scram::with_nonce(Hash::Sha256, "user", "rOprNGfwEbeRWgbNEkqO");
        assert_eq!(scram.first(), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        let asked = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let proof = scram.prove(asked, "pencil").expect("it is well formed");
        assert_eq!(
            proof.message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(proof.is_answered(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!proof.is_answered(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5="));
        assert!(!proof.is_answered(b"e=other-error"));
    }

    #[test]
    fn a_challenge_is_looked_at() {
        let scram = Scram::with_nonce(Hash::Sha512, "a=b,c", "abc");
        assert_eq!(scram.first(), "n,,n=a=3Db=2Cc,r=abc");
        for asked in [
            &b"r=abc,s=AAAA,i=4096"[..],
            b"r=xbcd,s=AAAA,i=4096",
            b"r=abcd,s=!,i=4096",
            b"r=abcd,s=AAAA,i=1",
            b"r=abcd,s=AAAA,i=4000000000",
            b"r=abcd,s=AAAA",
            b"\xff",
            b"",
        ] {
            assert!(scram.prove(asked, "x").is_err(), "{}", String::from_utf8_lossy(asked));
        }
        assert!(scram.prove(b"r=abcd,s=AAAA,i=4096", "x").is_ok());
    }
}
