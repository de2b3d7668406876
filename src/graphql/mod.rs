//! FACE 2: the GraphQL API, for people and programs.
//!
//! A resolver parses its arguments, calls one verb of [`Fleet`](crate::fleet::Fleet) and wraps what comes back. It
//! never looks at roles: the verb asks `policy`.

pub mod context;
pub mod error;
pub mod loader;

pub mod schema;
