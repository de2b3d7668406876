//! From a credential to an actor: passwords, access tokens, API tokens, node keys, and the keys they are made with.

pub mod keys;

pub use keys::Keys;
