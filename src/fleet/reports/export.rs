//! Reports to be taken away: all of a query, or of a host, that a viewer may see, from memory of bounded size.

use std::collections::BTreeMap;

use entity::id::{PublicId, ReportId};
use futures_util::stream::{self, BoxStream, StreamExt};
use serde_json::json;

use super::table::columns;
use super::{HostName, Report};
use crate::fleet::activity::NewActivity;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::hosts::{self, HostSelection};
use crate::store::reports::{self, Of};

/// Reports looked at in one statement.
const STEP: u64 = 500;

/// Bytes of rows read at once, about; one report may have more.
const CHUNK: i64 = 2 << 20;

/// Columns at most; what has a name beyond them is not a column.
const MAX_COLUMNS: usize = 2_000;

/// Whose reports are taken away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportSource {
    /// Those of a saved query.
    Query(PublicId),
    /// Those of a host.
    Host(PublicId),
}

/// What an export gives.
pub struct ReportExport {
    /// Name of the query, or of the host.
    pub name: String,
    /// The columns of all rows, where they are wanted; at most 2,000.
    pub columns: Vec<String>,
    /// The reports in the order in which they began, each with its host.
    pub reports: BoxStream<'static, Result<Vec<(HostName, Report)>, FleetError>>,
}

/// Which reports, and how far they are read.
struct Reading {
    fleet: Fleet,
    scope: Scope,
    of: Of,
    read_to: ReportId,
    end: ReportId,
    /// What is known to be next, each with its bytes.
    next: Vec<(ReportId, i64)>,
}

impl Fleet {
    /// Begins to read reports to be taken away, and records who does so. With `columns`, every report is read twice.
    ///
    /// # Errors
    /// Denied; not found; unavailable. In the stream: unavailable.
    pub async fn export_reports(
        &self,
        actor: &Actor,
        source: &ReportSource,
        (format, wants_columns): (&'static str, bool),
    ) -> Result<ReportExport, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let (of, name, team, subject) = match source {
            ReportSource::Query(id) => {
                let mut found = self.saved_queries_by_public_ids(actor, std::slice::from_ref(id)).await?;
                let query = found.remove(id).ok_or(FleetError::NotFound("saved query"))?;
                (Of::Query(query.id), query.name, query.team_id, id)
            }
            ReportSource::Host(id) => {
                let host = self.host(actor, id).await?.ok_or(FleetError::NotFound("host"))?;
                (Of::Host(host.id), host.hostname, host.team_id, id)
            }
        };
        let end = reports::newest(self.store.reader(), &scope, of).await?;
        let reading = || Reading {
            fleet: self.clone(),
            scope: scope.clone(),
            of,
            read_to: ReportId(0),
            end,
            next: Vec::new(),
        };
        let columns = if wants_columns { reading().columns().await? } else { Vec::new() };
        let tx = self.store.begin().await?;
        let details = json!({ "format": format, "name": name });
        let exported =
            NewActivity { kind: "report.exported", team: team.some(), subject: Some(subject), details };
        self.record_activity(&tx, actor, exported).await?;
        tx.commit().await?;
        let reports = stream::try_unfold(reading(), Reading::step).boxed();
        Ok(ReportExport { name, columns, reports })
    }
}

impl Reading {
    /// The next reports, with their hosts.
    async fn step(mut self) -> Result<Option<(Vec<(HostName, Report)>, Self)>, FleetError> {
        let reports = self.read().await?;
        if reports.is_empty() {
            return Ok(None);
        }
        let ids: Vec<_> = reports.iter().map(|report| report.host_id).collect();
        let db = self.fleet.store.reader();
        let found = hosts::find(db, &self.scope, HostSelection::Ids(&ids)).await?;
        let known: BTreeMap<_, _> = found
            .into_iter()
            .map(|host| (host.id, HostName { id: host.public_id, name: host.hostname }))
            .collect();
        // A host that went meanwhile took its reports with it.
        let named =
            reports.into_iter().filter_map(|report| Some((known.get(&report.host_id)?.clone(), report)));
        Ok(Some((named.collect(), self)))
    }

    async fn columns(mut self) -> Result<Vec<String>, FleetError> {
        let mut known = BTreeMap::new();
        loop {
            let read = self.read().await?;
            if read.is_empty() {
                break;
            }
            for report in read {
                columns(&report.rows, &mut known, MAX_COLUMNS);
            }
        }
        let mut ordered: Vec<(String, usize)> = known.into_iter().collect();
        ordered.sort_by_key(|(_, place)| *place);
        Ok(ordered.into_iter().map(|(column, _)| column).collect())
    }

    /// Some more reports, none at the end.
    async fn read(&mut self) -> Result<Vec<Report>, FleetError> {
        let db = self.fleet.store.reader();
        loop {
            if self.next.is_empty() {
                self.next = reports::sizes(db, &self.scope, (self.of, None), (self.read_to, STEP)).await?;
                self.next.retain(|(id, _)| *id <= self.end);
            }
            let mut bytes = 0;
            let together = self.next.iter().take_while(|(_, size)| {
                let is_first = bytes == 0;
                bytes += size.max(&1);
                is_first || bytes <= CHUNK
            });
            let ids: Vec<ReportId> = together.map(|(id, _)| *id).collect();
            let Some(last) = ids.last() else { return Ok(Vec::new()) };
            self.read_to = *last;
            self.next.drain(..ids.len());
            let read = reports::by_ids(db, &self.scope, &ids).await?;
            // All of them may have gone meanwhile.
            if !read.is_empty() {
                return Ok(read);
            }
        }
    }
}
