//! What most tests begin with: a server, its admin, and a secret that lets hosts in.

use std::future::Future;
use std::sync::Arc;

use muster::fleet::enroll_secrets::NewEnrollSecret;
use muster::fleet::teams::Team;
use muster::policy::{Actor, Role};

use super::agent::{Agent, AgentAnswer, Answering, Identity};
use super::personas::Person;
use super::server::{Backend, TestServer};
use super::services::not_run;
use super::{block_on, canary};

/// Makes each law, an `async fn(World)`, a test on SQLite with the local bus, and one on PostgreSQL with Redis.
macro_rules! on_both {
    ($($law:ident),+ $(,)?) => {$(
        mod $law {
            use $crate::harness::{server::Backend, world::run};

            #[test]
            fn sqlite() {
                run(Backend::Sqlite, module_path!(), super::$law);
            }

            #[test]
            fn postgres() {
                run(Backend::Postgres, module_path!(), super::$law);
            }
        }
    )+};
}
pub(crate) use on_both;

/// A server with an admin.
pub struct World {
    /// The server.
    pub server: TestServer,
    /// A global admin.
    pub admin: Person,
    /// Lets hosts in, into no team.
    pub secret: String,
}

/// Runs a law in a fresh world; where the backend is missing, says so.
pub fn run<F, Fut>(backend: Backend, test: &str, law: F)
where
    F: FnOnce(World) -> Fut,
    Fut: Future<Output = ()>,
{
    canary::listen();
    block_on(async {
        match TestServer::start(backend, &[]).await {
            Ok(server) => {
                let leftovers = server.leftovers();
                law(World::on(server).await).await;
                leftovers.search().await;
                leftovers.remove().await;
                canary::assert_none_found();
            }
            Err(missing) => not_run(&format!("{test}::{backend:?}"), &missing),
        }
    });
}

impl World {
    /// Populates a server.
    pub async fn on(server: TestServer) -> Self {
        let admin = Person::hire(server.address, &server.fleet, "admin", Role::Admin, None).await;
        let secret = secret(&server, None).await;
        Self { server, admin, secret }
    }

    /// Somebody with a role, in a team or global, who has signed in.
    pub async fn person(&self, name: &str, role: Role, team: Option<&Team>) -> Person {
        Person::hire(self.server.address, &self.server.fleet, name, role, team).await
    }

    /// Somebody who has not signed in.
    pub fn anonymous(&self) -> Person {
        Person::anonymous(self.server.address)
    }

    /// Gives somebody a role in a team.
    pub async fn give_role(&self, person: &Person, role: Role, team: &Team) {
        let user = person.id().await;
        let given = self.server.fleet.set_team_role(&Actor::System, &user, &team.public_id, role).await;
        given.expect("user and team are there");
    }

    /// Takes somebody's role in a team away.
    pub async fn take_role(&self, person: &Person, team: &Team) {
        let user = person.id().await;
        let taken = self.server.fleet.remove_team_role(&Actor::System, &user, &team.public_id).await;
        taken.expect("user and team are there");
    }

    /// Makes a team.
    pub async fn team(&self, name: &str) -> Team {
        let made = self.server.fleet.create_team(&Actor::System, name, None, None).await;
        made.expect("the name is free")
    }

    /// A secret that lets hosts into a team.
    pub async fn team_secret(&self, team: &Team) -> String {
        secret(&self.server, Some(team)).await
    }

    /// An enrolled Linux host in no team that answers every query with one row: its name.
    pub async fn host(&self, name: &str) -> Agent {
        let answer = name.to_owned();
        self.host_with(name, &self.secret, Arc::new(move |_| AgentAnswer::one("name", &answer))).await
    }

    /// As many of them; names are `host-0`, `host-1`, ….
    pub async fn hosts(&self, count: usize) -> Vec<Agent> {
        let mut hosts = Vec::with_capacity(count);
        for number in 0..count {
            hosts.push(self.host(&format!("host-{number}")).await);
        }
        hosts
    }

    /// An enrolled Linux host that came with this secret and answers like this.
    pub async fn host_with(&self, name: &str, secret: &str, answering: Answering) -> Agent {
        let mut agent = Agent::new(self.server.address, secret, Identity::linux(name), answering);
        assert!(agent.enroll().await, "the secret lets {name} in");
        agent
    }

    /// Stops the server, gracefully, and starts it again on the same data.
    pub async fn restart(self) -> Self {
        Self { server: self.server.restart().await, ..self }
    }

    /// Ends the server as a crash does, and starts it again on the same data.
    pub async fn crash(self) -> Self {
        Self { server: self.server.crash().await, ..self }
    }

    /// As [`Self::restart`], with hosts that are asked for their vitals every hour.
    pub async fn with_vitals(self) -> Self {
        Self { server: self.server.restart_with(&[("due.vitals_interval", "1h")]).await, ..self }
    }

    /// As [`Self::restart`], with tasks that run by themselves, every few milliseconds.
    pub async fn with_running_tasks(self) -> Self {
        let settings = &[("tasks.changes_interval", "50ms"), ("tasks.expiry_interval", "50ms")];
        Self { server: self.server.restart_with(settings).await, ..self }
    }
}

async fn secret(server: &TestServer, team: Option<&Team>) -> String {
    let team = team.map(|team| team.public_id.clone());
    let new = NewEnrollSecret { team, ..NewEnrollSecret::default() };
    let made = server.fleet.create_enroll_secret(&Actor::System, new, None).await;
    let text = made.expect("the team exists").1.expect("the text is shown once");
    canary::plant(&text);
    text
}
