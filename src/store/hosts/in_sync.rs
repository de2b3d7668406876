//! Which hosts run the configuration that is served to them.

use entity::hosts::{Column, Entity};
use entity::id::{LabelId, TeamId};
use entity::kind::Platform;
use entity::label_members;
use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect};

use super::with_label;
use crate::policy::Scope;
use crate::store::{StoreError, scoped};

/// Hosts that have, or do not have, what is served to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InSync {
    /// Whether those are meant that have it.
    pub is_wanted: bool,
    /// What is served, by labels: each host is in one part.
    pub parts: Vec<SyncPart>,
}

/// What hosts are served that have the same labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncPart {
    /// They have these labels, each.
    pub with: Vec<LabelId>,
    /// They have none of these.
    pub without: Vec<LabelId>,
    /// The hashes that agents report, by team and platform. Others can't be foretold.
    pub served: Vec<(TeamId, Platform, Vec<String>)>,
}

impl InSync {
    /// The condition.
    pub(super) fn condition(&self) -> Condition {
        let known = self.parts.iter().filter(|part| !part.served.is_empty());
        let any = known.fold(Condition::any(), |any, part| any.add(part.condition(self.is_wanted)));
        // Without a member, "any of" would be no condition at all.
        let any = if any.is_empty() { any.add(Expr::val(1).eq(0)) } else { any };
        Condition::all().add(Column::ConfigHash.is_not_null()).add(any)
    }
}

impl SyncPart {
    fn condition(&self, is_wanted: bool) -> Condition {
        let place = |team: &TeamId, platform: &Platform| format!("{}:{platform}", team.0);
        let runs = self.served.iter().flat_map(|(team, platform, hashes)| {
            hashes.iter().map(move |hash| format!("{}:{hash}", place(team, platform)))
        });
        // One text, for databases write lists of rows in different ways.
        let here = Expr::cust("hosts.team_id || ':' || hosts.platform");
        let running = Expr::cust("hosts.team_id || ':' || hosts.platform || ':' || hosts.config_hash");
        let labels = self
            .with
            .iter()
            .fold(Condition::all(), |all, label| all.add(with_label(std::slice::from_ref(label))));
        let labels = labels.add_option((!self.without.is_empty()).then(|| with_none(&self.without)));
        if is_wanted {
            return labels.add(running.is_in(runs));
        }
        let places = self.served.iter().map(|(team, platform, _)| place(team, platform));
        labels.add(here.is_in(places)).add(running.is_not_in(runs))
    }
}

fn with_none(labels: &[LabelId]) -> Expr {
    let members = Query::select()
        .column(label_members::Column::HostId)
        .from(label_members::Entity)
        .and_where(label_members::Column::LabelId.is_in(labels.iter().copied()))
        .take();
    Column::Id.not_in_subquery(members)
}

/// The teams and platforms of hosts in scope, of these teams where they are given.
///
/// # Errors
/// When the database fails.
pub async fn audiences<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    teams: Option<&[TeamId]>,
) -> Result<Vec<(TeamId, Platform)>, StoreError> {
    let wanted = scoped(Column::TeamId, scope)
        .add_option(teams.map(|teams| Column::TeamId.is_in(teams.iter().copied())));
    let found = Entity::find()
        .select_only()
        .columns([Column::TeamId, Column::Platform])
        .filter(wanted)
        .filter(Column::ConfigHash.is_not_null())
        .distinct();
    Ok(found.into_tuple().all(db).await?)
}
