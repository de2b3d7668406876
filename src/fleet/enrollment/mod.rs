//! Enrollment: a host shows a secret and gets a node key.

mod guard;
mod machine;
mod notes;

use std::net::IpAddr;
use std::time::{Duration, Instant};

use entity::hosts;
use entity::id::{HostId, PublicId, TeamId};
use entity::kind::{ChangeKind, Platform};
use sea_orm::{ActiveValue::Set, DatabaseTransaction};

use super::{Fleet, FleetError};
use crate::auth::keys::{new_public_id, new_secret};
use crate::clock::Timestamp;
use crate::policy::Scope;
use crate::store::{changes, enrollment as rows, label_members, node_keys};

pub use guard::Guard;
use machine::Match;
pub use machine::is_useless_uuid;
use notes::Added;

/// New keys of one host in [`KEY_WINDOW`] at most.
const KEYS_IN_WINDOW: u64 = 5;
const KEY_WINDOW: Duration = Duration::from_mins(10);

/// What a host says of itself when it enrolls; cleaned, bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnrollRequest {
    /// The secret, trimmed.
    pub secret: String,
    /// What tells the host apart; never empty.
    pub host_identifier: String,
    /// Operating system family.
    pub platform: Option<Platform>,
    /// Hardware UUID.
    pub hardware_uuid: Option<String>,
    /// Host name.
    pub hostname: Option<String>,
    /// Hardware serial.
    pub serial_number: Option<String>,
    /// Operating system name and version.
    pub os_version: Option<String>,
    /// osquery version.
    pub osquery_version: Option<String>,
    /// Physical memory in bytes.
    pub memory_bytes: Option<i64>,
}

/// Outcome of an enrollment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrolled {
    /// The new node key: 256 random bits in base64url.
    Key(String),
    /// The secret is wrong, expired or revoked.
    WrongSecret,
    /// More than 5 new keys in 10 minutes for this host, or too many failures from this source: try again later.
    TooOften,
}

impl Fleet {
    /// Enrolls a host: the same identifier and hardware UUID, and a secret of its team or of the team it enrolled in,
    /// are the same host with a new key, in the team where it is; another team's secret never takes a host over;
    /// another hardware UUID is flagged as a clone.
    ///
    /// # Errors
    /// Unavailable.
    pub async fn enroll(&self, request: EnrollRequest, source: IpAddr) -> Result<Enrolled, FleetError> {
        // A flood of wrong secrets shuts nobody out who has a right one: many hosts may share an address.
        let is_shut = self.enroll_guard.is_shut(source, Instant::now());
        if is_shut && !self.is_known_enroll_secret(&request.secret).await? {
            return Ok(Enrolled::TooOften);
        }
        let Some(team) = self.team_of_enroll_secret(&request.secret).await? else {
            self.refuse_enrollment(source).await;
            return Ok(Enrolled::WrongSecret);
        };
        let now = self.store.now().await?;
        let tx = self.store.begin().await?;
        let Some(host) = self.place_host(&tx, &request, team, now).await? else {
            tx.rollback().await?;
            return Ok(Enrolled::TooOften);
        };
        let key = new_secret();
        node_keys::issue(&tx, host, &self.keys.hash(&key), now).await?;
        changes::record(&tx, &[(ChangeKind::Host, host.0)]).await?;
        tx.commit().await?;
        self.announce().await;
        self.presence.seen(host, self.clock.now());
        Ok(Enrolled::Key(key))
    }

    /// The row of the enrolling host, found or made; none when it has asked for too many keys lately.
    async fn place_host(
        &self,
        tx: &DatabaseTransaction,
        request: &EnrollRequest,
        team: TeamId,
        now: Timestamp,
    ) -> Result<Option<HostId>, FleetError> {
        rows::lock_identifier(tx, &request.host_identifier).await?;
        let namesakes = rows::hosts_of_identifier(tx, &Scope::system(), &request.host_identifier).await?;
        match machine::find(&namesakes, request, team) {
            Match::Same(host) => self.enroll_again(tx, host, request, team, now).await,
            Match::New { clones_of, foreign_to } => {
                let (id, public_id) = self.add_host(tx, request, team, now).await?;
                let added = Added { id, public_id: &public_id, team, now };
                self.flag_clones(tx, &added, &clones_of).await?;
                self.flag_foreign_secret(tx, &added, &foreign_to).await?;
                Ok(Some(id))
            }
        }
    }

    async fn enroll_again(
        &self,
        tx: &DatabaseTransaction,
        host: &hosts::Model,
        request: &EnrollRequest,
        team: TeamId,
        now: Timestamp,
    ) -> Result<Option<HostId>, FleetError> {
        let since = now.minus(KEY_WINDOW);
        if node_keys::count_issued(tx, &Scope::system(), host.id, since).await? >= KEYS_IN_WINDOW {
            tracing::warn!(host.id = host.id.0, "a host asked for too many node keys; it has to wait");
            return Ok(None);
        }
        rows::update_host(tx, host.id, self.reported(request, team, now)).await?;
        label_members::set_built_in(tx, host.id, request.platform.unwrap_or(host.platform)).await?;
        self.record_enrolled(tx, host.id, &host.public_id, host.team_id).await?;
        Ok(Some(host.id))
    }

    async fn add_host(
        &self,
        tx: &DatabaseTransaction,
        request: &EnrollRequest,
        team: TeamId,
        now: Timestamp,
    ) -> Result<(HostId, PublicId), FleetError> {
        let public_id = new_public_id("hst");
        let platform = request.platform.unwrap_or(Platform::Other);
        let host = hosts::ActiveModel {
            public_id: Set(public_id.clone()),
            team_id: Set(team),
            host_identifier: Set(request.host_identifier.clone()),
            hardware_uuid: Set(request.hardware_uuid.clone().unwrap_or_default()),
            hostname: Set(request.hostname.clone().unwrap_or_else(|| request.host_identifier.clone())),
            platform: Set(platform),
            enrolled_at: Set(now),
            last_seen_at: Set(now),
            ..self.reported(request, team, now)
        };
        let id = rows::insert_host(tx, host).await?;
        label_members::set_built_in(tx, id, platform).await?;
        self.record_enrolled(tx, id, &public_id, team).await?;
        Ok((id, public_id))
    }

    /// The columns that an enrollment tells; what it does not tell stays.
    fn reported(&self, request: &EnrollRequest, team: TeamId, now: Timestamp) -> hosts::ActiveModel {
        let interval = self.settings.check_in_interval.as_secs();
        let mut host = hosts::ActiveModel {
            check_in_interval_s: Set(i32::try_from(interval).unwrap_or(i32::MAX)),
            last_enrolled_at: Set(now),
            enrolled_team_id: Set(team),
            ..Default::default()
        };
        if let Some(uuid) = &request.hardware_uuid {
            host.hardware_uuid = Set(uuid.clone());
        }
        if let Some(hostname) = &request.hostname {
            host.hostname = Set(hostname.clone());
        }
        if let Some(platform) = request.platform {
            host.platform = Set(platform);
        }
        if request.serial_number.is_some() {
            host.serial_number = Set(request.serial_number.clone());
        }
        if request.os_version.is_some() {
            host.os_version = Set(request.os_version.clone());
        }
        if request.osquery_version.is_some() {
            host.osquery_version = Set(request.osquery_version.clone());
        }
        if request.memory_bytes.is_some() {
            host.memory_bytes = Set(request.memory_bytes);
        }
        host
    }
}
