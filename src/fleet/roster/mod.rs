//! The roster: which host a node key stands for, in memory.
//!
//! A miss reads the store once; unknown keys are remembered briefly. A fill notes the roster's generation before it
//! reads; a change of a host notes the newer generation at that host, and what was read under an older one is used
//! once and not kept.

mod memory;

use std::sync::Arc;
use std::time::{Duration, Instant};

use entity::id::{HostId, NodeKeyId, PublicId, TeamId};
use entity::kind::{ChangeKind, Platform};

use super::due::Rounds;
use super::{Fleet, FleetError};
use crate::policy::Scope;
use crate::store::changes;
use crate::store::node_keys::{self, FirstUse, HostOfKey};

pub use memory::Roster;
use memory::{KeyHash, Noted, Remembered};

/// A key that was never used lapses after this.
const LIFE_OF_UNUSED_KEY: Duration = Duration::from_hours(24);
/// Characters of a node key: 256 bits in base64url.
const KEY_LENGTH: usize = 43;

/// A host that has proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownHost {
    /// Inside id.
    pub id: HostId,
    /// Outside id.
    pub public_id: PublicId,
    /// Its team; [`TeamId::NONE`] for none.
    pub team: TeamId,
    /// Outside id of its team.
    pub team_public_id: Option<PublicId>,
    /// Host name.
    pub hostname: String,
    /// Operating system family.
    pub platform: Platform,
    /// The key it used.
    pub key: NodeKeyId,
    /// How far it is with what is due.
    pub rounds: Rounds,
}

/// Whether we could have issued this key.
fn is_ours_by_form(key: &str) -> bool {
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    key.len() == KEY_LENGTH && key.bytes().all(base64url)
}

impl Fleet {
    /// The host of a node key; none when the store does not know the key, or it cannot be ours by its form.
    /// With a warm roster: memory only. The first use of a key is stored before it is answered.
    ///
    /// # Errors
    /// Unavailable: the store could not be asked; nothing is said about the key.
    pub async fn known_host(&self, node_key: &str) -> Result<Option<Arc<KnownHost>>, FleetError> {
        if !is_ours_by_form(node_key) {
            return Ok(None);
        }
        let key = self.keys.hash(node_key);
        match self.roster.look_up(&key, Instant::now()) {
            Remembered::Known(host) => Ok(Some(host)),
            Remembered::Unknown => Ok(None),
            Remembered::Nothing => self.read_host(key).await,
        }
    }

    /// Asks the store, and keeps what it says.
    async fn read_host(&self, key: KeyHash) -> Result<Option<Arc<KnownHost>>, FleetError> {
        let (mut noted, mut found) = self.read_key(&key).await?;
        if let Some(unused) = found.as_ref().filter(|found| found.is_unused()) {
            self.first_use(unused).await?;
            // Read again whoever was first: this request, another one, or the use of a newer key.
            (noted, found) = self.read_key(&key).await?;
        }
        let Some(host) = found.filter(HostOfKey::is_in_use).map(|found| Arc::new(KnownHost::from(found)))
        else {
            self.roster.keep_unknown(key, Instant::now() + self.settings.unknown_credential_memory);
            return Ok(None);
        };
        self.roster.keep(noted, key, &host);
        Ok(Some(host))
    }

    async fn read_key(&self, key: &KeyHash) -> Result<(Noted, Option<HostOfKey>), FleetError> {
        let noted = self.roster.before_reading();
        Ok((noted, node_keys::by_hash(self.store.reader(), &Scope::system(), key).await?))
    }

    /// Stores that a key is used, which ends the keys issued before it, unless it has lapsed.
    async fn first_use(&self, unused: &HostOfKey) -> Result<(), FleetError> {
        let now = self.store.now().await?;
        if unused.issued_at.plus(LIFE_OF_UNUSED_KEY) <= now {
            return Ok(());
        }
        let tx = self.store.begin().await?;
        match node_keys::mark_used(&tx, unused.host_id, unused.key_id, now).await? {
            FirstUse::Late => tx.rollback().await?,
            // No server remembers anything of a key that nobody used.
            FirstUse::OfOnlyKey => tx.commit().await?,
            FirstUse::EndedOthers => {
                changes::record(&tx, &[(ChangeKind::Host, unused.host_id.0)]).await?;
                tx.commit().await?;
                self.announce().await;
            }
        }
        Ok(())
    }
}

impl From<HostOfKey> for KnownHost {
    fn from(found: HostOfKey) -> Self {
        Self {
            id: found.host_id,
            public_id: found.host_public_id,
            team: found.team_id,
            team_public_id: found.team_public_id,
            hostname: found.hostname,
            platform: found.platform,
            key: found.key_id,
            rounds: Rounds::new(found.answered.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_be_ours_are_told_by_their_form() {
        assert!(is_ours_by_form(&crate::auth::keys::new_secret()));
        let too_long = "a".repeat(65_536);
        for key in ["", "abc", &too_long, &"ä".repeat(21), &format!("{}\0", "a".repeat(42))] {
            assert!(!is_ours_by_form(key));
        }
    }
}
