//! When a host was heard of, by what; and of one that is online and does not answer, why.

use entity::hosts::Model;

use super::HostStatus;
use crate::clock::Timestamp;
use crate::fleet::presence::Seen;
use crate::store::hosts::Freshness;

/// When a host was heard of, and how often it says it is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    /// When, by each kind of contact.
    pub seen: Seen,
    /// Seconds between its check-ins.
    pub check_in_interval_s: i32,
    /// Seconds between its fetches of the configuration, when it told; 0 for at its start only.
    pub config_interval_s: Option<i32>,
    /// Seconds between its posts of log lines, when it told.
    pub log_interval_s: Option<i32>,
    /// Why it answers no queries although it is online.
    pub silence: Option<Silence>,
}

/// That a host is online and does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Why.
    pub reason: SilenceReason,
    /// Since when.
    pub since: Timestamp,
}

/// Why a host that is online does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceReason {
    /// It fetches its configuration or logs, and has never asked for queries: they are switched off on it.
    NeverAsked,
    /// It fetches its configuration or logs, and does not ask for queries any more.
    StoppedAsking,
    /// It takes queries, and its answers do not come.
    NeverAnswers,
}

/// The newer of what the store knows and what this server has seen.
pub(super) fn newest(row: &Model, in_memory: Option<Seen>) -> Seen {
    let here = in_memory.unwrap_or_default();
    Seen {
        last: here.last.max(row.last_seen_at),
        check_in: here.check_in.max(row.checked_in_at),
        config: here.config.max(row.config_at),
        log: here.log.max(row.logged_at),
    }
}

/// The contacts of a host.
pub(super) fn of(row: &Model, seen: Seen, status: HostStatus, at: &Freshness) -> Contact {
    Contact {
        seen,
        check_in_interval_s: row.check_in_interval_s,
        config_interval_s: row.config_interval_s,
        log_interval_s: row.log_interval_s,
        silence: if status == HostStatus::Online { silence(row, &seen, at) } else { None },
    }
}

fn silence(row: &Model, seen: &Seen, at: &Freshness) -> Option<Silence> {
    let since = seen.check_in.unwrap_or(row.last_enrolled_at);
    if at.status(since, row.check_in_interval_s) != HostStatus::Online {
        let reason = match seen.check_in {
            Some(_) => SilenceReason::StoppedAsking,
            None => SilenceReason::NeverAsked,
        };
        return Some(Silence { reason, since });
    }
    row.unanswered_since.map(|since| Silence { reason: SilenceReason::NeverAnswers, since })
}
