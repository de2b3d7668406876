//! Table `campaign_teams`: counters of a campaign by team, and the join that decides who sees it.

use std::collections::{BTreeMap, HashMap};

pub use entity::campaign_teams::Model as TeamTotals;
use entity::campaign_teams::{ActiveModel, Column, Entity};
use entity::id::{CampaignId, TeamId};
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::campaign_targets::TargetSet;
use super::{StoreError, scoped};
use crate::policy::Scope;

/// What answers add to the counters of one campaign and team.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// Hosts that answered with rows, perhaps none.
    pub succeeded: i64,
    /// Hosts that answered with an error.
    pub failed: i64,
    /// Rows kept.
    pub rows: i64,
    /// Rows dropped by a limit.
    pub rows_dropped: i64,
}

impl std::ops::AddAssign for Delta {
    fn add_assign(&mut self, other: Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.rows += other.rows;
        self.rows_dropped += other.rows_dropped;
    }
}

/// Starts the counters of a campaign at zero.
///
/// # Errors
/// When the database fails.
pub async fn insert(
    tx: &DatabaseTransaction,
    campaign: CampaignId,
    targets: &TargetSet,
) -> Result<(), StoreError> {
    let rows = targets.sizes().map(|(team, targeted)| ActiveModel {
        campaign_id: Set(campaign),
        team_id: Set(team),
        targeted: Set(targeted),
        succeeded: Set(0),
        failed: Set(0),
        rows: Set(0),
        rows_dropped: Set(0),
    });
    Entity::insert_many(rows).exec_without_returning(tx).await?;
    Ok(())
}

/// Adds to the counters; the campaign's row lock is held.
///
/// # Errors
/// When the database fails.
pub async fn add(
    tx: &DatabaseTransaction,
    deltas: &BTreeMap<(CampaignId, TeamId), Delta>,
) -> Result<(), StoreError> {
    for ((campaign, team), delta) in deltas {
        Entity::update_many()
            .col_expr(Column::Succeeded, Expr::col(Column::Succeeded).add(delta.succeeded))
            .col_expr(Column::Failed, Expr::col(Column::Failed).add(delta.failed))
            .col_expr(Column::Rows, Expr::col(Column::Rows).add(delta.rows))
            .col_expr(Column::RowsDropped, Expr::col(Column::RowsDropped).add(delta.rows_dropped))
            .filter(Column::CampaignId.eq(*campaign))
            .filter(Column::TeamId.eq(*team))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// The counters of campaigns, of the teams in scope.
///
/// # Errors
/// When the database fails.
pub async fn load<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    campaigns: &[CampaignId],
) -> Result<HashMap<CampaignId, Vec<TeamTotals>>, StoreError> {
    let mut totals = HashMap::<_, Vec<TeamTotals>>::new();
    for ids in campaigns.chunks(1_000) {
        let rows = Entity::find()
            .filter(Column::CampaignId.is_in(ids.iter().copied()))
            .filter(scoped(Column::TeamId, scope))
            .all(db)
            .await?;
        for row in rows {
            totals.entry(row.campaign_id).or_default().push(row);
        }
    }
    Ok(totals)
}
