//! Muster: the control plane of an osquery fleet.
//!
//! Hosts running osquery enroll with it and check in every few seconds ([`agent`]). People ask all of them a
//! question and watch the answers arrive ([`graphql`]). Both faces hold one handle, [`fleet::Fleet`], and call
//! one verb of it; it decides by [`policy`], remembers in [`store`], and tells by [`bus`].
//!
//! Three laws hold everywhere. *Write, then tell; subscribe, then read*: what is announced can always be read
//! again. *No Scope, no rows*: a read demands the proof that it is allowed. *An agent's data is acknowledged only
//! when it is durable, and a failure of ours never looks like the agent's fault.*
//!
//! The modules, in reading order:

pub mod clock;
pub mod policy;
pub mod sql;
pub mod osquery;
pub mod interchange;

pub mod bus;
pub mod spool;
pub mod destination;
pub mod store;

pub mod auth;
pub mod fleet;

pub mod agent;
pub mod graphql;
pub mod http;

pub mod tasks;

pub mod config;
pub mod telemetry;

pub mod simulator;

pub mod app;
pub mod cli;
