//! A batch that several viewers get, and what a face made of it: made once for all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::OnceCell;

use super::EventBatch;

/// Different renderings that are kept of one batch; whoever wants yet another makes it alone.
const KEPT: usize = 8;

/// What a face made of a batch; none when it can't be shared.
pub type Rendering = OnceCell<Option<Bytes>>;

/// A batch, perhaps shared.
#[derive(Debug)]
pub struct SharedBatch {
    /// The batch.
    pub batch: EventBatch,
    /// What faces made of it, by what makes two of them equal; none when only one viewer gets it.
    renderings: Option<Mutex<HashMap<Arc<str>, Arc<Rendering>>>>,
}

impl SharedBatch {
    /// A batch for one viewer.
    #[must_use]
    pub fn for_one(batch: EventBatch) -> Self {
        Self { batch, renderings: None }
    }

    /// A batch for viewers of equal scope.
    #[must_use]
    pub fn among_many(batch: EventBatch) -> Self {
        Self { batch, renderings: Some(Mutex::default()) }
    }

    /// The place of a rendering, to be looked at or filled; none when nobody shares it.
    #[must_use]
    pub fn rendering(&self, key: &Arc<str>) -> Option<Arc<Rendering>> {
        let mut renderings = self.renderings.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = renderings.get(key) {
            return Some(Arc::clone(known));
        }
        if renderings.len() == KEPT {
            return None;
        }
        Some(Arc::clone(renderings.entry(Arc::clone(key)).or_default()))
    }
}
