//! Enroll secrets: what lets a host in, and into which team.

use std::collections::HashMap;

use entity::id::{EnrollSecretId, PublicId, TeamId};

use super::hosts::{Page, PageRequest};
use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::policy::Actor;

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

/// The secrets this server knows, by hash, so that an enroll flood costs no SQL; emptied by `changes`.
pub struct SecretCache {}

impl Fleet {
    /// Visible, unrevoked secrets by outside id.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn enroll_secrets_by_public_ids(
        &self,
        _actor: &Actor,
        _ids: &[PublicId],
    ) -> Result<HashMap<PublicId, EnrollSecret>, FleetError> {
        todo!()
    }

    /// A page of visible, unrevoked secrets by id; `team` keeps those of one team.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn enroll_secrets(
        &self,
        _actor: &Actor,
        _team: Option<&PublicId>,
        _page: PageRequest,
    ) -> Result<Page<EnrollSecret>, FleetError> {
        todo!()
    }

    /// Makes a secret and answers its text, this once: none for a repeated `idempotency_key`.
    ///
    /// # Errors
    /// Denied; rejected (`teamId`, `name`, `idempotencyKey`); unavailable.
    pub async fn create_enroll_secret(
        &self,
        _actor: &Actor,
        _name: Option<&str>,
        _team: Option<&PublicId>,
        _idempotency_key: Option<&str>,
    ) -> Result<(EnrollSecret, Option<String>), FleetError> {
        todo!()
    }

    /// Revokes a secret at once; hosts that are in stay in.
    ///
    /// # Errors
    /// Denied; rejected (`id`); unavailable.
    pub async fn revoke_enroll_secret(&self, _actor: &Actor, _id: &PublicId) -> Result<PublicId, FleetError> {
        todo!()
    }

    /// Which team a secret lets hosts into; none when it is wrong, expired or revoked. Compares hashes, answers
    /// from memory for secrets and for lately seen wrong ones.
    ///
    /// # Errors
    /// Unavailable: then nothing is said about the secret.
    pub(crate) async fn team_of_enroll_secret(&self, _secret: &str) -> Result<Option<TeamId>, FleetError> {
        todo!()
    }
}
