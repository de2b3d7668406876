//! A check-in: the campaigns first, and what is due only when there are none.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use entity::id::LabelId;

use super::round::Asking;
use super::{DueItem, DueKind, DueOffer, Lists};
use crate::fleet::check_in::Offer;
use crate::fleet::roster::KnownHost;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::{StoreError, hosts};

/// How long a check-in waits for the store to say whether another server had the round.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long nothing is handed out when the store did not say.
const PAUSE: Duration = Duration::from_secs(10);
/// After so many reads in a row that handed out campaigns, what is due comes along with them: a campaign that a host
/// never answers must not hide for ever what it is.
const BUSY_READS: u8 = 6;

/// What a host is asked at one check-in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Questions {
    /// Queries of campaigns.
    pub campaigns: Vec<Offer>,
    /// What is due.
    pub due: Vec<DueOffer>,
    /// Whether the host is to come again soon.
    pub is_urgent: bool,
}

impl Questions {
    /// Whether nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.campaigns.is_empty() && self.due.is_empty()
    }
}

impl Fleet {
    /// What the host is asked now: the queries of campaigns, and at a later read what is due, both bounded; nothing
    /// while answers can't be committed, and while dispatch is stopped.
    ///
    /// Memory only while nothing is due. Where a round begins, the store is asked once whether another server had it.
    pub async fn questions(&self, host: &KnownHost) -> Questions {
        let campaigns = self.offers(host);
        let mut questions = Questions { is_urgent: !campaigns.is_empty(), campaigns, due: Vec::new() };
        if questions.campaigns.is_empty() {
            host.rounds.was_free();
        } else if host.rounds.was_busy() < BUSY_READS {
            self.note_handed_out(host);
            return questions;
        }
        if self.hands_out() {
            self.add_due(host, &mut questions).await;
        }
        if !questions.is_empty() {
            self.note_handed_out(host);
        }
        questions
    }

    /// Notes that queries were handed out, and says so of the host when none of the last ones was answered.
    fn note_handed_out(&self, host: &KnownHost) {
        if let Some(since) = host.rounds.handed_out(self.clock.now()) {
            self.presence.note_unanswered(host.id, Some(since));
        }
    }

    /// Notes that the host answers: at every write.
    pub fn host_answers(&self, host: &KnownHost) {
        if host.rounds.answers_came() {
            self.presence.note_unanswered(host.id, None);
        }
    }

    /// Whether anything may be handed out at all.
    fn hands_out(&self) -> bool {
        self.campaigns.commits_work() && !self.campaigns.dispatch_stopped.load(Ordering::Relaxed)
    }

    /// Adds what is due for the host.
    async fn add_due(&self, host: &KnownHost, questions: &mut Questions) {
        let lists = self.due.lists.load_full();
        let asking = Asking { host: host.id, now: self.clock.now() };
        let is_due = |kind: DueKind| host.rounds.is_due(asking, kind, &lists.0[kind as usize]);
        let due: Vec<DueKind> = DueKind::ALL.into_iter().filter(|kind| is_due(*kind)).collect();
        if due.is_empty() {
            return;
        }
        if due.iter().any(|kind| host.rounds.is_between_rounds(*kind)) && !self.ask_store(host).await {
            for kind in due {
                host.rounds.pause(kind, asking.now.plus(PAUSE));
            }
            return;
        }
        let due: Vec<DueKind> = due.into_iter().filter(|kind| is_due(*kind)).collect();
        let Ok(labels) = self.labels_due(host, &lists, &due).await else {
            for kind in due {
                host.rounds.pause(kind, asking.now.plus(PAUSE));
            }
            return;
        };
        let is_wanted = due.iter().any(|kind| host.rounds.is_wanted(*kind));
        questions.due = self.parts(host, asking, &lists, (&due, &labels));
        questions.is_urgent |= is_wanted && !questions.due.is_empty();
    }

    /// The next part of each round, within the bound of one check-in.
    fn parts(
        &self,
        host: &KnownHost,
        asking: Asking,
        lists: &Lists,
        (due, labels): (&[DueKind], &[LabelId]),
    ) -> Vec<DueOffer> {
        let fits = |item: &DueItem| item.is_for(host.platform, host.team, labels);
        let mut offers = Vec::new();
        for kind in due {
            let room = self.settings.max_due.saturating_sub(offers.len());
            if room == 0 {
                break;
            }
            let part = host.rounds.next_part(asking, *kind, &lists.0[*kind as usize], fits, room);
            metrics::counter!("muster_due_offers_total", "kind" => kind.as_str())
                .increment(part.len() as u64);
            offers.extend(part.into_iter().map(|item| DueOffer {
                kind: *kind,
                key: Arc::clone(&item.key),
                sql: Arc::clone(&item.sql),
            }));
        }
        offers
    }

    /// The labels of a host, in order, as far as something of these kinds asks for some: from memory, or the store.
    ///
    /// # Errors
    /// Unavailable.
    pub(super) async fn labels_due(
        &self,
        host: &KnownHost,
        lists: &Lists,
        kinds: &[DueKind],
    ) -> Result<Arc<[LabelId]>, FleetError> {
        if !kinds.iter().any(|kind| lists.0[*kind as usize].asks_for_labels()) {
            return Ok(Arc::default());
        }
        let read = self.labels_of_host(host.id, host.team);
        tokio::time::timeout(PATIENCE, read).await.unwrap_or(Err(FleetError::Unavailable(StoreError::Late)))
    }

    /// Asks the store when the host last answered, for it may have done so at another server; false when the store
    /// does not say in time, which fails no check-in.
    async fn ask_store(&self, host: &KnownHost) -> bool {
        let scope = Scope::of_host(host.team);
        let read = hosts::answered(self.store.reader(), &scope, host.id);
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(Some(stored))) => {
                host.rounds.correct(stored.into());
                true
            }
            Ok(Ok(None) | Err(_)) | Err(_) => false,
        }
    }
}
