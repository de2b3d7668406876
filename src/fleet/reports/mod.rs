//! Reports: the latest rows of each scheduled query, by host.
//!
//! Result lines become reports behind the spool: this is a reader of it like any other, so an agent never waits for it,
//! and a failure of the database only delays it. A batch is applied in one transaction, and only then noted as read;
//! what is read twice changes nothing.

mod health;
mod line;
mod read;
mod row;
mod state;
mod states;
pub mod table;
mod export;

use std::collections::{BTreeMap, HashMap};

use entity::hosts::Model as Host;
use entity::id::{HostId, PublicId, SavedQueryId};
use entity::reports::ActiveModel;
pub use entity::reports::Model as Report;
pub use export::{ReportExport, ReportSource};
pub use health::{HealthSource, QueryHealth};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;
pub use states::{ReportState, ScheduledQuery};
use tokio::sync::Mutex;

use super::offload::offload;
use super::osquery_config::ConfiguredHost;
use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::spool::{LogKind, Reader, Stored};
use crate::store::hosts::{self, HostSelection};
use crate::store::reports;
use line::Line;
use state::{Caps, State};

/// The name of the reader of the spool.
const READER: &str = "reports";

/// Bytes of the spool that are applied in one transaction.
const CHUNK: usize = 4 << 20;

/// Bytes of rows of one report at most.
const MAX_BYTES: usize = 4 << 20;

/// Reports deleted in one transaction.
const SLICE: u64 = 1_000;

/// The reader of result lines; it is made at the first look.
#[derive(Default)]
pub struct Reports(Mutex<Option<Reader>>);

/// A scheduled query, as its results are to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scheduled {
    /// The query.
    pub(super) query: SavedQueryId,
    /// Its results are not kept.
    pub(super) discard: bool,
    /// It, and its pack, are for the platform of these hosts: their agents run it, unless version, shard or discovery
    /// say otherwise.
    pub(super) runs: bool,
}

/// A host as those know it who see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    /// Outside id.
    pub id: PublicId,
    /// Host name.
    pub name: String,
}

/// The lines of one host, in order, each with the time when it came.
type Lines = Vec<(Line, Timestamp)>;

impl Fleet {
    /// Makes reports of all result lines that came since the last time. A task.
    ///
    /// # Errors
    /// Unavailable, or the spool can't be read; the next run goes on from the same place.
    pub async fn update_reports(&self) -> Result<(), FleetError> {
        let mut held = self.reports.0.lock().await;
        let reader = match &mut *held {
            Some(reader) => reader,
            none => none.insert(self.spool.reader(READER).map_err(FleetError::internal)?),
        };
        reader.hold().map_err(FleetError::internal)?;
        loop {
            let batches = reader.read(CHUNK).await.map_err(FleetError::internal)?;
            let Some(end) = batches.last().map(|batch| batch.end) else { return Ok(()) };
            if let Err(failed) = self.report(batches).await {
                reader.rewind();
                return Err(failed);
            }
            reader.commit(end).await.map_err(FleetError::internal)?;
        }
    }

    /// Deletes reports to which no line came for as long as they are kept. A task.
    ///
    /// # Errors
    /// Unavailable; the next run goes on.
    pub async fn prune_reports(&self) -> Result<(), FleetError> {
        let oldest = self.clock.now().minus(self.settings.report_retention);
        loop {
            let tx = self.store.begin().await?;
            let deleted = reports::delete_before(&tx, oldest, SLICE).await?;
            tx.commit().await?;
            if deleted < SLICE {
                return Ok(());
            }
        }
    }

    /// Applies batches, in one transaction.
    async fn report(&self, batches: Vec<Stored>) -> Result<(), FleetError> {
        let bytes = batches.iter().map(|stored| stored.batch.lines.len()).sum();
        let mut lines = offload(bytes, move || lines_of_hosts(batches)).await;
        if lines.is_empty() {
            return Ok(());
        }
        let ids: Vec<HostId> = lines.keys().copied().collect();
        let known = hosts::find(self.store.reader(), &Scope::system(), HostSelection::Ids(&ids)).await?;
        let mut work = Vec::with_capacity(known.len());
        for host in known {
            let schedule = self
                .served_to(ConfiguredHost { id: host.id, team: host.team_id, platform: host.platform })
                .await?;
            work.push((host, schedule));
        }
        work.sort_by_key(|(host, _)| host.id);
        let tx = self.store.begin().await?;
        for (host, schedule) in work {
            let lines = lines.remove(&host.id).unwrap_or_default();
            self.report_of_host(&tx, &host, lines, &schedule.names).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn report_of_host(
        &self,
        tx: &DatabaseTransaction,
        host: &Host,
        lines: Lines,
        schedule: &HashMap<String, Scheduled>,
    ) -> Result<(), FleetError> {
        let mut by_name: BTreeMap<String, Lines> = BTreeMap::new();
        for (line, received_at) in lines {
            if !schedule.get(&line.name).is_some_and(|query| query.discard) {
                by_name.entry(line.name.clone()).or_default().push((line, received_at));
            }
        }
        let names: Vec<String> = by_name.keys().cloned().collect();
        let stored = reports::lock_of_host(tx, &Scope::system(), host.id, &names).await?;
        let stored: HashMap<String, Report> =
            stored.into_iter().map(|report| (report.name.clone(), report)).collect();
        let caps = Caps { rows: self.settings.report_rows, bytes: MAX_BYTES };
        for (name, lines) in by_name {
            let mut state = stored.get(&name).map(state_of).unwrap_or_default();
            let mut news = None;
            for (line, received_at) in lines {
                if state.apply(line, caps) {
                    news = Some(received_at);
                }
            }
            if let Some(received_at) = news {
                let query = schedule.get(&name).map(|scheduled| scheduled.query);
                reports::put(tx, row((host.id, name, query), &state, received_at)).await?;
            }
        }
        Ok(())
    }
}

/// The result lines of each host.
fn lines_of_hosts(batches: Vec<Stored>) -> BTreeMap<HostId, Lines> {
    let mut lines: BTreeMap<HostId, Lines> = BTreeMap::new();
    for Stored { batch, .. } in batches {
        let (LogKind::Result, Some(host)) = (batch.kind, &batch.origin.host) else { continue };
        let read = batch.lines().filter_map(Line::read).map(|line| (line, batch.received_at));
        lines.entry(host.id).or_default().extend(read);
    }
    lines.retain(|_, lines| !lines.is_empty());
    lines
}

fn state_of(report: &Report) -> State {
    let state = State {
        epoch: report.epoch,
        counter: report.counter,
        baseline: Some(report.baseline_at),
        last: report.logged_at,
        is_complete: report.is_complete,
        dropped: report.dropped,
        ..State::default()
    };
    state.with_rows(&report.rows)
}

fn row(
    (host, name, query): (HostId, String, Option<SavedQueryId>),
    state: &State,
    received_at: Timestamp,
) -> ActiveModel {
    ActiveModel {
        id: NotSet,
        host_id: Set(host),
        name: Set(name),
        saved_query_id: Set(query),
        epoch: Set(state.epoch),
        counter: Set(state.counter),
        baseline_at: Set(state.baseline.unwrap_or_default()),
        logged_at: Set(state.last),
        is_complete: Set(state.is_complete),
        rows: Set(state.text()),
        row_count: Set(i64::try_from(state.row_count()).unwrap_or(i64::MAX)),
        dropped: Set(state.dropped),
        received_at: Set(received_at),
    }
}
