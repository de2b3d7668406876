//! FACE 2: the GraphQL API, for people and programs.

pub mod context;

pub mod precheck;
pub mod completion;
pub mod transport;
pub mod router;
