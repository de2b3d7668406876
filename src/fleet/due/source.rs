//! The table of what can be due. Whoever adds a kind of its own gives it a line here, one in [`super::record`], and a
//! column of `hosts` that keeps when a host last answered all of it.

use std::sync::Arc;

use super::{DueKind, List, Lists};
use crate::fleet::{Fleet, FleetError};

impl Fleet {
    /// Reads what is due anew: at the start, and when settings, labels or policies have changed.
    pub(in crate::fleet) async fn load_due(&self) -> Result<(), FleetError> {
        let mut lists = Lists::default();
        for kind in DueKind::ALL {
            lists.0[kind as usize] = self.due_list(kind).await?;
        }
        self.due.lists.store(Arc::new(lists));
        Ok(())
    }

    /// The items of one kind.
    async fn due_list(&self, kind: DueKind) -> Result<List, FleetError> {
        Ok(match kind {
            DueKind::Vital => List::new(self.settings.vitals_interval, self.vitals_due().await?),
            DueKind::Label => List::new(self.settings.labels_interval, self.label_queries().await?),
            DueKind::Policy => List::new(self.settings.policies_interval, self.policies_due().await?),
        })
    }
}
