//! Which of the hosts with the same identifier is the one that enrolls.

use entity::hosts;
use entity::id::TeamId;

use super::EnrollRequest;

/// Hardware UUIDs that firmware gives to many machines.
const USELESS_UUIDS: &[&str] = &[
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "03000200-0400-0500-0006-000700080009",
    "not settable",
    "not specified",
    "none",
];

/// What an enrollment is.
#[derive(Debug, PartialEq)]
pub(super) enum Match<'a> {
    /// This host again.
    Same(&'a hosts::Model),
    /// A host that was not there.
    New {
        /// Other machines of the same team under the same identifier.
        clones_of: Vec<&'a hosts::Model>,
        /// The same machine, as hosts of other teams.
        foreign_to: Vec<&'a hosts::Model>,
    },
}

/// Finds the enrolling machine among the hosts of its identifier. Of several that it may be, one with its own
/// hardware UUID comes before one whose UUID is unknown, and a newer enrollment before an older.
pub(super) fn find<'a>(namesakes: &'a [hosts::Model], request: &EnrollRequest, team: TeamId) -> Match<'a> {
    let same = namesakes
        .iter()
        .filter(|host| belongs_to(host, team) && is_same_machine(host, request))
        .filter(|host| !is_pinned_to_another(host, request))
        .max_by_key(|host| {
            (
                have_equal_uuids(host, request),
                is_own_installation(host, request),
                host.last_enrolled_at,
                host.id,
            )
        });
    if let Some(host) = same {
        return Match::Same(host);
    }
    let (own, others): (Vec<_>, Vec<_>) = namesakes.iter().partition(|host| host.team_id == team);
    let foreign_to = others.into_iter().filter(|host| is_same_machine(host, request)).collect();
    Match::New { clones_of: own, foreign_to }
}

/// Whether a secret of the team stands for the host: it is there now, or it came with such a secret and was moved
/// since, which its flag file does not know.
fn belongs_to(host: &hosts::Model, team: TeamId) -> bool {
    host.team_id == team || host.enrolled_team_id == team
}

/// Hardware UUIDs decide where both are known. Where they are not, an identifier that many machines share needs
/// the host name beside it; any other identifier is enough.
fn is_same_machine(host: &hosts::Model, request: &EnrollRequest) -> bool {
    if uuid_of(host).is_some() && request.hardware_uuid.is_some() {
        return have_equal_uuids(host, request);
    }
    if is_useless_uuid(&request.host_identifier) {
        return request.hostname.as_ref().is_none_or(|name| *name == host.hostname);
    }
    true
}

/// Whether two installations of osquery took turns as this host, and this is not its own.
fn is_pinned_to_another(host: &hosts::Model, request: &EnrollRequest) -> bool {
    host.is_pinned && request.instance_id.is_some() && !is_own_installation(host, request)
}

fn is_own_installation(host: &hosts::Model, request: &EnrollRequest) -> bool {
    host.instance_id.is_some() && host.instance_id == request.instance_id
}

fn have_equal_uuids(host: &hosts::Model, request: &EnrollRequest) -> bool {
    match (uuid_of(host), &request.hardware_uuid) {
        (Some(stored), Some(told)) => stored.eq_ignore_ascii_case(told),
        _ => false,
    }
}

fn uuid_of(host: &hosts::Model) -> Option<&str> {
    Some(host.hardware_uuid.as_str()).filter(|uuid| !is_useless_uuid(uuid))
}

/// Whether a hardware UUID says nothing: empty, or a filler of the firmware.
#[must_use]
pub fn is_useless_uuid(uuid: &str) -> bool {
    let uuid = uuid.trim().to_ascii_lowercase();
    uuid.is_empty() || uuid.starts_with("to be filled") || USELESS_UUIDS.contains(&uuid.as_str())
}

#[cfg(test)]
mod tests {
    use entity::id::{HostId, PublicId};
    use entity::kind::{HostStatus, Platform};

    use super::*;
    use crate::clock::Timestamp;

    const A: &str = "4C4C4544-0000-0000-0000-00000000000A";
    const B: &str = "4C4C4544-0000-0000-0000-00000000000B";
    const ZERO: &str = "00000000-0000-0000-0000-000000000000";

    fn host(id: i64, team: i64, uuid: &str) -> hosts::Model {
        hosts::Model {
            id: HostId(id),
            public_id: PublicId(format!("hst_{id}")),
            team_id: TeamId(team),
            enrolled_team_id: TeamId(team),
            host_identifier: "web-1".to_owned(),
            hardware_uuid: uuid.to_owned(),
            hostname: "web-1".to_owned(),
            serial_number: None,
            platform: Platform::Linux,
            os_version: None,
            osquery_version: None,
            memory_bytes: None,
            check_in_interval_s: 10,
            enrolled_at: Timestamp(id),
            last_enrolled_at: Timestamp(id),
            last_seen_at: Timestamp(id),
            clone_suspected_at: None,
            foreign_secret_at: None,
            vitals_at: None,
            labels_at: None,
            policies_at: None,
            refetch_at: None,
            checked_in_at: None,
            config_at: None,
            logged_at: None,
            unanswered_since: None,
            booted_at: None,
            disk_total_bytes: None,
            disk_free_bytes: None,
            config_interval_s: None,
            log_interval_s: None,
            cpu_cores: None,
            config_hash: None,
            instance_id: None,
            hardware_vendor: None,
            hardware_model: None,
            cpu_brand: None,
            primary_address: None,
            primary_mac: None,
            is_pinned: false,
            status: HostStatus::Online,
        }
    }

    fn request(uuid: Option<&str>) -> EnrollRequest {
        EnrollRequest {
            host_identifier: "web-1".to_owned(),
            hostname: Some("web-1".to_owned()),
            hardware_uuid: uuid.map(str::to_owned),
            ..EnrollRequest::default()
        }
    }

    #[test]
    fn equal_identifier_uuid_and_team_are_the_same_host() {
        let hosts = [host(1, 0, B), host(2, 0, A), host(3, 7, A)];
        assert_eq!(find(&hosts, &request(Some(A)), TeamId(0)), Match::Same(&hosts[1]));
        assert_eq!(find(&hosts, &request(Some(&A.to_lowercase())), TeamId(7)), Match::Same(&hosts[2]));
    }

    #[test]
    fn another_uuid_is_a_clone_of_its_team_only() {
        let hosts = [host(1, 0, A), host(2, 7, A)];
        let found = find(&hosts, &request(Some(B)), TeamId(0));
        assert_eq!(found, Match::New { clones_of: vec![&hosts[0]], foreign_to: vec![] });
    }

    #[test]
    fn a_secret_of_another_team_makes_a_new_host() {
        let hosts = [host(1, 7, A), host(2, 8, B)];
        let found = find(&hosts, &request(Some(A)), TeamId(0));
        assert_eq!(found, Match::New { clones_of: vec![], foreign_to: vec![&hosts[0]] });
    }

    #[test]
    fn a_moved_host_is_known_by_the_secret_it_came_with_and_by_that_of_its_team() {
        let moved = [hosts::Model { team_id: TeamId(8), ..host(1, 7, A) }];
        for team in [7, 8] {
            assert_eq!(find(&moved, &request(Some(A)), TeamId(team)), Match::Same(&moved[0]), "{team}");
        }
        let found = find(&moved, &request(Some(A)), TeamId(0));
        assert_eq!(found, Match::New { clones_of: vec![], foreign_to: vec![&moved[0]] });
    }

    #[test]
    fn an_unknown_uuid_contradicts_nothing() {
        let hosts = [host(1, 0, "")];
        assert_eq!(find(&hosts, &request(Some(A)), TeamId(0)), Match::Same(&hosts[0]));
        let hosts = [host(1, 0, A)];
        assert_eq!(find(&hosts, &request(None), TeamId(0)), Match::Same(&hosts[0]));
    }

    #[test]
    fn machines_that_share_a_useless_identifier_are_told_apart_by_name() {
        let mut hosts = [host(1, 0, "")];
        hosts[0].host_identifier = ZERO.to_owned();
        let mut other = EnrollRequest { host_identifier: ZERO.to_owned(), ..request(None) };
        assert_eq!(find(&hosts, &other, TeamId(0)), Match::Same(&hosts[0]));
        other.hostname = Some("web-2".to_owned());
        let found = find(&hosts, &other, TeamId(0));
        assert_eq!(found, Match::New { clones_of: vec![&hosts[0]], foreign_to: vec![] });
    }

    #[test]
    fn a_pinned_host_is_its_own_installation_alone() {
        let pinned = |id, instance: &str| hosts::Model {
            instance_id: Some(instance.to_owned()),
            is_pinned: true,
            ..host(id, 0, A)
        };
        let hosts = [pinned(1, "i-1"), pinned(2, "i-2")];
        let of =
            |instance: &str| EnrollRequest { instance_id: Some(instance.to_owned()), ..request(Some(A)) };
        assert_eq!(find(&hosts, &of("i-1"), TeamId(0)), Match::Same(&hosts[0]));
        assert_eq!(find(&hosts, &of("i-2"), TeamId(0)), Match::Same(&hosts[1]));
        let third = Match::New { clones_of: hosts.iter().collect(), foreign_to: vec![] };
        assert_eq!(find(&hosts, &of("i-3"), TeamId(0)), third);
        let unpinned = [hosts::Model { is_pinned: false, ..pinned(1, "i-1") }];
        assert_eq!(find(&unpinned, &of("i-9"), TeamId(0)), Match::Same(&unpinned[0]), "a new installation");
    }

    #[test]
    fn firmware_fillers_are_no_uuid() {
        for filler in
            ["", " ", ZERO, "03000200-0400-0500-0006-000700080009", "Not Settable", "To be filled by O.E.M."]
        {
            assert!(is_useless_uuid(filler), "{filler}");
        }
        assert!(!is_useless_uuid(A));
    }
}
