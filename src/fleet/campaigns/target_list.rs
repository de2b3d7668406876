//! The targets of a campaign, one by one: who has not answered, who failed and why; and the answers of one host.

use std::collections::HashMap;

use entity::id::HostId;
use roaring::RoaringBitmap;

use super::read::read_scope;
use super::targets::ids;
use super::{Campaign, HostAnswer, HostFailure, Target, TargetState};
use crate::fleet::hosts::{Key, Page, PageRequest};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Actor, Scope};
use crate::store::campaign_answers::AnswerRow;
use crate::store::hosts::{self, HostSelection};
use crate::store::{StoreError, campaign_answers};

/// Hosts looked at in one read.
const CHUNK: usize = 1_000;

/// Every state, for a list without a filter.
const ANY: &[TargetState] = &[TargetState::Pending, TargetState::Succeeded, TargetState::Failed];

impl Fleet {
    /// A page of a campaign's targets by host id; `search` is a prefix of the host name.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn campaign_targets(
        &self,
        actor: &Actor,
        campaign: &Campaign,
        states: Option<&[TargetState]>,
        search: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<Target>, FleetError> {
        let scope = read_scope(actor)?;
        let mut wanted = self.targets_in(&scope, campaign, states.unwrap_or(ANY)).await?;
        if let Some(after) = &page.after {
            wanted.remove_range(..=HostId(after.id).bit());
        }
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
        let found = self.find_targets(&scope, campaign, &wanted, search, limit).await?;
        Ok(Page::of(found, &page, |target| Key { sort: None, id: target.host_id.0 }))
    }

    /// How many targets match.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn count_campaign_targets(
        &self,
        actor: &Actor,
        campaign: &Campaign,
        states: Option<&[TargetState]>,
        search: Option<&str>,
    ) -> Result<u64, FleetError> {
        let scope = read_scope(actor)?;
        let wanted = self.targets_in(&scope, campaign, states.unwrap_or(ANY)).await?;
        if search.is_none() {
            return Ok(wanted.len());
        }
        let found = self.find_targets(&scope, campaign, &wanted, search, usize::MAX).await?;
        Ok(u64::try_from(found.len()).unwrap_or(u64::MAX))
    }

    /// A page of a host's answers, newest campaign first; only those given in a team that the actor may see.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn answers_of_host(
        &self,
        actor: &Actor,
        host: HostId,
        page: PageRequest,
    ) -> Result<Page<HostAnswer>, FleetError> {
        let scope = read_scope(actor)?;
        let rows = campaign_answers::page_of_host(self.store.reader(), &scope, host, &page).await?;
        Ok(rows.map(|row| HostAnswer { campaign_id: row.campaign_id, target: answered(row) }))
    }

    async fn targets_in(
        &self,
        scope: &Scope,
        campaign: &Campaign,
        states: &[TargetState],
    ) -> Result<RoaringBitmap, StoreError> {
        let mut wanted = RoaringBitmap::new();
        for state in states {
            wanted |= self.hosts_in(scope, campaign, *state).await?;
        }
        Ok(wanted)
    }

    /// The first `limit` targets among `wanted` whose name begins with `search`. A target that was deleted after the
    /// end of the campaign without having answered has no name any more and is passed over.
    async fn find_targets(
        &self,
        scope: &Scope,
        campaign: &Campaign,
        wanted: &RoaringBitmap,
        search: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Target>, StoreError> {
        let search = search.map(str::to_lowercase);
        let matches = |target: &Target| {
            search.as_ref().is_none_or(|text| target.hostname.to_lowercase().starts_with(text))
        };
        let ids = ids(wanted);
        let mut found = Vec::new();
        for ids in ids.chunks(CHUNK) {
            let mut targets = self.read_targets(scope, campaign, ids).await?;
            found.extend(ids.iter().filter_map(|id| targets.remove(id)).filter(&matches));
            if found.len() >= limit {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    async fn read_targets(
        &self,
        scope: &Scope,
        campaign: &Campaign,
        ids: &[HostId],
    ) -> Result<HashMap<HostId, Target>, StoreError> {
        let db = self.store.reader();
        let answers = campaign_answers::of_hosts(db, scope, campaign.id, ids).await?;
        let mut targets: HashMap<_, _> =
            answers.into_iter().map(|row| (row.host_id, answered(row))).collect();
        let pending: Vec<_> = ids.iter().filter(|id| !targets.contains_key(id)).copied().collect();
        for host in hosts::find(db, &Scope::system(), HostSelection::Ids(&pending)).await? {
            targets.insert(host.id, awaited(host));
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
