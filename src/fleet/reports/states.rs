//! What became of scheduled queries: of each query on a host's schedule, and of one query on each host.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use entity::id::{HostId, PackId, ReportId, SavedQueryId, TeamId};
use entity::kind::Platform;

use crate::clock::Timestamp;
use crate::fleet::hosts::{Key, Page, PageRequest};
use crate::fleet::osquery_config::{ConfiguredHost, logged_name};
use crate::fleet::packs::Pack;
use crate::fleet::saved_queries::SavedQuery;
use crate::fleet::schedule::LabelScope;
use crate::fleet::{Fleet, FleetError};
use crate::osquery::names;
use crate::policy::{Action, Actor, Scope, allow};
pub use crate::store::reports::ReportState;
use crate::store::reports::{self, Audience, Head, Of};
use crate::store::{host_schedule, packs, saved_queries};

/// What became of a scheduled query on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledQuery {
    /// The host.
    pub host: HostId,
    /// The query.
    pub query: SavedQueryId,
    /// The name under which the host logs it.
    pub name: String,
    /// What became of it.
    pub state: ReportState,
    /// Since when osquery refuses to run it, as was first told; none when it does not.
    pub denylisted_since: Option<Timestamp>,
    /// Its report, if it has one.
    pub report: Option<ReportId>,
}

impl ScheduledQuery {
    fn of(
        (host, query, name): (HostId, SavedQueryId, String),
        head: Option<&Head>,
        denylisted_since: Option<Timestamp>,
        discard: bool,
    ) -> Self {
        let state = match head {
            _ if denylisted_since.is_some() => ReportState::Denylisted,
            Some(head) if head.has_rows => ReportState::Rows,
            Some(_) => ReportState::Empty,
            None if discard => ReportState::NotKept,
            None => ReportState::NeverAnswered,
        };
        Self { host, query, name, state, denylisted_since, report: head.map(|head| head.id) }
    }
}

/// Whom a query is for, and what is asked of it there.
struct Asked<'a> {
    query: &'a SavedQuery,
    audience: Audience,
}

/// The queries that a host runs, each with the name under which it logs it, and whether its results are not kept.
type Runs = BTreeMap<SavedQueryId, (String, bool)>;

impl Fleet {
    /// The queries on the schedule of each visible host that are for its platform, by id, of these states where they are
    /// given. Those that the actor may not read are left out.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn queries_on_hosts(
        &self,
        actor: &Actor,
        hosts: &[ConfiguredHost],
        states: Option<&[ReportState]>,
        page: &PageRequest,
    ) -> Result<HashMap<ConfiguredHost, Page<ScheduledQuery>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let readable = allow(actor, Action::ReadSavedQueries, None)?;
        let schedules = self.schedules_of(hosts).await?;
        let ids: Vec<HostId> = hosts.iter().map(|host| host.id).collect();
        let names: BTreeSet<&String> =
            schedules.iter().flat_map(|runs| runs.values()).map(|(name, _)| name).collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let db = self.store.reader();
        let whose: Vec<_> = ids.iter().map(|host| (Of::Host(*host), None)).collect();
        let heads = reports::heads(db, &scope, &whose).await?;
        let refused = host_schedule::refused(db, &scope, &ids, &names).await?;
        let after = page.after.as_ref().map_or(i64::MIN, |key| key.id);
        let mut wanted = Vec::with_capacity(hosts.len());
        for ((host, runs), heads) in ids.iter().zip(schedules).zip(&heads) {
            let heads: HashMap<&str, &Head> = heads.iter().map(|head| (head.name.as_str(), head)).collect();
            let all = runs.into_iter().map(|(query, (name, discard))| {
                let since = refused.get(&(*host, name.clone())).copied();
                let head = heads.get(name.as_str()).copied();
                ScheduledQuery::of((*host, query, name), head, since, discard)
            });
            let of_states = all.filter(|query| states.is_none_or(|states| states.contains(&query.state)));
            wanted.push(of_states.filter(|query| query.query.0 > after).collect::<Vec<_>>());
        }
        let any: BTreeSet<SavedQueryId> = wanted.iter().flatten().map(|query| query.query).collect();
        let any: Vec<SavedQueryId> = any.into_iter().collect();
        let visible = saved_queries::visible_ids(db, &readable, &any).await?;
        let limit = usize::try_from(page.limit).unwrap_or(usize::MAX).saturating_add(1);
        let shown = |queries: Vec<ScheduledQuery>| {
            let shown = queries.into_iter().filter(|query| visible.contains(&query.query)).take(limit);
            Page::of(shown.collect(), page, |query| Key { sort: None, id: query.query.0 })
        };
        Ok(hosts.iter().copied().zip(wanted.into_iter().map(shown)).collect())
    }

    /// What each of these hosts runs.
    async fn schedules_of(&self, hosts: &[ConfiguredHost]) -> Result<Vec<Runs>, FleetError> {
        self.remember_labels(hosts).await?;
        let mut schedules = Vec::with_capacity(hosts.len());
        for host in hosts {
            let served = self.served_to(*host).await?;
            let runs = served.names.iter().filter(|(_, scheduled)| scheduled.runs);
            let runs = runs.map(|(name, scheduled)| (scheduled.query, (name.clone(), scheduled.discard)));
            schedules.push(runs.collect());
        }
        Ok(schedules)
    }

    /// The visible hosts on whose schedule each query is and whose platform it is for, by id, of these states where they are
    /// given. A query that is on no schedule is left out.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn hosts_of_queries(
        &self,
        actor: &Actor,
        queries: &[&SavedQuery],
        states: Option<&[ReportState]>,
        page: &PageRequest,
    ) -> Result<HashMap<SavedQueryId, Page<ScheduledQuery>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let asked = self.audiences_of(queries).await?;
        let db = self.store.reader();
        let audiences: Vec<&Audience> = asked.iter().map(|asked| &asked.audience).collect();
        let hosts = reports::hosts_by_state(db, &scope, (&audiences, states), page).await?;
        let ids = |page: &Page<HostId>| page.items.iter().map(|(_, host)| *host).collect::<Vec<_>>();
        let whose =
            asked.iter().zip(&hosts).map(|(asked, page)| (Of::Query(asked.query.id), Some(ids(page))));
        let heads = reports::heads(db, &scope, &whose.collect::<Vec<_>>()).await?;
        let any: BTreeSet<HostId> = hosts.iter().flat_map(ids).collect();
        let names: Vec<String> = audiences.iter().map(|audience| audience.name.clone()).collect();
        let any: Vec<HostId> = any.into_iter().collect();
        let refused = host_schedule::refused(db, &scope, &any, &names).await?;
        let mut found = HashMap::with_capacity(asked.len());
        for ((Asked { query, audience }, page), heads) in asked.iter().zip(hosts).zip(&heads) {
            let heads: HashMap<HostId, &Head> = heads.iter().map(|head| (head.host_id, head)).collect();
            let name = &audience.name;
            let page = page.map(|host| {
                let since = refused.get(&(host, name.clone())).copied();
                let head = heads.get(&host).copied();
                ScheduledQuery::of((host, query.id, name.clone()), head, since, query.discard_data)
            });
            found.insert(query.id, page);
        }
        Ok(found)
    }

    /// Whom queries are for, and the names under which they log them; those on no schedule are left out.
    async fn audiences_of<'a>(&self, queries: &[&'a SavedQuery]) -> Result<Vec<Asked<'a>>, FleetError> {
        let ids: BTreeSet<PackId> = queries.iter().filter_map(|query| query.pack_id.some()).collect();
        let ids: Vec<PackId> = ids.into_iter().collect();
        let known = packs::by_ids(self.store.reader(), &Scope::system(), &ids).await?;
        let known: HashMap<PackId, Pack> = known.into_iter().map(|pack| (pack.id, pack)).collect();
        let mut asked = Vec::with_capacity(queries.len());
        for query in queries.iter().filter(|query| query.interval_s.is_some()) {
            let pack = known.get(&query.pack_id).filter(|pack| pack.enabled);
            if pack.is_some() || query.pack_id.some().is_none() {
                let material = self.material(query.team_id).await?;
                let name = logged_name(&material, query, pack.map(|pack| pack.name.as_str()));
                asked.push(Asked { query, audience: audience(query, pack, name) });
            }
        }
        Ok(asked)
    }

    /// Reports by id, of visible hosts.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn reports_by_ids(
        &self,
        actor: &Actor,
        ids: &[ReportId],
    ) -> Result<HashMap<ReportId, super::Report>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let found = reports::by_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|report| (report.id, report)).collect())
    }

    /// Since when osquery refuses to run what these reports are of, by host and name; those that it runs are left out.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn denylisted_since(
        &self,
        actor: &Actor,
        asked: &[(HostId, String)],
    ) -> Result<HashMap<(HostId, String), Timestamp>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let hosts: Vec<HostId> = asked.iter().map(|(host, _)| *host).collect();
        let names: Vec<String> = asked.iter().map(|(_, name)| name.clone()).collect();
        Ok(host_schedule::refused(self.store.reader(), &scope, &hosts, &names).await?)
    }
}

/// Whom a query of a schedule is for.
fn audience(query: &SavedQuery, pack: Option<&Pack>, name: String) -> Audience {
    let scopes = [Some(&query.label_scope), pack.map(|pack| &pack.label_scope)];
    let scopes: Vec<LabelScope> = scopes.into_iter().flatten().map(|text| LabelScope::stored(text)).collect();
    let lists = [query.platform.as_deref(), pack.and_then(|pack| pack.platform.as_deref())];
    let is_for = |platform: &Platform| lists.iter().all(|list| names::runs_on(*list, platform.as_str()));
    Audience {
        query: query.id,
        name,
        team: (query.team_id != TeamId::NONE).then_some(query.team_id),
        platforms: Platform::ALL.iter().copied().filter(is_for).collect(),
        with_any: scopes.iter().map(|scope| scope.include_any.clone()).collect(),
        without: scopes.iter().flat_map(|scope| scope.exclude_any.iter().copied()).collect(),
        is_discarded: query.discard_data,
    }
}
