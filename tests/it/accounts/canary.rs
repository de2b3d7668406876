//! Secrets are planted, the program goes through what they are for, and then everything it printed, logged, stored and
//! answered is searched for them.

use std::sync::Arc;

use muster::policy::Role;
use serde_json::{Value, json};

use super::{VIEWER, post, with_token};
use crate::access;
use crate::harness::agent::{Agent, AgentAnswer, Identity};
use crate::harness::binary::Process;
use crate::harness::personas::Person;
use crate::harness::server::Backend;
use crate::harness::wire::{self, Response};
use crate::harness::within_deadline;
use crate::harness::{block_on, canary};
use crate::isolation::documents::READS;

const PASSWORD: &str = "planted-password-lemon-tram";
const WRONG: &str = "planted-wrong-password-oxide";
const NEW: &str = "planted-new-password-walnut";
const IN_THE_WRONG_FIELD: &str = "planted-in-the-e-mail-field";
/// What a host calls itself.
const HOSTNAME: &str = "planted-hostname-heron";
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
fn s60_planted_secrets_sqlite() {
    block_on(planted(Backend::Sqlite));
}

#[test]
fn s60_planted_secrets_postgres() {
    block_on(planted(Backend::Postgres));
}

async fn planted(backend: Backend) {
    let environment = vec![("RUST_LOG", "trace".to_owned())];
    let mut server = match Process::start_with(backend, environment).await {
        Ok(server) => server,
        Err(missing) => return crate::harness::services::not_run("s60", &missing),
    };
    server.has_logged("make the first administrator").await;
    let mut heard = Heard { answers: Vec::new(), secrets: Vec::new() };
    heard.secrets.extend([PASSWORD, WRONG, NEW, IN_THE_WRONG_FIELD, MASTER].map(str::to_owned));

    let admin = people(&server, &mut heard).await;
    machines(&server, &admin, &mut heard).await;
    everybody(&server, &admin, &mut heard).await;
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
        let answer = within_deadline("an answer", wire::exchange(server.address, &request)).await;
        let answer = answer.expect("it answers");
        assert!(!path.contains("debug") || answer.status == 404, "{path}");
        let shown = shown(&answer);
        assert!(!shown.contains(HOSTNAME), "no host names a metric: {shown}");
        heard.note(&answer);
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
    canary::assert_none_found();
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
    let mut agent = Agent::new(server.address, text, Identity::linux(HOSTNAME), answering);
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

/// People of every role are invited, make their accounts, and ask for everything there is: every list, every field, the
/// schema, files, streams.
async fn everybody(server: &Process, admin: &Person, heard: &mut Heard) {
    let campaign = admin.start("select 'canary'").await;
    let bearer = |person: &Person| format!("Bearer {}", person.token.as_deref().unwrap_or_default());
    let invite = mutation("createInvitation", "CreateInvitationInput", "token invitation { id email }");
    let accept =
        mutation("acceptInvitation", "AcceptInvitationInput", "user { id email } userErrors { code }");
    let login = mutation("login", "LoginInput", "accessToken refreshToken user { id }");
    let nobody = Person::anonymous(server.address);
    for role in Role::ALL {
        let (word, email) = (role.as_str().to_uppercase(), format!("{role}@muster.test"));
        let input = json!({ "input": { "email": email, "role": word } });
        let response = post(&nobody, &[("Authorization", &bearer(admin))], &invite, input).await;
        let token = response.json()["data"]["createInvitation"]["token"].clone();
        heard.told(&response, &[&token]);
        let input = json!({ "input": { "token": token, "displayName": word, "password": PASSWORD } });
        heard.note(&post(&nobody, &[], &accept, input).await);
        let response =
            post(&nobody, &[], &login, json!({ "input": { "email": email, "password": PASSWORD } })).await;
        let made = response.json()["data"]["login"].clone();
        heard.told(&response, &[&made["accessToken"], &made["refreshToken"]]);
        let person = with_token(&nobody, &made["accessToken"]);
        let bearer = bearer(&person);
        let documents = access::documents();
        let documents =
            documents.iter().map(String::as_str).chain(READS.iter().copied()).chain([INTROSPECTION]);
        for document in documents {
            let response = post(&nobody, &[("Authorization", &bearer)], document, json!({})).await;
            let told = secrets_of(&response);
            heard.told(&response, &told.iter().collect::<Vec<_>>());
        }
        for form in ["ndjson", "csv", "json"] {
            heard.note(&person.get(&format!("/campaigns/{campaign}/answers.{form}"), vec![]).await);
        }
        let follow = "subscription($id: ID!) { campaignEvents(campaignId: $id) { endCursor } }";
        let said = person.subscribe(follow, json!({ "id": campaign })).await.next().await;
        heard.answers.push((format!("{said:?}"), Vec::new()));
    }
}

/// Everything about the types of the schema.
const INTROSPECTION: &str =
    "{ __schema { types { name description fields { name description args { name description
    defaultValue } } inputFields { name description defaultValue } enumValues { name description } } } }";

/// The secrets that an answer to the making of something tells, this once.
fn secrets_of(response: &Response) -> Vec<Value> {
    let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
    let fields = answer["data"].as_object().into_iter().flat_map(|data| data.values());
    let tells = |field: &Value| ["token", "secret"].map(|name| field[name].clone());
    fields.flat_map(tells).filter(Value::is_string).collect()
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
        canary::each_file(self.data(), &mut |_, bytes| text.push_str(&String::from_utf8_lossy(bytes)));
        if let Some(url) = self.database_url() {
            text.push_str(&canary::dump(&url).await);
        }
        text
    }
}
