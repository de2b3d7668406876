//! `--config` and a flag for every known key.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::config::{Config, ConfigError, KnownKey, Sources, known_keys};

/// The configuration flags of a command that needs a configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    file: Option<PathBuf>,
    flags: Vec<(String, String)>,
}

impl Settings {
    /// The effective configuration: defaults, file, environment, these flags.
    pub(super) fn load(self) -> Result<Config, ConfigError> {
        Config::load(&self.sources())
    }

    /// What the effective configuration is read from.
    pub(super) fn sources(self) -> Sources {
        Sources::of_process(self.file, self.flags)
    }
}

fn keys() -> impl Iterator<Item = KnownKey> {
    known_keys().into_iter().flat_map(|key| [key.file_variant(), Some(key)]).flatten()
}

impl clap::Args for Settings {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf));
        let file = file.help("Configuration file [default: ./muster.toml where it exists]");
        let flags = keys().map(|key| {
            let flag = Arg::new(key.name.clone()).long(key.flag()).value_name("VALUE").help(key.help.clone());
            flag.help_heading("Configuration").hide_short_help(true)
        });
        command.arg(file).args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let flag = |key: KnownKey| Some((key.name.clone(), matches.get_one::<String>(&key.name)?.clone()));
        Ok(Self {
            file: matches.get_one::<PathBuf>("config").cloned(),
            flags: keys().filter_map(flag).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
