//! Questions to the person at the terminal, and secrets from standard input.

use std::io::{self, IsTerminal as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::cli::{Failure, stop_signal};

/// The first line of standard input, without its end; `what` names it in the error when there is none.
///
/// # Errors
/// When standard input can't be read or is empty.
pub(in crate::cli) fn first_line(what: &str) -> Result<String, Failure> {
    let line = read_line()?;
    if line.is_empty() { Err(format!("no {what} came by standard input").into()) } else { Ok(line) }
}

/// Asks for a line.
///
/// # Errors
/// When nobody can be asked: then `instead` says which flag to pass.
pub(in crate::cli) async fn ask(question: &str, instead: &str) -> Result<String, Failure> {
    answer(question, instead, Echo::On).await
}

/// Asks for a line that is not shown while it is typed.
///
/// # Errors
/// As [`ask`].
pub(in crate::cli) async fn ask_secretly(question: &str, instead: &str) -> Result<String, Failure> {
    answer(question, instead, Echo::Off).await
}

/// Asks a question that is answered by `y` or `yes`; anything else is a no.
///
/// # Errors
/// As [`ask`].
pub(in crate::cli) async fn confirm(question: &str, instead: &str) -> Result<bool, Failure> {
    let answer = ask(&format!("{question} [y/N] "), instead).await?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

async fn answer(question: &str, instead: &str, echo: Echo) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        return Err(format!("standard input is no terminal to ask at: {instead}").into());
    }
    let stop = stop_signal()?;
    let mut stderr = io::stderr();
    write!(stderr, "{question}")?;
    stderr.flush()?;
    let quiet = (echo == Echo::Off).then(Quiet::begin).transpose()?;
    let line = line_until(&stop).await;
    if quiet.is_some() || line.is_none() {
        // The end of the line was not shown either.
        writeln!(stderr)?;
    }
    line.ok_or("nothing was done: interrupted")?.map_err(Into::into)
}

/// A line of standard input; none when `stop` comes first.
async fn line_until(stop: &CancellationToken) -> Option<io::Result<String>> {
    let (sender, line) = oneshot::channel();
    // A thread that nobody waits for: a read of a terminal can't be called off.
    std::thread::spawn(move || drop(sender.send(read_line())));
    let line = stop.run_until_cancelled(line).await?;
    Some(line.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())))
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal does not show what is typed, until this is dropped.
struct Quiet(Termios);

impl Quiet {
    fn begin() -> io::Result<Self> {
        let usual = tcgetattr(io::stdin())?;
        let mut quiet = usual.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &quiet)?;
        Ok(Self(usual))
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}
