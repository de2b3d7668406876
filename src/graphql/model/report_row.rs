//! Rows of reports as a table.

use async_graphql::{Context, Enum, InputObject, Object};
use entity::id::{HostId, ReportId};

use super::host::Host;
use super::host_filter::SortDirection;
use super::report::Report;
use crate::fleet::reports::table;
use crate::graphql::connection::{Cursor, Listed, connection};
use crate::graphql::context::ContextExt;
use crate::graphql::error::Result;
use crate::graphql::scalars::{OsqueryRow, Text};

/// How a value of a row is compared; new values may be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "table::RowOperator")]
pub enum RowOperator {
    /// The same text.
    Equals,
    /// Another text, or none.
    NotEquals,
    /// It has the text somewhere, in any case.
    Contains,
    /// It begins with the text, in any case.
    StartsWith,
    /// It comes after: as a number where both are numbers, else as a text.
    GreaterThan,
    /// It comes before, likewise.
    LessThan,
}

/// A condition on a column. A row without the column meets none but `NOT_EQUALS`.
#[derive(InputObject)]
pub struct RowCondition {
    /// The column.
    column: Text,
    /// How it is compared.
    #[graphql(default_with = "RowOperator::Equals")]
    operator: RowOperator,
    /// What with.
    value: Text,
}

/// An order of rows by a column: rows without it, numbers by value, then texts.
#[derive(InputObject)]
pub struct RowSort {
    /// The column.
    column: Text,
    /// Direction to sort in.
    #[graphql(default_with = "SortDirection::Asc")]
    direction: SortDirection,
}

/// The rows that are asked for.
#[must_use]
pub fn wanted(conditions: Option<Vec<RowCondition>>, sort: Option<RowSort>) -> table::RowQuery {
    let condition = |RowCondition { column, operator, value }| table::RowCondition {
        column: column.0,
        operator: operator.into(),
        value: value.0,
    };
    let sort = sort.map(|RowSort { column, direction }| table::RowSort {
        column: column.0,
        descending: direction == SortDirection::Desc,
    });
    table::RowQuery { conditions: conditions.into_iter().flatten().map(condition).collect(), sort }
}

/// A row of a report.
#[derive(Clone, Debug)]
pub struct ReportRow {
    report: ReportId,
    host: HostId,
    row: OsqueryRow,
}

/// A row of a report.
#[Object]
impl ReportRow {
    /// The host; null when it is not visible any more.
    async fn host(&self, ctx: &Context<'_>) -> Result<Option<Host>> {
        ctx.load(self.host).await
    }

    /// The report that it is in; null when that is gone.
    async fn report(&self, ctx: &Context<'_>) -> Result<Option<Report>> {
        ctx.load(self.report).await
    }

    /// The row.
    async fn values(&self) -> &OsqueryRow {
        &self.row
    }
}

connection! {
    /// Page of rows of reports. It may have fewer rows than were asked for while hasNextPage says that more follow: of rows
    /// that are chosen by conditions only so many are looked at for a page.
    ReportRowConnection {}

    /// One row in a page.
    ReportRowEdge {
        /// The row.
        ReportRow
    }
}

impl ReportRowConnection {
    /// The connection of a page that follows `after`.
    #[must_use]
    pub fn of(after: Option<&Text>, page: table::RowPage) -> Self {
        let node = |row: table::ReportRow| {
            let node = ReportRow { report: row.report, host: row.host, row: OsqueryRow(row.row) };
            (Cursor::Sealed(row.cursor), node)
        };
        let nodes: Vec<_> = page.rows.into_iter().map(node).collect();
        Self::new(Listed::sealed(nodes, (after.is_some(), page.more), page.end_cursor))
    }
}
