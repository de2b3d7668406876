//! Which hosts have the configuration that is served to them.
//!
//! A host tells the hash of what it runs with its vitals; what it should be follows from what hosts of its team,
//! platform and labels are served. Both are facts, so nothing is stored of the comparison.

use std::collections::{BTreeSet, HashMap};

use entity::id::{HostId, LabelId, TeamId};
use sea_orm::ConnectionTrait;

use super::{Audience, ConfiguredHost, Served};
use crate::fleet::{Fleet, FleetError, RejectionCode};
use crate::policy::Scope;
use crate::store::hosts::{InSync, SyncPart};
use crate::store::{hosts, labels};

/// Different sets of labels that a condition looks at, at most.
const MAX_LABEL_SETS: usize = 200;

/// Configurations that a condition looks at, at most.
const MAX_SERVED: usize = 10_000;

/// What a host says it runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Running {
    /// The host.
    pub host: ConfiguredHost,
    /// The hash that it told.
    pub hash: String,
}

impl Served {
    /// Whether an agent that reports this hash has it; none when that can't be foretold.
    fn is_named(&self, hash: &str) -> Option<bool> {
        (!self.hashes.is_empty()).then(|| self.hashes.iter().any(|known| known == hash))
    }
}

impl Fleet {
    /// Whether hosts have the configuration that is served to them; those are left out of which it can't be told,
    /// because the hash of theirs can't be foretold.
    ///
    /// # Errors
    /// Unavailable; internal.
    pub async fn configs_in_sync(&self, asked: &[Running]) -> Result<HashMap<Running, bool>, FleetError> {
        let hosts: Vec<ConfiguredHost> = asked.iter().map(|running| running.host).collect();
        self.remember_labels(&hosts).await?;
        let mut known = HashMap::with_capacity(asked.len());
        for running in asked {
            let served = self.served_to(running.host).await?;
            if let Some(is_in_sync) = served.is_named(&running.hash) {
                known.insert(running.clone(), is_in_sync);
            }
        }
        Ok(known)
    }

    /// The condition that hosts have, or do not have, what is served to them. Those of which it can't be told meet
    /// neither.
    ///
    /// # Errors
    /// Rejected when too many configurations would have to be compared; unavailable; internal.
    pub(in crate::fleet) async fn resolve_in_sync<C: ConnectionTrait>(
        &self,
        db: &C,
        scope: &Scope,
        (is_wanted, teams): (bool, Option<&[TeamId]>),
    ) -> Result<InSync, FleetError> {
        let audiences = hosts::audiences(db, scope, teams).await?;
        let mut all_labels = BTreeSet::new();
        for (team, _) in &audiences {
            all_labels.extend(self.material(*team).await?.labels.iter().copied());
        }
        let all_labels: Vec<LabelId> = all_labels.into_iter().collect();
        let sets = label_sets(db, scope, &all_labels).await?;
        if sets.len() > MAX_LABEL_SETS || sets.len().saturating_mul(audiences.len()) > MAX_SERVED {
            let message = "these hosts have too many different configurations to compare: choose a team";
            return Err(FleetError::rejected(RejectionCode::LimitExceeded, "configInSync", message));
        }
        let mut parts = Vec::with_capacity(sets.len());
        for set in sets {
            let mut part = SyncPart { with: set.clone(), ..SyncPart::default() };
            part.without = all_labels.iter().copied().filter(|label| !set.contains(label)).collect();
            for (team, platform) in &audiences {
                let asks = &self.material(*team).await?.labels;
                let labels = set.iter().copied().filter(|label| asks.contains(label)).collect();
                let audience = Audience { team: *team, platform: platform.as_str(), labels };
                let served = self.served(audience).await?;
                if !served.hashes.is_empty() {
                    part.served.push((*team, *platform, served.hashes.clone()));
                }
            }
            parts.push(part);
        }
        Ok(InSync { is_wanted, parts })
    }
}

/// The different sets of these labels that hosts have, none of them first.
async fn label_sets<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    all: &[LabelId],
) -> Result<Vec<Vec<LabelId>>, FleetError> {
    let mut sets = BTreeSet::from([Vec::new()]);
    if !all.is_empty() {
        let mut of_hosts: HashMap<HostId, Vec<LabelId>> = HashMap::new();
        for (host, label) in labels::with_any(db, scope, all).await? {
            of_hosts.entry(host).or_default().push(label);
        }
        sets.extend(of_hosts.into_values());
    }
    Ok(sets.into_iter().collect())
}
