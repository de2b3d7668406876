//! How many hosts stand how to policies, of those that the caller sees.

use std::collections::{BTreeMap, HashMap};

use entity::id::{PolicyId, TeamId};
use entity::policies::Model as Policy;

use super::Known;
use crate::fleet::due::Platform;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::policy_counts::TeamCounts;
use crate::store::{policies, policy_counts};

/// How many hosts stand how to a policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyCounts {
    /// Hosts that pass.
    pub passing: u64,
    /// Hosts that fail.
    pub failing: u64,
    /// Hosts where the query could not be run.
    pub erring: u64,
    /// Hosts that it is about and that have not answered it.
    pub unanswered: u64,
}

impl PolicyCounts {
    /// The hosts that it is about.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.passing + self.failing + self.erring + self.unanswered
    }

    fn add(&mut self, other: Self) {
        self.passing += other.passing;
        self.failing += other.failing;
        self.erring += other.erring;
        self.unanswered += other.unanswered;
    }

    /// All of them together.
    #[must_use]
    pub fn sum(of_teams: &BTreeMap<TeamId, Self>) -> Self {
        let mut sum = Self::default();
        for counts in of_teams.values() {
            sum.add(*counts);
        }
        sum
    }
}

impl Fleet {
    /// The counts of visible policies by team, of visible hosts; teams without hosts that it is about are left out. As many
    /// statements for a hundred policies as for one.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn policy_counts(
        &self,
        actor: &Actor,
        ids: &[PolicyId],
    ) -> Result<HashMap<PolicyId, BTreeMap<TeamId, PolicyCounts>>, FleetError> {
        let (policy_scope, hosts) =
            (allow(actor, Action::ReadPolicies, None)?, allow(actor, Action::ReadHosts, None)?);
        let db = self.store.reader();
        let wanted = policies::by_ids(db, &policy_scope, ids).await?;
        let labels = policies::labels_of(db, &policy_scope, Some(ids)).await?;
        let mut answered = policy_counts::load(db, &hosts, ids).await?;
        let by_platform = policy_counts::hosts_by_platform(db, &hosts).await?;
        let mut by_label: HashMap<PolicyId, Vec<(TeamId, i64)>> = HashMap::new();
        if !labels.is_empty() {
            for (policy, team, count) in policy_counts::hosts_by_label(db, &hosts, &labels).await? {
                by_label.entry(policy).or_default().push((team, count));
            }
        }
        let counted = Known::all(wanted, &labels).into_iter().map(|known| {
            let is_narrowed = labels.contains_key(&known.policy.id);
            let about = if is_narrowed {
                by_label.remove(&known.policy.id).unwrap_or_default()
            } else {
                about_by_platform(&known, &by_platform)
            };
            let answered = answered.remove(&known.policy.id).unwrap_or_default();
            (known.policy.id, of_teams(&answered, &about))
        });
        Ok(counted.collect())
    }

    /// The counts of one visible policy, of all visible hosts.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn counts_of_policy(&self, actor: &Actor, policy: &Policy) -> Result<PolicyCounts, FleetError> {
        let counts = self.policy_counts(actor, &[policy.id]).await?;
        Ok(counts.get(&policy.id).map(PolicyCounts::sum).unwrap_or_default())
    }
}

/// How many hosts of each team a policy is about that no label narrows.
fn about_by_platform(known: &Known, hosts: &[(TeamId, Platform, i64)]) -> Vec<(TeamId, i64)> {
    let about = hosts.iter().filter(|(team, platform, _)| known.is_about(*team, *platform, &[]));
    about.map(|(team, _, count)| (*team, *count)).collect()
}

/// The counts of each team: of those that answered, and of all.
fn of_teams(answered: &[TeamCounts], about: &[(TeamId, i64)]) -> BTreeMap<TeamId, PolicyCounts> {
    let mut teams: BTreeMap<TeamId, PolicyCounts> = BTreeMap::new();
    for (team, count) in about {
        teams.entry(*team).or_default().unanswered += count.unsigned_abs();
    }
    for row in answered {
        let counts = teams.entry(row.team_id).or_default();
        counts.passing = row.passing.unsigned_abs();
        counts.failing = row.failing.unsigned_abs();
        counts.erring = row.erring.unsigned_abs();
        let answered = counts.passing + counts.failing + counts.erring;
        // A host that came or went between the two statements makes it less than none.
        counts.unanswered = counts.unanswered.saturating_sub(answered);
    }
    teams
}
