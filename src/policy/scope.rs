//! Where something is allowed.

use std::collections::BTreeSet;

use entity::id::TeamId;

/// The proof that an action is allowed, and where: a filter of rows by team.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(pub(super) Teams);

/// The teams of a scope. [`TeamId::NONE`] stands for what is in no team.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Teams {
    /// Every team, and what is in none.
    All,
    /// These teams only; for a single host (the agent face), none.
    Only(BTreeSet<TeamId>),
}

impl Scope {
    /// The scope of Muster itself: everything.
    #[must_use]
    pub fn system() -> Self {
        Self(Teams::All)
    }

    /// The scope of who may see nothing of a kind.
    #[must_use]
    pub fn nowhere() -> Self {
        Self(Teams::Only(BTreeSet::new()))
    }

    /// The scope of the agent face once a host has proved itself: what is the host's own and the SQL it is asked.
    #[must_use]
    pub fn of_host(team: TeamId) -> Self {
        Self(Teams::Only(BTreeSet::from([team])))
    }

    /// The teams, for the filter of a statement.
    #[must_use]
    pub fn teams(&self) -> &Teams {
        &self.0
    }

    /// Whether what belongs to `team` is in scope.
    #[must_use]
    pub fn includes(&self, team: TeamId) -> bool {
        match &self.0 {
            Teams::All => true,
            Teams::Only(teams) => teams.contains(&team),
        }
    }

    /// Where either is.
    pub(super) fn and(self, other: Self) -> Self {
        match (self.0, other.0) {
            (Teams::Only(one), Teams::Only(other)) => Self(Teams::Only(one.union(&other).copied().collect())),
            (Teams::All, _) | (_, Teams::All) => Self(Teams::All),
        }
    }

    pub(super) fn is_somewhere(&self) -> bool {
        match &self.0 {
            Teams::All => true,
            Teams::Only(teams) => !teams.is_empty(),
        }
    }
}
