//! Named contexts: servers, and who acts there.

pub(super) mod context;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod store;
