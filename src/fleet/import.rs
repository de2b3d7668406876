//! Importing what other tools write: everything in one transaction, or nothing.
//!
//! The texts are read first (`interchange`), without the database. Then each thing is saved by the rules of the
//! mutations, in a transaction that a dry run, or anything that was refused, rolls back: so a dry run tells exactly what
//! the import would do.

mod ground;
mod label_layers;
mod labels;
mod layers;
mod packs;
mod policies;
mod queries;

use std::collections::BTreeSet;

use entity::id::{PublicId, TeamId};
use entity::kind::ChangeKind;

use crate::interchange::{self, Collection, Reading};
pub use crate::interchange::{Gravity, MAX_BYTES, Note, Place, SourceText};

use super::idempotency::start_over_once;
use super::offload::offload;
use super::osquery_config::Views;
use super::{Fleet, FleetError, RejectionCode};
use crate::policy::{Action, Actor, allow};
use crate::store::{changes, configuration_lock};
use ground::Ground;

/// Things of one import at most.
const MAX_THINGS: usize = 5_000;

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct NewImport {
    /// The texts; they may name each other.
    pub texts: Vec<SourceText>,
    /// The team that everything goes to, whatever the texts say; none to do as they say.
    pub team: Option<PublicId>,
    /// What becomes of what is there already.
    pub existing: Existing,
    /// Whether anything is to be saved.
    pub mode: Mode,
}

/// What becomes of what is there already, under the same name in the same team.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It becomes what the texts say.
    Update,
    /// It stays as it is.
    Skip,
}

/// Whether an import saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything, or nothing when anything is refused.
    Whole,
    /// Everything but what is refused.
    WithoutRefused,
    /// Nothing: only tell.
    DryRun,
}

/// What an import did, or would do.
#[derive(Clone, Debug)]
pub struct Imported {
    /// It was saved.
    pub is_applied: bool,
    /// What each thing became.
    pub things: Vec<Thing>,
    /// What else there is to say, each at its place.
    pub notes: Vec<Note>,
}

impl Imported {
    /// Whether anything could not be taken.
    #[must_use]
    pub fn has_refused(&self) -> bool {
        self.things.iter().any(|thing| thing.outcome == Outcome::Refused)
            || self.notes.iter().any(|note| note.gravity == Gravity::Error)
    }
}

/// A thing of the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    /// What it is.
    pub kind: Kind,
    /// Its name; of a layer of configuration that has none, the platform, or `all`.
    pub name: String,
    /// The name of its pack.
    pub pack: Option<String>,
    /// The name of its team; none for global.
    pub team: Option<String>,
    /// Where it stands.
    pub place: Place,
    /// What it became.
    pub outcome: Outcome,
    /// Why it was refused.
    pub reasons: Vec<String>,
}

/// Kinds of things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A saved query, of a pack perhaps.
    Query,
    /// A pack.
    Pack,
    /// A layer of configuration.
    Configuration,
    /// A label.
    Label,
    /// A policy.
    Policy,
}

/// What a thing became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is new.
    Created,
    /// It was there, and is another now.
    Changed,
    /// It was there, just so.
    Unchanged,
    /// It was there, and was to stay.
    Skipped,
    /// It was in a pack that has it no more.
    Removed,
    /// It could not be taken.
    Refused,
}

impl Fleet {
    /// Imports texts of other tools, and of [`Fleet::export`]. Everything is saved, or nothing; twice the same import
    /// changes nothing the second time.
    ///
    /// # Errors
    /// Denied; rejected (`documents`: too many things; `teamId`); unavailable. What is refused of the texts is in the
    /// answer.
    pub async fn import(&self, actor: &Actor, new: NewImport) -> Result<Imported, FleetError> {
        allow(actor, Action::ManageSavedQueries, None)?;
        let NewImport { texts, team, existing, mode } = new;
        let team = match team {
            Some(team) => Some(self.place(actor, Action::ManageSavedQueries, Some(&team)).await?),
            None => None,
        };
        let bytes = texts.iter().map(|source| source.text.len()).sum();
        let reading = offload(bytes, move || interchange::read(&texts)).await;
        let things = count(&reading.collection);
        if things > MAX_THINGS {
            let message = format!("{things} things are too many for one import; at most {MAX_THINGS}");
            return Err(FleetError::rejected(RejectionCode::LimitExceeded, "documents", message));
        }
        start_over_once(|| self.import_once(actor, &reading, (team, existing, mode))).await
    }

    async fn import_once(
        &self,
        actor: &Actor,
        reading: &Reading,
        (team, existing, mode): (Option<TeamId>, Existing, Mode),
    ) -> Result<Imported, FleetError> {
        let tx = self.store.begin().await?;
        configuration_lock(&tx).await?;
        let mut ground = Ground::new(self, actor, &tx, (team, existing));
        ground.notes.clone_from(&reading.notes);
        ground.lock_members(&reading.collection.labels).await?;
        for label in &reading.collection.labels {
            ground.label(label).await?;
        }
        for layer in &reading.collection.layers {
            ground.layer(layer).await?;
        }
        for query in &reading.collection.queries {
            ground.query(query).await?;
        }
        for pack in &reading.collection.packs {
            ground.pack(pack).await?;
        }
        for policy in &reading.collection.policies {
            ground.policy(policy).await?;
        }
        let is_sound = ground.check_whole().await?;
        let Ground { things, notes, touched, mut told, policies, .. } = ground;
        let mut imported = Imported { is_applied: false, things, notes };
        let saves = match mode {
            Mode::DryRun => false,
            Mode::Whole => is_sound && !imported.has_refused(),
            Mode::WithoutRefused => is_sound,
        };
        if !saves {
            tx.rollback().await?;
            return Ok(imported);
        }
        told.extend(touched.into_iter().map(|team| (ChangeKind::Configuration, team.0)));
        told.extend(policies.into_iter().map(|policy| (ChangeKind::Policy, policy.0)));
        if !told.is_empty() {
            changes::record(&tx, &told).await?;
        }
        tx.commit().await?;
        self.announce().await;
        imported.is_applied = true;
        Ok(imported)
    }
}

impl Ground<'_> {
    /// Whether what hosts will be sent is sound as a whole, in every team that is concerned; says why not.
    async fn check_whole(&mut self) -> Result<bool, FleetError> {
        let all = self.touched.contains(&TeamId::NONE);
        let teams = if all { BTreeSet::from([TeamId::NONE]) } else { self.touched.clone() };
        for team in teams {
            match Views::check(self.fleet, self.tx, team, "documents").await {
                Err(FleetError::Rejected(problems)) => {
                    let place = self.things.first().map_or(Place::start(""), |thing| thing.place.clone());
                    self.notes.extend(problems.into_iter().map(|problem| Note {
                        place: place.clone(),
                        gravity: Gravity::Error,
                        message: format!("all together: {}", problem.message),
                    }));
                    return Ok(false);
                }
                other => other?,
            }
        }
        Ok(true)
    }
}

fn count(collection: &Collection) -> usize {
    let in_packs: usize = collection.packs.iter().map(|pack| 1 + pack.queries.len()).sum();
    in_packs
        + collection.queries.len()
        + collection.layers.len()
        + collection.labels.len()
        + collection.policies.len()
}
