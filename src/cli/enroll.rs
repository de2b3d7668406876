//! `muster enroll`: what a host needs to get in.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Failure;
use super::settings::Settings;
use super::team::team_named;
use super::terminal::data;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::fleet::enroll_secrets::NewEnrollSecret;
use crate::policy::Actor;

/// Let hosts in: make enroll secrets, print osquery's flagfile.
#[derive(Debug, Args)]
pub(super) struct Enroll {
    #[command(subcommand)]
    command: EnrollCommand,
}

#[derive(Debug, Subcommand)]
enum EnrollCommand {
    Secret(Secret),
    Flags(Flags),
}

/// Make an enroll secret on the configured database, and print only it.
#[derive(Debug, Args)]
struct Secret {
    /// Team its hosts land in; none when left out.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// How long it lets hosts in, as in `30d`; for ever when left out.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    expires: Option<Duration>,
    #[command(flatten)]
    settings: Settings,
}

/// Print a flagfile for osqueryd; set --http-public-address to what hosts reach the server by.
#[derive(Debug, Args)]
struct Flags {
    #[command(flatten)]
    settings: Settings,
}

impl Enroll {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self.command {
            EnrollCommand::Secret(secret) => secret.run().await?,
            EnrollCommand::Flags(flags) => flags.run()?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Secret {
    async fn run(self) -> Result<(), Failure> {
        let fleet = App::core(&self.settings.load()?, Clock::System).await?;
        let team = match &self.team {
            Some(name) => Some(team_named(&fleet, name).await?),
            None => None,
        };
        let new = NewEnrollSecret { name: None, team, expires_in: self.expires };
        let (_, text) = fleet.create_enroll_secret(&Actor::System, new, None).await?;
        let text = text.expect("a secret made without an idempotency key is new");
        Ok(data(text)?)
    }
}

impl Flags {
    fn run(self) -> Result<(), Failure> {
        let config = self.settings.load()?;
        let trust = trust(&config)?;
        Ok(data(flagfile(&config, &trust).trim_end())?)
    }
}

/// Where hosts keep what they trust.
const TRUSTED: &str = "/etc/osquery/server-ca.pem";

/// A comment on what belongs into the file of trusted certificates. A self-signed one is made unless it is there.
fn trust(config: &Config) -> Result<String, Failure> {
    if config.tls.cert.is_some() {
        return Ok(format!("# {TRUSTED} holds the root of the server's certificate."));
    }
    let Some(tls) = App::tls(config)? else {
        return Ok(format!("# {TRUSTED} holds the root of the certificate of the proxy that ends TLS."));
    };
    let certificate = std::path::absolute(tls.certificate())?;
    Ok(format!(
        "# {TRUSTED} is a copy of the server's {}, self-signed.\n# Its SHA-256 fingerprint: {}",
        certificate.display(),
        tls.fingerprint(),
    ))
}

/// A comment where the address was guessed: the server listens on every one.
fn guess(config: &Config) -> &'static str {
    let listen = config.agent.listen.or(config.https.listen).unwrap_or(config.http.listen);
    if config.http.public_address.is_some() || !listen.ip().is_unspecified() {
        return "";
    }
    "# Hosts must reach the server by this name; if they know it by another, set http.public_address.\n"
}

/// Flags that osqueryd reads from its flagfile only, and those that it needs before it has a configuration.
fn flagfile(config: &Config, trust: &str) -> String {
    let (address, guess) = (App::agent_address(config), guess(config));
    let interval = config.agent.check_in_interval.as_secs().max(1);
    format!(
        "\
{trust}
{guess}--tls_hostname={address}
--tls_server_certs={TRUSTED}
--enroll_secret_path=/etc/osquery/enroll_secret
--enroll_tls_endpoint=/api/osquery/enroll
--host_identifier=uuid
--config_plugin=tls
--config_tls_endpoint=/api/osquery/config
--config_refresh=60
--config_accelerated_refresh=60
--disable_distributed=false
--distributed_plugin=tls
--distributed_interval={interval}
--distributed_tls_read_endpoint=/api/osquery/distributed/read
--distributed_tls_write_endpoint=/api/osquery/distributed/write
--logger_plugin=tls
--logger_tls_endpoint=/api/osquery/log
--logger_tls_period=10
"
    )
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    #[test]
    fn a_flagfile_names_the_public_address_and_only_flags_and_comments() {
        let mut config = Config::default();
        config.http.public_address = Some("muster.example:443".to_owned());
        let text = flagfile(&config, &trust(&config).expect("nothing is to be made"));
        assert!(text.contains("--tls_hostname=muster.example:443\n"));
        assert!(text.lines().all(|line| line.starts_with("--") || line.starts_with("# ")));
    }

    #[test]
    fn where_the_server_listens_everywhere_it_is_called_by_its_name() {
        let mut config = Config::default();
        config.https.listen = Some(SocketAddr::from(([0, 0, 0, 0], 8443)));
        let text = flagfile(&config, "# trust");
        assert!(text.contains(":8443\n") && !text.contains("0.0.0.0"), "{text}");
        assert!(text.contains("set http.public_address"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("--") || line.starts_with("# ")));
    }

    #[test]
    fn a_self_signed_certificate_is_named_with_its_fingerprint() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut config = Config::default();
        directory.path().clone_into(&mut config.data.dir);
        config.https.listen = Some(SocketAddr::from(([127, 0, 0, 1], 8443)));
        let text = flagfile(&config, &trust(&config).expect("it is made"));
        assert!(text.contains("--tls_hostname=127.0.0.1:8443\n"), "{text}");
        let certificate = directory.path().join("tls/cert.pem");
        assert!(text.contains(&certificate.display().to_string()), "{text}");
        let tls = App::tls(&config).expect("it is there").expect("it is on");
        assert!(text.contains(&tls.fingerprint()), "{text}");
        assert!(text.lines().all(|line| line.starts_with("--") || line.starts_with("# ")));
    }
}
