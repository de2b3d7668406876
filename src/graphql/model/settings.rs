//! Settings that guard the fleet.

use async_graphql::{Enum, InputObject, Object, SimpleObject};

use super::host::Platform;
use super::host_filter::each_into;
use crate::clock::Timestamp;
use crate::fleet::guard;
use crate::graphql::scalars::{Text, int};

/// Who may name a restricted table or function in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[graphql(remote = "guard::RestrictionLevel")]
pub enum RestrictionLevel {
    /// Maintainers and admins.
    Maintainer,
    /// Nobody.
    Forbidden,
}

/// A table or function that not everybody may name in SQL.
#[derive(Clone, Debug, SimpleObject)]
pub struct Restriction {
    /// The name, in lower case.
    name: String,
    /// Who may name it.
    level: RestrictionLevel,
}

/// A table or function that not everybody shall name in SQL.
#[derive(Clone, Debug, InputObject)]
pub struct RestrictionInput {
    /// The name, in any case.
    name: Text,
    /// Who may name it.
    level: RestrictionLevel,
}

impl From<guard::Restriction> for Restriction {
    fn from(restriction: guard::Restriction) -> Self {
        Self { name: restriction.name, level: restriction.level.into() }
    }
}

impl From<RestrictionInput> for guard::Restriction {
    fn from(input: RestrictionInput) -> Self {
        Self { name: input.name.0, level: input.level.into() }
    }
}

/// A query that every host is asked beside its vitals.
#[derive(Clone, Debug, SimpleObject)]
pub struct AdditionalQuery {
    /// Its name; the rows are in `vitals.tables` under `extra_NAME`.
    name: String,
    /// The SQL.
    sql: String,
    /// The platforms that are asked; empty for all.
    platforms: Vec<Platform>,
}

/// A query that every host shall be asked beside its vitals.
#[derive(Clone, Debug, InputObject)]
pub struct AdditionalQueryInput {
    /// Its name: up to 64 letters, digits and `_`.
    name: Text,
    /// The SQL.
    sql: Text,
    /// The platforms that are asked; none for all.
    platforms: Option<Vec<Platform>>,
}

impl From<guard::AdditionalQuery> for AdditionalQuery {
    fn from(query: guard::AdditionalQuery) -> Self {
        Self { name: query.name, sql: query.sql, platforms: each_into(query.platforms) }
    }
}

impl From<AdditionalQueryInput> for guard::AdditionalQuery {
    fn from(input: AdditionalQueryInput) -> Self {
        let platforms = each_into(input.platforms.unwrap_or_default());
        Self { name: input.name.0, sql: input.sql.0, platforms, since: Timestamp(0) }
    }
}

/// Settings of the whole fleet.
#[derive(Clone, Debug)]
pub struct FleetSettings(pub guard::FleetSettings);

/// Settings of the whole fleet.
#[Object]
impl FleetSettings {
    /// All dispatch is stopped: check-ins hand out no query, on any server. Answers are still taken.
    async fn dispatch_stopped(&self) -> bool {
        self.0.dispatch_stopped
    }

    /// More hosts than this only an admin of each of their teams may run on; null for no cap.
    async fn target_cap(&self) -> Option<i32> {
        self.0.target_cap.map(int)
    }

    /// What SQL may not name, on any host; teams may restrict more.
    async fn restrictions(&self) -> Vec<Restriction> {
        self.0.restrictions.iter().cloned().map(Restriction::from).collect()
    }

    /// Days after which hosts that are not seen any more are deleted; null for never. Teams may say otherwise.
    async fn host_expiry_days(&self) -> Option<i32> {
        self.0.host_expiry_days.filter(|days| *days > 0).map(int)
    }

    /// What every host is asked beside its vitals.
    async fn additional_queries(&self) -> Vec<AdditionalQuery> {
        self.0.additional_queries.iter().cloned().map(AdditionalQuery::from).collect()
    }

    /// Version for optimistic concurrency.
    async fn version(&self) -> i32 {
        self.0.version
    }
}
