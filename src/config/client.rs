//! What commands that speak to a server read from the environment, beside the keys of the configuration.

use std::ffi::OsString;
use std::path::PathBuf;

use super::setting::Secret;

/// Variables of commands that speak to a server; none of them is a key. An empty one counts as absent.
#[derive(Clone, Debug, Default)]
pub struct ClientEnvironment {
    /// `MUSTER_SERVER`: the server, `http(s)://host:port`.
    pub server: Option<String>,
    /// `MUSTER_TOKEN`: an API token or access token.
    pub token: Option<Secret>,
    /// `MUSTER_CONTEXT`: the name of a stored context.
    pub context: Option<String>,
    /// `MUSTER_CA`: a PEM file of the certificates to trust.
    pub ca: Option<PathBuf>,
    /// `MUSTER_FINGERPRINT`: the SHA-256 of the one certificate to trust.
    pub fingerprint: Option<String>,
    /// The directory of this program's own files of the user: `$XDG_CONFIG_HOME/muster`, `~/.config/muster` or
    /// `%APPDATA%\muster`; none where no home is known.
    pub directory: Option<PathBuf>,
}

/// Names of the variables of [`ClientEnvironment`] that begin with `MUSTER_`.
pub(super) const CLIENT_VARIABLES: &[&str] =
    &["MUSTER_SERVER", "MUSTER_TOKEN", "MUSTER_CONTEXT", "MUSTER_CA", "MUSTER_FINGERPRINT"];

impl ClientEnvironment {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |name| variable(name)?.into_string().ok();
        let path = |name| variable(name).map(PathBuf::from);
        let home = || Some(path("HOME")?.join(".config"));
        let base = if cfg!(windows) {
            path("APPDATA")
        } else {
            path("XDG_CONFIG_HOME").filter(|path| path.is_absolute()).or_else(home)
        };
        Self {
            server: text("MUSTER_SERVER"),
            token: text("MUSTER_TOKEN").map(Secret::new),
            context: text("MUSTER_CONTEXT"),
            ca: path("MUSTER_CA"),
            fingerprint: text("MUSTER_FINGERPRINT"),
            directory: base.map(|base| base.join("muster")),
        }
    }
}

/// Whether the person wants colours where a terminal shows them: not with `NO_COLOR`, nor on a `dumb` terminal.
#[must_use]
pub fn wants_color() -> bool {
    variable("NO_COLOR").is_none() && has_cursor()
}

/// Whether a terminal can move its cursor and erase: not a `dumb` one.
#[must_use]
pub fn has_cursor() -> bool {
    variable("TERM").is_some_and(|term| term != "dumb")
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
