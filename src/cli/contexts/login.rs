//! `muster login`: sign in to a server, and keep it as a context.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::store::{Context, Contexts, StoredCredential};
use crate::cli::Failure;
use crate::cli::client::{Client, Credential, Endpoint, Trust};
use crate::cli::connect::Place;
use crate::cli::terminal::prompt::{ask, ask_secretly, first_line};
use crate::cli::terminal::talk;
use crate::config::Secret;
use crate::config::client::ClientEnvironment;

const LOGIN: &str = "\
mutation ($input: LoginInput!) {
  login(input: $input) { accessToken refreshToken user { displayName } userErrors { message code } }
}";
const VIEWER: &str = "{ viewer { actor { displayName } } }";

/// The context when none is named.
const USUAL: &str = "default";
/// The server of a first login that names none.
const LOCAL: &str = "http://127.0.0.1:8080";

/// Sign in to a server, and use it from now on.
///
/// Asks for e-mail and password on the terminal. What proves the session is kept for you alone in the configuration
/// directory of your account; `muster logout` ends it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Login {
    /// Name to keep it under [default: the context in use, else `default`].
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    #[command(flatten)]
    place: Place,
    /// E-mail to sign in with.
    #[arg(long, conflicts_with = "token_stdin")]
    email: Option<String>,
    /// Read the password from standard input.
    #[arg(long, conflicts_with = "token_stdin")]
    password_stdin: bool,
    /// Read an API token from standard input, and keep it instead of a session.
    #[arg(long)]
    token_stdin: bool,
}

impl Login {
    pub(in crate::cli) async fn run(self) -> Result<ExitCode, Failure> {
        let environment = ClientEnvironment::of_process();
        let contexts = Contexts::new(environment.directory.clone());
        let book = contexts.read()?;
        let named = self.context.clone().or(environment.context);
        let name = named.clone().or_else(|| book.current.clone()).unwrap_or_else(|| USUAL.to_owned());
        let known = book.contexts.get(&name);
        let mut context = self.place_of(known)?;
        let endpoint = Endpoint::new(&context.server, &context.trust()?.unwrap_or_default())?;
        context.server = endpoint.to_string();
        if named.is_none() && known.is_some_and(|known| known.server != context.server) {
            return Err(format!(
                "the context `{name}` is of another server: pass --context NAME for this one"
            )
            .into());
        }
        if endpoint.is_exposed() {
            talk(format_args!("note: {endpoint} has no TLS; what you enter can be read on the way"));
        }
        self.sign_in(endpoint, &mut context).await?;
        let who = context.user.clone().unwrap_or_default();
        let server = context.server.clone();
        let mut book = contexts.lock().await?;
        book.contexts.insert(name.clone(), context);
        book.current = Some(name.clone());
        book.save()?;
        talk(format_args!("signed in to {server} as {who}; context `{name}`"));
        Ok(ExitCode::SUCCESS)
    }

    /// Where to sign in: flags, then the environment, then what the context was before.
    fn place_of(&self, known: Option<&Context>) -> Result<Context, Failure> {
        let usual = known.map_or(LOCAL, |known| known.server.as_str());
        let (server, trust) = self.place.or_environment(usual)?;
        let is_known = known.is_some_and(|known| known.server == server);
        let trust = match trust {
            None if is_known => known.map(Context::trust).transpose()?.flatten(),
            trust => trust,
        };
        let (ca_pem, fingerprint) = match trust {
            Some(Trust::Roots(pem)) => (Some(pem), None),
            Some(Trust::Pinned(fingerprint)) => (None, Some(fingerprint.to_string())),
            Some(Trust::Public | Trust::Anyone) | None => (None, None),
        };
        Ok(Context { server, ca_pem, fingerprint, user: None, credential: None })
    }

    /// Puts a credential that the server takes into the context, and whose it is.
    async fn sign_in(&self, endpoint: Endpoint, context: &mut Context) -> Result<(), Failure> {
        if self.token_stdin {
            let token = first_line("token")?;
            let client = Client::new(endpoint, Credential::Token(Secret::new(token.clone())));
            let mut viewer = client.call(VIEWER, json!({})).await?["viewer"].take();
            context.user = viewer["actor"]["displayName"].take().as_str().map(str::to_owned);
            context.credential = Some(StoredCredential::ApiToken { token });
            return Ok(());
        }
        let email = match &self.email {
            Some(email) => email.clone(),
            None => ask("E-mail: ", "pass --email, or --token-stdin").await?,
        };
        let password = if self.password_stdin {
            first_line("password")?
        } else {
            ask_secretly("Password: ", "pass --password-stdin, or --token-stdin").await?
        };
        let input = json!({ "email": email, "password": password });
        let client = Client::new(endpoint, Credential::Nobody);
        let payload = client.mutate(LOGIN, json!({ "input": input }), "login").await?;
        let text = |field: &str| payload[field].as_str().map(str::to_owned);
        let tokens = text("accessToken").zip(text("refreshToken"));
        let (access_token, refresh_token) = tokens.ok_or("the server gave no session: try again")?;
        context.user = payload["user"]["displayName"].as_str().map(str::to_owned);
        context.credential = Some(StoredCredential::Session { access_token, refresh_token });
        Ok(())
    }
}
