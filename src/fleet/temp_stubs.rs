//! temp
use entity::id::*;
impl super::roster::Roster {
    pub(crate) fn forget_all(&self) {}
    pub(crate) fn forget_host(&self, _: HostId) {}
}
