//! What queries cost on hosts that are asked from here, beside any schedule: agents count it with each answer.
//!
//! It is gathered in memory and written in batches: an answer waits for no counter. A server that dies loses what it has
//! counted in the last seconds.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use entity::id::{CampaignId, HostId, SavedQueryId};
use entity::kind::AskedKind;
use entity::query_costs::Model;

use super::due::DueKind;
use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::store::{campaigns, query_costs};

/// What is counted at once at most; beyond that it is not.
const MOST: usize = 500_000;

/// What one run of a query cost, as its agent counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryCost {
    /// Milliseconds that it took.
    pub wall_time_ms: i64,
    /// Milliseconds of processor time, in the program.
    pub user_time_ms: i64,
    /// Milliseconds of processor time, in the system.
    pub system_time_ms: i64,
    /// Bytes of memory.
    pub memory_bytes: i64,
}

/// A query that hosts are asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AskedQuery {
    /// That of a campaign.
    Campaign(CampaignId),
    /// What is due, by kind and key.
    Due(DueKind, String),
}

/// What was counted and not written yet.
#[derive(Default)]
pub struct QueryCosts(Mutex<HashMap<(HostId, AskedQuery), Counted>>);

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    executions: i64,
    cost: QueryCost,
    last: Timestamp,
}

impl Counted {
    fn add(&mut self, other: Self) {
        let sum = |one: i64, other: i64| one.saturating_add(other);
        self.executions = sum(self.executions, other.executions);
        self.cost = QueryCost {
            wall_time_ms: sum(self.cost.wall_time_ms, other.cost.wall_time_ms),
            user_time_ms: sum(self.cost.user_time_ms, other.cost.user_time_ms),
            system_time_ms: sum(self.cost.system_time_ms, other.cost.system_time_ms),
            memory_bytes: sum(self.cost.memory_bytes, other.cost.memory_bytes),
        };
        self.last = self.last.max(other.last);
    }
}

impl QueryCosts {
    fn note(&self, key: (HostId, AskedQuery), counted: Counted) {
        let mut noted = self.lock();
        if noted.len() < MOST || noted.contains_key(&key) {
            noted.entry(key).or_default().add(counted);
        }
    }

    fn take(&self) -> HashMap<(HostId, AskedQuery), Counted> {
        std::mem::take(&mut *self.lock())
    }

    /// The map holds whole values at every moment.
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(HostId, AskedQuery), Counted>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fleet {
    /// Notes what queries cost a host whose answers are durable. Memory only.
    pub fn note_query_costs(&self, host: HostId, costs: Vec<(AskedQuery, QueryCost)>) {
        let last = self.clock.now();
        for (asked, cost) in costs {
            self.query_costs.note((host, asked), Counted { executions: 1, cost, last });
        }
    }

    /// Writes what was counted. A task.
    ///
    /// # Errors
    /// Unavailable; what was not written is written the next time.
    pub async fn flush_query_costs(&self) -> Result<(), FleetError> {
        let taken = self.query_costs.take();
        if taken.is_empty() {
            return Ok(());
        }
        let written = self.write_query_costs(&taken).await;
        if written.is_err() {
            for (key, counted) in taken {
                self.query_costs.note(key, counted);
            }
        }
        written
    }

    /// Deletes what hosts were not asked for as long as reports are kept. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn prune_query_costs(&self) -> Result<(), FleetError> {
        let tx = self.store.begin().await?;
        let oldest = self.clock.now().minus(self.settings.report_retention);
        query_costs::delete_before(&tx, oldest).await?;
        Ok(tx.commit().await?)
    }

    /// In one transaction, in the order of the key; what is due, and live queries that are saved ones.
    async fn write_query_costs(
        &self,
        taken: &HashMap<(HostId, AskedQuery), Counted>,
    ) -> Result<(), FleetError> {
        let ran = taken.keys().filter_map(|(_, asked)| match asked {
            AskedQuery::Campaign(campaign) => Some(*campaign),
            AskedQuery::Due(..) => None,
        });
        let ran: Vec<CampaignId> = ran.collect::<BTreeSet<_>>().into_iter().collect();
        let saved = self.saved_queries_of(&ran).await?;
        let mut sums: HashMap<(HostId, AskedKind, String), Counted> = HashMap::new();
        for ((host, asked), counted) in taken {
            let (kind, key) = match asked {
                AskedQuery::Due(kind, key) => (kind_of(*kind), key.clone()),
                AskedQuery::Campaign(campaign) => match saved.get(campaign) {
                    Some(query) => (AskedKind::Live, query.to_string()),
                    None => continue,
                },
            };
            sums.entry((*host, kind, key)).or_default().add(*counted);
        }
        let mut rows: Vec<Model> = sums.into_iter().map(row).collect();
        rows.sort_by(|one, other| {
            (one.host_id, one.kind, &one.key).cmp(&(other.host_id, other.kind, &other.key))
        });
        let tx = self.store.begin().await?;
        for batch in rows.chunks(query_costs::BATCH) {
            query_costs::add(&tx, batch).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The saved queries of campaigns that are of one.
    async fn saved_queries_of(
        &self,
        ids: &[CampaignId],
    ) -> Result<HashMap<CampaignId, SavedQueryId>, FleetError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = campaigns::by_ids(self.store.reader(), &Scope::system(), ids).await?;
        Ok(found.into_iter().filter_map(|row| Some((row.id, row.saved_query_id?))).collect())
    }
}

fn kind_of(kind: DueKind) -> AskedKind {
    match kind {
        DueKind::Vital => AskedKind::Vital,
        DueKind::Label => AskedKind::Label,
        DueKind::Policy => AskedKind::Policy,
    }
}

fn row(((host_id, kind, key), counted): ((HostId, AskedKind, String), Counted)) -> Model {
    let Counted { executions, cost, last } = counted;
    Model {
        host_id,
        kind,
        key,
        executions,
        wall_time_ms: cost.wall_time_ms,
        user_time_ms: cost.user_time_ms,
        system_time_ms: cost.system_time_ms,
        memory_bytes: cost.memory_bytes,
        last_executed_at: last,
    }
}
