//! FACE 2: the GraphQL API, for people and programs.
//!
//! A resolver parses its arguments, calls one verb of [`Fleet`](crate::fleet::Fleet) and wraps what comes back. It
//! never looks at roles: the verb asks `policy`.

pub mod context;
pub mod error;
pub mod user_error;
pub mod id;
pub mod scalars;
pub mod page;
pub mod connection;
pub mod loader;

pub mod model;
pub mod query;
pub mod mutation;
pub mod subscription;

pub mod directives;
pub mod schema;

pub mod precheck;
pub mod validation;
pub mod plan;
pub mod completion;
pub mod transport;
pub mod export;
pub mod graphiql;
pub mod router;

#[cfg(test)]
mod tests;
