//! The first administrator.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::is_known;
use crate::harness::binary::Process;
use crate::harness::block_on;
use crate::harness::personas::Person;
use crate::harness::server::{Backend, TestServer};
use crate::harness::services::not_run;

const PASSWORD: &str = "tram lemon oxide seventeen";

/// Of fifty who race for it one becomes the administrator, with the token of the log only; then it is closed for ever.
#[test]
fn s34_setup_raced_by_fifty() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        block_on(async {
            let server = match TestServer::start(backend, &[]).await {
                Ok(server) => server,
                Err(missing) => return not_run(&format!("s34::{backend:?}"), &missing),
            };
            let leftovers = server.leftovers();
            let token =
                server.fleet.setup_token().await.expect("the store answers").expect("nobody is there");
            let beside = server.beside().await;
            assert_eq!(beside.fleet.setup_token().await.ok().flatten().as_deref(), Some(token.as_str()));
            for wrong in ["", "x", &token[1..], &token.to_lowercase()] {
                assert_eq!(setup(&server, wrong, "eve").await["user"], Value::Null, "{wrong}");
            }
            let names: Vec<_> = (0..50).map(|number| format!("racer-{number}")).collect();
            let tries = names
                .iter()
                .enumerate()
                .map(|(number, name)| setup(if number % 2 == 0 { &server } else { &beside }, &token, name));
            let outcomes = join_all(tries).await;
            let winners: Vec<_> = outcomes.iter().filter(|outcome| outcome["user"].is_object()).collect();
            assert_eq!(winners.len(), 1, "{outcomes:?}");
            let winner = Person {
                server: server.address,
                email: String::new(),
                token: winners[0]["accessToken"].as_str().map(str::to_owned),
            };
            assert!(is_known(&winner).await);
            let users = server.fleet.users(&muster::policy::Actor::System).await.expect("the store answers");
            assert_eq!(users.len(), 1);
            assert_eq!(server.fleet.setup_token().await.ok(), Some(None));
            assert_eq!(setup(&server, &token, "late").await["user"], Value::Null);
            beside.stop().await;
            server.stop().await;
            leftovers.remove().await;
        });
    }
}

/// Without a user the server's log tells the token, again after a restart; with one it does not.
#[test]
fn s34_the_log_tells_the_token() {
    block_on(async {
        let mut server = Process::start(Backend::Sqlite).await.expect("SQLite is inside");
        server.has_logged("make the first administrator").await;
        server.kill();
        server.restart();
        server.has_logged("make the first administrator").await;
        server.admin().await;
        server.kill();
        server.restart();
        server.has_logged("data directory").await;
        server.has_logged("listening").await;
        server.signal(rustix::process::Signal::TERM);
        server.exit_code().await;
        server.has_logged("stopped").await;
        assert!(!server.logged().join(" ").contains("first administrator"), "{:?}", server.logged());
    });
}

async fn setup(server: &TestServer, token: &str, name: &str) -> Value {
    let input =
        json!({ "token": token, "email": format!("{name}@muster.test"), "name": name, "password": PASSWORD });
    let query = "mutation($input: SetupInput!) { setup(input: $input) {
        accessToken user { id } userErrors { code path message } } }";
    let answer = Person::anonymous(server.address).gql(query, json!({ "input": input })).await;
    answer["data"]["setup"].clone()
}
