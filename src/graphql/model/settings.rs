//! Settings that guard the fleet.

use async_graphql::{Enum, InputObject, Object, SimpleObject};

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

    /// Version for optimistic concurrency.
    async fn version(&self) -> i32 {
        self.0.version
    }
}
