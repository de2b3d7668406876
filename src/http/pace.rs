//! The pace of a connection: whose turn it is, and until when.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a listener waits for its clients.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the headers of a request; for the first one from the beginning of the connection.
    pub headers: Duration,
    /// For a further request; and for a client to take some of its answer.
    pub idle: Duration,
    /// For requests under way when the server stops.
    pub drain: Duration,
}

/// What the client is expected to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// To send the headers of a request that it has begun, or of its first one.
    Headers,
    /// Nothing: it has its answer.
    Idle,
    /// To wait for its answer; how long its body may take is for whom it is for.
    Answering,
}

/// Why a client was not waited for any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    /// Headers did not come.
    Headers,
    /// No further request came.
    Idle,
    /// It does not take its answer.
    Blocked,
}

/// Whose turn it is on one connection; shared by its stream, its requests and its watch.
#[derive(Clone)]
pub(super) struct Pace(Arc<Mutex<State>>);

struct State {
    turn: Turn,
    since: Instant,
    /// Since when nothing of what there is to write was taken.
    blocked: Option<Instant>,
}

impl Pace {
    /// A connection has begun.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(State { turn: Turn::Headers, since: Instant::now(), blocked: None })))
    }

    /// Bytes have come.
    pub(super) fn heard(&self) {
        let mut state = self.lock();
        if state.turn == Turn::Idle {
            state.turn = Turn::Headers;
            state.since = Instant::now();
        }
    }

    /// A request has come.
    pub(super) fn asked(&self) {
        self.lock().turn = Turn::Answering;
    }

    /// The answer to the last request is made.
    pub(super) fn answered(&self) {
        let mut state = self.lock();
        state.turn = Turn::Idle;
        state.since = Instant::now();
    }

    /// Bytes that were to be written were taken, or not.
    pub(super) fn wrote(&self, taken: bool) {
        let mut state = self.lock();
        match (taken, state.blocked) {
            (true, _) => state.blocked = None,
            (false, None) => state.blocked = Some(Instant::now()),
            (false, Some(_)) => {}
        }
    }

    /// Whether no request is being answered.
    pub(super) fn is_between_requests(&self) -> bool {
        self.lock().turn != Turn::Answering
    }

    /// When the client is late, and with what; none while it is not its turn.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<(Instant, Late)> {
        let state = self.lock();
        if let Some(since) = state.blocked {
            return Some((since + patience.idle, Late::Blocked));
        }
        match state.turn {
            Turn::Headers => Some((state.since + patience.headers, Late::Headers)),
            Turn::Idle => Some((state.since + patience.idle, Late::Idle)),
            Turn::Answering => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Late {
    /// The word for it in logs and metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Headers => "headers",
            Self::Idle => "idle",
            Self::Blocked => "blocked",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience {
        headers: Duration::from_secs(10),
        idle: Duration::from_secs(30),
        drain: Duration::from_secs(10),
    };

    fn late(pace: &Pace) -> Option<Late> {
        pace.deadline(&PATIENCE).map(|(_, late)| late)
    }

    #[test]
    fn a_byte_at_a_time_wins_no_time() {
        let pace = Pace::new();
        let deadline = pace.deadline(&PATIENCE);
        pace.heard();
        assert_eq!(pace.deadline(&PATIENCE), deadline);
        pace.asked();
        pace.answered();
        assert_eq!(late(&pace), Some(Late::Idle));
        pace.heard();
        let deadline = pace.deadline(&PATIENCE);
        assert_eq!(late(&pace), Some(Late::Headers), "a further request has begun");
        pace.heard();
        assert_eq!(pace.deadline(&PATIENCE), deadline);
    }

    #[test]
    fn who_waits_for_an_answer_is_never_late_unless_the_answer_is_not_taken() {
        let pace = Pace::new();
        pace.asked();
        pace.heard();
        assert_eq!(late(&pace), None);
        pace.wrote(false);
        let deadline = pace.deadline(&PATIENCE);
        assert_eq!(late(&pace), Some(Late::Blocked));
        pace.wrote(false);
        assert_eq!(pace.deadline(&PATIENCE), deadline, "nothing was taken since");
        pace.wrote(true);
        assert_eq!(late(&pace), None);
    }
}
