//! Whether a host has checked in lately: the same rule for a row in memory and for a statement.

use std::time::Duration;

use entity::hosts::Column;
pub use entity::kind::HostStatus;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition};

use crate::clock::Timestamp;

/// What "lately" is at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// The moment.
    pub now: Timestamp,
    /// How much longer than its own interval an online host may be silent.
    pub grace: Duration,
    /// How long a missing host has been silent.
    pub missing_after: Duration,
}

impl Freshness {
    /// The status of a host that was seen then and checks in every so many seconds.
    #[must_use]
    pub fn status(&self, last_seen: Timestamp, interval_s: i32) -> HostStatus {
        if last_seen.0 + i64::from(interval_s) * 1_000 >= self.now.minus(self.grace).0 {
            HostStatus::Online
        } else if last_seen < self.now.minus(self.missing_after) {
            HostStatus::Missing
        } else {
            HostStatus::Offline
        }
    }

    /// Hosts of this status.
    pub(super) fn having(&self, status: HostStatus) -> Condition {
        let missing = Column::LastSeenAt.lt(self.now.minus(self.missing_after));
        match status {
            HostStatus::Online => Condition::all().add(self.online()),
            HostStatus::Offline => Condition::all().add(self.online().not()).add(missing.not()),
            HostStatus::Missing => Condition::all().add(self.online().not()).add(missing),
        }
    }

    /// Whether a host is online.
    pub(super) fn online(&self) -> Expr {
        let interval_ms = Expr::col(Column::CheckInIntervalS.as_column_ref()).mul(1_000_i64);
        let silent_until = Expr::col(Column::LastSeenAt.as_column_ref()).add(interval_ms);
        silent_until.gte(self.now.minus(self.grace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_turns_after_interval_and_grace_and_after_thirty_days() {
        let day = 24 * 3_600;
        let freshness = Freshness {
            now: Timestamp(1_000 * 100 * day),
            grace: Duration::from_secs(90),
            missing_after: Duration::from_hours(30 * 24),
        };
        let seen_ago = |seconds: i64| freshness.status(Timestamp(freshness.now.0 - seconds * 1_000), 10);
        assert_eq!(seen_ago(0), HostStatus::Online);
        assert_eq!(seen_ago(100), HostStatus::Online);
        assert_eq!(seen_ago(101), HostStatus::Offline);
        assert_eq!(seen_ago(30 * day), HostStatus::Offline);
        assert_eq!(seen_ago(30 * day + 1), HostStatus::Missing);
    }
}
