//! Who reads the rows of a campaign: one entry of the audit trail a viewer and campaign, not one a batch.

use entity::campaign_readers::Model;
use entity::id::CampaignId;
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
    /// Notes that the actor reads rows of a campaign, before they get any. The first time only: then each team that
    /// they read of is told, or, of hosts in none, the installation.
    ///
    /// # Errors
    /// Unavailable.
    pub(crate) async fn note_reader(&self, actor: &Actor, campaign: &Campaign) -> Result<(), FleetError> {
        let reader = (campaign.id, identity(actor).0.to_owned());
        if *actor == Actor::System || self.campaign_readers.0.get(&reader).is_some() {
            return Ok(());
        }
        let scope = allow(actor, Action::ReadCampaigns, None)?;
        let tx = self.store.begin().await?;
        let row =
            Model { campaign_id: campaign.id, reader: reader.1.clone(), first_read_at: self.clock.now() };
        if campaign_readers::note(&tx, row).await? {
            let read = campaign_teams::load(&tx, &scope, &[campaign.id]).await?;
            let told = |team: &TeamTotals| (team.team_id, json!({ "targeted": team.targeted }));
            let teams = read.values().flatten().map(told).collect();
            self.record_activity_of_teams(&tx, actor, ("campaign.read", &campaign.public_id), teams).await?;
        }
        tx.commit().await?;
        self.campaign_readers.0.keep(self.campaign_readers.0.generation(), reader, ());
        self.activity_pulse.beat();
        Ok(())
    }
}
