//! Which server a command speaks to, whom it believes there, and as whom it speaks: flags, then the environment, then
//! the stored context.

use std::path::{Path, PathBuf};

use clap::Args;

use super::Failure;
use super::client::{Client, Credential, Endpoint, Fingerprint, Session, Trust};
use super::contexts::store::{Book, Context, Contexts, StoredCredential};
use crate::config::Secret;
use crate::config::client::ClientEnvironment;

/// The server when nothing names another.
const LOCAL: &str = "http://127.0.0.1:8080";

/// The flags of a command that speaks to a server.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Connect {
    #[command(flatten)]
    pub(super) place: Place,
    /// API token [env: `MUSTER_TOKEN`].
    #[arg(long, value_parser = secret)]
    token: Option<Secret>,
    /// Stored context, made by `muster login` [env: `MUSTER_CONTEXT`].
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// The flags that say where a server is, and whom to believe there.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Place {
    /// The server [env: `MUSTER_SERVER`] [default: that of the context, else `http://127.0.0.1:8080`].
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,
    /// PEM file of the certificates to trust instead of the public authorities [env: `MUSTER_CA`].
    #[arg(long, value_name = "FILE", conflicts_with = "fingerprint")]
    pub(super) ca: Option<PathBuf>,
    /// SHA-256 of the one certificate to trust [env: `MUSTER_FINGERPRINT`].
    #[arg(long, value_name = "SHA256")]
    pub(super) fingerprint: Option<Fingerprint>,
}

/// What one source says; the first that says something counts.
#[derive(Default)]
struct Layer {
    server: Option<String>,
    trust: Option<Trust>,
    credential: Option<Credential>,
    /// Its trust and credential are for its own server alone.
    is_context: bool,
}

impl Connect {
    /// As if only this context had been named.
    pub(super) fn of_context(name: &str) -> Self {
        Self { context: Some(name.to_owned()), ..Self::default() }
    }

    /// A client of the server that is meant.
    ///
    /// # Errors
    /// A file that can't be read, an unknown context, no credential.
    pub(super) fn client(&self) -> Result<Client, Failure> {
        let environment = ClientEnvironment::of_process();
        let contexts = Contexts::new(environment.directory.clone());
        let book = contexts.read()?;
        let name = self.context.as_ref().or(environment.context.as_ref()).or(book.current.as_ref());
        let context = name.map(|name| stored(&contexts, &book, name)).transpose()?;
        let flags = Layer { credential: self.token.clone().map(Credential::Token), ..self.place.layer()? };
        let (named, usual) = if self.context.is_some() { (context, None) } else { (None, context) };
        let layers = [Some(flags), named, Some(of_environment(environment)?), usual];
        settle(layers.into_iter().flatten().collect())
    }

    /// The flags as they were given, without the token: for a command that goes on where this one ended.
    pub(super) fn flags(&self) -> Vec<String> {
        let Self { place: Place { server, ca, fingerprint }, token: _, context } = self;
        let mut flags = Vec::new();
        let mut add = |flag: &str, value: Option<String>| {
            flags.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value]));
        };
        add("--server", server.clone());
        add("--ca", ca.as_ref().map(|path| path.display().to_string()));
        add("--fingerprint", fingerprint.map(|fingerprint| fingerprint.to_string()));
        add("--context", context.clone());
        flags
    }
}

impl Place {
    fn layer(&self) -> Result<Layer, Failure> {
        Ok(Layer { server: self.server.clone(), trust: self.trust()?, ..Layer::default() })
    }

    /// Whom the flags say to believe.
    ///
    /// # Errors
    /// When the file can't be read.
    pub(super) fn trust(&self) -> Result<Option<Trust>, Failure> {
        let pinned = self.fingerprint.map(Trust::Pinned);
        Ok(self.ca.as_deref().map(read_roots).transpose()?.map(Trust::Roots).or(pinned))
    }

    /// Where the flags, the environment and the default say that the server is, and whom to believe there.
    ///
    /// # Errors
    /// When a file of certificates can't be read, or a fingerprint is none.
    pub(super) fn or_environment(&self, default: &str) -> Result<(String, Option<Trust>), Failure> {
        let environment = of_environment(ClientEnvironment::of_process())?;
        let server = self.server.clone().or(environment.server).unwrap_or_else(|| default.to_owned());
        Ok((server, self.trust()?.or(environment.trust)))
    }
}

/// A client by the first layer that says something. What a context knows is for its own server: a token never goes to
/// a server that it was not made for.
fn settle(layers: Vec<Layer>) -> Result<Client, Failure> {
    let server = layers.iter().find_map(|layer| layer.server.clone()).unwrap_or_else(|| LOCAL.to_owned());
    let is_same = |other: &str| {
        let place =
            |address: &str| Endpoint::new(address, &Trust::Public).ok().map(|place| place.to_string());
        place(other) == place(&server)
    };
    let (mut trust, mut credential) = (None, None);
    for layer in layers {
        if layer.is_context && !layer.server.as_deref().is_some_and(is_same) {
            continue;
        }
        trust = trust.or(layer.trust);
        credential = credential.or(layer.credential);
    }
    let endpoint = Endpoint::new(&server, &trust.unwrap_or_default())?;
    let credential = credential.ok_or_else(|| {
        format!("there is no credential for {endpoint}: sign in with `muster login --server {endpoint}`, or pass a \
                 token by --token or MUSTER_TOKEN (`muster token create` makes one)")
    })?;
    Ok(Client::new(endpoint, credential))
}

fn of_environment(environment: ClientEnvironment) -> Result<Layer, Failure> {
    let roots = environment.ca.as_deref().map(read_roots).transpose()?.map(Trust::Roots);
    let pinned = environment.fingerprint.map(|text| text.parse().map(Trust::Pinned));
    let pinned = pinned.transpose().map_err(|error| format!("MUSTER_FINGERPRINT: {error}"))?;
    Ok(Layer {
        server: environment.server,
        trust: roots.or(pinned),
        credential: environment.token.map(Credential::Token),
        is_context: false,
    })
}

fn stored(contexts: &Contexts, book: &Book, name: &str) -> Result<Layer, Failure> {
    let context = book.contexts.get(name).ok_or_else(|| unknown_context(name))?;
    let credential = context.credential.as_ref().map(|credential| match credential {
        StoredCredential::ApiToken { token } => Credential::Token(Secret::new(token.clone())),
        StoredCredential::Session { access_token, .. } => {
            let token = Secret::new(access_token.clone());
            Credential::Session(Session::new(contexts.clone(), name.to_owned(), token))
        }
    });
    let (server, trust) = (Some(context.server.clone()), context.trust()?);
    Ok(Layer { server, trust, credential, is_context: true })
}

impl Context {
    /// Whom to believe at its server.
    ///
    /// # Errors
    /// When its fingerprint was damaged.
    pub(super) fn trust(&self) -> Result<Option<Trust>, Failure> {
        let pinned = self.fingerprint.as_deref().map(|text| text.parse().map(Trust::Pinned)).transpose()?;
        Ok(self.ca_pem.clone().map(Trust::Roots).or(pinned))
    }
}

/// What to say when no context has this name.
pub(super) fn unknown_context(name: &str) -> Failure {
    format!("there is no context `{name}`: `muster context list` shows them, `muster login --context {name}` makes it")
        .into()
}

fn read_roots(path: &Path) -> Result<String, Failure> {
    Ok(std::fs::read_to_string(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?)
}

#[expect(clippy::unnecessary_wraps, reason = "the shape of a parser")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(server: Option<&str>, token: Option<&str>, is_context: bool) -> Layer {
        let credential = token.map(|token| Credential::Token(Secret::new(token.to_owned())));
        Layer { server: server.map(str::to_owned), trust: None, credential, is_context }
    }

    fn settled(layers: Vec<Layer>) -> Option<String> {
        let client = settle(layers).ok()?;
        let (server, token) = client.shown();
        Some(format!("{server} {}", token?))
    }

    #[test]
    fn the_first_layer_counts_and_a_context_is_for_its_own_server() {
        let context = || layer(Some("https://one/"), Some("stored"), true);
        assert_eq!(settled(vec![context()]).as_deref(), Some("https://one:443 stored"));
        let same = layer(Some("https://one:443"), None, false);
        assert_eq!(settled(vec![same, context()]).as_deref(), Some("https://one:443 stored"));
        assert!(settled(vec![layer(Some("https://two"), None, false), context()]).is_none());
        let other = layer(Some("https://two"), Some("given"), false);
        assert_eq!(settled(vec![other, context()]).as_deref(), Some("https://two:443 given"));
        let token = layer(None, Some("given"), false);
        assert_eq!(settled(vec![token, context()]).as_deref(), Some("https://one:443 given"));
        assert!(settled(vec![]).is_none());
    }
}
