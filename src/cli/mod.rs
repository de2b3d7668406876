//! The commands: one file each. stdout is data, stderr is talk.
//!
//! Exit codes: 0 done, 1 failed, 2 partial, 124 timed out.

mod serve;
mod demo;
mod simulate;
mod query;
mod schema;
mod migrate;
mod user;
mod team;
mod token;
mod enroll;

mod ask;
mod client;
mod settings;
mod terminal;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio_util::sync::CancellationToken;

use terminal::talk;

use crate::app::raise_descriptor_limit;

/// Why a command failed.
type Failure = Box<dyn Error + Send + Sync>;

/// Exit code of a command that did part of its work.
const PARTIAL: u8 = 2;
/// Exit code of a command whose time ran out.
const TIMED_OUT: u8 = 124;

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
    Query(query::Query),
    Schema(schema::Schema),
    Migrate(migrate::Migrate),
    User(user::User),
    Team(team::Team),
    Token(token::Token),
    Enroll(enroll::Enroll),
}

/// Runs the command of this process and answers its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => return explain(&usage),
    };
    // One provider of cryptography for the whole process; a second call would be the only failure.
    drop(rustls::crypto::ring::default_provider().install_default());
    match run(cli.command) {
        Ok(code) => code,
        // Whoever read the data has read enough.
        Err(failure) if is_broken_pipe(failure.as_ref()) => ExitCode::FAILURE,
        Err(failure) => {
            talk(format_args!("muster: {}", sentence(failure.as_ref())));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match command {
            Command::Serve(serve) => serve.run().await,
            Command::Demo(demo) => Box::pin(demo.run()).await,
            Command::Simulate(simulate) => simulate.run().await,
            Command::Query(query) => query.run().await,
            Command::Schema(schema) => schema.run(),
            Command::Migrate(migrate) => migrate.run().await,
            Command::User(user) => user.run().await,
            Command::Team(team) => team.run().await,
            Command::Token(token) => token.run().await,
            Command::Enroll(enroll) => enroll.run().await,
        }
    })
}

fn is_broken_pipe(failure: &(dyn Error + 'static)) -> bool {
    failure.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Shows help or what is wrong with the command line. A wrong one is a failure: the library's 2 would say "partial".
fn explain(usage: &clap::Error) -> ExitCode {
    // Where not even the terminal can be written, the exit code still tells.
    drop(usage.print());
    if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// An error and its causes in one line, without saying anything twice.
fn sentence(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (**cause).source());
    for cause in causes.map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.replace('\n', " ")
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
