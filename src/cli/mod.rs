//! The commands: one file each. stdout is data, stderr is talk.
//!
//! Exit codes: 0 done, 1 failed, 2 partial, 3 server not reached or lost, 124 timed out, 130 interrupted.

mod serve;
mod demo;
mod simulate;
mod query;
mod campaign;
mod hosts;
mod labels;
mod policies;
mod import;
mod export;
mod destination;
mod schedule;
mod packs;
mod reports;
mod contexts;
mod schema;
mod migrate;
mod user;
mod team;
mod token;
mod key;
mod enroll;
mod config;
mod completions;
mod version;

mod ask;
mod client;
mod connect;
mod exit;
mod find;
mod list;
mod one;
mod output;
mod selection;
mod settings;
mod terminal;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use contexts::{context, login, logout};

use crate::app::raise_descriptor_limit;

/// Why a command failed. Its text says what to do.
type Failure = Box<dyn Error + Send + Sync>;

/// The control plane of an osquery fleet.
#[derive(Debug, Parser)]
#[command(name = "muster", version, about, max_term_width = 100, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Demo(demo::Demo),
    Simulate(simulate::Simulate),
    Query(Box<query::Query>),
    Campaign(Box<campaign::Campaign>),
    Hosts(Box<hosts::Hosts>),
    #[command(visible_alias = "label")]
    Labels(Box<labels::Labels>),
    Policies(Box<policies::Policies>),
    #[command(visible_alias = "apply")]
    Import(Box<import::Import>),
    Plan(Box<import::Plan>),
    Export(export::Export),
    Destination(Box<destination::Destination>),
    Schedule(Box<schedule::Schedule>),
    Packs(Box<packs::Packs>),
    Reports(Box<reports::Reports>),
    Login(login::Login),
    Logout(logout::Logout),
    Context(context::Context),
    Schema(schema::Schema),
    Migrate(migrate::Migrate),
    User(user::User),
    Team(team::Team),
    Token(Box<token::Token>),
    Key(key::Key),
    Enroll(enroll::Enroll),
    Config(config::Config),
    Completions(completions::Completions),
    Version(version::Version),
}

/// Runs the command of this process and answers its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return exit::explain(&usage),
    };
    // One provider of cryptography for the whole process; a second call would be the only failure.
    drop(rustls::crypto::ring::default_provider().install_default());
    run(cli.command).unwrap_or_else(|failure| exit::fail(&failure))
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(serve) => Box::pin(serve.run()).await,
            Command::Demo(demo) => Box::pin(demo.run()).await,
            Command::Simulate(simulate) => simulate.run().await,
            Command::Query(query) => Box::pin(query.run()).await,
            Command::Campaign(campaign) => Box::pin(campaign.run()).await,
            Command::Hosts(hosts) => Box::pin(hosts.run()).await,
            Command::Labels(labels) => Box::pin(labels.run()).await,
            Command::Policies(policies) => Box::pin(policies.run()).await,
            Command::Import(import) => Box::pin(import.run()).await,
            Command::Plan(plan) => Box::pin(plan.run()).await,
            Command::Export(export) => export.run().await,
            Command::Destination(destination) => Box::pin(destination.run()).await,
            Command::Schedule(schedule) => Box::pin(schedule.run()).await,
            Command::Packs(packs) => Box::pin(packs.run()).await,
            Command::Reports(reports) => Box::pin(reports.run()).await,
            Command::Login(login) => login.run().await,
            Command::Logout(logout) => logout.run().await,
            Command::Context(context) => context.run().await,
            Command::Schema(schema) => schema.run(),
            Command::Migrate(migrate) => migrate.run().await,
            Command::User(user) => user.run().await,
            Command::Team(team) => team.run().await,
            Command::Token(token) => token.run().await,
            Command::Key(key) => key.run().await,
            Command::Enroll(enroll) => enroll.run().await,
            Command::Config(config) => config.run(),
            Command::Completions(completions) => completions.run(),
            Command::Version(version) => version.run(),
        }
    })
}

/// A token that is cancelled when the process is asked to stop: Ctrl-C or SIGTERM.
///
/// # Errors
/// When the system does not let signals be heard.
fn stop_signal() -> io::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        stop.cancel();
    });
    Ok(token)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
