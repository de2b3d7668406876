//! `muster demo`: everything in one process and a temporary directory.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::ask::{Asked, Ending, Watch, start, watch};
use super::client::{Client, Credential, Endpoint, Totals, Trust};
use super::output::Format;
use super::terminal::talk;
use super::{Failure, stop_signal};
use crate::app::App;
use crate::app::listeners::bind;
use crate::auth::keys::new_secret;
use crate::clock::Clock;
use crate::config::{Config, Secret};
use crate::fleet::Fleet;
use crate::fleet::enroll_secrets::NewEnrollSecret;
use crate::fleet::users::{NewApiToken, NewUser};
use crate::policy::{Actor, FIRST_ROLE};
use crate::simulator::{Simulation, SimulationSettings};
use crate::telemetry;

/// The port that is tried first.
const PORT: u16 = 8080;
/// What is logged: nothing that belongs to two hundred hosts enrolling at once.
const LOGS: &str = "warn,sqlx=error";
/// How often the simulated hosts check in.
const CHECK_IN: Duration = Duration::from_secs(2);
/// How long the hosts may take to enroll, and then to answer, before the demonstration gives up.
const PATIENCE: Duration = Duration::from_mins(1);
/// What they are asked.
const SQL: &str = "select name, version from os_version";
/// Who is shown how to sign in.
const EMAIL: &str = "admin@demo.example";

/// See it work: a server, simulated hosts, one live query over all of them.
///
/// Everything lives in this process and a temporary directory, and is gone when it ends.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// How many hosts.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    hosts: u32,
    /// End after the query instead of staying up.
    #[arg(long)]
    exit: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        telemetry::log_for_people(LOGS)?;
        let directory = tempfile::tempdir()?;
        let stop = stop_signal()?;
        let listener = listen_somewhere().await?;
        let mut config = Config::default();
        directory.path().clone_into(&mut config.data.dir);
        config.agent.check_in_interval = CHECK_IN;
        let app = App::build(&config, Clock::System, telemetry::no_metrics()).await?;
        let fleet = app.fleet.clone();
        let server = format!("http://{}", listener.local_addr()?);
        // The server outlives the hosts, so that no host sees it go.
        let closing = CancellationToken::new();
        let serving = tokio::spawn(app.serve(listener, closing.clone()));
        let show = self.show(fleet, server, stop.child_token());
        let shown = stop.clone().run_until_cancelled_owned(Box::pin(show)).await;
        closing.cancel();
        serving.await??;
        shown.unwrap_or(Ok(ExitCode::SUCCESS))
    }

    async fn show(self, fleet: Fleet, server: String, stop: CancellationToken) -> Result<ExitCode, Failure> {
        let client = introduce(&fleet, &server).await?;
        let hosts = self.hosts as usize;
        let simulation = Simulation::start(simulated(&fleet, &server, hosts).await?, stop.clone());
        let enrolled = timeout(PATIENCE, simulation.wait_enrolled(hosts)).await;
        enrolled.map_err(|_| format!("not every host could enroll: {:?}", simulation.stats()))?;
        talk(format_args!("{hosts} simulated hosts are enrolled; asking all of them: {SQL}\n"));
        let campaign = start(&client, json!({ "sql": SQL }), json!({ "allHosts": true })).await?;
        let how = Watch { format: Format::Ndjson, wait: PATIENCE, stop: stop.clone() };
        let asked = watch(&client, campaign, None, how).await?;
        let code = conclude(&client, &asked).await?;
        if !self.exit {
            talk(format_args!("\nThe server and its hosts stay up at {server}; Ctrl-C ends them."));
            stop.cancelled().await;
        }
        stop.cancel();
        simulation.stopped().await;
        Ok(code)
    }
}

/// The usual port on this machine, or any that is free.
async fn listen_somewhere() -> Result<TcpListener, Failure> {
    match bind(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT))).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?),
    }
}

/// Makes an administrator, says how to sign in, and answers a client that acts as them.
async fn introduce(fleet: &Fleet, server: &str) -> Result<Client, Failure> {
    let password = new_secret();
    let admin = NewUser {
        email: EMAIL.to_owned(),
        name: "Demo".to_owned(),
        password: password.clone(),
        role: FIRST_ROLE,
        team: None,
    };
    fleet.create_user(&Actor::System, admin).await?;
    talk(format_args!(
        "GraphQL API    {server}/graphql\nE-mail         {EMAIL}\nPassword       {password}\n"
    ));
    let day = Duration::from_hours(24);
    let (_, token) = fleet.create_api_token(&Actor::System, NewApiToken::whole(EMAIL, "demo", day)).await?;
    let endpoint = Endpoint::new(server, &Trust::default())?;
    Ok(Client::new(endpoint, Credential::Token(Secret::new(token))))
}

async fn simulated(fleet: &Fleet, server: &str, hosts: usize) -> Result<SimulationSettings, Failure> {
    let new = NewEnrollSecret { name: Some("demo".to_owned()), ..NewEnrollSecret::default() };
    let (_, secret) = fleet.create_enroll_secret(&Actor::System, new, None).await?;
    Ok(SimulationSettings {
        server: server.to_owned(),
        tls: None,
        enroll_secret: secret.expect("a secret made without an idempotency key is new"),
        hosts,
        rate: None,
        seed: 1,
        check_in_interval: CHECK_IN,
        new_connection_per_request: false,
        slow: 0.0,
        offline: 0.0,
        failing: 0.0,
        old: 0.05,
        log_interval: None,
    })
}

/// Says how it went: success when every host that is online has answered.
async fn conclude(client: &Client, asked: &Asked) -> Result<ExitCode, Failure> {
    match &asked.ending {
        Ending::Ended(totals) => {
            let Totals { targeted, succeeded, failed, rows, .. } = totals;
            talk(format_args!(
                "\n{succeeded} of {targeted} hosts answered, with {rows} rows; {failed} failed."
            ));
            Ok(ExitCode::SUCCESS)
        }
        Ending::Lost(why) | Ending::Refused(why) => Err(why.clone().into()),
        Ending::Interrupted => Ok(ExitCode::SUCCESS),
        Ending::TimedOut => {
            let awaited = awaited(client, &asked.campaign).await?;
            talk(format_args!("\nThe time ran out; {awaited} hosts that are online did not answer."));
            Ok(if awaited == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

/// Online hosts that did not answer yet.
async fn awaited(client: &Client, campaign: &str) -> Result<u64, Failure> {
    const DOCUMENT: &str =
        "query ($id: ID!) { campaign: node(id: $id) { ... on Campaign { onlineOutstanding } } }";
    let answer = client.call(DOCUMENT, json!({ "id": campaign })).await?;
    Ok(answer["campaign"]["onlineOutstanding"].as_u64().ok_or("the server does not know the campaign")?)
}
