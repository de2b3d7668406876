//! FACE 1: osquery's endpoints.
//!
//! A request proves its host by node key, brings one JSON document and gets one JSON object, whatever happens
//! (`reply`). `session` reads and authenticates, one file an endpoint calls one verb of the fleet. The agent
//! ignores HTTP status, sends everything again until it reads success, and deletes what it sent then: a reply is
//! therefore a promise; the files `agent_*` of the suite hold it, case by case.

mod router;
mod settings;
mod session;

mod enroll;
mod config;
mod read;
mod write;
mod log;

mod body;
mod budget;
mod inflate;
mod skim;
mod document;
mod answers;
mod rows;
mod failure;
mod wire;
mod json;
mod reply;
mod trouble;

#[doc(hidden)]
pub mod fuzzing;

pub use router::router;
pub use settings::{AgentSettings, HostIdentifier};
