//! What a command writes: data to stdout, talk to stderr.

pub(super) mod prompt;

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use crate::config::client::wants_color;

/// Writes one line of data.
///
/// # Errors
/// When stdout is closed.
pub(super) fn data(line: impl fmt::Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// Writes one line for the person who watches, if anyone does. What servers and hosts say can't steer the terminal.
pub(super) fn talk(line: impl fmt::Display) {
    let line = line.to_string().replace(|c: char| c.is_control() && c != '\n' && c != '\t', " ");
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// The width of the terminal that data goes to, in characters; none when it goes elsewhere.
pub(super) fn width() -> Option<usize> {
    let stdout = io::stdout();
    stdout.is_terminal().then(|| columns_of(&stdout)).flatten()
}

/// The width of the terminal that talk goes to; 80 when it does not say.
pub(super) fn talk_width() -> usize {
    columns_of(&io::stderr()).unwrap_or(80)
}

fn columns_of(terminal: &impl std::os::fd::AsFd) -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(terminal).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Text in a style of ANSI terminals (`1` bold, `31` red, `32` green), where `stream` shows it and the person wants it.
pub(super) fn styled(text: &str, style: u8, stream: &impl io::IsTerminal) -> String {
    if stream.is_terminal() && wants_color() {
        format!("\x1b[{style}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}
