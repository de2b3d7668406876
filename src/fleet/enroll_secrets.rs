//! Enroll secrets: what lets a host in, and into which team.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use entity::enroll_secrets::{ActiveModel, Model};
use entity::id::{EnrollSecretId, PublicId, TeamId, UserId};
use entity::kind::ChangeKind;
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::DatabaseTransaction;
use serde::Serialize;
use serde_json::json;

use super::activity::NewActivity;
use super::hosts::{Page, PageRequest};
use super::idempotency::{Keyed, start_over_once};
use super::{Fleet, FleetError, RejectionCode, input};
use crate::auth::keys::{new_public_id, new_secret};
use crate::clock::Timestamp;
use crate::policy::{Action, Actor, allow};
use crate::store::{changes, enroll_secrets, teams};

mod cache;

pub use cache::SecretCache;

/// An enroll secret without its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrollSecret {
    /// Inside id.
    pub id: EnrollSecretId,
    /// Outside id, `sec_…`.
    pub public_id: PublicId,
    /// Name to show.
    pub name: Option<String>,
    /// Team its hosts land in; [`TeamId::NONE`] for none.
    pub team_id: TeamId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// How long a secret may hold when it ends at all, and how long the one before it may overlap.
const LIFE: RangeInclusive<Duration> = Duration::from_mins(1)..=Duration::from_hours(3650 * 24);

/// A secret to make.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewEnrollSecret {
    /// Name to show.
    pub name: Option<String>,
    /// Team its hosts land in; none when none.
    pub team: Option<PublicId>,
    /// How long it lets hosts in: a minute to 3,650 days; for ever when none.
    pub expires_in: Option<Duration>,
}

impl Fleet {
    /// Visible, unrevoked secrets by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn enroll_secrets_by_public_ids(
        &self,
        actor: &Actor,
        ids: &[PublicId],
    ) -> Result<HashMap<PublicId, EnrollSecret>, FleetError> {
        let scope = allow(actor, Action::ManageEnrollSecrets, None)?;
        let found = enroll_secrets::by_public_ids(self.store.reader(), &scope, ids).await?;
        Ok(found.into_iter().map(|row| (row.public_id.clone(), row.into())).collect())
    }

    /// A page of visible, unrevoked secrets by id; `team` keeps those of one team.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn enroll_secrets(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        page: PageRequest,
    ) -> Result<Page<EnrollSecret>, FleetError> {
        let scope = allow(actor, Action::ManageEnrollSecrets, None)?;
        let db = self.store.reader();
        let team = match team {
            None => None,
            Some(id) => match teams::by_public_ids(db, &scope, std::slice::from_ref(id)).await?.pop() {
                Some(team) => Some(team.id),
                None => return Ok(Page { items: Vec::new(), more: false }),
            },
        };
        Ok(enroll_secrets::page(db, &scope, team, &page).await?.map(EnrollSecret::from))
    }

    /// Makes a secret and answers its text, this once: none for a repeated `idempotency_key`.
    ///
    /// # Errors
    /// Denied; rejected (`teamId`, `name`, `expiresInSeconds`, `idempotencyKey`); unavailable.
    pub async fn create_enroll_secret(
        &self,
        actor: &Actor,
        new: NewEnrollSecret,
        idempotency_key: Option<&str>,
    ) -> Result<(EnrollSecret, Option<String>), FleetError> {
        let team = self.place(actor, Action::ManageEnrollSecrets, new.team.as_ref()).await?;
        let name = new.name.as_deref().map(|name| input::name(name, "name")).transpose()?;
        let expires_in = new.expires_in.map(|life| check_life(life, "expiresInSeconds")).transpose()?;
        let request = Keyed {
            operation: "createEnrollSecret",
            key: idempotency_key,
            input: json!(new).to_string().into_bytes(),
        };
        let kind = Making { name, team, expires_in, replaces: None };
        let stored = start_over_once(|| self.store_secret(actor, &kind, &request)).await?;
        self.announce().await;
        Ok(stored)
    }

    /// Makes a secret in place of another, of the same name and team, without an end, and answers its text, this once.
    /// The other one holds for `overlap` more, while hosts are given the new one, and not longer than it would have.
    ///
    /// # Errors
    /// Denied; rejected (`id`, `overlapSeconds`, `idempotencyKey`); unavailable.
    pub async fn rotate_enroll_secret(
        &self,
        actor: &Actor,
        id: &PublicId,
        overlap: Duration,
        idempotency_key: Option<&str>,
    ) -> Result<(EnrollSecret, Option<String>), FleetError> {
        let scope = allow(actor, Action::ManageEnrollSecrets, None)?;
        let overlap = check_life(overlap, "overlapSeconds")?;
        let found =
            enroll_secrets::by_public_ids(self.store.reader(), &scope, std::slice::from_ref(id)).await?;
        let old = found.into_iter().next().ok_or_else(unknown)?;
        let request = Keyed {
            operation: "rotateEnrollSecret",
            key: idempotency_key,
            input: json!([id, overlap.as_secs()]).to_string().into_bytes(),
        };
        let (name, team) = (old.name.clone(), old.team_id);
        let kind = Making { name, team, expires_in: None, replaces: Some((&old, overlap)) };
        let stored = start_over_once(|| self.store_secret(actor, &kind, &request)).await?;
        self.announce().await;
        Ok(stored)
    }

    /// Revokes a secret at once; hosts that are in stay in.
    ///
    /// # Errors
    /// Denied; rejected (`id`); unavailable.
    pub async fn revoke_enroll_secret(&self, actor: &Actor, id: &PublicId) -> Result<PublicId, FleetError> {
        let scope = allow(actor, Action::ManageEnrollSecrets, None)?;
        let tx = self.store.begin().await?;
        let found = enroll_secrets::by_public_ids(&tx, &scope, std::slice::from_ref(id)).await?.pop();
        let secret = found.ok_or_else(unknown)?;
        if !enroll_secrets::revoke(&tx, secret.id, self.clock.now()).await? {
            return Err(unknown());
        }
        self.record_secret(&tx, actor, "enroll_secret.revoked", &secret).await?;
        tx.commit().await?;
        self.announce().await;
        Ok(secret.public_id)
    }

    async fn store_secret(
        &self,
        actor: &Actor,
        making: &Making<'_>,
        request: &Keyed<'_>,
    ) -> Result<(EnrollSecret, Option<String>), FleetError> {
        let scope = allow(actor, Action::ManageEnrollSecrets, Some(making.team))?;
        let tx = self.store.begin().await?;
        if let Some(first) = self.recall(&tx, actor, request).await? {
            let secret = enroll_secrets::by_public_ids(&tx, &scope, &[first]).await?.pop();
            return Ok((secret.ok_or(FleetError::NotFound("enroll secret"))?.into(), None));
        }
        let (text, now) = (new_secret(), self.clock.now());
        let row = ActiveModel {
            id: NotSet,
            public_id: Set(new_public_id("sec")),
            name: Set(making.name.clone()),
            team_id: Set(making.team),
            secret_hash: Set(self.keys.hash(&text).to_vec()),
            created_by: Set(creator(actor)),
            created_at: Set(now),
            expires_at: Set(making.expires_in.map(|life| now.plus(life))),
            revoked_at: Set(None),
        };
        let secret = enroll_secrets::insert(&tx, row).await?;
        self.remember(&tx, actor, request, &secret.public_id).await?;
        let kind = match making.replaces {
            None => "enroll_secret.created",
            Some((old, overlap)) => {
                enroll_secrets::end_by(&tx, old.id, now.plus(overlap)).await?;
                "enroll_secret.rotated"
            }
        };
        self.record_secret(&tx, actor, kind, &secret).await?;
        tx.commit().await?;
        Ok((secret.into(), Some(text)))
    }

    /// Records what happened to a secret, for people and for the other servers; the last statements of `tx`.
    async fn record_secret(
        &self,
        tx: &DatabaseTransaction,
        actor: &Actor,
        kind: &'static str,
        secret: &Model,
    ) -> Result<(), FleetError> {
        let activity = NewActivity {
            kind,
            team: Some(secret.team_id),
            subject: Some(&secret.public_id),
            details: json!({ "name": secret.name }),
        };
        self.record_activity(tx, actor, activity).await?;
        Ok(changes::record(tx, &[(ChangeKind::EnrollSecret, secret.id.0)]).await?)
    }
}

impl From<Model> for EnrollSecret {
    fn from(row: Model) -> Self {
        Self {
            id: row.id,
            public_id: row.public_id,
            name: row.name,
            team_id: row.team_id,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// A secret about to be made.
struct Making<'a> {
    name: Option<String>,
    team: TeamId,
    expires_in: Option<Duration>,
    /// The one it replaces, and how long that still holds.
    replaces: Option<(&'a Model, Duration)>,
}

fn check_life(life: Duration, path: &'static str) -> Result<Duration, FleetError> {
    if LIFE.contains(&life) {
        return Ok(life);
    }
    let message = "a secret holds for a minute to 3,650 days";
    Err(FleetError::rejected(RejectionCode::Invalid, path, message))
}

fn unknown() -> FleetError {
    FleetError::rejected(RejectionCode::NotFound, "id", "enroll secret not found")
}

/// Who made a thing, when a user did.
pub(super) fn creator(actor: &Actor) -> Option<UserId> {
    match actor {
        Actor::User(user) => Some(user.id),
        _ => None,
    }
}
