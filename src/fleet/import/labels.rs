//! Labels of an import: before everything else, for queries and packs may ask for them.

use entity::hosts::Model as HostRow;
use entity::id::{HostId, TeamId};
use entity::kind::{ChangeKind, LabelKind, Platform};

use super::ground::{Ground, Team, note};
use super::queries::is_same;
use super::{Existing, Gravity, Kind, Note, Outcome};
use crate::fleet::labels::{self, LabelChange, NewLabel, checked_sql, named, platform_words};
use crate::fleet::{FleetError, input};
use crate::interchange::At;
use crate::interchange::model::{Label, Membership};
use crate::osquery::names;
use crate::policy::{Action, Scope, allow};
use crate::store::{hosts, labels as rows};

/// A label as it is to be, checked.
struct Wanted {
    new: NewLabel,
    /// The hosts that are put in by hand.
    members: Vec<HostRow>,
}

impl Ground<'_> {
    /// Locks the rows of all hosts that labels name, before any label: rows of hosts come first in the lock order.
    pub(super) async fn lock_members(&mut self, labels: &[Label]) -> Result<(), FleetError> {
        let mut ids: Vec<HostId> = Vec::new();
        for label in labels {
            let Membership::Manual(names) = &label.membership else { continue };
            let Some(team) = self.team(&label.team).await? else { continue };
            let (found, _) = self.hosts_named(names, team.id).await?.unwrap_or_default();
            ids.extend(found.iter().map(|host| host.id));
        }
        ids.sort_unstable();
        ids.dedup();
        hosts::lock_rows(self.tx, &Scope::system(), &ids).await?;
        Ok(())
    }

    /// Saves a label.
    pub(super) async fn label(&mut self, label: &Label) -> Result<(), FleetError> {
        let what = (Kind::Label, &label.name, None);
        let Some(team) = self.team(&label.team).await? else {
            self.homeless(what, &label.team);
            return Ok(());
        };
        let mut mistakes = Vec::new();
        let outcome = match self.wanted_label(label, &team, &mut mistakes).await? {
            Some(wanted) => note(self.save_label(&wanted, team.id).await, &mut mistakes)?,
            None => None,
        };
        self.note(what, team.name, (outcome.unwrap_or(Outcome::Refused), mistakes));
        Ok(())
    }

    /// The label as it is to be; none when there is a mistake.
    async fn wanted_label(
        &mut self,
        label: &Label,
        team: &Team,
        mistakes: &mut Vec<String>,
    ) -> Result<Option<Wanted>, FleetError> {
        let Label { team: _, name, description, platform, membership } = label;
        if allow(self.actor, Action::ManageLabels, Some(team.id)).is_err() {
            mistakes.push("you may not make labels there".to_owned());
        }
        let name = note(input::name(&name.value, "name"), mistakes)?;
        note(input::description(description.as_deref()), mistakes)?;
        let platforms = match platforms(platform.as_ref().map_or("", |at| &at.value)) {
            Ok(platforms) => platforms,
            Err(mistake) => {
                mistakes.push(mistake);
                Vec::new()
            }
        };
        let (mut sql, mut members) = (None, Vec::new());
        match membership {
            Membership::Dynamic(text) => {
                note(checked_sql(&text.value), mistakes)?;
                sql = Some(text.value.clone());
            }
            Membership::Manual(names) => members = self.members(names, team.id, mistakes).await?,
        }
        let (Some(name), true) = (name, mistakes.is_empty()) else { return Ok(None) };
        let platforms = if sql.is_some() { platforms } else { Vec::new() };
        let new = NewLabel { name, description: description.clone(), team: None, sql, platforms };
        Ok(Some(Wanted { new, members }))
    }

    /// The hosts of these names; says of each name that no host has.
    async fn members(
        &mut self,
        names: &[At<String>],
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<Vec<HostRow>, FleetError> {
        let Some((found, unmatched)) = self.hosts_named(names, team).await? else {
            mistakes.push("you may not put hosts into labels there".to_owned());
            return Ok(Vec::new());
        };
        for At { place, value } in names.iter().filter(|name| unmatched.contains(&name.value)) {
            let message = format!("no host is called `{value}`: the label is without it");
            self.notes.push(Note { place: place.clone(), gravity: Gravity::Warning, message });
        }
        Ok(found)
    }

    /// Hosts by name that a label of the team may have, and the names that none has; none when the actor may not put
    /// hosts into labels there.
    async fn hosts_named(
        &self,
        names: &[At<String>],
        team: TeamId,
    ) -> Result<Option<(Vec<HostRow>, Vec<String>)>, FleetError> {
        let Ok(scope) = allow(self.actor, Action::ManageHosts, team.some()) else { return Ok(None) };
        let names: Vec<String> = names.iter().map(|name| name.value.clone()).collect();
        let (mut found, mut unmatched) = (Vec::new(), Vec::new());
        for names in names.chunks(1_000) {
            let (some, others) = named(self.tx, &scope, names).await?;
            found.extend(some);
            unmatched.extend(others);
        }
        Ok(Some((found, unmatched)))
    }

    /// Makes or changes a label, and answers what it became.
    async fn save_label(&mut self, wanted: &Wanted, team: TeamId) -> Result<Outcome, FleetError> {
        let system = Scope::system();
        let Some(before) = rows::named(self.tx, &system, team, &wanted.new.name).await? else {
            let label = self.fleet.insert_label(self.tx, self.actor, &wanted.new, team).await?;
            self.put_in(&label, wanted).await?;
            self.told.push((ChangeKind::Labels, label.id.0));
            return Ok(Outcome::Created);
        };
        wanted.refuse_other_kind(&before)?;
        let before = rows::lock(self.tx, &system, &before.public_id).await?;
        let before = before.ok_or(FleetError::NotFound("label"))?;
        let is_same = wanted.is(&before);
        if self.existing == Existing::Skip {
            return Ok(if is_same { Outcome::Unchanged } else { Outcome::Skipped });
        }
        let has_moved = self.put_in(&before, wanted).await?;
        if !is_same {
            let change = wanted.change();
            let (label, affected) = self.fleet.change_label(self.tx, self.actor, before, &change).await?;
            self.told.extend(affected.changes());
            self.told.push((ChangeKind::Labels, label.id.0));
        }
        Ok(if is_same && !has_moved { Outcome::Unchanged } else { Outcome::Changed })
    }

    /// Makes the hosts the members of a label by hand, and answers whether anybody joined or left.
    async fn put_in(&mut self, label: &labels::Label, wanted: &Wanted) -> Result<bool, FleetError> {
        if label.kind != LabelKind::Manual {
            return Ok(false);
        }
        let affected = self.fleet.set_members(self.tx, label, &wanted.members).await?;
        let told = affected.changes();
        let has_moved = !told.is_empty();
        self.told.extend(told);
        let settled = affected.settle(self.tx, &wanted.members).await?;
        self.told.extend(settled.changes());
        self.policies.extend(settled.policies.into_keys().map(|(policy, _)| policy));
        Ok(has_moved)
    }
}

impl Wanted {
    fn kind(&self) -> LabelKind {
        if self.new.sql.is_some() { LabelKind::Dynamic } else { LabelKind::Manual }
    }

    /// Refuses to become a label that has its members another way.
    fn refuse_other_kind(&self, before: &labels::Label) -> Result<(), FleetError> {
        let message = match before.kind {
            kind if kind == self.kind() => return Ok(()),
            LabelKind::BuiltIn => "the server made the label of this name; it stays as it is",
            LabelKind::Dynamic => "the label of this name is by SQL; delete it, or name this one otherwise",
            LabelKind::Manual => "the label of this name is by hand; delete it, or name this one otherwise",
        };
        Err(FleetError::rejected(crate::fleet::RejectionCode::NotUnique, "name", message))
    }

    /// Whether a label is this one already, but for its members.
    fn is(&self, label: &labels::Label) -> bool {
        self.new.sql == label.sql
            && is_same(self.new.description.as_deref(), label.description.as_deref())
            && platform_words(&self.new.platforms) == label.platforms
    }

    fn change(&self) -> LabelChange {
        let is_dynamic = self.kind() == LabelKind::Dynamic;
        LabelChange {
            description: Some(self.new.description.clone()),
            sql: self.new.sql.clone(),
            platforms: is_dynamic.then(|| self.new.platforms.clone()),
            ..LabelChange::default()
        }
    }
}

/// Platforms with commas, as other tools write them; empty for all.
fn platforms(text: &str) -> Result<Vec<Platform>, String> {
    let Some(words) = names::platforms(text)? else { return Ok(Vec::new()) };
    let mut platforms = Vec::new();
    for word in words.split(',') {
        platforms.extend_from_slice(match word {
            "darwin" | "macos" => &[Platform::Darwin][..],
            "linux" | "ubuntu" | "centos" | "debian" | "rhel" => &[Platform::Linux],
            "windows" => &[Platform::Windows],
            "freebsd" => &[Platform::Freebsd],
            "posix" => &[Platform::Darwin, Platform::Linux, Platform::Freebsd],
            "other" => &[Platform::Other],
            _ => return Err(format!("no host is of the platform `{word}`")),
        });
    }
    Ok(platforms)
}
