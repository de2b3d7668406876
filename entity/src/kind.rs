//! The words that rows hold: closed sets, stored as text.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, DeriveActiveEnum,
            Serialize, Deserialize,
        )]
        #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))")]
        pub enum $name {
            $($(#[$vdoc])* #[sea_orm(string_value = $text)] #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// Every value, in the order of the declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word as it is stored and logged.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    )*};
}

kinds! {
    /// Role of a user, global or in one team; `policy` says what each may do.
    Role {
        /// Reads; runs saved queries marked observer-can-run.
        Observer = "observer",
        /// Also runs any SQL live.
        ObserverPlus = "observer_plus",
        /// Also manages queries, packs, labels, policies and hosts.
        Maintainer = "maintainer",
        /// Also manages users, teams, secrets and settings.
        Admin = "admin",
        /// Applies configuration and reads nothing of hosts.
        Gitops = "gitops",
    }

    /// What an API token may do at most; each includes those before it.
    TokenScope {
        /// Reads what its user may read.
        Read = "read",
        /// Also runs live queries.
        Run = "run",
        /// Also manages queries, packs, labels, policies and hosts.
        Manage = "manage",
        /// Whatever its user may do.
        Admin = "admin",
    }

    /// Operating system family.
    Platform {
        /// Apple macOS.
        Darwin = "darwin",
        /// Any Linux.
        Linux = "linux",
        /// Microsoft Windows.
        Windows = "windows",
        /// FreeBSD.
        Freebsd = "freebsd",
        /// Anything else, or not known yet.
        Other = "other",
    }

    /// How the members of a label are found.
    LabelKind {
        /// Made by the server: all hosts, a platform.
        BuiltIn = "built_in",
        /// By SQL run on the hosts.
        Dynamic = "dynamic",
        /// By hand.
        Manual = "manual",
    }

    /// State of a campaign.
    CampaignStatus {
        /// Asking; accepting answers.
        Running = "running",
        /// Every target answered.
        Completed = "completed",
        /// Stopped by a user.
        Stopped = "stopped",
        /// Ended by its expiry.
        Expired = "expired",
    }

    /// What an event of a campaign is.
    EventKind {
        /// A chunk of rows of one host.
        Rows = "rows",
        /// A host's failure.
        Failure = "failure",
        /// The end of the campaign.
        Ended = "ended",
    }

    /// Kinds of host failure.
    HostErrorCode {
        /// SQL was not accepted.
        SqlError = "sql_error",
        /// The table is not on this platform or version.
        TableNotFound = "table_not_found",
        /// A required column was not constrained.
        MissingConstraint = "missing_constraint",
        /// osqueryd died while running this text and refuses it for up to 24 h.
        Denylisted = "denylisted",
        /// The result was larger than the server takes.
        ResultTooLarge = "result_too_large",
        /// The result could not be read.
        Malformed = "malformed",
        /// The host was transferred or deleted while it was awaited.
        Withdrawn = "withdrawn",
        /// Anything else.
        Unknown = "unknown",
    }

    /// What a row of `changes` tells.
    ChangeKind {
        /// A campaign was started; the key is its id.
        CampaignStarted = "campaign_started",
        /// A campaign completed, was stopped or expired; the key is its id.
        CampaignEnded = "campaign_ended",
        /// A host was transferred, deleted or re-enrolled, or one of its node keys changed; the key is its id.
        Host = "host",
        /// A session was ended; the key is its id.
        Session = "session",
        /// A user's roles, password or state changed; the key is the user's id.
        User = "user",
        /// An API token was revoked; the key is its id.
        ApiToken = "api_token",
        /// An enroll secret was made or revoked; the key is its id.
        EnrollSecret = "enroll_secret",
        /// A signing key was made; the key is its id.
        SigningKey = "signing_key",
        /// The settings of the fleet changed, such as the switch that stops all dispatch; the key is 0.
        Settings = "settings",
    }
}
