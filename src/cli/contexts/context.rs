//! `muster context`: the servers that this account knows.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::store::{Book, Context as Stored, Contexts, StoredCredential};
use crate::cli::Failure;
use crate::cli::connect::unknown_context;
use crate::cli::one::One;
use crate::cli::output::{Format, Printer};
use crate::cli::terminal::talk;
use crate::config::client::ClientEnvironment;

/// List, choose, show and delete contexts, which `muster login` makes.
#[derive(Debug, Args)]
pub(in crate::cli) struct Context {
    #[command(subcommand)]
    command: ContextCommand,
}

#[derive(Debug, Subcommand)]
enum ContextCommand {
    List(List),
    Use(Use),
    Show(Show),
    Delete(Delete),
}

/// Print every context.
#[derive(Debug, Args)]
struct List {
    /// How they are printed [default: table on a terminal, else ndjson].
    #[arg(long, value_enum)]
    format: Option<Format>,
}

/// Use a context from now on.
#[derive(Debug, Args)]
struct Use {
    /// Its name.
    name: String,
}

/// Print one context, without what proves its session.
#[derive(Debug, Args)]
struct Show {
    /// Its name [default: the one in use].
    name: Option<String>,
    #[command(flatten)]
    one: One,
}

/// Forget a context; `muster logout` before ends its session on the server too.
#[derive(Debug, Args)]
struct Delete {
    /// Its name.
    name: String,
}

impl Context {
    pub(in crate::cli) async fn run(self) -> Result<ExitCode, Failure> {
        let environment = ClientEnvironment::of_process();
        let contexts = Contexts::new(environment.directory);
        match self.command {
            ContextCommand::List(list) => list.run(&in_force(&contexts, environment.context)?)?,
            ContextCommand::Show(show) => show.run(&in_force(&contexts, environment.context)?)?,
            ContextCommand::Use(chosen) => chosen.run(&contexts).await?,
            ContextCommand::Delete(delete) => delete.run(&contexts).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What is stored; the current one is the one that the environment names, if it does.
fn in_force(contexts: &Contexts, named: Option<String>) -> Result<Book, Failure> {
    let mut book = contexts.read()?;
    book.current = named.or(book.current);
    Ok(book)
}

impl List {
    fn run(self, book: &Book) -> Result<(), Failure> {
        let mut printer = Printer::new(self.format.unwrap_or_else(Format::of_lists))?;
        for (name, context) in &book.contexts {
            printer.object(record(book, name, context))?;
        }
        Ok(printer.finish()?)
    }
}

impl Show {
    fn run(self, book: &Book) -> Result<(), Failure> {
        let none = "no context is in use: `muster login` makes one, `muster context use` chooses one";
        let name = self.name.as_ref().or(book.current.as_ref()).ok_or(none)?;
        let context = book.contexts.get(name).ok_or_else(|| unknown_context(name))?;
        self.one.print(record(book, name, context))?;
        Ok(())
    }
}

impl Use {
    async fn run(self, contexts: &Contexts) -> Result<(), Failure> {
        let mut book = contexts.lock().await?;
        let server = match book.contexts.get(&self.name) {
            Some(context) => context.server.clone(),
            None => return Err(unknown_context(&self.name)),
        };
        book.current = Some(self.name.clone());
        book.save()?;
        talk(format_args!("context `{}` is in use: {server}", self.name));
        Ok(())
    }
}

impl Delete {
    async fn run(self, contexts: &Contexts) -> Result<(), Failure> {
        let mut book = contexts.lock().await?;
        if book.contexts.remove(&self.name).is_none() {
            return Err(unknown_context(&self.name));
        }
        if book.current.as_ref() == Some(&self.name) {
            book.current = None;
        }
        book.save()?;
        talk(format_args!("context `{}` is forgotten", self.name));
        Ok(())
    }
}

/// A context as it is shown: without any secret.
fn record(book: &Book, name: &str, context: &Stored) -> Map<String, Value> {
    let Stored { server, ca_pem, fingerprint, user, credential } = context;
    let trust = match (ca_pem, fingerprint) {
        (Some(_), _) => "certificates of a file",
        (None, Some(fingerprint)) => fingerprint,
        (None, None) => "public authorities",
    };
    let credential = match credential {
        Some(StoredCredential::ApiToken { .. }) => "API token",
        Some(StoredCredential::Session { .. }) => "session",
        None => "none",
    };
    let members = [
        ("name", json!(name)),
        ("current", json!(book.current.as_deref() == Some(name))),
        ("server", json!(server)),
        ("user", json!(user)),
        ("credential", json!(credential)),
        ("trust", json!(trust)),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
