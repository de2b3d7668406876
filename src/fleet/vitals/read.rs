//! What hosts told, for people.

use std::collections::HashMap;

use entity::id::HostId;

use super::VitalTable;
use crate::fleet::{Fleet, FleetError};
use crate::policy::{Action, Actor, allow};
use crate::store::host_vitals;

impl Fleet {
    /// What visible hosts told that has no columns, in order of key.
    ///
    /// # Errors
    /// Denied; unavailable.
    pub async fn vitals_of_hosts(
        &self,
        actor: &Actor,
        hosts: &[HostId],
    ) -> Result<HashMap<HostId, Vec<VitalTable>>, FleetError> {
        let scope = allow(actor, Action::ReadHosts, None)?;
        let mut of_hosts: HashMap<HostId, Vec<VitalTable>> = HashMap::new();
        for table in host_vitals::of_hosts(self.store.reader(), &scope, hosts).await? {
            of_hosts.entry(table.host_id).or_default().push(table);
        }
        Ok(of_hosts)
    }
}
