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

    /// Whether a host has checked in lately.
    HostStatus {
        /// Seen within its interval plus 90 s.
        #[serde(alias = "Online")]
        Online = "online",
        /// Missed its check-in.
        #[serde(alias = "Offline")]
        Offline = "offline",
        /// Not seen for 30 days.
        #[serde(alias = "Missing")]
        Missing = "missing",
    }

    /// What a host is found by beside its names.
    TermKind {
        /// An address of one of its interfaces.
        Address = "address",
        /// Somebody who has an account.
        User = "user",
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

    /// How a host stands to a policy.
    PolicyState {
        /// The query returned a row or more.
        Pass = "pass",
        /// It returned none.
        Fail = "fail",
        /// It could not be run.
        Error = "error",
        /// The host has not answered it; never stored.
        Unanswered = "unanswered",
    }

    /// What is logged of the runs of a scheduled query.
    ScheduleLogging {
        /// Every row of every run.
        Snapshot = "snapshot",
        /// Rows that came and rows that went, compared with the run before.
        Differential = "differential",
        /// Rows that came.
        DifferentialIgnoreRemovals = "differential_ignore_removals",
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

    /// Why a host is asked a query from here, beside its schedule.
    AskedKind {
        /// A saved query runs live.
        Live = "live",
        /// What the host is.
        Vital = "vital",
        /// Whether it has a label.
        Label = "label",
        /// Whether it passes a policy.
        Policy = "policy",
    }

    /// What a row of `changes` tells.
    ChangeKind {
        /// A campaign was started; the key is its id.
        CampaignStarted = "campaign_started",
        /// A campaign completed, was stopped or expired; the key is its id.
        CampaignEnded = "campaign_ended",
        /// A host was transferred, deleted or re-enrolled, or one of its node keys changed; the key is its id.
        Host = "host",
        /// A host enrolled; the key is its id.
        HostEnrolled = "host_enrolled",
        /// What is known of a host changed; the key is its id.
        HostUpdated = "host_updated",
        /// A host came online, went offline or missing; the key is its id.
        HostStatus = "host_status",
        /// A host was moved to another team; the key is its id, the team it left, and its outside id.
        HostMoved = "host_moved",
        /// A host was deleted; the key is its id, the team it was in, and its outside id.
        HostDeleted = "host_deleted",
        /// So many hosts changed that whoever follows them reads anew; the key is 0.
        Hosts = "hosts",
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
        /// Log destinations were made, changed or deleted; the key is 0.
        Destinations = "destinations",
        /// What hosts are configured with changed; the key is the team whose hosts are concerned, 0 for all.
        Configuration = "configuration",
        /// The labels of a host changed; the key is the host's id, 0 for many hosts at once.
        HostLabels = "host_labels",
        /// A label was made, changed or deleted; the key is its id, 0 for several.
        Labels = "labels",
        /// A policy was made or changed; the key is its id.
        Policy = "policy",
        /// A policy was deleted; the key is its id, its team, and its outside id.
        PolicyDeleted = "policy_deleted",
        /// Results of a policy changed; the key is its id, the team of the hosts, and their ids, with commas, or `*` for
        /// many.
        PolicyResults = "policy_results",
    }
}
