//! From a credential to an actor: passwords, access tokens, API tokens, node keys, and the keys they are made with.

pub mod keys;

pub mod password;
pub mod password_rules;
mod hs256;
pub mod access_token;
pub mod api_token;

pub use access_token::{AccessTokens, Claims};
pub use keys::Keys;
pub use password::{PasswordError, Passwords, Verdict};
