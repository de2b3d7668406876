//! temp
use entity::id::*;
impl super::roster::Roster { pub(crate) fn forget_all(&self) {} pub(crate) fn forget_host(&self, _: HostId) {} }
impl super::sessions::SessionCache { pub(crate) fn forget_all(&self) {} pub(crate) fn forget_session(&self, _: SessionId) {} pub(crate) fn forget_user(&self, _: UserId) {} pub(crate) fn forget_token(&self, _: ApiTokenId) {} }
impl super::enroll_secrets::SecretCache { pub(crate) fn forget_all(&self) {} }
