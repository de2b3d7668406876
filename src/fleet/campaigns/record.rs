//! The transaction that makes answers durable: positions, events and totals in one commit.
//!
//! The answer writer, a withdrawal, a stop and an expiry all record here, under the row locks of their campaigns.
//! Positions are given under the lock, so commit order is position order.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use entity::id::{CampaignId, HostId, PublicId, TeamId};
use entity::kind::{CampaignStatus, ChangeKind};
use roaring::RoaringBitmap;
use sea_orm::DatabaseTransaction;

use super::book::{Book, Caps};
use super::{Answer, Campaign};
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::store::campaign_answers::{self, AnswerRow};
use crate::store::campaign_events::{self, EventRow};
use crate::store::campaign_targets::TargetSet;
use crate::store::campaign_teams::{self, TeamTotals};
use crate::store::{StoreError, campaign_targets, campaigns};

/// An answer and the host that gave it.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Inside id of the host.
    pub(super) host: HostId,
    /// Outside id of the host.
    pub(super) host_public_id: PublicId,
    /// Host name now.
    pub(super) hostname: String,
    /// What it answered.
    pub(super) answer: Arc<Answer>,
}

impl Given {
    fn key(&self) -> (CampaignId, HostId) {
        (self.answer.campaign, self.host)
    }
}

/// What a transaction recorded, to be told after its commit.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// One for each campaign that got events.
    pub(super) recordings: Vec<Recording>,
    /// Answers that were not kept: duplicates, of ended or unknown campaigns, or never asked.
    pub(super) dropped: Vec<(CampaignId, HostId)>,
}

/// What one campaign got in one transaction.
#[derive(Debug)]
pub(super) struct Recording {
    /// The campaign.
    pub(super) campaign: CampaignId,
    /// Its outside id.
    pub(super) public_id: PublicId,
    /// Its state now.
    pub(super) status: CampaignStatus,
    /// The new events, in order.
    pub(super) events: Vec<EventRow>,
    /// The hosts that answered.
    pub(super) hosts: RoaringBitmap,
    /// The counters of its teams as of the last event.
    pub(super) teams: Vec<TeamTotals>,
}

impl Recorded {
    /// The rows of `changes` that the transaction must record, as its last statement.
    pub(crate) fn changes(&self) -> Vec<(ChangeKind, i64)> {
        let ended = self.recordings.iter().filter(|one| one.status != CampaignStatus::Running);
        ended.map(|one| (ChangeKind::CampaignEnded, one.campaign.0)).collect()
    }
}

/// Target sets that were read; they never change.
#[derive(Default)]
pub(super) struct TargetCache(std::sync::Mutex<HashMap<CampaignId, Arc<TargetSet>>>);

impl TargetCache {
    /// The target sets of campaigns, from memory or read in `tx`.
    async fn get(
        &self,
        tx: &DatabaseTransaction,
        ids: impl Iterator<Item = CampaignId>,
    ) -> Result<HashMap<CampaignId, Arc<TargetSet>>, StoreError> {
        let (mut found, missing) = self.split(ids);
        if !missing.is_empty() {
            let read = campaign_targets::load(tx, &Scope::system(), &missing).await?;
            let read: Vec<_> = read.into_iter().map(|(id, set)| (id, Arc::new(set))).collect();
            found.extend(read.iter().cloned());
            self.lock().extend(read);
        }
        Ok(found)
    }

    /// Forgets the set of a campaign that has ended.
    pub(super) fn forget(&self, id: CampaignId) {
        self.lock().remove(&id);
    }

    fn split(
        &self,
        ids: impl Iterator<Item = CampaignId>,
    ) -> (HashMap<CampaignId, Arc<TargetSet>>, Vec<CampaignId>) {
        let known = self.lock();
        let (mut found, mut missing) = (HashMap::new(), Vec::new());
        for id in ids {
            match known.get(&id) {
                Some(set) => drop(found.insert(id, Arc::clone(set))),
                None => missing.push(id),
            }
        }
        (found, missing)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<CampaignId, Arc<TargetSet>>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Records answers: locks their campaigns in the order of their ids, drops what is not awaited, and gives the
/// others' events the next positions. A campaign that awaits nobody any more is completed here too.
///
/// # Errors
/// When the database fails; the caller rolls back.
pub(super) async fn answers(
    tx: &DatabaseTransaction,
    targets: &TargetCache,
    caps: Caps,
    now: Timestamp,
    given: &[Given],
) -> Result<Recorded, StoreError> {
    let ids: Vec<_> = given.iter().map(|given| given.answer.campaign).collect();
    let locked = campaigns::lock(tx, &Scope::system(), &ids).await?;
    let open: Vec<_> = locked.into_iter().filter(|one| one.status == CampaignStatus::Running).collect();
    let sets = targets.get(tx, open.iter().map(|campaign| campaign.id)).await?;

    let mut asked = asked(given, &sets);
    let mut books = Books::open(&open, caps, now);
    let rows = books.enter(&asked)?;
    let new = campaign_answers::insert_new(tx, &rows).await?;
    if new.len() < rows.len() {
        asked.retain(|(given, _)| new.contains(&given.key()));
        books = Books::open(&open, caps, now);
        for row in books.enter(&asked)? {
            campaign_answers::correct(tx, &row).await?;
        }
    }
    let dropped = given.iter().map(Given::key).filter(|key| !new.contains(key)).collect();
    Ok(Recorded { recordings: books.close(tx).await?, dropped })
}

/// Records the end of a campaign whose row lock is held.
///
/// # Errors
/// When the database fails; the caller rolls back.
pub(super) async fn end(
    tx: &DatabaseTransaction,
    campaign: Campaign,
    status: CampaignStatus,
    now: Timestamp,
) -> Result<Recorded, StoreError> {
    let mut book = Book::open(campaign, Caps::NONE, now);
    book.end(status)?;
    let recordings = Books(BTreeMap::from([(book.campaign.id, book)])).close(tx).await?;
    Ok(Recorded { recordings, dropped: Vec::new() })
}

/// What was asked by the stored target sets, each with the team of its host then; of two with equal campaign and
/// host the first stays.
fn asked<'a>(given: &'a [Given], sets: &HashMap<CampaignId, Arc<TargetSet>>) -> Vec<(&'a Given, TeamId)> {
    let mut seen = HashSet::new();
    let asked = given.iter().filter_map(|given| {
        let team = sets.get(&given.answer.campaign)?.team_of(given.host)?;
        seen.insert(given.key()).then_some((given, team))
    });
    asked.collect()
}

/// The books of the campaigns of one transaction, in the order of their ids.
struct Books(BTreeMap<CampaignId, Book>);

impl Books {
    fn open(campaigns: &[Campaign], caps: Caps, now: Timestamp) -> Self {
        Self(campaigns.iter().map(|one| (one.id, Book::open(one.clone(), caps, now))).collect())
    }

    /// Enters answers in order; each gets the next positions of its campaign.
    fn enter(&mut self, asked: &[(&Given, TeamId)]) -> Result<Vec<AnswerRow>, StoreError> {
        let mut rows = Vec::with_capacity(asked.len());
        for (given, team) in asked {
            if let Some(book) = self.0.get_mut(&given.answer.campaign) {
                rows.push(book.enter(given, *team)?);
            }
        }
        Ok(rows)
    }

    /// Completes what awaits nobody any more, and writes events, counters and campaigns.
    async fn close(mut self, tx: &DatabaseTransaction) -> Result<Vec<Recording>, StoreError> {
        self.0.retain(|_, book| !book.is_untouched());
        let mut deltas = BTreeMap::new();
        let mut recordings = Vec::with_capacity(self.0.len());
        for (id, mut book) in self.0 {
            book.complete()?;
            campaign_events::insert(tx, book.events.clone()).await?;
            campaigns::save_progress(tx, &book.campaign).await?;
            deltas.extend(book.deltas.into_iter().map(|(team, delta)| ((id, team), delta)));
            recordings.push(Recording {
                campaign: id,
                public_id: book.campaign.public_id,
                status: book.campaign.status,
                events: book.events,
                hosts: book.hosts,
                teams: Vec::new(),
            });
        }
        campaign_teams::add(tx, &deltas).await?;
        let ids: Vec<_> = recordings.iter().map(|recording| recording.campaign).collect();
        let mut teams = campaign_teams::load(tx, &Scope::system(), &ids).await?;
        for recording in &mut recordings {
            recording.teams = teams.remove(&recording.campaign).unwrap_or_default();
        }
        Ok(recordings)
    }
}
