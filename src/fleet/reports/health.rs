//! How queries fare on hosts, as osquery counts it: the worst first.
//!
//! Of a schedule osquery keeps count itself, and tells it with the vitals; of what is asked from here it tells what each
//! run cost, and the sum is kept here.

use std::collections::{BTreeSet, HashMap};

use entity::host_schedule::Model as Scheduled;
use entity::id::{HostId, PackId, SavedQueryId};
use entity::kind::AskedKind;
use entity::query_costs::Model as Asked;

use crate::clock::Timestamp;
use crate::fleet::osquery_config::logged_name;
use crate::fleet::saved_queries::SavedQuery;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{host_schedule, packs, query_costs, saved_queries};

/// Why a query runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthSource {
    /// It is on the host's schedule.
    Schedule,
    /// Somebody runs a saved query live.
    Live,
    /// It asks what the host is.
    Vital,
    /// It asks whether the host has a label.
    Label,
    /// It asks whether the host passes a policy.
    Policy,
}

/// How one query fares on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryHealth {
    /// The host.
    pub host: HostId,
    /// Why it runs.
    pub source: HealthSource,
    /// Its name on the host, or that of the saved query that runs live.
    pub name: String,
    /// Since when osquery refuses to run it, as was first told; none when it does not.
    pub denylisted_since: Option<Timestamp>,
    /// How often it ran.
    pub executions: i64,
    /// Time that all runs took.
    pub wall_time_ms: i64,
    /// Processor time of all runs, in the program.
    pub user_time_ms: i64,
    /// Processor time of all runs, in the system.
    pub system_time_ms: i64,
    /// Memory that a run took on average.
    pub average_memory_bytes: i64,
    /// Bytes of all results, where that is counted.
    pub output_bytes: Option<i64>,
    /// When it last ran; none when it has not.
    pub last_executed_at: Option<Timestamp>,
    /// When the host told this.
    pub told_at: Timestamp,
}

impl From<Scheduled> for QueryHealth {
    fn from(row: Scheduled) -> Self {
        Self {
            host: row.host_id,
            source: HealthSource::Schedule,
            name: row.name,
            denylisted_since: row.denylisted_since,
            executions: row.executions,
            wall_time_ms: row.wall_time_ms,
            user_time_ms: row.user_time_ms,
            system_time_ms: row.system_time_ms,
            average_memory_bytes: row.average_memory_bytes,
            output_bytes: Some(row.output_bytes),
            last_executed_at: row.last_executed_at,
            told_at: row.updated_at,
        }
    }
}

impl QueryHealth {
    fn of_asked(row: &Asked, name: String) -> Self {
        let source = match row.kind {
            AskedKind::Live => HealthSource::Live,
            AskedKind::Vital => HealthSource::Vital,
            AskedKind::Label => HealthSource::Label,
            AskedKind::Policy => HealthSource::Policy,
        };
        Self {
            host: row.host_id,
            source,
            name,
            denylisted_since: None,
            executions: row.executions,
            wall_time_ms: row.wall_time_ms,
            user_time_ms: row.user_time_ms,
            system_time_ms: row.system_time_ms,
            average_memory_bytes: row.memory_bytes / row.executions.max(1),
            output_bytes: None,
            last_executed_at: Some(row.last_executed_at),
            told_at: row.last_executed_at,
        }
    }
}

impl Fleet {
    /// How the queries of each visible host fare, the worst `first` ones: those that osquery refuses to run, then those
    /// that took most time. Live runs of saved queries that the actor may not read are left out.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn query_health_of_hosts(
        &self,
        actor: &Actor,
        hosts: &[HostId],
        first: u64,
    ) -> Result<HashMap<HostId, Vec<QueryHealth>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let queries = allow(actor, Action::ReadSavedQueries, None)?;
        let db = self.store.reader();
        let of: Vec<host_schedule::Of<'_>> = hosts.iter().copied().map(host_schedule::Of::Host).collect();
        let scheduled = host_schedule::worst(db, &scope, &of, first).await?;
        let of: Vec<query_costs::Of<'_>> = hosts.iter().copied().map(query_costs::Of::Host).collect();
        let asked = query_costs::worst(db, &scope, &of, first).await?;
        let ran: BTreeSet<SavedQueryId> = asked.iter().flatten().filter_map(live).collect();
        let known = saved_queries::by_ids(db, &queries, &ran.into_iter().collect::<Vec<_>>()).await?;
        let known: HashMap<SavedQueryId, String> =
            known.into_iter().map(|query| (query.id, query.name)).collect();
        let named = |row: Asked| {
            let name = match live(&row) {
                Some(id) => known.get(&id)?.clone(),
                None => format!("{}_{}", row.kind, row.key),
            };
            Some(QueryHealth::of_asked(&row, name))
        };
        let of_host = |(scheduled, asked): (Vec<Scheduled>, Vec<Asked>)| {
            let asked = asked.into_iter().filter_map(named);
            worst(scheduled.into_iter().map(QueryHealth::from).chain(asked).collect(), first)
        };
        Ok(hosts.iter().copied().zip(scheduled.into_iter().zip(asked).map(of_host)).collect())
    }

    /// How each saved query fares, on its schedule and live, on the `first` visible hosts where it fares worst.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn query_health(
        &self,
        actor: &Actor,
        queries: &[&SavedQuery],
        first: u64,
    ) -> Result<HashMap<SavedQueryId, Vec<QueryHealth>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let db = self.store.reader();
        let packs: Vec<PackId> = queries.iter().filter_map(|query| query.pack_id.some()).collect();
        let packs = packs::by_ids(db, &Scope::system(), &packs).await?;
        let mut names = Vec::with_capacity(queries.len());
        for query in queries {
            let material = self.material(query.team_id).await?;
            let pack = packs.iter().find(|pack| pack.id == query.pack_id);
            let name = logged_name(&material, query, pack.map(|pack| pack.name.as_str()));
            names.push((name, query.team_id.some()));
        }
        let of: Vec<host_schedule::Of<'_>> =
            names.iter().map(|(name, team)| host_schedule::Of::Name(name, *team)).collect();
        let scheduled = host_schedule::worst(db, &scope, &of, first).await?;
        let keys: Vec<String> = queries.iter().map(|query| query.id.to_string()).collect();
        let of: Vec<query_costs::Of<'_>> =
            keys.iter().map(|key| query_costs::Of::Key(AskedKind::Live, key)).collect();
        let live = query_costs::worst(db, &scope, &of, first).await?;
        let of_query = |(query, (scheduled, live)): (&&SavedQuery, (Vec<Scheduled>, Vec<Asked>))| {
            let live = live.into_iter().map(|row| QueryHealth::of_asked(&row, query.name.clone()));
            (query.id, worst(scheduled.into_iter().map(QueryHealth::from).chain(live).collect(), first))
        };
        Ok(queries.iter().zip(scheduled.into_iter().zip(live)).map(of_query).collect())
    }
}

/// The saved query that runs live.
fn live(row: &Asked) -> Option<SavedQueryId> {
    (row.kind == AskedKind::Live).then(|| row.key.parse().ok().map(SavedQueryId)).flatten()
}

/// The worst of them: what osquery refuses to run, then what took most time.
fn worst(mut all: Vec<QueryHealth>, first: u64) -> Vec<QueryHealth> {
    all.sort_by_key(|one| (one.denylisted_since.is_none(), std::cmp::Reverse(one.wall_time_ms)));
    all.truncate(usize::try_from(first).unwrap_or(usize::MAX));
    all
}
