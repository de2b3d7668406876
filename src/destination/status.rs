//! How a destination is doing, on this server.

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Timestamp;
use crate::spool::Lag;

/// What a destination does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// It was just started.
    #[default]
    Starting,
    /// It ships, or has nothing to ship.
    Working,
    /// It failed, and is tried again.
    Retrying,
    /// It can't work as it is set up; it is tried now and then.
    Failed,
    /// Somebody paused it.
    Paused,
}

impl State {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Starting, Self::Working, Self::Retrying, Self::Failed, Self::Paused];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Working => "working",
            Self::Retrying => "retrying",
            Self::Failed => "failed",
            Self::Paused => "paused",
        }
    }
}

/// What is known of a destination on this server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What it does.
    pub state: State,
    /// What went wrong last, and when; kept when it works again.
    pub last_error: Option<(String, Timestamp)>,
    /// When lines were delivered last.
    pub delivered_at: Option<Timestamp>,
    /// Lines delivered since the start.
    pub delivered: u64,
    /// Lines parked as dead letters since the start.
    pub parked: u64,
    /// How far it is behind.
    pub lag: Lag,
}

/// A status that its worker writes and others read.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Status>>);

impl Shared {
    pub(super) fn read(&self) -> Status {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
