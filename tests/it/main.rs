//! The whole application through its public faces, on SQLite with the local bus and on PostgreSQL with Redis.
#![expect(unreachable_pub, reason = "the suite is one binary; `pub` marks what the harness offers to it")]

mod harness;

mod accounts;
mod activities;
mod agent_conformance;
mod agent_deadlines;
mod agent_distributed;
mod agent_enroll;
mod agent_identity;
mod agent_limits;
mod agent_log;
mod agent_malformed;
mod agent_results;
mod agent_tls;
mod agent_transport;
mod bad_input;
mod bus;
mod campaign_answers;
mod campaign_laws;
mod campaign_resume;
mod campaigns;
mod check_in;
mod client_certificates;
mod commands;
mod crash;
mod differential;
mod graphiql;
mod graphql_checks;
mod exports;
mod host_lists;
mod host_moves;
mod hosts;
mod house;
mod listener;
mod migrations;
mod operations;
mod outages;
mod saved_queries;
mod sessions;
mod sources;
mod start_up;
mod streams;
mod teams;
mod tls;
