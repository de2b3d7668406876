//! Random histories of hosts, policies, labels and teams: at every moment the counts are what counting would tell, and a
//! result is there only where its policy is about its host.

use std::collections::BTreeMap;

use entity::id::{HostId, PolicyId, TeamId};
use entity::kind::{Platform, PolicyState};
use entity::{hosts, label_members, policies, policy_counts, policy_labels, policy_results};
use muster::fleet::teams::Team;
use muster::policy::Actor;
use sea_orm::{DatabaseConnection, EntityTrait as _};
use serde_json::{Value, json};

use super::{Mood, Moods, answer, host_id, moody, patient, transfer};
use crate::harness::agent::Agent;
use crate::harness::seeds::{Dice, seeds};
use crate::harness::services::postgres::connect;
use crate::harness::world::{World, on_both};

on_both!(counts_are_what_counting_tells);

const STEPS: usize = 60;
const MOODS: [Mood; 3] = [Mood::Passes, Mood::Fails, Mood::Errs];

/// Whatever happens, in whatever order.
async fn counts_are_what_counting_tells(world: World) {
    let world = patient(world).await;
    let teams = [world.team("berlin").await, world.team("paris").await];
    let labels = world.admin.ask("{ labels { nodes { id } } }", json!({})).await;
    let labels = labels["labels"]["nodes"].as_array().expect("a list").clone();
    for seed in seeds() {
        let mut history = History {
            dice: Dice::of(seed),
            seed,
            world: &world,
            teams: &teams,
            labels: &labels,
            hosts: Vec::new(),
            policies: Vec::new(),
            made: 0,
        };
        for step in 0..STEPS {
            let done = history.step().await;
            history.check(&format!("seed {seed}, step {step}: {done}")).await;
        }
        history.clear().await;
    }
}

struct History<'a> {
    dice: Dice,
    seed: u64,
    world: &'a World,
    teams: &'a [Team],
    labels: &'a [Value],
    hosts: Vec<(String, Agent, Moods)>,
    policies: Vec<(String, String)>,
    made: usize,
}

impl History<'_> {
    /// Does something; says what.
    async fn step(&mut self) -> &'static str {
        match self.dice.below(12) {
            0 => self.enroll().await,
            1 => self.create().await,
            2 => self.edit().await,
            3 if self.dice.once_in(2) => self.delete_policy().await,
            3 if self.dice.once_in(3) => self.delete_host().await,
            4 | 5 => self.transfer().await,
            _ => self.poll().await,
        }
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("n{}x{}", self.seed, self.made)
    }

    async fn enroll(&mut self) -> &'static str {
        if self.hosts.len() >= 6 {
            return "enough hosts";
        }
        let name = self.name();
        let secret = match self.dice.below(3) {
            0 => self.world.secret.clone(),
            team => self.world.team_secret(&self.teams[team - 1]).await,
        };
        let (agent, moods) = moody(self.world, &name, &secret).await;
        self.hosts.push((name, agent, moods));
        "a host enrolls"
    }

    async fn create(&mut self) -> &'static str {
        if self.policies.len() >= 5 {
            return "enough policies";
        }
        let name = self.name();
        let mut input = json!({ "name": name, "sql": format!("select '{name}'") });
        if self.dice.once_in(2) {
            input["teamId"] = json!(self.dice.one_of(self.teams).public_id.0);
        }
        self.narrow(&mut input);
        let id = super::policy(&self.world.admin, input).await;
        self.policies.push((name, id));
        "a policy is made"
    }

    /// Chooses whom a policy is about.
    fn narrow(&mut self, input: &mut Value) {
        if self.dice.once_in(3) {
            input["platforms"] = json!([self.dice.one_of(&["LINUX", "DARWIN"])]);
        }
        if self.dice.once_in(3) {
            input["labelsIncludeAny"] = json!([self.dice.one_of(self.labels)["id"]]);
        }
        if self.dice.once_in(6) {
            input["labelsExcludeAny"] = json!([self.dice.one_of(self.labels)["id"]]);
        }
    }

    async fn edit(&mut self) -> &'static str {
        let Some((name, id)) = self.any_policy() else { return "no policy" };
        let mut input = json!({ "id": id, "platforms": [], "labelsIncludeAny": [], "labelsExcludeAny": [] });
        self.narrow(&mut input);
        if self.dice.once_in(3) {
            input["sql"] = json!(format!("select '{name}', {}", self.dice.below(9)));
        }
        let edited = self.world.admin.mutate("updatePolicy", "policy { id }", input).await;
        assert_eq!(edited["userErrors"], json!([]));
        "a policy is edited"
    }

    async fn delete_policy(&mut self) -> &'static str {
        let Some((_, id)) = self.any_policy() else { return "no policy" };
        self.world.admin.mutate("deletePolicy", "deletedPolicyId", json!({ "id": id })).await;
        self.policies.retain(|(_, other)| *other != id);
        "a policy is deleted"
    }

    async fn delete_host(&mut self) -> &'static str {
        if self.hosts.is_empty() {
            return "no host";
        }
        let at = self.dice.below(self.hosts.len());
        let (name, ..) = self.hosts.remove(at);
        let id = host_id(self.world, &name).await;
        self.world.admin.mutate("deleteHosts", "deletedHostIds", json!({ "hostIds": [id] })).await;
        "a host is deleted"
    }

    async fn transfer(&mut self) -> &'static str {
        if self.hosts.is_empty() {
            return "no host";
        }
        let name = self.hosts[self.dice.below(self.hosts.len())].0.clone();
        let team = match self.dice.below(3) {
            0 => None,
            team => Some(&self.teams[team - 1]),
        };
        transfer(self.world, &name, team).await;
        "a host is moved"
    }

    async fn poll(&mut self) -> &'static str {
        if self.hosts.is_empty() {
            return "no host";
        }
        self.world.server.advance(std::time::Duration::from_mins(30));
        let at = self.dice.below(self.hosts.len());
        if let Some((name, _)) = self.any_policy() {
            self.hosts[at].2.set(&name, *self.dice.one_of(&MOODS));
        }
        answer(&mut self.hosts[at].1).await;
        "a host answers"
    }

    fn any_policy(&mut self) -> Option<(String, String)> {
        if self.policies.is_empty() { None } else { Some(self.dice.one_of(&self.policies).clone()) }
    }

    /// Counts anew, and compares.
    async fn check(&self, when: &str) {
        let db = connect(&self.world.server.database_url()).await;
        let results = policy_results::Entity::find().all(&db).await.expect("results");
        let about = about(&db).await;
        let mut counted: BTreeMap<(PolicyId, TeamId), [i64; 3]> = BTreeMap::new();
        for row in results {
            let team = about.get(&(row.host_id, row.policy_id)).copied();
            assert_eq!(team, Some(row.team_id), "{when}: {row:?}");
            let place = match row.state {
                PolicyState::Pass => 0,
                PolicyState::Fail => 1,
                PolicyState::Error => 2,
                PolicyState::Unanswered => panic!("{when}: it is never stored"),
            };
            counted.entry((row.policy_id, row.team_id)).or_default()[place] += 1;
        }
        let kept = policy_counts::Entity::find().all(&db).await.expect("counts");
        let kept: BTreeMap<_, _> = kept
            .into_iter()
            .map(|row| ((row.policy_id, row.team_id), [row.passing, row.failing, row.erring]))
            .collect();
        assert_eq!(kept, counted, "{when}");
        for policy in policies::Entity::find().all(&db).await.expect("policies") {
            let total = about.keys().filter(|(_, about)| *about == policy.id).count() as u64;
            let seen = self.world.server.fleet.counts_of_policy(&Actor::System, &policy).await;
            assert_eq!(seen.expect("counts").total(), total, "{when}: {policy:?}");
        }
    }

    /// Takes away what was made, so that the next history begins with nothing.
    async fn clear(&mut self) {
        while !self.policies.is_empty() {
            self.delete_policy().await;
        }
        while !self.hosts.is_empty() {
            self.delete_host().await;
        }
        self.check("at the end").await;
        assert_eq!(super::rows_left(self.world).await, [0, 0, 0]);
    }
}

/// Which policies are about which hosts, with the team of the host: by the rows themselves.
async fn about(db: &DatabaseConnection) -> BTreeMap<(HostId, PolicyId), TeamId> {
    let members = label_members::Entity::find().all(db).await.expect("members");
    let labels = policy_labels::Entity::find().all(db).await.expect("labels");
    let policies = policies::Entity::find().all(db).await.expect("policies");
    let has = |host: HostId, label| members.iter().any(|row| row.host_id == host && row.label_id == label);
    let mut about = BTreeMap::new();
    for host in hosts::Entity::find().all(db).await.expect("hosts") {
        for policy in &policies {
            let own = || labels.iter().filter(|label| label.policy_id == policy.id);
            let mut included = own().filter(|label| !label.is_excluded).peekable();
            let platform: Platform = host.platform;
            let is_about = [TeamId::NONE, host.team_id].contains(&policy.team_id)
                && (policy.platforms.is_empty()
                    || policy.platforms.split(',').any(|word| word == platform.as_str()))
                && (included.peek().is_none() || included.any(|label| has(host.id, label.label_id)))
                && !own().any(|label| label.is_excluded && has(host.id, label.label_id));
            if is_about {
                about.insert((host.id, policy.id), host.team_id);
            }
        }
    }
    about
}
