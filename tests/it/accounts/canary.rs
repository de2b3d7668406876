//! Secrets are planted, the program goes through what they are for, and then everything it printed, logged, stored and
//! answered is searched for them.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{VIEWER, post, with_token};
use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::binary::Process;
use crate::harness::block_on;
use crate::harness::personas::Person;
use crate::harness::server::Backend;
use crate::harness::wire::{self, Response};
use crate::harness::within_deadline;

const PASSWORD: &str = "planted-password-lemon-tram";
const WRONG: &str = "planted-wrong-password-oxide";
const NEW: &str = "planted-new-password-walnut";
const IN_THE_WRONG_FIELD: &str = "planted-in-the-e-mail-field";
/// The master secret that every process of the harness has.
const MASTER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef";

/// What was answered, and the secrets that each answer was meant to tell.
struct Heard {
    answers: Vec<(String, Vec<String>)>,
    secrets: Vec<String>,
}

impl Heard {
    /// Notes an answer that tells no secret.
    fn note(&mut self, response: &Response) {
        self.answers.push((shown(response), Vec::new()));
    }

    /// Notes an answer that tells these secrets, this once.
    fn told(&mut self, response: &Response, secrets: &[&Value]) {
        let secrets: Vec<_> = secrets
            .iter()
            .map(|secret| {
                secret.as_str().unwrap_or_else(|| panic!("no secret: {}", shown(response))).to_owned()
            })
            .collect();
        self.secrets.extend(secrets.iter().cloned());
        self.answers.push((shown(response), secrets));
    }
}

fn shown(response: &Response) -> String {
    format!("{:?} {}", response.headers, String::from_utf8_lossy(&response.body))
}

#[test]
fn check_60_planted_secrets_sqlite() {
    block_on(planted(Backend::Sqlite));
}

#[test]
fn check_60_planted_secrets_postgres() {
    block_on(planted(Backend::Postgres));
}

async fn planted(backend: Backend) {
    let environment = vec![("RUST_LOG", "debug,muster=trace".to_owned())];
    let mut server = match Process::start_with(backend, environment).await {
        Ok(server) => server,
        Err(missing) => return crate::harness::services::not_run("check_60", &missing),
    };
    server.has_logged("make the first administrator").await;
    let mut heard = Heard { answers: Vec::new(), secrets: Vec::new() };
    heard.secrets.extend([PASSWORD, WRONG, NEW, IN_THE_WRONG_FIELD, MASTER].map(str::to_owned));

    let admin = people(&server, &mut heard).await;
    machines(&server, &admin, &mut heard).await;
    for path in [
        "/metrics",
        "/healthz",
        "/readyz",
        "/version",
        "/debug/pprof",
        "/debug",
        "/graphql?query={viewer{role}}",
    ] {
        let request = wire::request("GET", path, &[], b"");
        heard.note(
            &within_deadline("an answer", wire::exchange(server.address, &request))
                .await
                .expect("it answers"),
        );
    }
    server.signal(rustix::process::Signal::TERM);
    server.exit_code().await;
    server.has_logged("stopped").await;
    let config = server.command(&["config"], "");

    let log = server.logged().join("\n");
    let stored = server.stored().await;
    assert!(log.contains("listening") && stored.contains("ada@muster.test"), "there is something to search");
    for secret in &heard.secrets {
        assert!(!log.contains(secret), "the log tells {secret}: {}", around(&log, secret));
        assert!(!stored.contains(secret), "the store holds {secret}: {}", around(&stored, secret));
        assert!(!config.contains(secret), "`muster config` tells {secret}");
        for (answer, told) in &heard.answers {
            assert!(told.contains(secret) || !answer.contains(secret), "{secret} in {answer}");
        }
    }
    server.remove().await;
}

/// A mutation of one field with an `input`.
fn mutation(field: &str, kind: &str, shape: &str) -> String {
    format!("mutation($input: {kind}!) {{ {field}(input: $input) {{ {shape} }} }}")
}

/// Setup, sign-ins of all kinds, tokens, passwords.
async fn people(server: &Process, heard: &mut Heard) -> Person {
    let nobody = Person::anonymous(server.address);
    let log = server.logged().join("\n");
    let token = log.split("token=").nth(1).or_else(|| log.split("\"token\":").nth(1)).expect("it is logged");
    let token: String = token.chars().skip_while(|c| *c == '"').take(43).collect();
    let session = "accessToken refreshToken userErrors { message code } user { id email displayName }";
    let who = json!({ "token": token, "email": "ada@muster.test", "name": "Ada", "password": PASSWORD });
    let response =
        post(&nobody, &[], &mutation("setup", "SetupInput", session), json!({ "input": who })).await;
    let made = response.json()["data"]["setup"].clone();
    heard.told(&response, &[&made["accessToken"], &made["refreshToken"]]);
    let admin = with_token(&nobody, &made["accessToken"]);
    let bearer = format!("Bearer {}", admin.token.as_deref().unwrap_or_default());

    let login = mutation("login", "LoginInput", session);
    for (email, password) in [("ada@muster.test", WRONG), (IN_THE_WRONG_FIELD, WRONG), ("x@y.z", WRONG)] {
        let input = json!({ "input": { "email": email, "password": password } });
        heard.note(&post(&nobody, &[], &login, input).await);
    }
    let input =
        json!({ "input": { "email": "ada@muster.test", "password": PASSWORD, "transport": "COOKIE" } });
    let response = post(&nobody, &[], &login, input).await;
    let cookie =
        response.header("set-cookie").and_then(|set| set.split(['=', ';']).nth(1)).unwrap_or_default();
    heard.told(&response, &[&json!(cookie)]);
    let carried = format!("muster-session={cookie}");
    heard.note(&post(&nobody, &[("Cookie", &carried), ("GraphQL-Preflight", "1")], VIEWER, json!({})).await);
    heard.note(&post(&nobody, &[("Cookie", &carried)], VIEWER, json!({})).await);

    let refresh = mutation("refreshSession", "RefreshSessionInput", session);
    let input = json!({ "input": { "refreshToken": made["refreshToken"] } });
    let response = post(&nobody, &[], &refresh, input.clone()).await;
    let renewed = response.json()["data"]["refreshSession"].clone();
    heard.told(&response, &[&renewed["accessToken"], &renewed["refreshToken"]]);
    // A token with a mistake, a document with a token in it, a token in the place of a variable of another type.
    heard.note(&post(&nobody, &[("Authorization", &format!("{bearer}x"))], VIEWER, json!({})).await);
    let secret = renewed["refreshToken"].as_str().unwrap_or_default();
    let inline = format!(
        "mutation {{ refreshSession(input: {{ refreshToken: \"{secret}\", x: 1 }}) {{ expiresAt }} }}"
    );
    heard.answers.push((shown(&post(&nobody, &[], &inline, json!({})).await), Vec::new()));
    heard.note(
        &post(&nobody, &[], &refresh, json!({ "input": { "refreshToken": { "text": secret } } })).await,
    );

    tokens_and_passwords(&admin, &made["user"]["id"], heard).await;
    admin
}

/// API tokens, a reset, changes of a password, and what is told of it all.
async fn tokens_and_passwords(admin: &Person, user: &Value, heard: &mut Heard) {
    let nobody = Person::anonymous(admin.server);
    let bearer = format!("Bearer {}", admin.token.as_deref().unwrap_or_default());
    let signed = [("Authorization", bearer.as_str())];
    let create =
        mutation("createApiToken", "CreateApiTokenInput", "token apiToken { id } userErrors { code }");
    let input = json!({ "input": { "name": "ci", "scope": "READ" } });
    let response = post(admin, &signed, &create, input).await;
    let made_token = response.json()["data"]["createApiToken"]["token"].clone();
    heard.told(&response, &[&made_token]);
    let program = format!("Bearer {}", made_token.as_str().unwrap_or_default());
    heard.note(&post(&nobody, &[("Authorization", &program)], VIEWER, json!({})).await);

    let resetting = mutation("createPasswordReset", "CreatePasswordResetInput", "token userErrors { code }");
    let input = json!({ "input": { "userId": user } });
    let response = post(admin, &signed, &resetting, input).await;
    heard.told(&response, &[&response.json()["data"]["createPasswordReset"]["token"]]);
    let change = mutation("changePassword", "ChangePasswordInput", "changed userErrors { message code }");
    for (current, new) in [(WRONG, NEW), (PASSWORD, "short"), (PASSWORD, NEW)] {
        let input = json!({ "input": { "currentPassword": current, "newPassword": new } });
        heard.note(&post(admin, &signed, &change, input).await);
    }
    let all = "{ activities(first: 100) { nodes { kind actorName source subjectId details } }
        viewer { sessions { nodes { id source userAgent } } apiTokens { nodes { id displayName } } } }";
    let response = post(admin, &signed, all, json!({})).await;
    assert!(response.json().get("errors").is_none(), "{}", shown(&response));
    heard.note(&response);
}

/// An enroll secret, a host, its key, an answer.
async fn machines(server: &Process, admin: &Person, heard: &mut Heard) {
    let bearer = format!("Bearer {}", admin.token.as_deref().unwrap_or_default());
    let signed = [("Authorization", bearer.as_str())];
    let create =
        "mutation($input: CreateEnrollSecretInput!) { createEnrollSecret(input: $input) { secret } }";
    let response = post(admin, &signed, create, json!({ "input": { "name": "lab" } })).await;
    let secret = response.json()["data"]["createEnrollSecret"]["secret"].clone();
    heard.told(&response, &[&secret]);
    let answering = Arc::new(|_: &str| AgentAnswer::one("name", "web"));
    let text = secret.as_str().unwrap_or_default();
    let mut agent = Agent::new(server.address, text, Identity::linux("web"), answering);
    assert!(agent.enroll().await, "the secret lets it in");
    heard.secrets.push(agent.node_key.clone().expect("it is enrolled"));
    let started = admin.start("select 1").await;
    agent.poll().await.expect("it is enrolled");
    agent.log("result", ["{\"name\":\"q\"}".to_owned()]);
    agent.flush_logs().await.expect("it is enrolled");
    assert_eq!(admin.campaign(&started).await["status"], "COMPLETED");
    let wrong =
        json!({ "enroll_secret": format!("{text}x"), "host_identifier": "x", "node_key": agent.node_key });
    for path in ["enroll", "config", "distributed/read", "log"] {
        let target = format!("/api/osquery/{path}");
        let headers = [("Content-Type", "application/json")];
        let request = wire::request("POST", &target, &headers, wrong.to_string().as_bytes());
        heard.note(
            &within_deadline("an answer", wire::exchange(server.address, &request))
                .await
                .expect("it answers"),
        );
    }
    let query = "{ enrollSecrets { nodes { id name } } hosts { nodes { id hostname hostIdentifier } } }";
    heard.note(&post(admin, &signed, query, json!({})).await);
}

/// What stands before a secret, to find where it came from.
fn around<'a>(text: &'a str, secret: &str) -> &'a str {
    let at = text.find(secret).unwrap_or_default();
    let from = (at.saturating_sub(200)..=at).find(|from| text.is_char_boundary(*from)).unwrap_or(at);
    &text[from..at]
}

impl Process {
    /// Everything that it has stored: the files of its data directory and a dump of its database, as text.
    async fn stored(&self) -> String {
        let mut text = String::new();
        files(self.data(), &mut text);
        if let Some(url) = self.database_url() {
            text.push_str(&dump(&url).await);
        }
        text
    }
}

fn files(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            files(&path, text);
        } else {
            text.push_str(&String::from_utf8_lossy(&std::fs::read(&path).expect("it is ours")));
        }
    }
}

/// Every row of every table, as PostgreSQL writes it out.
async fn dump(url: &str) -> String {
    use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
    let db = crate::harness::services::postgres::connect(url).await;
    let of_tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
    let tables = db.query_all_raw(Statement::from_string(DbBackend::Postgres, of_tables)).await;
    let mut text = String::new();
    for table in tables.expect("the store answers") {
        let table: String = table.try_get("", "table_name").expect("a name");
        let rows = format!("SELECT t::text AS line FROM \"{table}\" t");
        for row in db.query_all_raw(Statement::from_string(DbBackend::Postgres, rows)).await.expect("rows") {
            text.push_str(&row.try_get::<String>("", "line").expect("a text"));
            text.push('\n');
        }
    }
    db.close().await.expect("a connection closes");
    text
}
