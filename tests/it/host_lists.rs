//! Lists of hosts as the store reads them: pages, filters and scopes against the same rules told in Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use entity::hosts::Model;
use entity::id::{HostId, LabelId, PublicId, TeamId, UserId};
use entity::kind::{LabelKind, Platform};
use muster::clock::Timestamp;
use muster::policy::{Action, Actor, Credential, Role, Roles, Scope, UserActor, allow};
use muster::store::hosts::{self, Freshness, HostSelection, HostSortField, HostStatus, ResolvedHostFilter};
use muster::store::label_sets::Delta;
use muster::store::page::PageRequest;
use muster::store::{Store, label_members, labels};
use sea_orm::{ActiveModelTrait as _, ActiveValue::Set, EntityTrait as _, IntoActiveModel as _, Order};

use crate::harness::seeds::{Dice, seeds};
use crate::harness::stores::on_both_stores;

/// 2026-11-22 12:00 UTC.
const NOW: Timestamp = Timestamp(1_795_348_800_000);
const TEAM: TeamId = TeamId(7);
const LABEL: LabelId = LabelId(100);

on_both_stores! {
    /// Pages of any size, forward and backward, are the sorted list, for every order.
    async fn pages(store: Store) {
        for seed in seeds() {
            let mut dice = Dice::of(seed);
            let all = populate(&store, &mut dice).await;
            for field in [HostSortField::Hostname, HostSortField::LastSeenAt, HostSortField::EnrolledAt] {
                for order in [Order::Asc, Order::Desc] {
                    let expected = sorted(&all, field, &order);
                    let limit = 1 + dice.below(9) as u64;
                    for backward in [false, true] {
                        let read = walk(&store, (field, order.clone()), limit, backward).await;
                        assert_eq!(read, expected, "{field:?} {order:?} by {limit}, backward: {backward}");
                    }
                }
            }
        }
    }

    /// A filter keeps exactly the hosts that meet it, in lists, counts and targets alike.
    async fn filters(store: Store) {
        for seed in seeds() {
            let all = populate(&store, &mut Dice::of(seed)).await;
            for (filter, meets) in filters_and_rules() {
                let expected: Vec<_> = all.iter().filter(|host| meets(host)).map(|host| (host.id, host.team_id)).collect();
                let chosen = HostSelection::Filter(&filter);
                let system = Scope::system();
                let targets = hosts::select_targets(store.reader(), &system, chosen).await.expect("targets");
                assert_eq!(targets, expected, "{filter:?}");
                let counted = hosts::count(store.reader(), &system, &filter).await.expect("a count");
                assert_eq!(counted, expected.len() as u64, "{filter:?}");
                let online = all.iter().filter(|host| meets(host) && status(host) == HostStatus::Online).count();
                let counted = hosts::count_online(store.reader(), &system, chosen, &freshness()).await;
                assert_eq!(counted.expect("a count"), (expected.len() as u64, online as u64), "{filter:?}");
            }
        }
    }

    /// What is out of scope is in no list, no count and no selection.
    async fn scopes(store: Store) {
        let all = populate(&store, &mut Dice::of(1)).await;
        let scope = allow(&observer_of(TEAM), Action::ReadHosts, None).expect("an observer reads hosts");
        let everything = ResolvedHostFilter::default();
        let ids: Vec<PublicId> = all.iter().map(|host| host.public_id.clone()).collect();
        let theirs: BTreeSet<HostId> =
            all.iter().filter(|host| host.team_id == TEAM).map(|host| host.id).collect();
        let found = hosts::find(store.reader(), &scope, HostSelection::PublicIds(&ids)).await.expect("hosts");
        assert_eq!(found.iter().map(|host| host.id).collect::<BTreeSet<_>>(), theirs);
        let counted = hosts::count(store.reader(), &scope, &everything).await.expect("a count");
        assert_eq!(counted, theirs.len() as u64);
        let targets = hosts::select_targets(store.reader(), &scope, HostSelection::All).await.expect("targets");
        assert_eq!(targets.into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>(), theirs);
        let labelled = labels::count_hosts(store.reader(), &scope, Some(&[LABEL])).await.expect("counts");
        let expected = all.iter().filter(|host| host.team_id == TEAM && has_label(host)).count();
        assert_eq!(labelled, [(LABEL, i64::try_from(expected).expect("it is small"))]);
    }

    /// Any number of ids fits into a selection, whatever the database takes in one statement.
    async fn many_ids(store: Store) {
        let all = populate(&store, &mut Dice::of(1)).await;
        let ids: Vec<HostId> = (1..=70_000).map(HostId).collect();
        let system = Scope::system();
        let targets = hosts::select_targets(store.reader(), &system, HostSelection::Ids(&ids)).await.expect("targets");
        assert_eq!(targets.len(), all.len());
    }

    /// A page costs one statement, whatever it is filtered by.
    async fn one_statement(store: Store) {
        populate(&store, &mut Dice::of(1)).await;
        for (filter, _) in filters_and_rules() {
            let before = store.statements();
            let by_name = (HostSortField::Hostname, Order::Asc);
            hosts::page(store.reader(), &Scope::system(), &filter, by_name, &PageRequest::first(20)).await.expect("a page");
            assert_eq!(store.statements() - before, 1, "{filter:?}");
        }
    }
}

/// Which hosts meet a filter, told in Rust.
type Rule = fn(&Model) -> bool;

/// Filters of each kind, each with its rule.
fn filters_and_rules() -> Vec<(ResolvedHostFilter, Rule)> {
    let none = ResolvedHostFilter::default;
    let with_statuses = |any: &[HostStatus]| Some((any.to_vec(), freshness()));
    vec![
        (none(), |_| true),
        (ResolvedHostFilter { teams: Some(vec![]), ..none() }, |_| false),
        (ResolvedHostFilter { teams: Some(vec![TEAM]), ..none() }, |host| host.team_id == TEAM),
        (ResolvedHostFilter { labels: Some(vec![LABEL]), ..none() }, has_label),
        (ResolvedHostFilter { labels: Some(vec![]), ..none() }, |_| false),
        (ResolvedHostFilter { platforms: Some(vec![Platform::Darwin, Platform::Linux]), ..none() }, |host| {
            matches!(host.platform, Platform::Darwin | Platform::Linux)
        }),
        (ResolvedHostFilter { statuses: with_statuses(&[]), ..none() }, |_| false),
        (ResolvedHostFilter { statuses: with_statuses(&[HostStatus::Online]), ..none() }, |host| {
            status(host) == HostStatus::Online
        }),
        (ResolvedHostFilter { statuses: with_statuses(&[HostStatus::Offline]), ..none() }, |host| {
            status(host) == HostStatus::Offline
        }),
        (
            ResolvedHostFilter {
                statuses: with_statuses(&[HostStatus::Online, HostStatus::Missing]),
                teams: Some(vec![TeamId::NONE]),
                ..none()
            },
            |host| status(host) != HostStatus::Offline && host.team_id == TeamId::NONE,
        ),
        (ResolvedHostFilter { flagged: Some(true), ..none() }, is_flagged),
        (ResolvedHostFilter { flagged: Some(false), ..none() }, |host| !is_flagged(host)),
        (ResolvedHostFilter { uuid: Some("uuid-3".into()), ..none() }, |host| host.hardware_uuid == "UUID-3"),
        (ResolvedHostFilter { serial_number: Some("sn_4".into()), ..none() }, |host| {
            host.serial_number.as_deref() == Some("SN_4")
        }),
        (ResolvedHostFilter { search: Some(String::new()), ..none() }, |_| true),
        (ResolvedHostFilter { search: Some("web".into()), ..none() }, |host| begins(host, "web")),
        (ResolvedHostFilter { search: Some("SN_1".into()), ..none() }, |host| begins(host, "sn_1")),
        (ResolvedHostFilter { search: Some("w%".into()), ..none() }, |_| false),
        (ResolvedHostFilter { search: Some("zür".into()), ..none() }, |host| begins(host, "zür")),
        (ResolvedHostFilter { search: Some("\0".into()), ..none() }, |_| false),
    ]
}

fn begins(host: &Model, prefix: &str) -> bool {
    let serial = host.serial_number.clone().unwrap_or_default();
    [&host.hostname, &host.host_identifier, &host.hardware_uuid, &serial]
        .iter()
        .any(|text| text.to_ascii_lowercase().starts_with(prefix))
}

fn is_flagged(host: &Model) -> bool {
    host.clone_suspected_at.is_some() || host.foreign_secret_at.is_some()
}

fn has_label(host: &Model) -> bool {
    host.id.0 % 3 == 0
}

fn freshness() -> Freshness {
    Freshness { now: NOW, grace: Duration::from_secs(90), missing_after: Duration::from_hours(30 * 24) }
}

fn status(host: &Model) -> HostStatus {
    freshness().status(host.last_seen_at, host.check_in_interval_s)
}

/// Replaces all hosts by fifty random ones, many alike, and answers them in the order of ids.
async fn populate(store: &Store, dice: &mut Dice) -> Vec<Model> {
    store.migrate().await.expect("tables");
    let tx = store.begin().await.expect("a transaction");
    entity::hosts::Entity::delete_many().exec(&tx).await.expect("an empty table");
    let all: Vec<Model> = (1..=50).map(|id| host(id, dice)).collect();
    let rows = all.iter().cloned().map(|row| row.into_active_model().reset_all());
    entity::hosts::Entity::insert_many(rows).exec_without_returning(&tx).await.expect("hosts");
    entity::labels::Entity::delete_by_id(LABEL).exec(&tx).await.expect("no label");
    labels::insert(&tx, label()).await.expect("a label");
    let mut delta = Delta::default();
    for host in all.iter().filter(|host| has_label(host)) {
        delta.join(LABEL, host.id, host.team_id);
    }
    label_members::apply(&tx, &delta).await.expect("members");
    tx.commit().await.expect("commit");
    all
}

fn label() -> entity::labels::ActiveModel {
    entity::labels::ActiveModel {
        id: Set(LABEL),
        public_id: Set(PublicId::new("lbl", 100)),
        name: Set("every third".to_owned()),
        kind: Set(LabelKind::Manual),
        team_id: Set(TeamId::NONE),
        created_at: Set(NOW),
        ..Default::default()
    }
}

fn host(id: i64, dice: &mut Dice) -> Model {
    let minutes = [0, 1, 2, 60, 60 * 24 * 29, 60 * 24 * 31];
    let seen = Timestamp(NOW.0 - 60_000 * dice.one_of(&minutes));
    Model {
        id: HostId(id),
        public_id: PublicId::new("hst", u128::from(id.unsigned_abs())),
        team_id: *dice.one_of(&[TeamId::NONE, TEAM, TeamId(8)]),
        enrolled_team_id: TeamId::NONE,
        host_identifier: format!("Id-{}", dice.below(10)),
        hardware_uuid: format!("UUID-{}", dice.below(10)),
        hostname: (*dice.one_of(&["web", "Web", "WEB-1", "web_2", "zürich", "ZüRICH", "Ähre", "_", "~"]))
            .to_owned(),
        serial_number: dice.once_in(2).then(|| format!("SN_{}", id % 20)),
        platform: *dice.one_of(Platform::ALL),
        os_version: None,
        osquery_version: None,
        memory_bytes: None,
        check_in_interval_s: *dice.one_of(&[10, 3_600, i32::MAX]),
        enrolled_at: Timestamp(NOW.0 - i64::try_from(dice.below(5)).expect("it is small")),
        last_enrolled_at: NOW,
        last_seen_at: seen,
        clone_suspected_at: dice.once_in(5).then_some(NOW),
        foreign_secret_at: dice.once_in(5).then_some(NOW),
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

/// Ids in the order of a list.
fn sorted(all: &[Model], field: HostSortField, order: &Order) -> Vec<HostId> {
    let key = |host: &Model| match field {
        HostSortField::Hostname => (host.hostname.to_ascii_lowercase(), 0, host.id),
        HostSortField::LastSeenAt => (String::new(), host.last_seen_at.0, host.id),
        HostSortField::EnrolledAt => (String::new(), host.enrolled_at.0, host.id),
        HostSortField::DiskFreeBytes => (String::new(), host.disk_free_bytes.unwrap_or(-1), host.id),
        HostSortField::BootedAt => (String::new(), host.booted_at.map_or(-1, |at| at.0), host.id),
    };
    let sorted: BTreeMap<_, _> = all.iter().map(|host| (key(host), host.id)).collect();
    match order {
        Order::Desc => sorted.into_values().rev().collect(),
        _ => sorted.into_values().collect(),
    }
}

/// Ids of all pages in the order of the list.
async fn walk(store: &Store, sort: (HostSortField, Order), limit: u64, backward: bool) -> Vec<HostId> {
    let mut pages: Vec<Vec<HostId>> = Vec::new();
    let mut request = PageRequest { limit, after: None, backward };
    loop {
        let everything = ResolvedHostFilter::default();
        let page = hosts::page(store.reader(), &Scope::system(), &everything, sort.clone(), &request).await;
        let page = page.expect("a page");
        let edge = if backward { page.items.first() } else { page.items.last() };
        request.after = edge.map(|(key, _)| key.clone());
        pages.push(page.items.into_iter().map(|(_, host)| host.id).collect());
        if !page.more {
            break;
        }
    }
    if backward {
        pages.reverse();
    }
    pages.concat()
}

fn observer_of(team: TeamId) -> Actor {
    Actor::User(UserActor {
        id: UserId(1),
        public_id: PublicId::new("usr", 1),
        name: "Olga".to_owned(),
        credential: Credential::Session(entity::id::SessionId(1)),
        roles: Roles { global: None, teams: [(team, Role::Observer)].into() },
        source: None,
        signed_by: None,
    })
}
