//! The whole application through its public faces, on SQLite with the local bus and on PostgreSQL with Redis.

mod harness;

mod bus;
mod migrations;
