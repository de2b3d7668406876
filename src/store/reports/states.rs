//! What became of a query on each host of its audience.

use entity::host_schedule;
use entity::hosts;
use entity::id::{HostId, LabelId, SavedQueryId, TeamId};
use entity::kind::Platform;
use entity::reports;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryResult, QuerySelect, QueryTrait,
};

use crate::policy::Scope;
use crate::store::hosts::with_label;
use crate::store::page::{self, Key, Page, PageRequest};
use crate::store::{StoreError, scoped};

/// What became of a scheduled query on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReportState {
    /// The query has rows.
    Rows,
    /// The query ran and has no row.
    Empty,
    /// No line of it ever came.
    NeverAnswered,
    /// osquery refuses to run it, whatever its report says.
    Denylisted,
    /// Its results are not kept.
    NotKept,
}

/// Whom a query is for.
#[derive(Clone, Debug)]
pub struct Audience {
    /// The query.
    pub query: SavedQueryId,
    /// The name under which hosts log it.
    pub name: String,
    /// The only team; none for all.
    pub team: Option<TeamId>,
    /// The platforms.
    pub platforms: Vec<Platform>,
    /// Of each of these lists a host has a label; an empty list is no condition.
    pub with_any: Vec<Vec<LabelId>>,
    /// A host has none of these labels.
    pub without: Vec<LabelId>,
    /// Its results are not kept.
    pub is_discarded: bool,
}

impl Audience {
    fn condition(&self) -> Condition {
        let all = Condition::all()
            .add_option(self.team.map(|team| hosts::Column::TeamId.eq(team)))
            .add(hosts::Column::Platform.is_in(self.platforms.iter().copied()));
        let lists = self.with_any.iter().filter(|labels| !labels.is_empty());
        let all = lists.fold(all, |all, labels| all.add(with_label(labels)));
        let without = Condition::all().add(with_label(&self.without)).not();
        all.add_option((!self.without.is_empty()).then_some(without))
    }

    fn having(&self, state: ReportState) -> Condition {
        let refused = Query::select()
            .column(host_schedule::Column::HostId)
            .from(host_schedule::Entity)
            .and_where(host_schedule::Column::Name.eq(self.name.as_str()))
            .and_where(host_schedule::Column::DenylistedSince.is_not_null())
            .take();
        let refused = Condition::all().add(hosts::Column::Id.in_subquery(refused));
        let runs = Condition::all().add(refused.clone().not());
        match state {
            ReportState::Denylisted => refused,
            ReportState::Rows => runs.add(self.reported(Some(Expr::cust(ROWS).gt(0)))),
            ReportState::Empty => runs.add(self.reported(Some(Expr::cust(ROWS).eq(0)))),
            ReportState::NeverAnswered | ReportState::NotKept => {
                let is_meant = self.is_discarded == (state == ReportState::NotKept);
                let nobody = (!is_meant).then(|| Expr::val(1).eq(0));
                runs.add(self.reported(None).not()).add_option(nobody)
            }
        }
    }

    /// Hosts with a report of the query that meets this.
    fn reported(&self, rows: Option<Expr>) -> Condition {
        let of = Condition::all().add(reports::Column::SavedQueryId.eq(self.query)).add_option(rows);
        let found =
            Query::select().column(reports::Column::HostId).from(reports::Entity).cond_where(of).take();
        Condition::all().add(hosts::Column::Id.in_subquery(found))
    }
}

/// Rows of a report, kept or not.
const ROWS: &str = "\"reports\".\"row_count\" + \"reports\".\"dropped\"";

/// A page of the hosts in scope that each audience has, by id, of these states where they are given.
///
/// # Errors
/// When the database fails.
pub async fn hosts_by_state<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    (audiences, states): (&[&Audience], Option<&[ReportState]>),
    request: &PageRequest,
) -> Result<Vec<Page<HostId>>, StoreError> {
    let select = |audience: &&Audience| {
        let wanted = states.map(|states| {
            // Without a member, "any of" would be no condition at all.
            let none = Condition::any().add(Expr::val(1).eq(0));
            states.iter().fold(none, |any, state| any.add(audience.having(*state)))
        });
        let found = hosts::Entity::find()
            .select_only()
            .column(hosts::Column::Id)
            .filter(scoped(hosts::Column::TeamId, scope))
            .filter(audience.condition())
            .filter(Condition::all().add_option(wanted));
        request.by_id(found, hosts::Column::Id).into_query()
    };
    let read = |row: &QueryResult| row.try_get::<HostId>("", "id");
    let found = page::each(db, audiences.iter().map(select).collect(), read).await?;
    Ok(found.into_iter().map(|rows| Page::of(rows, request, |host| Key::by_id(host.0))).collect())
}
