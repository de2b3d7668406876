//! What tests of the spool share.

use std::path::Path;

use bytes::Bytes;
use entity::id::{HostId, PublicId, TeamId};

use super::{Batch, LogKind, Origin, OriginHost, Spool, SpoolSettings};
use crate::clock::{Clock, FixedClock, Timestamp};

/// When lines come, unless a test says otherwise.
pub(crate) const NOW: Timestamp = Timestamp(1_700_000_000_123);

/// A batch of one host with these lines.
pub(crate) fn batch(kind: LogKind, lines: &str) -> Batch {
    let host = OriginHost {
        id: HostId(1),
        public_id: PublicId("hst_1".to_owned()),
        hostname: "web \"1\"".to_owned(),
    };
    let team_public_id = Some(PublicId("tem_2".to_owned()));
    Batch {
        id: PublicId("bat_1".to_owned()),
        kind,
        received_at: NOW,
        origin: Origin { host: Some(host), team: TeamId(2), team_public_id },
        lines: Bytes::copy_from_slice(lines.as_bytes()),
    }
}

/// A spool there, with a clock that stands at [`NOW`].
pub(crate) fn open(directory: &Path, settings: SpoolSettings) -> Spool {
    Spool::open(directory, settings, Clock::Fixed(FixedClock::at(NOW))).expect("the directory is writable")
}
