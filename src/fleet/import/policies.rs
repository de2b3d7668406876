//! Policies of an import.

use entity::id::{LabelId, TeamId};
use entity::policies::Model as Stored;

use super::ground::{Ground, note};
use super::{Existing, Kind, Outcome};
use crate::fleet::due::Platform;
use crate::fleet::policies::{NewPolicy, PolicyEdit, check_sql, platforms};
use crate::fleet::{FleetError, input};
use crate::interchange::model::{Conditions, Policy};
use crate::policy::{Action, Scope, allow};
use crate::store::{labels, policies, policies_lock};

/// Words for platforms, as osquery and Fleet have them, and what they stand for.
const PLATFORMS: [(&str, &[Platform]); 8] = [
    ("darwin", &[Platform::Darwin]),
    ("macos", &[Platform::Darwin]),
    ("linux", &[Platform::Linux]),
    ("windows", &[Platform::Windows]),
    ("freebsd", &[Platform::Freebsd]),
    ("posix", &[Platform::Darwin, Platform::Linux, Platform::Freebsd]),
    ("all", Platform::ALL),
    ("any", Platform::ALL),
];

impl Ground<'_> {
    /// Saves a policy.
    pub(super) async fn policy(&mut self, policy: &Policy) -> Result<(), FleetError> {
        let what = (Kind::Policy, &policy.name, None);
        let Some(team) = self.team(&policy.team).await? else {
            self.homeless(what, &policy.team);
            return Ok(());
        };
        let mut mistakes = Vec::new();
        if allow(self.actor, Action::ManagePolicies, Some(team.id)).is_err() {
            mistakes.push("your roles do not allow this".to_owned());
        }
        let wanted = self.wanted_policy(policy, team.id, &mut mistakes).await?;
        let outcome = match wanted {
            Some(wanted) => self.save_policy(&wanted, team.id).await?,
            None => Outcome::Refused,
        };
        self.note(what, team.name, (outcome, mistakes));
        Ok(())
    }

    /// The policy as it is to be; none when there is a mistake.
    async fn wanted_policy(
        &mut self,
        policy: &Policy,
        team: TeamId,
        mistakes: &mut Vec<String>,
    ) -> Result<Option<NewPolicy>, FleetError> {
        let Policy { team: _, name, sql, description, resolution, critical, conditions } = policy;
        note(check_sql(&sql.value), mistakes)?;
        let name = note(input::name(&name.value, "name"), mistakes)?;
        note(input::description(description.as_deref()), mistakes)?;
        note(input::long_text(resolution.as_deref(), "resolution"), mistakes)?;
        let platforms = platforms_of(conditions, mistakes);
        let narrowed = self.conditions(conditions, team, mistakes).await?;
        for (what, is_there) in [
            ("min_osquery_version", narrowed.min_osquery_version.is_some()),
            ("shard", narrowed.shard.is_some()),
        ] {
            if is_there {
                mistakes.push(format!("a policy has no `{what}`"));
            }
        }
        let (Some(name), true) = (name, mistakes.is_empty()) else { return Ok(None) };
        Ok(Some(NewPolicy {
            name,
            sql: sql.value.clone(),
            description: description.clone(),
            resolution: resolution.clone(),
            critical: *critical,
            team: None,
            platforms,
            include_any: narrowed.include_any,
            exclude_any: narrowed.exclude_any,
        }))
    }

    /// Makes or changes a policy, and answers what it became.
    async fn save_policy(&mut self, wanted: &NewPolicy, team: TeamId) -> Result<Outcome, FleetError> {
        policies_lock(self.tx).await?;
        let before = policies::by_name(self.tx, &Scope::system(), team, &wanted.name).await?;
        let (policy, outcome) = match before {
            None => (self.fleet.insert_policy(self.tx, self.actor, wanted, team).await?, Outcome::Created),
            Some(before) if self.is_so(&before, wanted).await? => return Ok(Outcome::Unchanged),
            Some(_) if self.existing == Existing::Skip => return Ok(Outcome::Skipped),
            Some(before) => {
                let edit = edit(wanted);
                (self.fleet.edit_policy(self.tx, self.actor, before, &edit).await?, Outcome::Changed)
            }
        };
        self.policies.push(policy.id);
        Ok(outcome)
    }

    /// Whether a policy is already as it is to be.
    async fn is_so(&self, before: &Stored, wanted: &NewPolicy) -> Result<bool, FleetError> {
        let NewPolicy {
            name: _,
            sql,
            description,
            resolution,
            critical,
            team: _,
            platforms: wanted_platforms,
            ..
        } = wanted;
        let is_same = before.sql == *sql
            && before.description == *description
            && before.resolution == *resolution
            && before.critical == *critical
            && same(&platforms(before), wanted_platforms);
        if !is_same {
            return Ok(false);
        }
        let narrowed = policies::labels_of(self.tx, &Scope::system(), Some(&[before.id])).await?;
        let narrowed = narrowed.get(&before.id).cloned().unwrap_or_default();
        let stored = |wanted: bool| {
            let those = narrowed.iter().filter(move |(_, is_excluded)| *is_excluded == wanted);
            those.map(|(label, _)| *label).collect::<Vec<LabelId>>()
        };
        let scope = Scope::of_host(before.team_id);
        for (ids, is_excluded) in [(&wanted.include_any, false), (&wanted.exclude_any, true)] {
            let found = labels::by_public_ids(self.tx, &scope, ids).await?;
            if !same(&stored(is_excluded), &found.iter().map(|label| label.id).collect::<Vec<_>>()) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Whether two lists hold the same, in whatever order.
fn same<T: Ord + Copy>(one: &[T], other: &[T]) -> bool {
    let sorted = |list: &[T]| {
        let mut list = list.to_vec();
        list.sort_unstable();
        list.dedup();
        list
    };
    sorted(one) == sorted(other)
}

/// The change that makes a policy what it is to be.
fn edit(wanted: &NewPolicy) -> PolicyEdit {
    let NewPolicy {
        name: _,
        sql,
        description,
        resolution,
        critical,
        team: _,
        platforms,
        include_any,
        exclude_any,
    } = wanted;
    PolicyEdit {
        expected_version: None,
        name: None,
        sql: Some(sql.clone()),
        description: Some(description.clone()),
        resolution: Some(resolution.clone()),
        critical: Some(*critical),
        platforms: Some(platforms.clone()),
        include_any: Some(include_any.clone()),
        exclude_any: Some(exclude_any.clone()),
    }
}

/// The platforms of a text with commas; all is none.
fn platforms_of(conditions: &Conditions, mistakes: &mut Vec<String>) -> Vec<Platform> {
    let Some(text) = &conditions.platform else { return Vec::new() };
    let mut platforms = Vec::new();
    for word in text.value.split(',').map(|word| word.trim().to_lowercase()).filter(|word| !word.is_empty()) {
        match PLATFORMS.iter().find(|(known, _)| *known == word) {
            Some((_, named)) => platforms.extend(*named),
            None => mistakes.push(format!("there is no platform `{word}` (line {})", text.place.line)),
        }
    }
    if same(&platforms, Platform::ALL) { Vec::new() } else { platforms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interchange::{At, Place};

    #[test]
    fn platforms_are_read_as_osquery_and_fleet_spell_them() {
        let read = |text: &str| {
            let platform = Some(At::new(Place::start("a"), text.to_owned()));
            let mut mistakes = Vec::new();
            let read = platforms_of(&Conditions { platform, ..Conditions::default() }, &mut mistakes);
            (read, mistakes.len())
        };
        assert_eq!(read("darwin, Linux"), (vec![Platform::Darwin, Platform::Linux], 0));
        assert_eq!(read(""), (vec![], 0));
        assert_eq!(read("all"), (vec![], 0));
        assert_eq!(read("plan9"), (vec![], 1));
    }
}
