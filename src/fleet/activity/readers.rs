//! Who reads the rows of a campaign: one entry of the audit trail a viewer and campaign, not one a batch.

use std::collections::BTreeMap;

use entity::campaign_readers::Model;
use entity::id::{CampaignId, PublicId};
use serde_json::json;

use super::identity;
use crate::fleet::campaigns::Campaign;
use crate::fleet::memory::Memory;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::campaign_teams::TeamTotals;
use crate::store::{campaign_readers, campaign_teams};

/// Readers in memory at most; one that was forgotten costs a statement.
const CAPACITY: usize = 20_000;

/// Readers that were noted already, as far as this server remembers.
pub struct Readers(Memory<(CampaignId, String), ()>);

impl Default for Readers {
    fn default() -> Self {
        Self(Memory::new(CAPACITY))
    }
}

impl Fleet {
    /// Notes that the actor reads rows of campaigns, before they get any. The first time only: then each team that they
    /// read of is told, or, of hosts in none, the installation.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn note_reader(&self, actor: &Actor, campaigns: &[&Campaign]) -> Result<(), FleetError> {
        let reader = identity(actor).0;
        let known = |id| self.campaign_readers.0.get(&(id, reader.to_owned())).is_some();
        // By id, so that two who are noted at once don't wait for each other.
        let new: BTreeMap<CampaignId, &PublicId> =
            campaigns.iter().map(|campaign| (campaign.id, &campaign.public_id)).collect();
        let new: Vec<_> = new.into_iter().filter(|(id, _)| !known(*id)).collect();
        if *actor == Actor::System || new.is_empty() {
            return Ok(());
        }
        let scope = allow(actor, Action::ReadCampaigns, None)?;
        let tx = self.store.begin().await?;
        let row = |(id, _): &(CampaignId, _)| Model {
            campaign_id: *id,
            reader: reader.to_owned(),
            first_read_at: self.clock.now(),
        };
        let noted = campaign_readers::note(&tx, new.iter().map(row).collect()).await?;
        let mut read = campaign_teams::load(&tx, &scope, &noted).await?;
        for (id, public_id) in new.iter().filter(|(id, _)| noted.contains(id)) {
            let told = |team: TeamTotals| (team.team_id, json!({ "targeted": team.targeted }));
            let teams = read.remove(id).unwrap_or_default().into_iter().map(told).collect();
            self.record_activity_of_teams(&tx, actor, ("campaign.read", public_id), teams).await?;
        }
        tx.commit().await?;
        for (id, _) in new {
            self.campaign_readers.0.keep(self.campaign_readers.0.generation(), (id, reader.to_owned()), ());
        }
        self.activity_pulse.beat();
        Ok(())
    }
}
