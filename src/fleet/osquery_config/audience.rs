//! What a host is served, and what hosts of a team and platform would be.

use std::collections::HashMap;
use std::sync::Arc;

use entity::id::{HostId, LabelId, PublicId, TeamId};
use entity::kind::Platform;

use super::assemble::{Assembled, For, assemble, label_layers_for, logged_queries};
use super::layers::Layer;
use super::material::Material;
use super::{Audience, Served, views};
use crate::fleet::hosts::Host;
use crate::fleet::roster::KnownHost;
use crate::fleet::{Fleet, FleetError};
use crate::osquery::text;
use crate::policy::{Action, Actor, Scope, allow};
use crate::store::{labels, teams};

/// A configuration as people look at it.
#[derive(Clone, Debug)]
pub struct Effective {
    /// The whole, as compact JSON.
    pub document: String,
    /// What an agent that has it reports of it; none when that can't be foretold.
    pub hash: Option<String>,
    /// The layers that it is made of, in order.
    pub layers: Vec<Layer>,
    /// Which layer each value came from, by path: 0 is this server itself, then `layers`.
    pub origins: Vec<(String, usize)>,
}

/// A host, and what its configuration depends on beside its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConfiguredHost {
    /// The host.
    pub id: HostId,
    /// Its team; [`TeamId::NONE`] for none.
    pub team: TeamId,
    /// Its platform.
    pub platform: Platform,
}

impl ConfiguredHost {
    /// Of a host as people see it.
    #[must_use]
    pub fn of(host: &Host) -> Self {
        Self { id: host.id, team: host.team_id, platform: host.platform }
    }
}

impl Fleet {
    /// What a host is to run. When nothing changed since it was asked last: from memory, the same bytes.
    ///
    /// # Errors
    /// Unavailable; internal when its configuration is one that agents drop, and there was never another one.
    pub async fn osquery_config(&self, host: &KnownHost) -> Result<Arc<Served>, FleetError> {
        let material = self.material(host.team).await?;
        let labels = self.wanted_labels(&material, host.id, host.team).await?;
        let audience = Audience { team: host.team, platform: host.platform.as_str(), labels };
        let served = self.served(audience).await?;
        self.presence.note_interval(host.id, served.check_in_interval_s);
        Ok(served)
    }

    /// The configuration of each of these visible hosts.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn effective_configs(
        &self,
        actor: &Actor,
        hosts: &[ConfiguredHost],
    ) -> Result<HashMap<ConfiguredHost, Effective>, FleetError> {
        allow(actor, Action::ReadConfiguration, None)?;
        self.remember_labels(hosts).await?;
        let mut configs = HashMap::with_capacity(hosts.len());
        for host in hosts {
            let material = self.material(host.team).await?;
            let labels = self.wanted_labels(&material, host.id, host.team).await?;
            let config = self.effective(&material, host.team, host.platform.as_str(), Some(&labels));
            configs.insert(*host, config);
        }
        Ok(configs)
    }

    /// The configuration of hosts of a team, or of none, and a platform: with every query and pack that some of them get,
    /// whatever their labels, and without layers for labels.
    ///
    /// # Errors
    /// Denied; not found; unavailable.
    pub async fn effective_config(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
        platform: Option<Platform>,
    ) -> Result<Effective, FleetError> {
        let team = self.readable_team(actor, team).await?;
        let material = self.material(team).await?;
        Ok(self.effective(&material, team, platform.map_or(super::material::ALL, Platform::as_str), None))
    }

    /// The team of an outside id, where the actor reads configurations; [`TeamId::NONE`] without one.
    pub(super) async fn readable_team(
        &self,
        actor: &Actor,
        team: Option<&PublicId>,
    ) -> Result<TeamId, FleetError> {
        let scope = allow(actor, Action::ReadConfiguration, None)?;
        let Some(team) = team else { return Ok(TeamId::NONE) };
        let found = teams::by_public_ids(self.store.reader(), &scope, std::slice::from_ref(team)).await?;
        found.first().map(|team| team.id).ok_or(FleetError::NotFound("team"))
    }

    /// What a host is served.
    pub(in crate::fleet) async fn served_to(&self, host: ConfiguredHost) -> Result<Arc<Served>, FleetError> {
        let ConfiguredHost { id, team, platform } = host;
        let material = self.material(team).await?;
        let labels = self.wanted_labels(&material, id, team).await?;
        self.served(Audience { team, platform: platform.as_str(), labels }).await
    }

    /// Reads the labels of hosts together, where they will be asked for and are not in memory.
    pub(in crate::fleet) async fn remember_labels(&self, hosts: &[ConfiguredHost]) -> Result<(), FleetError> {
        let mut unknown = Vec::new();
        for host in hosts {
            let is_asked = !self.material(host.team).await?.labels.is_empty();
            if is_asked && self.configurations.labels.get(&host.id).is_none() {
                unknown.push(host.id);
            }
        }
        if unknown.is_empty() {
            return Ok(());
        }
        let generation = self.configurations.labels.generation();
        let mut labels: HashMap<HostId, Vec<LabelId>> =
            unknown.into_iter().map(|host| (host, Vec::new())).collect();
        let ids: Vec<HostId> = labels.keys().copied().collect();
        for (host, label) in labels::of_hosts(self.store.reader(), &Scope::system(), &ids).await? {
            labels.entry(host).or_default().push(label);
        }
        for (host, labels) in labels {
            self.configurations.labels.keep(generation, host, labels.into());
        }
        Ok(())
    }

    pub(super) async fn served(&self, audience: Audience) -> Result<Arc<Served>, FleetError> {
        if let Some(served) = self.configurations.served.get(&audience) {
            return Ok(served);
        }
        let generation = self.configurations.served.generation();
        let material = self.material(audience.team).await?;
        let whose = For { team: audience.team, platform: audience.platform, labels: Some(&audience.labels) };
        let document = assemble(&material, whose, self.settings.check_in_interval.as_secs()).document;
        if let Some((_, problem)) = views::problem(document.clone()) {
            tracing::error!(team.id = audience.team.0, problem, "a configuration can't be served");
            let last = self.configurations.last_good.get(&audience);
            return last.ok_or_else(|| FleetError::internal(std::io::Error::other(problem)));
        }
        let names = logged_queries(&material, whose, &document);
        let served = Arc::new(Served::new(audience.team, &document, names));
        let good = self.configurations.last_good.generation();
        self.configurations.last_good.keep(good, audience.clone(), Arc::clone(&served));
        self.configurations.served.keep(generation, audience, Arc::clone(&served));
        Ok(served)
    }

    /// What the hosts of a team are configured from.
    pub(in crate::fleet) async fn material(&self, team: TeamId) -> Result<Arc<Material>, FleetError> {
        if let Some(material) = self.configurations.material.get(&team) {
            return Ok(material);
        }
        // When all hosts come back at once, one reads, and the others find it.
        let _reading = self.configurations.reading.lock().await;
        if let Some(material) = self.configurations.material.get(&team) {
            return Ok(material);
        }
        let generation = self.configurations.material.generation();
        let material = Arc::new(Material::read(self.store.reader(), &Scope::of_host(team)).await?);
        self.configurations.material.keep(generation, team, Arc::clone(&material));
        Ok(material)
    }

    /// Those labels of a host that the material asks for, in order.
    async fn wanted_labels(
        &self,
        material: &Material,
        host: HostId,
        team: TeamId,
    ) -> Result<Vec<LabelId>, FleetError> {
        if material.labels.is_empty() {
            return Ok(Vec::new());
        }
        let has = self.labels_of_host(host, team).await?;
        Ok(has.iter().copied().filter(|label| material.labels.contains(label)).collect())
    }

    /// The labels of a host, in order: from memory, or the store.
    ///
    /// # Errors
    /// Unavailable.
    pub(in crate::fleet) async fn labels_of_host(
        &self,
        host: HostId,
        team: TeamId,
    ) -> Result<Arc<[LabelId]>, FleetError> {
        match self.configurations.labels.get(&host) {
            Some(labels) => Ok(labels),
            None => self.read_labels(host, team).await,
        }
    }

    async fn read_labels(&self, host: HostId, team: TeamId) -> Result<Arc<[LabelId]>, FleetError> {
        let generation = self.configurations.labels.generation();
        let found = labels::of_hosts(self.store.reader(), &Scope::of_host(team), &[host]).await?;
        let labels: Arc<[LabelId]> = found.into_iter().map(|(_, label)| label).collect();
        self.configurations.labels.keep(generation, host, Arc::clone(&labels));
        Ok(labels)
    }

    fn effective(
        &self,
        material: &Material,
        team: TeamId,
        platform: &str,
        labels: Option<&[LabelId]>,
    ) -> Effective {
        let interval = self.settings.check_in_interval.as_secs();
        let whose = For { team, platform, labels };
        let Assembled { document, origins } = assemble(material, whose, interval);
        let value = document.into();
        let body = text::compact(&value);
        let layers = material.layers_for(team, platform).into_iter().map(|(row, _)| Layer::from(row.clone()));
        let over = label_layers_for(material, whose).map(|layer| Layer::from(layer.row.clone()));
        Effective {
            document: String::from_utf8_lossy(&body).into_owned(),
            hash: text::config_hash(&value, &body),
            layers: layers.chain(over).collect(),
            origins: origins.into_iter().collect(),
        }
    }
}
