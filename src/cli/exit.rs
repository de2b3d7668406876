//! How a process ends: its exit code, and the sentence of a failure.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use super::Failure;
use super::client::ClientError;
use super::terminal::talk;

/// Exit code of a command that did part of its work.
pub(super) const PARTIAL: u8 = 2;
/// Exit code of a command that does not reach its server, or lost it.
pub(super) const UNREACHABLE: u8 = 3;
/// Exit code of a command whose time ran out.
pub(super) const TIMED_OUT: u8 = 124;
/// Exit code of a command that was interrupted, as shells have it.
pub(super) const INTERRUPTED: u8 = 130;

/// Says why a command failed, and answers its exit code.
pub(super) fn fail(failure: &Failure) -> ExitCode {
    // Whoever read the data has read enough.
    if !is_broken_pipe(failure.as_ref()) {
        talk(format_args!("muster: {}", sentence(failure.as_ref())));
    }
    match failure.downcast_ref::<ClientError>() {
        Some(ClientError::Unreachable(..) | ClientError::Untrusted(..) | ClientError::Broken(..)) => {
            ExitCode::from(UNREACHABLE)
        }
        _ => ExitCode::FAILURE,
    }
}

/// Shows help or what is wrong with the command line. A wrong one is a failure: the library's 2 would say "partial".
pub(super) fn explain(usage: &clap::Error) -> ExitCode {
    // Where not even the terminal can be written, the exit code still tells.
    drop(usage.print());
    if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn is_broken_pipe(failure: &(dyn Error + 'static)) -> bool {
    failure.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
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
