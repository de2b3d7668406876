//! `muster enroll`: what a host needs to get in.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::Failure;
use super::settings::Settings;
use super::team::team_named;
use super::terminal::data;
use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
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
            EnrollCommand::Flags(flags) => data(flagfile(&flags.settings.load()?).trim_end())?,
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
        let (_, text) = fleet.create_enroll_secret(&Actor::System, None, team.as_ref(), None).await?;
        let text = text.expect("a secret made without an idempotency key is new");
        Ok(data(text)?)
    }
}

/// Flags that osqueryd reads from its flagfile only, and those that it needs before it has a configuration.
fn flagfile(config: &Config) -> String {
    let listen = config.http.listen.to_string();
    let address = config.http.public_address.as_ref().unwrap_or(&listen);
    let interval = config.agent.check_in_interval.as_secs().max(1);
    format!(
        "\
# osquery speaks https only: {address} is where TLS ends.
--tls_hostname={address}
--tls_server_certs=/etc/osquery/server-ca.pem
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
    use super::*;

    #[test]
    fn a_flagfile_names_the_public_address_and_only_flags_and_comments() {
        let mut config = Config::default();
        config.http.public_address = Some("muster.example:443".to_owned());
        let text = flagfile(&config);
        assert!(text.contains("--tls_hostname=muster.example:443\n"));
        assert!(text.lines().all(|line| line.starts_with("--") || line.starts_with("# ")));
    }
}
