//! PORT log shipping: a file a destination, one worker for all.
//!
//! A worker ([`worker`]) is a reader of the spool. It gathers lines by size and time, hands them to its destination,
//! and commits its offset when they are delivered. What the destination says of a failure decides: *try again*, with
//! back-off; *refused*, then the lines are halved until the culprit stands alone, and that one is parked as a dead
//! letter with its reason; *wrong*, the destination can't work as it is set up, and is tried now and then. Nothing is
//! lost, and none holds up another: each has its own worker, offset and queue.

pub mod definition;
pub mod units;

pub mod egress;
pub mod secret;
mod trust;

mod backoff;
mod client;
mod dead_letters;
mod envelope;
mod filter;
mod shipping;
mod status;
mod withheld;
mod worker;

mod file;
mod stdout;
mod syslog;
mod http;
mod body;
mod nats;
mod kafka;
mod aws;

use std::time::Duration;

use futures_util::future::BoxFuture;

pub use definition::{Definition, Target};
pub use egress::Egress;
pub use envelope::{Line, lines, rfc3339};
pub use shipping::{Replay, Shipping, ShippingSettings, Wanted};
pub use status::{State, Status};
pub use withheld::{Names, Withheld};

/// Somewhere that lines are shipped to.
pub trait Destination: Send {
    /// Delivers lines, all or none as far as it can tell; what is delivered is kept there.
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>>;

    /// Whether it can be reached, without delivering anything.
    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>>;

    /// Opens again what may have been replaced under it.
    fn reopen(&mut self) {}

    /// Bytes of the longest line that it takes.
    fn longest_line(&self) -> usize {
        usize::MAX
    }
}

/// Why lines were not delivered, and so what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may work later, perhaps not before so long.
    Retry(String, Option<Duration>),
    /// These lines are not taken, whenever they come.
    Refused(String),
    /// It can't work as it is set up.
    Wrong(String),
    /// Some of the lines, by their places, are to come again, and some are not taken; the others are delivered.
    Partly {
        /// Those that may be taken later.
        again: Vec<usize>,
        /// Those that are not taken, each with the reason.
        refused: Vec<(usize, String)>,
        /// Why, in all.
        reason: String,
    },
}

impl Failure {
    /// It may work later.
    #[expect(clippy::needless_pass_by_value, reason = "it stands where an error is mapped")]
    fn retry(reason: impl ToString) -> Self {
        Self::Retry(reason.to_string(), None)
    }

    /// The same, and who said it.
    fn of(mut self, who: &str) -> Self {
        if let Self::Retry(reason, _) | Self::Wrong(reason) = &mut self {
            *reason = format!("{who}: {reason}");
        }
        self
    }

    /// In words.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry(reason, _)
            | Self::Refused(reason)
            | Self::Wrong(reason)
            | Self::Partly { reason, .. } => reason,
        }
    }
}
