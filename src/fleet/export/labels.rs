//! Labels of an export.

use std::collections::HashMap;

use entity::id::{HostId, LabelId, TeamId};
use entity::labels::Model as LabelRow;

use super::at;
use crate::fleet::labels::LabelKind;
use crate::fleet::{Fleet, FleetError};
use crate::interchange::model::{Label, Membership};
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::hosts::{self, HostSelection};
use crate::store::{label_sets, labels, teams};

impl Fleet {
    /// The labels that are visible, wanted and made by people, and what of them is left out: one by hand is nothing
    /// without its hosts, which not everybody may read.
    pub(super) async fn labels_to_export(
        &self,
        actor: &Actor,
        scope: &Scope,
        is_wanted: impl Fn(TeamId) -> bool,
    ) -> Result<(Vec<Label>, Vec<String>), FleetError> {
        let db = self.store.reader();
        let mut rows = labels::made_by_people(db, scope).await?;
        rows.retain(|row| is_wanted(row.team_id));
        let sight = allow(actor, Action::ReadHosts, None).ok();
        let is_whole = |row: &LabelRow| {
            let seen = sight.as_ref().is_some_and(|sight| sight.includes(row.team_id));
            row.kind != LabelKind::Manual || seen
        };
        let (rows, hidden): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_whole);
        let left_out = hidden.iter().map(|row| {
            format!("label `{}`: it is by hand, and you may not read all hosts it may have", row.name)
        });
        let mut of: Vec<TeamId> = rows.iter().map(|row| row.team_id).collect();
        of.sort_unstable();
        of.dedup();
        let teams = teams::by_ids(db, scope, &of).await?;
        let teams: HashMap<TeamId, String> = teams.into_iter().map(|team| (team.id, team.name)).collect();
        let by_hand: Vec<LabelId> =
            rows.iter().filter(|row| row.kind == LabelKind::Manual).map(|row| row.id).collect();
        let members = match &sight {
            Some(sight) => self.names_of_members(sight, &by_hand).await?,
            None => HashMap::new(),
        };
        let label = |row: &LabelRow| Label {
            team: teams.get(&row.team_id).cloned().map(at),
            name: at(row.name.clone()),
            description: row.description.clone(),
            platform: (!row.platforms.is_empty()).then(|| at(row.platforms.clone())),
            membership: match &row.sql {
                Some(sql) => Membership::Dynamic(at(sql.clone())),
                None => {
                    Membership::Manual(members.get(&row.id).into_iter().flatten().cloned().map(at).collect())
                }
            },
        };
        Ok((rows.iter().map(label).collect(), left_out.collect()))
    }

    /// The identifiers of the members of labels, in order.
    async fn names_of_members(
        &self,
        sight: &Scope,
        labels: &[LabelId],
    ) -> Result<HashMap<LabelId, Vec<String>>, FleetError> {
        let db = self.store.reader();
        let mut ids: HashMap<LabelId, Vec<HostId>> = HashMap::new();
        for ((label, _), hosts) in label_sets::of_labels(db, sight, labels).await? {
            ids.entry(label).or_default().extend(hosts.iter().map(|bit| HostId(i64::from(bit))));
        }
        let mut all: Vec<HostId> = ids.values().flatten().copied().collect();
        all.sort_unstable();
        all.dedup();
        let found = hosts::find(db, sight, HostSelection::Ids(&all)).await?;
        let names: HashMap<HostId, String> =
            found.into_iter().map(|host| (host.id, host.host_identifier)).collect();
        let called = |hosts: Vec<HostId>| {
            let mut called: Vec<String> = hosts.iter().filter_map(|host| names.get(host).cloned()).collect();
            called.sort();
            called.dedup();
            called
        };
        Ok(ids.into_iter().map(|(label, hosts)| (label, called(hosts))).collect())
    }
}
