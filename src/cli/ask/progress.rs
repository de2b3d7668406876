//! How far a campaign is, on stderr: a bar on a terminal, else a line now and then.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

use crate::cli::client::Totals;
use crate::cli::terminal::{styled, talk, talk_width};
use crate::config::client::has_cursor;

/// How often the bar is drawn at most.
const DRAW: Duration = Duration::from_millis(100);
/// How often a line is written at most.
const WRITE: Duration = Duration::from_secs(1);
/// The bar is not longer than this, in characters.
const LONGEST: usize = 40;

/// How far a campaign is.
#[derive(Debug)]
pub(super) struct Progress {
    begun: Instant,
    last: Option<(Instant, Totals)>,
    /// Whether it is a bar that is drawn over itself.
    is_bar: bool,
    /// Whether the bar stands on the last line of the terminal.
    is_shown: bool,
}

impl Progress {
    /// Nothing shown yet.
    pub(super) fn new() -> Self {
        let is_bar = io::stderr().is_terminal() && has_cursor();
        Self { begun: Instant::now(), last: None, is_bar, is_shown: false }
    }

    /// Shows the counters, unless they stand there or others were shown just now.
    pub(super) fn show(&mut self, totals: &Totals) {
        let every = if self.is_bar { DRAW } else { WRITE };
        let is_known = self.last.as_ref().is_some_and(|(_, last)| last == totals);
        let is_early = self.last.as_ref().is_some_and(|(at, _)| at.elapsed() < every);
        // What was hidden for data comes back at once, or it would flicker.
        if !self.is_shown && self.is_bar || !is_known && !is_early {
            self.write(totals);
            self.last = Some((Instant::now(), *totals));
        }
    }

    /// Takes the bar away, for something else to be written.
    pub(super) fn hide(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            drop(write!(io::stderr().lock(), "\r\x1b[2K"));
        }
    }

    /// Shows the last counters, to stay.
    pub(super) fn finish(mut self, totals: &Totals) {
        self.hide();
        if self.is_bar || self.last.is_none_or(|(_, last)| last != *totals) {
            talk(summary(totals));
        }
    }

    fn write(&mut self, totals: &Totals) {
        if self.is_bar {
            let bar = bar(totals, self.begun.elapsed(), talk_width());
            drop(write!(io::stderr().lock(), "\r\x1b[2K{bar}"));
            self.is_shown = true;
        } else {
            talk(summary(totals));
        }
    }
}

/// `37 % responded, 2 failed, 370/1000`.
fn summary(totals: &Totals) -> String {
    let Totals { targeted, responded, failed, .. } = totals;
    format!("{} % responded, {failed} failed, {responded}/{targeted}", percent(totals))
}

/// `[#######.............]  37 %  370/1000  2 failed  12 s`, within `room` characters.
fn bar(totals: &Totals, elapsed: Duration, room: usize) -> String {
    let Totals { targeted, responded, failed, .. } = totals;
    let failures = if *failed > 0 { format!("  {failed} failed") } else { String::new() };
    let numbers = format!(" {:>3} %  {responded}/{targeted}", percent(totals));
    let time = format!("  {} s", elapsed.as_secs());
    let taken = numbers.len() + failures.len() + time.len() + "[]".len() + 1;
    let length = room.saturating_sub(taken).min(LONGEST);
    let done = usize::try_from(percent(totals)).unwrap_or(0) * length / 100;
    let drawn = if length < 5 {
        String::new()
    } else {
        format!("[{}{}]", "#".repeat(done), ".".repeat(length - done))
    };
    let failures = if failures.is_empty() { failures } else { styled(&failures, 31, &io::stderr()) };
    format!("{drawn}{numbers}{failures}{time}")
}

fn percent(totals: &Totals) -> u64 {
    (totals.responded * 100).checked_div(totals.targeted).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOTALS: Totals = Totals {
        targeted: 1000,
        responded: 379,
        succeeded: 377,
        failed: 2,
        outstanding: 621,
        rows: 377,
        rows_dropped: 0,
    };

    #[test]
    fn the_summary_rounds_down_and_bears_no_hosts() {
        assert_eq!(summary(&TOTALS), "37 % responded, 2 failed, 379/1000");
        assert_eq!(summary(&Totals::default()), "0 % responded, 0 failed, 0/0");
    }

    #[test]
    fn the_bar_fits_its_terminal() {
        let bar = |room| bar(&TOTALS, Duration::from_secs(12), room);
        assert_eq!(
            bar(60).replace("\x1b[31m", "").replace("\x1b[0m", ""),
            "[#########................]  37 %  379/1000  2 failed  12 s"
        );
        assert!(!bar(20).contains('['), "{}", bar(20));
    }
}
