//! What a command writes: data to stdout, talk to stderr.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

/// Writes one line of data.
///
/// # Errors
/// When stdout is closed.
pub(super) fn data(line: impl fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Writes one line for the person who watches, if anyone does.
pub(super) fn talk(line: impl fmt::Display) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// A line on stderr that shows how far something is: rewritten in place on a terminal, else repeated now and then.
#[derive(Debug)]
pub(super) struct Progress {
    shown: Option<(Instant, String)>,
    every: Duration,
    in_place: bool,
}

impl Progress {
    /// Nothing shown yet.
    pub(super) fn new() -> Self {
        // Beside data on the same terminal, rewriting in place would garble both.
        let in_place = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let every = if in_place { Duration::from_millis(100) } else { Duration::from_secs(1) };
        Self { shown: None, every, in_place }
    }

    /// Shows `line`, unless it stands there or another was shown just now.
    pub(super) fn show(&mut self, line: String) {
        let due = self.shown.as_ref().is_none_or(|(at, last)| *last != line && at.elapsed() >= self.every);
        if due {
            self.write(&line);
            self.shown = Some((Instant::now(), line));
        }
    }

    /// Shows the last `line`.
    pub(super) fn finish(mut self, line: &str) {
        if self.shown.as_ref().is_none_or(|(_, last)| last != line) {
            self.write(line);
        }
        if self.in_place {
            self.in_place = false;
            self.write("");
        }
    }

    fn write(&self, line: &str) {
        if self.in_place {
            drop(write!(io::stderr().lock(), "\r\x1b[2K{line}"));
        } else {
            talk(line);
        }
    }
}
