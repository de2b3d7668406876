//! Sockets and requests over TCP, with a schema for tests.
