//! Id newtypes: integers inside, random and typed by prefix outside.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

macro_rules! inside_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord,
            DeriveValueType, Serialize, Deserialize,
        )]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

inside_ids! {
    /// A host, from 1; small enough for bitmaps of 32-bit integers; never reused.
    HostId
    /// A team, from 1; see [`TeamId::NONE`].
    TeamId
    /// A campaign; smaller is older.
    CampaignId
    /// A user.
    UserId
    /// A saved query.
    SavedQueryId
    /// A pack; see [`PackId::NONE`].
    PackId
    /// A report.
    ReportId
    /// A label.
    LabelId
    /// A policy.
    PolicyId
    /// A change of the result of a policy on a host; smaller is older.
    PolicyChangeId
    /// A session.
    SessionId
    /// An API token.
    ApiTokenId
    /// An enroll secret.
    EnrollSecretId
    /// A node key, in order of issue.
    NodeKeyId
    /// An entry of the audit trail.
    ActivityId
    /// A failed sign-in.
    LoginFailureId
    /// A key for access tokens, in order of making; 0 is the one that every installation begins with.
    SigningKeyId
    /// A password reset.
    PasswordResetId
    /// An invitation.
    InvitationId
}

impl TeamId {
    /// Stands for "no team": hosts in none, objects that are global.
    pub const NONE: Self = Self(0);

    /// The team, or none for [`TeamId::NONE`].
    #[must_use]
    pub fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

impl PackId {
    /// Stands for "no pack": a saved query of its own.
    pub const NONE: Self = Self(0);

    /// The pack, or none for [`PackId::NONE`].
    #[must_use]
    pub fn some(self) -> Option<Self> {
        (self != Self::NONE).then_some(self)
    }
}

impl HostId {
    /// The id as a member of a bitmap; host ids are issued from 1 upward and stay below 2³².
    #[must_use]
    pub fn bit(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

/// An id seen outside: a prefix for the type, `_`, and 128 random bits in lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, DeriveValueType, Serialize, Deserialize)]
pub struct PublicId(pub String);

impl PublicId {
    /// The id of prefix `prefix` with the given random bits.
    #[must_use]
    pub fn new(prefix: &str, random: u128) -> Self {
        Self(format!("{prefix}_{random:032x}"))
    }

    /// The part before `_`; the whole text when there is none.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.0.split('_').next().unwrap_or_default()
    }
}

impl std::fmt::Display for PublicId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
