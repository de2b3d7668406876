//! Requests and sockets over TCP, against a schema for tests.

mod harness;
mod http;
mod socket;
