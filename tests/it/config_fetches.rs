//! Fetches of configurations: what they cost with many hosts, and what a host is expected to do that made one.

use std::time::Duration;

use entity::id::{HostId, NodeKeyId, PublicId, TeamId};
use entity::kind::Platform;
use muster::fleet::due::Rounds;
use muster::fleet::roster::KnownHost;
use serde_json::{Value, json};

use crate::harness::world::{World, on_both};

on_both!(check_in_interval, ten_thousand_hosts);

/// A host is expected as often as it was configured to check in, once it has fetched that; re-enrolling changes nothing.
async fn check_in_interval(world: World) {
    let mut host = world.host("web").await;
    let seen = async || {
        let asked = "{ hosts { nodes { status contact { checkInIntervalSeconds } } } }";
        let host = world.admin.ask(asked, json!({})).await["hosts"]["nodes"][0].clone();
        (host["status"].clone(), host["contact"]["checkInIntervalSeconds"].clone())
    };
    assert_eq!(seen().await, (json!("ONLINE"), json!(10)));
    let layer = json!({ "options": { "distributed_interval": 300 } }).to_string();
    world.admin.mutate("saveOsqueryConfigLayer", "layer { version }", json!({ "document": layer })).await;
    host.config().await.expect("a configuration");
    world.server.tick().await;
    assert_eq!(seen().await, (json!("ONLINE"), json!(300)));
    world.server.advance(Duration::from_secs(380));
    assert_eq!(seen().await.0, "ONLINE");
    world.server.advance(Duration::from_secs(20));
    assert_eq!(seen().await.0, "OFFLINE");
    assert!(host.enroll().await, "it is let in again");
    host.config().await.expect("a configuration");
    world.server.tick().await;
    assert_eq!(seen().await, (json!("ONLINE"), json!(300)));
}

/// Ten thousand hosts of several teams and platforms fetch what they have every minute: no statement, whatever the audience,
/// with an etag and without. And a change costs a few statements, not some for each host.
async fn ten_thousand_hosts(world: World) {
    let (fleet, team) = (&world.server.fleet, world.team("berlin").await);
    let host = |number: i64| {
        let platform = Platform::ALL[usize::try_from(number).expect("small") % Platform::ALL.len()];
        KnownHost {
            id: HostId(1_000_000 + number),
            public_id: PublicId::new("hst", number.unsigned_abs().into()),
            team: if number % 3 == 0 { team.id } else { TeamId::NONE },
            team_public_id: None,
            hostname: String::new(),
            platform,
            key: NodeKeyId(number),
            rounds: Rounds::default(),
        }
    };
    let hosts: Vec<_> = (0..10_000).map(host).collect();
    scheduled(&world, "users", json!({})).await;
    scheduled(&world, "own", json!({ "teamId": team.public_id.0 })).await;
    let fetch_all = async || {
        for host in &hosts {
            fleet.osquery_config(host).await.expect("a configuration");
        }
    };
    fetch_all().await;
    let cost = world.server.statements_of(async || fetch_all().await).await;
    assert_eq!(cost, 0, "10,000 fetches");
    let before = fleet.statements();
    scheduled(&world, "more", json!({})).await;
    fetch_all().await;
    let cost = fleet.statements() - before;
    assert!(cost < 100, "a change and 10,000 fetches cost {cost} statements");
}

/// Makes a query that runs each minute.
async fn scheduled(world: &World, name: &str, mut new: Value) {
    new["name"] = json!(name);
    new["sql"] = json!("select 1");
    new["schedule"] = json!({ "interval": 60 });
    let made = world.admin.mutate("createSavedQuery", "savedQuery { id }", new).await;
    assert!(made["savedQuery"].is_object(), "{made}");
}
