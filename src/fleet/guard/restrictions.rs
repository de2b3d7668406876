//! What SQL may name, and by whom.

use std::collections::BTreeMap;

use entity::id::TeamId;
use serde::{Deserialize, Serialize};

use crate::fleet::teams::Team;
use crate::fleet::{FleetError, RejectionCode};
use crate::policy::{Action, Actor, allow};
use crate::sql;

/// Restrictions in one list at most.
const MAX_RESTRICTIONS: usize = 1_000;

/// Bytes of a restricted name at most.
const MAX_NAME_BYTES: usize = 128;

/// A table or function that not everybody may name in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// The name, in lower case.
    pub name: String,
    /// Who may.
    pub level: RestrictionLevel,
}

/// Who may name a restricted table or function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RestrictionLevel {
    /// Maintainers and admins.
    Maintainer,
    /// Nobody.
    Forbidden,
}

/// Refuses SQL that names what nobody may name.
pub(super) fn refuse_named<'a>(
    restrictions: impl IntoIterator<Item = &'a Restriction>,
    path: &'static str,
    sql: &str,
) -> Result<(), FleetError> {
    let touched = sql::names(sql);
    let is_named =
        |one: &&Restriction| one.level == RestrictionLevel::Forbidden && touched.contains(&one.name);
    match restrictions.into_iter().find(is_named) {
        None => Ok(()),
        Some(one) => {
            let message = format!("SQL may not name `{}`", one.name);
            Err(FleetError::rejected(RejectionCode::NotAllowed, path, message))
        }
    }
}

/// What SQL may not name on the hosts of a team, beside what holds everywhere.
#[must_use]
pub fn restrictions(team: &Team) -> Vec<Restriction> {
    serde_json::from_str(&team.restrictions).unwrap_or_default()
}

/// A list as it is stored: names in lower case, in order, each once with the strictest level.
///
/// # Errors
/// Rejected (`restrictions`): too many; a name that is none.
pub(in crate::fleet) fn checked(list: Vec<Restriction>) -> Result<Vec<Restriction>, FleetError> {
    let invalid = |message: String| FleetError::rejected(RejectionCode::Invalid, "restrictions", message);
    if list.len() > MAX_RESTRICTIONS {
        return Err(invalid(format!("at most {MAX_RESTRICTIONS} names can be restricted")));
    }
    let mut strictest = BTreeMap::new();
    for Restriction { name, level } in list {
        let name = name.trim().to_ascii_lowercase();
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.chars().all(is_name) {
            return Err(invalid(format!("`{name}` is no name of a table or function")));
        }
        let kept = strictest.entry(name).or_insert(level);
        *kept = level.max(*kept);
    }
    Ok(strictest.into_iter().map(|(name, level)| Restriction { name, level }).collect())
}

/// Refuses an actor who may not run SQL that names it on hosts of a team.
pub(super) fn check_restriction(
    actor: &Actor,
    restriction: &Restriction,
    team: TeamId,
    named: Option<&Team>,
) -> Result<(), FleetError> {
    let Restriction { name, level } = restriction;
    let place = named.map_or("on hosts of no team".to_owned(), |team| format!("in team {}", team.name));
    let message = match level {
        RestrictionLevel::Forbidden => format!("SQL may not name `{name}` {place}"),
        RestrictionLevel::Maintainer if allow(actor, Action::RunRestrictedSql, Some(team)).is_ok() => {
            return Ok(());
        }
        RestrictionLevel::Maintainer => format!("only maintainers may run SQL that names `{name}` {place}"),
    };
    Err(FleetError::rejected(RejectionCode::NotAllowed, "source", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restriction(name: &str, level: RestrictionLevel) -> Restriction {
        Restriction { name: name.into(), level }
    }

    #[test]
    fn a_list_is_stored_in_order_each_name_once_and_at_its_strictest() {
        use RestrictionLevel::{Forbidden, Maintainer};
        let list = vec![
            restriction(" Sleep", Maintainer),
            restriction("CURL", Forbidden),
            restriction("curl", Maintainer),
        ];
        let stored = checked(list).expect("they are names");
        assert_eq!(stored, [restriction("curl", Forbidden), restriction("sleep", Maintainer)]);
        for bad in ["", "a b", "curl()", "naïve", &"x".repeat(129)] {
            assert!(checked(vec![restriction(bad, Forbidden)]).is_err(), "{bad}");
        }
    }
}
