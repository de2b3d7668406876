//! The targets of campaigns, one by one: who has not answered, who failed and why; and the answers of hosts.
//!
//! Whom a campaign asked is a bitmap, and who answered are rows. Targets that answered are a page of those rows. Where
//! those that are awaited are wanted too, the bitmaps of all campaigns are walked together, a step at a time.

use std::collections::{BTreeSet, HashMap};

use entity::id::{CampaignId, HostId};
use roaring::RoaringBitmap;

use super::read::read_scope;
use super::{HostAnswer, HostFailure, Target, TargetFilter, TargetState, Totals};
use crate::fleet::hosts::{Key, Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Actor, Scope};
use crate::store::campaign_answers::{AnswerRow, Asked, OutcomeFilter};
use crate::store::hosts::{self, HostSelection};
use crate::store::{StoreError, campaign_answers, campaign_targets};

/// Targets of a campaign that one step looks at, at most.
const STEP: usize = 16_000;

impl TargetFilter {
    /// Which answers are wanted; none when only targets that are awaited are.
    fn outcome(&self) -> Option<OutcomeFilter> {
        match (self.wants(TargetState::Succeeded), self.wants(TargetState::Failed)) {
            (true, true) => Some(OutcomeFilter::Any),
            (true, false) => Some(OutcomeFilter::Succeeded),
            (false, true) => Some(OutcomeFilter::Failed),
            (false, false) => None,
        }
    }

    fn fits(&self, target: &Target) -> bool {
        let name = target.hostname.to_ascii_lowercase();
        self.search.as_ref().is_none_or(|prefix| name.starts_with(&prefix.to_ascii_lowercase()))
    }

    /// How many targets are wanted, of a filter without a search.
    fn count(&self, totals: &Totals) -> u64 {
        let states = [
            (TargetState::Pending, totals.outstanding()),
            (TargetState::Succeeded, totals.succeeded),
            (TargetState::Failed, totals.failed),
        ];
        let wanted = states.into_iter().filter(|(state, _)| self.wants(*state));
        wanted.map(|(_, targets)| u64::try_from(targets).unwrap_or_default()).sum()
    }
}

/// The targets of one campaign on the way to a page.
struct Walk {
    campaign: CampaignId,
    /// Those that were not looked at.
    left: RoaringBitmap,
    found: Vec<Target>,
}

impl Walk {
    /// The next ones to look at, in order.
    fn take(&mut self, step: usize) -> Asked {
        let hosts: Vec<HostId> = self.left.iter().take(step).map(|bit| HostId(i64::from(bit))).collect();
        if let Some(last) = hosts.last() {
            self.left.remove_range(..=last.bit());
        }
        (self.campaign, hosts)
    }

    /// Keeps so many of those that were taken; the others are looked at later.
    fn keep(&mut self, hosts: &mut Vec<HostId>, wanted: usize) {
        for host in hosts.drain(wanted.min(hosts.len())..) {
            self.left.insert(host.bit());
        }
    }
}

impl Fleet {
    /// A page of the targets of each campaign by host id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn targets_of_campaigns(
        &self,
        actor: &Actor,
        campaigns: &[CampaignId],
        filter: &TargetFilter,
        page: &PageRequest,
    ) -> Result<HashMap<CampaignId, Page<Target>>, FleetError> {
        let scope = read_scope(actor)?;
        let key = |target: &Target| Key::by_id(target.host_id.0);
        if filter.wants(TargetState::Pending) {
            let walks = self.find_targets(&scope, campaigns, filter, page).await?;
            return Ok(walks
                .into_iter()
                .map(|walk| (walk.campaign, Page::of(walk.found, page, key)))
                .collect());
        }
        let Some(outcome) = filter.outcome() else { return Ok(HashMap::new()) };
        let wanted = (outcome, filter.search.as_deref());
        let found = campaign_answers::pages(self.store.reader(), &scope, campaigns, wanted, page).await?;
        Ok(found.into_iter().map(|(campaign, rows)| (campaign, rows.map(answered))).collect())
    }

    /// How many targets of each campaign match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_targets(
        &self,
        actor: &Actor,
        campaigns: &[CampaignId],
        filter: &TargetFilter,
    ) -> Result<HashMap<CampaignId, u64>, FleetError> {
        let Some(prefix) = filter.search.as_deref() else {
            let totals = self.campaign_totals(actor, campaigns).await?;
            return Ok(totals.into_iter().map(|(id, totals)| (id, filter.count(&totals))).collect());
        };
        let (scope, db) = (read_scope(actor)?, self.store.reader());
        let mut counts = match filter.outcome() {
            Some(outcome) => campaign_answers::count(db, &scope, campaigns, (outcome, Some(prefix))).await?,
            None => HashMap::new(),
        };
        if filter.wants(TargetState::Pending) {
            let named = hosts::name_starts_with(db, &Scope::system(), prefix).await?;
            for (campaign, pending) in self.pending_of(&scope, campaigns).await? {
                *counts.entry(campaign).or_default() += pending.intersection_len(&named);
            }
        }
        Ok(counts)
    }

    /// A page of each host's answers, newest campaign first; only those given in a team that the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn answers_of_hosts(
        &self,
        actor: &Actor,
        hosts: &[HostId],
        page: &PageRequest,
    ) -> Result<HashMap<HostId, Page<HostAnswer>>, FleetError> {
        let scope = read_scope(actor)?;
        let found = campaign_answers::pages_of_hosts(self.store.reader(), &scope, hosts, page).await?;
        let answer = |row: AnswerRow| HostAnswer { campaign_id: row.campaign_id, target: answered(row) };
        Ok(found.into_iter().map(|(host, rows)| (host, rows.map(answer))).collect())
    }

    /// The first targets of each campaign after the key of a page, one more than it has rows. A target that was deleted
    /// after the end of the campaign without having answered has no name any more and is passed over.
    async fn find_targets(
        &self,
        scope: &Scope,
        campaigns: &[CampaignId],
        filter: &TargetFilter,
        page: &PageRequest,
    ) -> Result<Vec<Walk>, StoreError> {
        let sets = campaign_targets::load(self.store.reader(), scope, campaigns).await?;
        let walk = |(campaign, asked): (CampaignId, campaign_targets::TargetSet)| {
            let mut left = asked.within(scope);
            if let Some(after) = &page.after {
                left.remove_range(..=HostId(after.id).bit());
            }
            Walk { campaign, left, found: Vec::new() }
        };
        let mut walks: Vec<Walk> = sets.into_iter().map(walk).collect();
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
        let mut step = limit.saturating_mul(2);
        loop {
            let is_open = |walk: &&mut Walk| walk.found.len() < limit && !walk.left.is_empty();
            let mut open: Vec<&mut Walk> = walks.iter_mut().filter(is_open).collect();
            if open.is_empty() {
                return Ok(walks);
            }
            self.step(scope, filter, &mut open, (step.min(STEP), limit)).await?;
            step = step.saturating_mul(4);
        }
    }

    /// Looks at the next targets of several campaigns.
    async fn step(
        &self,
        scope: &Scope,
        filter: &TargetFilter,
        walks: &mut [&mut Walk],
        (step, limit): (usize, usize),
    ) -> Result<(), StoreError> {
        let db = self.store.reader();
        let mut looked: Vec<Asked> = walks.iter_mut().map(|walk| walk.take(step)).collect();
        let outcomes = campaign_answers::outcomes(db, scope, &looked).await?;
        for (walk, (campaign, hosts)) in walks.iter_mut().zip(&mut looked) {
            hosts.retain(|host| match outcomes.get(&(*campaign, *host)) {
                Some(true) => filter.wants(TargetState::Failed),
                Some(false) => filter.wants(TargetState::Succeeded),
                None => true,
            });
            if filter.search.is_none() {
                walk.keep(hosts, limit - walk.found.len());
            }
        }
        let mut found = self.read_targets(scope, &looked, |key| outcomes.contains_key(key)).await?;
        for (walk, (campaign, hosts)) in walks.iter_mut().zip(looked) {
            let targets = hosts.into_iter().filter_map(|host| found.remove(&(campaign, host)));
            walk.found.extend(targets.filter(|target| filter.fits(target)));
        }
        Ok(())
    }

    /// Targets with what is known of them: of those that answered from their answers, of others from their hosts.
    async fn read_targets(
        &self,
        scope: &Scope,
        looked: &[Asked],
        has_answered: impl Fn(&(CampaignId, HostId)) -> bool,
    ) -> Result<HashMap<(CampaignId, HostId), Target>, StoreError> {
        let db = self.store.reader();
        let part = |answered: bool| -> Vec<Asked> {
            let of = |(campaign, hosts): &Asked| {
                let hosts = hosts.iter().filter(|host| has_answered(&(*campaign, **host)) == answered);
                (*campaign, hosts.copied().collect())
            };
            looked.iter().map(of).collect()
        };
        let rows = campaign_answers::of_hosts(db, scope, &part(true)).await?;
        let mut targets: HashMap<_, _> =
            rows.into_iter().map(|row| ((row.campaign_id, row.host_id), answered(row))).collect();
        let pending = part(false);
        let any: BTreeSet<HostId> = pending.iter().flat_map(|(_, hosts)| hosts).copied().collect();
        let any: Vec<HostId> = any.into_iter().collect();
        let hosts = hosts::find(db, &Scope::system(), HostSelection::Ids(&any)).await?;
        let hosts: HashMap<HostId, Target> = hosts.into_iter().map(|host| (host.id, awaited(host))).collect();
        for (campaign, ids) in pending {
            let known = ids.iter().filter_map(|id| Some(((campaign, *id), hosts.get(id)?.clone())));
            targets.extend(known);
        }
        Ok(targets)
    }
}

fn answered(row: AnswerRow) -> Target {
    let failure =
        row.error_code.map(|code| HostFailure { code, message: row.error_message.unwrap_or_default() });
    Target {
        host_id: row.host_id,
        host_public_id: row.host_public_id,
        hostname: row.hostname,
        state: if failure.is_some() { TargetState::Failed } else { TargetState::Succeeded },
        responded_at: Some(row.responded_at),
        rows: row.rows,
        rows_dropped: row.rows_dropped,
        failure,
    }
}

fn awaited(host: entity::hosts::Model) -> Target {
    Target {
        host_id: host.id,
        host_public_id: host.public_id,
        hostname: host.hostname,
        state: TargetState::Pending,
        responded_at: None,
        rows: 0,
        rows_dropped: 0,
        failure: None,
    }
}
