//! Two teams, one of everything in each, and everybody who belongs to the first.

use std::sync::Arc;

use muster::policy::Role;
use serde_json::{Value, json};

use crate::harness::agent::{Agent, AgentAnswer};
use crate::harness::personas::Person;
use crate::harness::world::World;

/// The other team's name, in everything that is its.
pub const THEIRS: &str = "paris";

/// Two teams, one of everything in each.
pub struct Two {
    /// The first team.
    pub berlin: muster::fleet::teams::Team,
    /// The other one, of which nobody of the first may learn.
    pub paris: muster::fleet::teams::Team,
    /// The host of Berlin, then that of Paris.
    pub hosts: Vec<Agent>,
    /// Berlin's host, by id.
    pub own: String,
    /// Berlin's campaign, by id.
    pub own_campaign: String,
    /// Paris itself, by id.
    pub team: String,
    /// The host of Paris, by id.
    pub host: String,
    /// The campaign of Paris, by id.
    pub campaign: String,
    /// A campaign of both, which both hosts have answered, by id.
    pub mixed: String,
    /// All ids of Paris: team, host, saved query, campaign, user, secret, invitation, pack, policy, API token, session,
    /// activity.
    pub theirs: Vec<String>,
}

impl Two {
    /// Fills a world with both.
    pub async fn of(world: &World) -> Self {
        let berlin = world.team("berlin").await;
        let (first, own) = fill(world, &berlin).await;
        let paris = world.team(THEIRS).await;
        let (second, mut theirs) = fill(world, &paris).await;
        let mut hosts = vec![first, second];
        let mixed = world.admin.start("select 'mixed'").await;
        for host in &mut hosts {
            host.poll().await.expect("an answer");
        }
        theirs.extend(boss(world, &mixed).await);
        let (team, host, campaign) = (theirs[0].clone(), theirs[1].clone(), theirs[3].clone());
        Self {
            berlin,
            paris,
            hosts,
            own: own[1].clone(),
            own_campaign: own[3].clone(),
            team,
            host,
            campaign,
            mixed,
            theirs,
        }
    }
}

impl Two {
    /// Checks that a text has nothing of Paris in it.
    #[track_caller]
    pub fn assert_hidden(&self, text: &str, how: &str) {
        let shown = text.to_lowercase();
        assert!(!shown.contains(THEIRS), "{how}: {text}");
        assert!(self.theirs.iter().all(|id| !shown.contains(id)), "{how}: {text}");
    }
}

/// One of everything in a team, each with the team's name in it; answers the ids.
async fn fill(world: &World, team: &muster::fleet::teams::Team) -> (Agent, Vec<String>) {
    let (name, id) = (&team.name, &team.public_id.0);
    let hostname = format!("{name}-web");
    let answer = hostname.clone();
    let answering = Arc::new(move |_: &str| AgentAnswer::one("name", &answer));
    let secret = world.team_secret(team).await;
    let mut host = world.host_with(&hostname, &secret, answering).await;
    let admin = &world.admin;
    let made = async |field: &str, shape: &str, input: Value| {
        let payload = admin.mutate(field, &format!("{shape} {{ id }}"), input).await;
        payload[shape]["id"].as_str().unwrap_or_else(|| panic!("{payload}")).to_owned()
    };
    let found = admin
        .ask(&format!("{{ hosts(filter: {{ search: \"{name}\" }}) {{ nodes {{ id }} }} }}"), json!({}))
        .await;
    let host_id = found["hosts"]["nodes"][0]["id"].as_str().expect("it is in").to_owned();
    let sql = format!("select '{name}' as name");
    let query = made(
        "createSavedQuery",
        "savedQuery",
        json!({ "name": format!("{name}-query"), "sql": sql, "teamId": id }),
    )
    .await;
    let pack = json!({ "name": format!("{name}-pack"), "teamId": id, "discovery": [sql] });
    let pack = made("createPack", "pack", pack).await;
    let scheduled = json!({ "name": format!("{name}-scheduled"), "sql": sql, "packId": pack,
        "schedule": { "interval": 60 } });
    admin.mutate("createSavedQuery", "savedQuery { id }", scheduled).await;
    let policy = json!({ "name": format!("{name}-policy"), "sql": sql, "teamId": id, "resolution": name });
    let policy = made("createPolicy", "policy", policy).await;
    let options = json!({ "options": { "custom_team": name } }).to_string();
    let layer = json!({ "teamId": id, "document": options });
    admin.mutate("saveOsqueryConfigLayer", "layer { version }", layer).await;
    let label = json!({ "name": format!("{name}-label"), "teamId": id });
    let label = made("createLabel", "label", label).await;
    let layer = json!({ "teamId": id, "document": options, "name": format!("{name}-layer"), "labelsIncludeAny": [label] });
    admin.mutate("saveOsqueryConfigLayer", "layer { version }", layer).await;
    let campaign = json!({ "source": { "sql": sql }, "name": format!("{name}-campaign"),
        "targets": { "filter": { "teamIds": [id] } } });
    let campaign = made("startCampaign", "campaign", campaign).await;
    host.poll().await.expect("an answer");
    let user = json!({ "email": format!("boss@{name}.test"), "displayName": format!("{name} boss"),
        "password": crate::harness::personas::PASSWORD, "role": "ADMIN", "teamId": id });
    let user = made("createUser", "user", user).await;
    let secret =
        made("createEnrollSecret", "enrollSecret", json!({ "name": format!("{name}-secret"), "teamId": id }))
            .await;
    let invitation = json!({ "email": format!("guest@{name}.test"), "role": "OBSERVER", "teamId": id });
    let invitation = made("createInvitation", "invitation", invitation).await;
    (host, vec![id.clone(), host_id, query, campaign, user, secret, invitation, pack, policy])
}

/// The administrator of Paris signs in, reads the campaign of both, and makes a program; answers the ids of its token, of
/// the session, and of an activity of Paris.
async fn boss(world: &World, mixed: &str) -> [String; 3] {
    let mut boss = Person { email: format!("boss@{THEIRS}.test"), ..world.anonymous() };
    boss.sign_in().await;
    boss.events(mixed, None, 100).await;
    let (_, token) = program(&boss, json!({ "name": format!("{THEIRS}-program"), "scope": "READ" })).await;
    let query = "{ viewer { sessions { nodes { id } } } activities(first: 1) { nodes { id } } }";
    let seen = boss.ask(query, json!({})).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("no id: {seen}")).to_owned();
    [token, text(&seen["viewer"]["sessions"]["nodes"][0]["id"]), text(&seen["activities"]["nodes"][0]["id"])]
}

/// Everybody of Berlin, each with a name: people of every role, and API tokens of every scope; of the team's
/// administrator; of one who sees the other team, too; and of a global one; the last two for Berlin alone. First of all
/// somebody of a team that has nothing.
pub async fn everybody(world: &World, two: &Two) -> Vec<(String, Person)> {
    let empty = world.team("empty").await;
    let mut everybody =
        vec![("nothing".to_owned(), world.person("nothing", Role::Observer, Some(&empty)).await)];
    for role in Role::ALL {
        let person = world.person(&format!("{role}-of-berlin"), *role, Some(&two.berlin)).await;
        everybody.push((format!("{role} of berlin"), person));
    }
    let admin = world.person("lead", Role::Admin, Some(&two.berlin)).await;
    let both = world.person("both", Role::Admin, Some(&two.berlin)).await;
    world.give_role(&both, Role::Admin, &two.paris).await;
    let berlin = json!(two.berlin.public_id.0);
    for scope in ["READ", "RUN", "MANAGE", "ADMIN"] {
        for (whose, person, team) in [
            ("the lead's", &admin, &Value::Null),
            ("both's", &both, &berlin),
            ("a global", &world.admin, &berlin),
        ] {
            let input = json!({ "name": "ci", "scope": scope, "teamId": team });
            everybody.push((format!("{whose} {scope} token"), program(person, input).await.0));
        }
    }
    everybody
}

/// A program of somebody, and the id of its token.
async fn program(person: &Person, input: Value) -> (Person, String) {
    let made = person.mutate("createApiToken", "token apiToken { id }", input).await;
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    (Person { token: Some(text(&made["token"])), ..person.clone() }, text(&made["apiToken"]["id"]))
}
