//! Which hosts changed, for those who look at all of them.
//!
//! A watcher ([`crate::fleet::watch`]) reads the marked hosts again: a mark carries nothing but, for who has left, where
//! it was.

use std::collections::BTreeMap;

use entity::changes::Model as Change;
use entity::hosts::Model;
use entity::id::{HostId, PublicId, TeamId};
use entity::kind::ChangeKind;
use futures_util::stream::Stream;

use super::{Host, HostFilter};
use crate::fleet::watch::{Look, Mark, Marked, News};
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, Denied, Scope, allow};
use crate::store::hosts;

/// What happened to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostChangeKind {
    /// Who follows is to read hosts anew: it begins, or there were too many changes.
    Resync,
    /// It enrolled, for the first time or again.
    Enrolled,
    /// It came online, went offline or missing.
    StatusChanged,
    /// What it told of itself changed, or its labels.
    Updated,
    /// It was moved to another team.
    Transferred,
    /// It was deleted, or is not for this viewer any more.
    Deleted,
}

/// A change of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostChange {
    /// What happened.
    pub kind: HostChangeKind,
    /// The host now; none when it has left, and for a resync.
    pub host: Option<Host>,
    /// Its outside id; none for a resync.
    pub id: Option<PublicId>,
}

/// A change of a host that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostMark {
    kind: HostChangeKind,
    /// The teams that it left.
    left: Vec<TeamId>,
    /// Its outside id, where it has left.
    id: Option<PublicId>,
}

/// The key of a change that says where a host was.
pub(super) fn left(host: &Model) -> String {
    format!("{} {} {}", host.id.0, host.team_id.0, host.public_id)
}

impl Mark for HostMark {
    type Of = HostId;

    fn read(change: &Change) -> Option<News<Self>> {
        let kind = match change.kind {
            ChangeKind::HostEnrolled => HostChangeKind::Enrolled,
            ChangeKind::HostStatus => HostChangeKind::StatusChanged,
            ChangeKind::HostLabels if change.key == "0" => return Some(News::Resync),
            ChangeKind::HostUpdated | ChangeKind::HostLabels => HostChangeKind::Updated,
            ChangeKind::HostMoved => HostChangeKind::Transferred,
            ChangeKind::HostDeleted => HostChangeKind::Deleted,
            ChangeKind::Hosts => return Some(News::Resync),
            _ => return None,
        };
        let mut words = change.key.split(' ');
        let host = HostId(words.next()?.parse().ok()?);
        let team = words.next().and_then(|team| team.parse().ok()).map(TeamId);
        let id = words.next().map(|id| PublicId(id.to_owned()));
        Some(News::Of(host, Self { kind, left: team.into_iter().collect(), id }))
    }

    /// It has left for good, or it is new, and where it was stays.
    fn add(&mut self, later: Self) {
        let is_weaker = matches!(later.kind, HostChangeKind::Updated | HostChangeKind::StatusChanged)
            && !matches!(self.kind, HostChangeKind::Updated);
        if !is_weaker {
            self.kind = later.kind;
        }
        self.left.extend(later.left);
        self.id = self.id.take().or(later.id);
    }
}

impl Fleet {
    /// Hosts that the actor may see and that meet the filter, each whenever it changes. Changes within a quarter of a
    /// second are told as one. A condition on states is not applied to changes of the state: one who looks at hosts
    /// online is told when one is not any more. Once the actor's access was ended the stream is silent.
    ///
    /// # Errors
    /// Before the stream: denied. In it: unavailable.
    pub fn follow_hosts(
        &self,
        actor: &Actor,
        filter: HostFilter,
    ) -> Result<impl Stream<Item = Result<HostChange, FleetError>> + Send + use<>, FleetError> {
        self.follow(actor, &self.host_watchers, LookAtHosts { filter })
    }
}

/// The hosts that meet a filter.
struct LookAtHosts {
    filter: HostFilter,
}

impl Look for LookAtHosts {
    type Mark = HostMark;
    type Sight = Scope;
    type Told = HostChange;

    fn sight(actor: &Actor) -> Result<Scope, Denied> {
        allow(actor, Action::ReadHosts, None)
    }

    fn resync() -> HostChange {
        HostChange { kind: HostChangeKind::Resync, host: None, id: None }
    }

    async fn read(
        &self,
        fleet: &Fleet,
        scope: &Scope,
        marked: Marked<HostMark>,
    ) -> Result<Vec<HostChange>, FleetError> {
        let db = fleet.store.reader();
        let any_state = HostFilter { statuses: None, ..self.filter.clone() };
        let filter = fleet.resolve_host_filter(db, scope, &any_state).await?;
        let ids: Vec<HostId> = marked.keys().copied().collect();
        let found = hosts::find_among(db, scope, &ids, &filter).await?;
        let mut found: BTreeMap<HostId, Host> =
            found.into_iter().map(fleet.as_seen_now()).map(|host| (host.id, host)).collect();
        let told = marked.into_iter().filter_map(|(id, mark)| {
            let was_here = mark.left.iter().any(|team| scope.includes(*team));
            match found.remove(&id) {
                Some(host) if !self.is_told(mark.kind, &host) => None,
                Some(host) => {
                    let id = Some(host.public_id.clone());
                    Some(HostChange { kind: mark.kind, id, host: Some(host) })
                }
                None if was_here => {
                    Some(HostChange { kind: HostChangeKind::Deleted, host: None, id: mark.id })
                }
                None => None,
            }
        });
        Ok(told.collect())
    }
}

impl LookAtHosts {
    fn is_told(&self, kind: HostChangeKind, host: &Host) -> bool {
        let meets = |wanted: &Vec<_>| wanted.contains(&host.status);
        kind == HostChangeKind::StatusChanged || self.filter.statuses.as_ref().is_none_or(meets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::watch::{Watcher, Watchers};

    fn change(kind: ChangeKind, key: &str) -> Change {
        Change { seq: 1, kind, key: key.to_owned(), created_at: crate::clock::Timestamp(0) }
    }

    fn taken(watcher: &Watcher<HostMark>) -> Vec<(i64, HostChangeKind, Vec<TeamId>)> {
        let Some(marked) = watcher.take_some() else { return vec![(0, HostChangeKind::Resync, vec![])] };
        marked.into_iter().map(|(host, mark)| (host.0, mark.kind, mark.left)).collect()
    }

    #[test]
    fn who_joins_reads_first_and_is_told_the_strongest_of_what_follows() {
        let watchers = Watchers::<HostMark>::default();
        let watcher = watchers.join();
        assert_eq!(taken(&watcher), [(0, HostChangeKind::Resync, vec![])]);
        watchers.observe(&change(ChangeKind::HostEnrolled, "1"));
        watchers.observe(&change(ChangeKind::HostUpdated, "1"));
        watchers.observe(&change(ChangeKind::HostUpdated, "2"));
        watchers.observe(&change(ChangeKind::HostStatus, "2"));
        watchers.observe(&change(ChangeKind::HostMoved, "3 7 hst_3"));
        watchers.observe(&change(ChangeKind::HostDeleted, "3 8 hst_3"));
        watchers.observe(&change(ChangeKind::Session, "9"));
        let expected = [
            (1, HostChangeKind::Enrolled, vec![]),
            (2, HostChangeKind::StatusChanged, vec![]),
            (3, HostChangeKind::Deleted, vec![TeamId(7), TeamId(8)]),
        ];
        assert_eq!(taken(&watcher), expected);
        assert_eq!(taken(&watcher), []);
    }
}
