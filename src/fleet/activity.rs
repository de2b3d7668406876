//! The audit trail: what was done, by whom, from where.

use std::net::IpAddr;

use entity::activities::{ActiveModel, Model};
use entity::id::{PublicId, TeamId};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;

use super::{Fleet, FleetError, RejectionCode};
use crate::auth::keys::new_public_id;
use crate::clock::Timestamp;
use crate::policy::{Actor, Credential};
use crate::store::activities;

mod follow;
mod read;
mod readers;
mod retention;
mod ship;

pub use crate::store::activities::ActivityFilter;
pub use follow::Pulse;
pub use readers::Readers;

/// An entry of the audit trail.
pub type Activity = Model;

/// An entry to record in the transaction of the thing itself.
#[derive(Clone, Debug)]
pub(crate) struct NewActivity<'a> {
    /// What was done, as `noun.verb`.
    pub(crate) kind: &'static str,
    /// Team it concerns; none for the whole installation.
    pub(crate) team: Option<TeamId>,
    /// The object.
    pub(crate) subject: Option<&'a PublicId>,
    /// More, as a JSON object; never a secret.
    pub(crate) details: serde_json::Value,
}

impl Fleet {
    /// Records that somebody tried what is not theirs to do, and answers the refusal.
    ///
    /// # Errors
    /// Always: rejected at `path`; unavailable when it could not be recorded.
    pub(crate) async fn refuse<T>(
        &self,
        actor: &Actor,
        subject: Option<&PublicId>,
        path: &'static str,
        message: &'static str,
    ) -> Result<T, FleetError> {
        let tx = self.store.begin().await?;
        let details = serde_json::json!({ "what": message });
        let activity = NewActivity { kind: "access.refused", team: None, subject, details };
        self.record_activity(&tx, actor, activity).await?;
        tx.commit().await?;
        Err(FleetError::rejected(RejectionCode::NotAllowed, path, message))
    }

    /// Records an entry in `tx`.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn record_activity(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        activity: NewActivity<'_>,
    ) -> Result<(), FleetError> {
        let source = match actor {
            Actor::User(user) => user.source,
            Actor::Anonymous | Actor::Host(_) | Actor::System => None,
        };
        self.record_activity_from(tx, actor, source, activity).await
    }

    /// Records what concerns several teams: an entry for each, with what is its own, so that no team learns of another.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn record_activity_of_teams(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        (kind, subject): (&'static str, &PublicId),
        teams: Vec<(TeamId, serde_json::Value)>,
    ) -> Result<(), FleetError> {
        for (team, details) in teams {
            let activity = NewActivity { kind, team: team.some(), subject: Some(subject), details };
            self.record_activity(tx, actor, activity).await?;
        }
        Ok(())
    }

    /// As [`Self::record_activity`], for an actor who does not carry where they act from.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn record_activity_from(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        source: Option<IpAddr>,
        activity: NewActivity<'_>,
    ) -> Result<(), FleetError> {
        let acting_user = match actor {
            Actor::User(user) => Some(user.public_id.0.clone()),
            Actor::Anonymous | Actor::Host(_) | Actor::System => None,
        };
        let entry = ActiveModel {
            source: Set(source.map(|source| source.to_canonical().to_string())),
            acting_user: Set(acting_user),
            ..entry(self.clock.now(), identity(actor), &activity)
        };
        Ok(activities::insert(tx, entry).await?)
    }
}

/// An entry of what a host did, for who writes many hosts at once.
pub(super) fn of_host(now: Timestamp, activity: &NewActivity<'_>) -> ActiveModel {
    entry(now, HOST, activity)
}

fn entry(now: Timestamp, (actor, actor_name): (&str, &str), activity: &NewActivity<'_>) -> ActiveModel {
    ActiveModel {
        id: NotSet,
        public_id: Set(new_public_id("act")),
        occurred_at: Set(now),
        actor: Set(actor.to_owned()),
        actor_name: Set(actor_name.to_owned()),
        kind: Set(activity.kind.to_owned()),
        team_id: Set(activity.team),
        subject: Set(activity.subject.map(|subject| subject.0.clone())),
        details: Set(activity.details.to_string()),
        source: Set(None),
        acting_user: Set(None),
    }
}

/// Outside id and name of every host, as the audit trail knows it.
const HOST: (&str, &str) = ("host", "host");

/// Outside id and name of an actor, as the audit trail and idempotency keys know it: an API token acts under its own.
pub(super) fn identity(actor: &Actor) -> (&str, &str) {
    match actor {
        Actor::Anonymous => ("anonymous", "anonymous"),
        Actor::Host(_) => HOST,
        Actor::System => ("system", "Muster"),
        Actor::User(user) => match &user.credential {
            Credential::Session(_) => (&user.public_id.0, &user.name),
            Credential::ApiToken(token) => (&token.public_id.0, &token.name),
        },
    }
}
