//! `muster logout`: end the session of a context.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::store::{Contexts, StoredCredential};
use crate::cli::Failure;
use crate::cli::connect::{Connect, unknown_context};
use crate::cli::terminal::talk;
use crate::config::client::ClientEnvironment;

const LOGOUT: &str = "mutation { logout { userErrors { message code } } }";

/// Sign out: end the session on the server, and forget what proves it here.
///
/// The context itself stays, for the next `muster login`. An API token is only forgotten.
#[derive(Debug, Args)]
pub(in crate::cli) struct Logout {
    /// The context [default: the one in use].
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl Logout {
    pub(in crate::cli) async fn run(self) -> Result<ExitCode, Failure> {
        let environment = ClientEnvironment::of_process();
        let contexts = Contexts::new(environment.directory.clone());
        let book = contexts.read()?;
        let name = self.context.or(environment.context).or(book.current);
        let name = name.ok_or("nobody is signed in: no context is in use")?;
        let context = book.contexts.get(&name).ok_or_else(|| unknown_context(&name))?;
        if let Some(StoredCredential::Session { .. }) = &context.credential {
            let client = Connect::of_context(&name).client()?;
            if let Err(error) = client.mutate(LOGOUT, json!({}), "logout").await {
                talk(format_args!(
                    "the server did not end the session ({error}); it is forgotten here all the same"
                ));
            }
        }
        let mut book = contexts.lock().await?;
        if let Some(context) = book.contexts.get_mut(&name) {
            (context.credential, context.user) = (None, None);
        }
        book.save()?;
        talk(format_args!("signed out of the context `{name}`"));
        Ok(ExitCode::SUCCESS)
    }
}
