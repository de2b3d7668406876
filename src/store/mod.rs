//! Every SeaORM query: a file a table; every read takes a [`Scope`](crate::policy::Scope).
//!
//! Functions take the connection first, so that each can be part of a larger transaction. Lock order everywhere:
//! membership, campaigns by id, host rows by id, `changes`.

pub mod connect;
pub mod error;
pub mod page;
pub mod changes;
pub mod node_keys;
pub mod enrollment;
pub mod label_members;
pub mod presence;

pub use connect::{Backend, Store, StoreSettings};
pub use error::StoreError;
