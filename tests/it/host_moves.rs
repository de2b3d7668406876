//! Moving and deleting hosts: who may, all or nothing, and what it leaves behind.

use entity::hosts::Model;
use entity::id::{PublicId, SessionId, TeamId, UserId};
use entity::kind::ChangeKind;
use entity::{activities, changes, hosts, label_members, node_keys};
use muster::fleet::teams::Team;
use muster::fleet::{FleetError, RejectionCode};
use muster::policy::{Actor, Credential, Denied, Role, Roles, UserActor};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _};

use crate::harness::services::postgres::connect;
use crate::harness::world::{World, on_both};

on_both!(moved, all_or_nothing, deleted, bounds);

/// Who maintains both teams moves a host; every server is told, and the audit trail knows.
async fn moved(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let host = host_in(&world, "web", Some(&berlin)).await;
    let actor = maintainer_of(&[berlin.id, paris.id]);
    let fleet = &world.server.fleet;
    let before = told(&world).await.len();
    let ids = [host.public_id.clone(), host.public_id.clone()];
    let moved = fleet.transfer_hosts(&actor, &ids, Some(&paris.public_id)).await.expect("it may");
    assert_eq!(moved.iter().map(|host| host.team_id).collect::<Vec<_>>(), [paris.id]);
    assert_eq!(trail(&world).await, [("host.transferred".to_owned(), Some(berlin.id))]);
    assert_eq!(told(&world).await[before..], [host.id.to_string()]);
    fleet.transfer_hosts(&actor, &ids, Some(&paris.public_id)).await.expect("it is there already");
    assert_eq!(trail(&world).await.len(), 1, "what stays is not recorded");
}

/// One host that can't be moved keeps all where they are.
async fn all_or_nothing(world: World) {
    let (berlin, paris) = (world.team("berlin").await, world.team("paris").await);
    let ours = host_in(&world, "ours", Some(&berlin)).await.public_id;
    let theirs = host_in(&world, "theirs", Some(&paris)).await.public_id;
    let nobodys = host_in(&world, "nobody's", None).await.public_id;
    let fleet = &world.server.fleet;
    let before = told(&world).await;
    let actor = maintainer_of(&[berlin.id]);
    for (other, team, expected) in [
        (&theirs, Some(&berlin.public_id), "hostIds"),
        (&nobodys, Some(&berlin.public_id), "hostIds"),
        (&PublicId::new("hst", 0), Some(&berlin.public_id), "hostIds"),
        (&ours, Some(&paris.public_id), "teamId"),
        (&ours, Some(&PublicId::new("tem", 0)), "teamId"),
    ] {
        let refused = fleet.transfer_hosts(&actor, &[ours.clone(), other.clone()], team).await;
        assert_eq!(not_found(refused), expected, "{other} to {team:?}");
    }
    let refused = fleet.transfer_hosts(&actor, std::slice::from_ref(&ours), None).await;
    assert!(matches!(refused, Err(FleetError::Denied(Denied::Forbidden))), "out of all teams: {refused:?}");
    let refused = fleet.delete_hosts(&actor, &[ours.clone(), theirs]).await;
    assert_eq!(not_found(refused), "hostIds");
    let observer = user(Roles { global: Some(Role::Observer), ..Roles::default() });
    let refused = fleet.delete_hosts(&observer, &[ours]).await;
    assert!(matches!(refused, Err(FleetError::Denied(Denied::Forbidden))), "{refused:?}");
    assert_eq!(trail(&world).await, []);
    assert_eq!(told(&world).await, before);
}

/// A deleted host takes its keys and memberships with it, and nobody else's.
async fn deleted(world: World) {
    let gone = host_in(&world, "gone", None).await;
    let stays = host_in(&world, "stays", None).await;
    let fleet = &world.server.fleet;
    let deleted = fleet.delete_hosts(&Actor::System, std::slice::from_ref(&gone.public_id)).await;
    assert_eq!(deleted.expect("it may"), [gone.public_id]);
    let db = connect(&world.server.database_url()).await;
    let left = hosts::Entity::find().all(&db).await.expect("hosts");
    assert_eq!(left.iter().map(|host| host.id).collect::<Vec<_>>(), [stays.id]);
    for (host, expected) in [(gone.id, 0), (stays.id, 1)] {
        let keys = node_keys::Entity::find().filter(node_keys::Column::HostId.eq(host));
        assert_eq!(keys.count(&db).await.expect("keys"), expected);
        let members = label_members::Entity::find().filter(label_members::Column::HostId.eq(host));
        assert_eq!(members.count(&db).await.expect("members"), 2 * expected, "all hosts, and Linux");
    }
}

/// No host and more than 1,000 are mistakes.
async fn bounds(world: World) {
    let fleet = &world.server.fleet;
    let many: Vec<PublicId> = (0..1_001).map(|number| PublicId::new("hst", number)).collect();
    for (ids, expected) in [(&[][..], RejectionCode::Invalid), (&many[..], RejectionCode::LimitExceeded)] {
        let refused = fleet.delete_hosts(&Actor::System, ids).await.expect_err("it is a mistake");
        let FleetError::Rejected(mistakes) = refused else { panic!("{refused:?}") };
        assert_eq!((mistakes[0].code, mistakes[0].path), (expected, "hostIds"));
    }
}

/// An enrolled host, as it is stored.
async fn host_in(world: &World, name: &str, team: Option<&Team>) -> Model {
    let secret = match team {
        Some(team) => world.team_secret(team).await,
        None => world.secret.clone(),
    };
    let answering = std::sync::Arc::new(|_: &str| crate::harness::agent::AgentAnswer::one("n", "1"));
    world.host_with(name, &secret, answering).await;
    let db = connect(&world.server.database_url()).await;
    let found = hosts::Entity::find().filter(hosts::Column::Hostname.eq(name)).one(&db).await;
    found.expect("the store answers").expect("it has enrolled")
}

/// What the audit trail says of hosts: kind and team, in order.
async fn trail(world: &World) -> Vec<(String, Option<TeamId>)> {
    let db = connect(&world.server.database_url()).await;
    let of_hosts = activities::Entity::find().filter(activities::Column::Subject.starts_with("hst_"));
    let of_hosts =
        of_hosts.filter(activities::Column::Kind.ne("host.enrolled")).order_by_asc(activities::Column::Id);
    let entries = of_hosts.all(&db).await.expect("activities");
    entries.into_iter().map(|entry| (entry.kind, entry.team_id)).collect()
}

/// Which hosts other servers were told of, in order; each enrollment is one.
async fn told(world: &World) -> Vec<String> {
    let db = connect(&world.server.database_url()).await;
    let of_hosts = changes::Entity::find().filter(changes::Column::Kind.eq(ChangeKind::Host));
    let entries = of_hosts.order_by_asc(changes::Column::Seq).all(&db).await.expect("changes");
    entries.into_iter().map(|change| change.key).collect()
}

/// Where the input names what is not there.
fn not_found<T: std::fmt::Debug>(refused: Result<T, FleetError>) -> &'static str {
    match refused {
        Err(FleetError::Rejected(mistakes)) if mistakes[0].code == RejectionCode::NotFound => {
            mistakes[0].path
        }
        other => panic!("{other:?}"),
    }
}

fn maintainer_of(teams: &[TeamId]) -> Actor {
    let teams = teams.iter().map(|team| (*team, Role::Maintainer)).collect();
    user(Roles { global: None, teams })
}

fn user(roles: Roles) -> Actor {
    Actor::User(UserActor {
        id: UserId(1),
        public_id: PublicId::new("usr", 1),
        name: "Max".to_owned(),
        credential: Credential::Session(SessionId(1)),
        roles,
        source: None,
        signed_by: None,
    })
}
