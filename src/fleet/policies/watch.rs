//! Policies and their results, as they change, for those who look.
//!
//! A watcher ([`crate::fleet::watch`]) reads the marked policies again: a mark says which counts and which hosts' results
//! are others and, of a policy that is gone, where it was.

use std::collections::{BTreeMap, BTreeSet};

use entity::changes::Model as Change;
use entity::id::{HostId, PolicyId, PublicId, TeamId};
use entity::kind::ChangeKind;
use futures_util::stream::Stream;

use super::{Policy, PolicyResult};
use crate::fleet::watch::{Look, Mark, Marked, News};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Denied, Scope, allow};
use crate::store::policies;

/// Hosts named of one policy at most, in one row of `changes` and to one watcher.
const NAMED: usize = 100;
/// What stands for hosts that are too many to name.
const MANY: &str = "*";
/// What stands for no host: only the counts are others.
const NOBODY: &str = "-";

/// What happened to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyChangeKind {
    /// Who follows is to read policies anew: it begins, or there were too many changes.
    Resync,
    /// Hosts stand to it otherwise than before, or other hosts do.
    Results,
    /// It was made or edited.
    Saved,
    /// It was deleted.
    Deleted,
}

/// A change of a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyChange {
    /// What happened.
    pub kind: PolicyChangeKind,
    /// The policy now; none when it is gone, and for a resync.
    pub policy: Option<Policy>,
    /// Its outside id; none for a resync.
    pub id: Option<PublicId>,
    /// How the hosts stand to it now that stood otherwise before, as far as they are few enough to name.
    pub results: Vec<PolicyResult>,
}

/// A change of a policy that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyMark {
    kind: PolicyChangeKind,
    /// The teams whose counts changed.
    teams: BTreeSet<TeamId>,
    /// Hosts that stand to it otherwise; none when they are too many to name.
    hosts: Option<BTreeSet<HostId>>,
    /// Its team and outside id, where it is gone.
    gone: Option<(TeamId, PublicId)>,
}

/// The change that tells of results: of these hosts of a team, or only that the counts are others.
pub(in crate::fleet) fn turned(
    (policy, team): (PolicyId, TeamId),
    hosts: &BTreeSet<HostId>,
) -> (ChangeKind, String) {
    let named: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let named = match named.len() {
        0 => NOBODY.to_owned(),
        1..=NAMED => named.join(","),
        _ => MANY.to_owned(),
    };
    (ChangeKind::PolicyResults, format!("{policy} {team} {named}"))
}

impl Mark for PolicyMark {
    type Of = PolicyId;

    fn read(change: &Change) -> Option<News<Self>> {
        let mut words = change.key.split(' ');
        let policy = PolicyId(words.next()?.parse().ok()?);
        let mut mark = Self {
            kind: PolicyChangeKind::Saved,
            teams: BTreeSet::new(),
            hosts: Some(BTreeSet::new()),
            gone: None,
        };
        match change.kind {
            ChangeKind::Policy => {}
            ChangeKind::PolicyDeleted => {
                mark.kind = PolicyChangeKind::Deleted;
                mark.gone = Some((TeamId(words.next()?.parse().ok()?), PublicId(words.next()?.to_owned())));
            }
            ChangeKind::PolicyResults => {
                mark.kind = PolicyChangeKind::Results;
                mark.teams.insert(TeamId(words.next()?.parse().ok()?));
                let named = Some(words.next()?).filter(|named| *named != MANY);
                mark.hosts = named
                    .map(|named| named.split(',').filter_map(|host| host.parse().ok()).map(HostId).collect());
            }
            _ => return None,
        }
        Some(News::Of(policy, mark))
    }

    /// The stronger kind stays.
    fn add(&mut self, later: Self) {
        self.kind = self.kind.max(later.kind);
        self.teams.extend(later.teams);
        let both = self.hosts.take().zip(later.hosts).map(|(mut hosts, more)| {
            hosts.extend(more);
            hosts
        });
        self.hosts = both.filter(|hosts| hosts.len() <= NAMED);
        self.gone = self.gone.take().or(later.gone);
    }
}

impl Fleet {
    /// Policies that the actor may see, each whenever it changes or visible hosts come to stand to it otherwise; of one
    /// policy, or of all. Changes within a quarter of a second are told as one. Once the actor's access was ended the
    /// stream is silent.
    ///
    /// # Errors
    /// Before the stream: denied. In it: unavailable.
    pub fn follow_policies(
        &self,
        actor: &Actor,
        only: Option<PublicId>,
    ) -> Result<impl Stream<Item = Result<PolicyChange, FleetError>> + Send + use<>, FleetError> {
        self.follow(actor, &self.policy_watchers, LookAtPolicies { only })
    }
}

/// One policy, or all.
struct LookAtPolicies {
    only: Option<PublicId>,
}

/// What one who looks at policies may see.
struct Sight {
    policies: Scope,
    hosts: Scope,
}

impl Look for LookAtPolicies {
    type Mark = PolicyMark;
    type Sight = Sight;
    type Told = PolicyChange;

    fn sight(actor: &Actor) -> Result<Sight, Denied> {
        let hosts = allow(actor, Action::ReadHosts, None)?;
        Ok(Sight { policies: allow(actor, Action::ReadPolicies, None)?, hosts })
    }

    fn resync() -> PolicyChange {
        PolicyChange { kind: PolicyChangeKind::Resync, policy: None, id: None, results: Vec::new() }
    }

    async fn read(
        &self,
        fleet: &Fleet,
        sight: &Sight,
        marked: Marked<PolicyMark>,
    ) -> Result<Vec<PolicyChange>, FleetError> {
        let ids: Vec<PolicyId> = marked.keys().copied().collect();
        let found = policies::by_ids(fleet.store.reader(), &sight.policies, &ids).await?;
        let mut found: BTreeMap<PolicyId, Policy> =
            found.into_iter().map(|policy| (policy.id, policy)).collect();
        let mut told = Vec::new();
        for (id, mark) in marked {
            let change = match found.remove(&id) {
                Some(policy) => fleet.change_of(&sight.hosts, policy, &mark).await?,
                None => gone(&sight.policies, mark),
            };
            let is_wanted = |change: &PolicyChange| self.only.is_none() || self.only == change.id;
            told.extend(change.filter(is_wanted));
        }
        Ok(told)
    }
}

/// What is told of a policy that is not there, or out of sight.
fn gone(scope: &Scope, mark: PolicyMark) -> Option<PolicyChange> {
    let (team, public_id) = mark.gone?;
    // What is global is everybody's.
    let was_here = team == TeamId::NONE || scope.includes(team);
    let (kind, id) = (PolicyChangeKind::Deleted, Some(public_id));
    was_here.then_some(PolicyChange { kind, policy: None, id, results: Vec::new() })
}

impl Fleet {
    /// What is told of a policy that is there; nothing where only hosts out of sight stand to it otherwise.
    async fn change_of(
        &self,
        hosts: &Scope,
        policy: Policy,
        mark: &PolicyMark,
    ) -> Result<Option<PolicyChange>, FleetError> {
        let kind = mark.kind;
        if kind == PolicyChangeKind::Results && !mark.teams.iter().any(|team| hosts.includes(*team)) {
            return Ok(None);
        }
        let named: Vec<HostId> = mark.hosts.iter().flatten().copied().collect();
        let results =
            if named.is_empty() { Vec::new() } else { self.results_among(hosts, policy.id, &named).await? };
        let id = Some(policy.public_id.clone());
        Ok(Some(PolicyChange { kind, policy: Some(policy), id, results }))
    }
}

#[cfg(test)]
mod tests {
    use super::PolicyChangeKind::{Deleted, Results};
    use super::*;
    use crate::fleet::watch::Watchers;

    fn change((kind, key): (ChangeKind, String)) -> Change {
        Change { seq: 1, kind, key, created_at: crate::clock::Timestamp(0) }
    }

    fn results(policy: i64, team: i64, hosts: impl IntoIterator<Item = i64>) -> Change {
        let hosts = hosts.into_iter().map(HostId).collect();
        change(turned((PolicyId(policy), TeamId(team)), &hosts))
    }

    #[test]
    fn who_joins_reads_first_and_is_told_the_strongest_of_what_follows() {
        let watchers = Watchers::<PolicyMark>::default();
        let watcher = watchers.join();
        assert_eq!(watcher.take_some(), None);
        watchers.observe(&results(1, 7, [3, 4]));
        watchers.observe(&results(1, 8, [5]));
        watchers.observe(&change((ChangeKind::Policy, "2".to_owned())));
        watchers.observe(&results(2, 7, [3]));
        watchers.observe(&change((ChangeKind::PolicyDeleted, "2 9 pol_2".to_owned())));
        watchers.observe(&results(3, 7, 0..200));
        watchers.observe(&results(3, 7, [3]));
        watchers.observe(&results(4, 7, [3]));
        watchers.observe(&results(4, 8, []));
        watchers.observe(&change((ChangeKind::HostUpdated, "4".to_owned())));
        let marks = watcher.take_some().expect("no resync");
        let named = |mark: &PolicyMark| mark.hosts.as_ref().map(BTreeSet::len);
        let seen: Vec<_> =
            marks.iter().map(|(id, mark)| (id.0, mark.kind, mark.teams.len(), named(mark))).collect();
        let expected = [
            (1, Results, 2, Some(3)),
            (2, Deleted, 1, Some(1)),
            (3, Results, 1, None),
            (4, Results, 2, Some(1)),
        ];
        assert_eq!(seen, expected, "few hosts must not stand for many");
        assert_eq!(marks[&PolicyId(2)].gone, Some((TeamId(9), PublicId("pol_2".to_owned()))));
    }
}
