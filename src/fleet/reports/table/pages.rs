//! Reading pages of rows.

use std::sync::Arc;

use bytes::Bytes;
use entity::id::{ReportId, SavedQueryId};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{Cell, Found, Place, ReportRow, RowPage, RowQuery};
use crate::fleet::hosts::HostFilter;
use crate::fleet::offload::offload;
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::hosts::ResolvedHostFilter;
use crate::store::reports::{self, Of};

/// Bytes of rows that are read for one page in the order of reports, about; one report may have more.
const READ: i64 = 32 << 20;

/// Bytes of rows that can be sorted.
const SORTED: i64 = 64 << 20;

/// Bytes of rows in memory at once, about.
const CHUNK: i64 = 8 << 20;

/// Reports looked at in one statement.
const STEP: u64 = 1_000;

/// Conditions at most.
const MAX_CONDITIONS: usize = 20;

/// What cursors of rows are sealed for.
const CURSOR: &str = "page:report_rows";

/// A cursor: the place, and of which list.
#[derive(Serialize, Deserialize)]
struct Mark {
    list: u64,
    place: Place,
}

impl Fleet {
    /// A page of the rows of a saved query on visible hosts that meet `hosts`.
    ///
    /// # Errors
    /// Denied; rejected (`where`, `orderBy`); invalid cursor; unavailable.
    pub async fn rows_of_query(
        &self,
        actor: &Actor,
        (query, hosts): (SavedQueryId, Option<&HostFilter>),
        wanted: RowQuery,
        (limit, after): (u64, Option<&str>),
    ) -> Result<RowPage, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let hosts = match hosts {
            Some(filter) => Some(self.resolve_host_filter(self.store.reader(), &scope, filter).await?),
            None => None,
        };
        self.row_page(&scope, (Of::Query(query), hosts.as_ref()), wanted, (limit, after)).await
    }

    /// A page of the rows of one report, of a visible host.
    ///
    /// # Errors
    /// As [`Self::rows_of_query`].
    pub async fn rows_of_report(
        &self,
        actor: &Actor,
        report: ReportId,
        wanted: RowQuery,
        (limit, after): (u64, Option<&str>),
    ) -> Result<RowPage, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        self.row_page(&scope, (Of::One(report), None), wanted, (limit, after)).await
    }

    async fn row_page(
        &self,
        scope: &Scope,
        of: (Of, Option<&ResolvedHostFilter>),
        wanted: RowQuery,
        (limit, after): (u64, Option<&str>),
    ) -> Result<RowPage, FleetError> {
        if wanted.conditions.len() > MAX_CONDITIONS {
            return Err(FleetError::rejected(RejectionCode::LimitExceeded, "where", "at most 20 conditions"));
        }
        let list = list_of(of.0, &wanted);
        let after = match after {
            Some(cursor) => Some(self.open_mark(list, cursor)?),
            None => None,
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let wanted = Arc::new(wanted);
        let (mut found, end) = if wanted.sort.is_some() {
            (self.sorted(scope, of, &wanted, (limit + 1, after.as_ref())).await?, None)
        } else {
            self.in_order(scope, of, &wanted, (limit + 1, after.as_ref())).await?
        };
        let more = found.len() > limit || end.is_some();
        let end = if found.len() > limit { None } else { end };
        found.truncate(limit);
        let seal = |place: &Place| self.seal_mark(&Mark { list, place: place.clone() });
        let rows: Vec<ReportRow> = found
            .into_iter()
            .map(|found| ReportRow {
                report: ReportId(found.place.report),
                host: found.host,
                cursor: seal(&found.place),
                row: Bytes::from(String::from(Box::<str>::from(found.row)).into_bytes()),
            })
            .collect();
        let end_cursor = end.as_ref().map(seal).or_else(|| rows.last().map(|row| row.cursor.clone()));
        Ok(RowPage { rows, end_cursor, more })
    }

    /// Rows in the order of reports, so many at most; and where the reading stopped, if before the end.
    async fn in_order(
        &self,
        scope: &Scope,
        of: (Of, Option<&ResolvedHostFilter>),
        wanted: &Arc<RowQuery>,
        (limit, after): (usize, Option<&Place>),
    ) -> Result<(Vec<Found>, Option<Place>), FleetError> {
        let mut found: Vec<Found> = Vec::new();
        let mut read_to = ReportId(after.map_or(i64::MIN, |place| match place.cell {
            Cell::End => place.report,
            _ => place.report.saturating_sub(1),
        }));
        let mut bytes = 0;
        loop {
            let sizes = reports::sizes(self.store.reader(), scope, of, (read_to, STEP)).await?;
            let is_last = (sizes.len() as u64) < STEP;
            for chunk in chunks(&sizes) {
                let ids: Vec<ReportId> = chunk.iter().map(|(id, _)| *id).collect();
                let size: i64 = chunk.iter().map(|(_, size)| *size).sum();
                found.extend(self.found(scope, &ids, size, wanted, after).await?);
                (read_to, bytes) = (ids.last().copied().unwrap_or(read_to), bytes + size);
                if found.len() >= limit {
                    found.sort_by(|one, other| wanted.order(&one.place, &other.place));
                    found.truncate(limit);
                    return Ok((found, None));
                }
                if bytes >= READ {
                    found.sort_by(|one, other| wanted.order(&one.place, &other.place));
                    let end = Place { cell: Cell::End, report: read_to.0, row: u64::MAX };
                    return Ok((found, Some(end)));
                }
            }
            if is_last {
                found.sort_by(|one, other| wanted.order(&one.place, &other.place));
                return Ok((found, None));
            }
        }
    }

    /// The first rows in the order of a column.
    async fn sorted(
        &self,
        scope: &Scope,
        of: (Of, Option<&ResolvedHostFilter>),
        wanted: &Arc<RowQuery>,
        (limit, after): (usize, Option<&Place>),
    ) -> Result<Vec<Found>, FleetError> {
        if reports::total(self.store.reader(), scope, of).await? > SORTED {
            let message =
                "these are more than 64 MiB of rows: choose hosts, take them unsorted, or export them";
            return Err(FleetError::rejected(RejectionCode::LimitExceeded, "orderBy", message));
        }
        let mut first: Vec<Found> = Vec::new();
        let mut read_to = ReportId(i64::MIN);
        loop {
            let sizes = reports::sizes(self.store.reader(), scope, of, (read_to, STEP)).await?;
            for chunk in chunks(&sizes) {
                let ids: Vec<ReportId> = chunk.iter().map(|(id, _)| *id).collect();
                let size = chunk.iter().map(|(_, size)| *size).sum();
                first.extend(self.found(scope, &ids, size, wanted, after).await?);
                first.sort_by(|one, other| wanted.order(&one.place, &other.place));
                first.truncate(limit);
            }
            match sizes.last() {
                Some((last, _)) if sizes.len() as u64 >= STEP => read_to = *last,
                Some(_) | None => return Ok(first),
            }
        }
    }

    /// What is wanted of some reports; looked for on a thread of its own where it is much.
    async fn found(
        &self,
        scope: &Scope,
        ids: &[ReportId],
        size: i64,
        wanted: &Arc<RowQuery>,
        after: Option<&Place>,
    ) -> Result<Vec<Found>, FleetError> {
        let read = reports::by_ids(self.store.reader(), scope, ids).await?;
        let (wanted, after) = (Arc::clone(wanted), after.cloned());
        let look = move || -> Vec<Found> {
            read.iter().flat_map(|report| wanted.of_report(report, after.as_ref())).collect()
        };
        Ok(offload(usize::try_from(size).unwrap_or(usize::MAX), look).await)
    }

    fn seal_mark(&self, mark: &Mark) -> String {
        self.keys.seal(CURSOR, &serde_json::to_vec(mark).unwrap_or_default())
    }

    fn open_mark(&self, list: u64, cursor: &str) -> Result<Place, FleetError> {
        let plain = self.keys.open(CURSOR, cursor).ok_or(FleetError::InvalidCursor)?;
        let mark: Mark = serde_json::from_slice(&plain).map_err(|_| FleetError::InvalidCursor)?;
        if mark.list == list { Ok(mark.place) } else { Err(FleetError::InvalidCursor) }
    }
}

/// Names a list: a cursor of one is not valid in another.
fn list_of(of: Of, wanted: &RowQuery) -> u64 {
    let text = format!("{of:?} {}", serde_json::json!(wanted));
    let hash = digest(&SHA256, text.as_bytes());
    u64::from_be_bytes(hash.as_ref().first_chunk().copied().unwrap_or_default())
}

/// Reports that are read together.
fn chunks(sizes: &[(ReportId, i64)]) -> Vec<&[(ReportId, i64)]> {
    let mut chunks = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (at, (_, size)) in sizes.iter().enumerate() {
        if bytes + size > CHUNK && at > begin {
            chunks.push(&sizes[begin..at]);
            (begin, bytes) = (at, 0);
        }
        bytes += size;
    }
    if begin < sizes.len() {
        chunks.push(&sizes[begin..]);
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_reports_are_read_alone() {
        let sizes = [1, CHUNK, 1, 2, CHUNK * 2].map(|size| (ReportId(size), size));
        let together: Vec<usize> = chunks(&sizes).iter().map(|chunk| chunk.len()).collect();
        assert_eq!(together, [1, 1, 2, 1]);
        assert!(chunks(&[]).is_empty());
    }
}
