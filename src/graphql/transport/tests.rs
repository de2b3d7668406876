//! Requests and sockets over TCP, against a schema for tests.

mod events;
mod harness;
mod http;
mod socket;
