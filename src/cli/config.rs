//! `muster config`: the effective configuration.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::Failure;
use super::output::{Format, Printer};
use super::settings::Settings;
use super::terminal::data;
use crate::config::Effective;

/// Print the effective configuration as a file: every key, its value, and where that came from; secrets are masked.
#[derive(Debug, Args)]
pub(super) struct Config {
    /// Print records of key, value and origin instead.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    settings: Settings,
}

impl Config {
    pub(super) fn run(self) -> Result<ExitCode, Failure> {
        let all = Effective::all(&self.settings.sources())?;
        match self.format {
            None => data(file(&all).trim_end())?,
            Some(format) => {
                let mut printer = Printer::new(format)?;
                for Effective { key, value, origin, .. } in all {
                    let record = json!({ "key": key, "value": value, "origin": origin.to_string() });
                    let Value::Object(record) = record else { continue };
                    printer.object(record)?;
                }
                printer.finish()?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A configuration file. A masked value is a comment, so that the file never sets a mask as the secret.
fn file(all: &[Effective]) -> String {
    let mut text = String::new();
    let mut last_section = "";
    for Effective { key, value, masked, origin, .. } in all {
        let Some((section, name)) = key.split_once('.') else { continue };
        if section != last_section {
            text.push_str(&format!("\n[{section}]\n"));
            last_section = section;
        }
        let mark = if *masked { "# " } else { "" };
        let value = toml::Value::String(value.clone());
        text.push_str(&format!("{mark}{name} = {value}  # {}\n", origin.to_string().replace('\n', " ")));
    }
    text.trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Sources};

    #[test]
    fn what_is_printed_is_a_configuration_file_with_the_same_values() {
        let environment = vec![
            ("MUSTER_SECRET_KEY".to_owned(), "hush-hush-hush-hush-hush-hush-hush-hush".to_owned()),
            ("MUSTER_HTTP_LISTEN".to_owned(), "127.0.0.1:9".to_owned()),
        ];
        let all = Effective::all(&Sources { environment, ..Sources::default() }).expect("all is right");
        let text = file(&all);
        assert!(!text.contains("hush"), "{text}");
        assert!(text.contains("listen = \"127.0.0.1:9\"  # the environment variable MUSTER_HTTP_LISTEN\n"));
        assert!(text.contains("\n# key = \"********\"  # the environment variable MUSTER_SECRET_KEY\n"));
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("muster.toml");
        std::fs::write(&path, &text).expect("it can be written");
        let again = Config::load(&Sources { file: Some(path), ..Sources::default() }).expect("it is a file");
        assert_eq!(again.http.listen.port(), 9);
        assert!(again.secret.key.is_none());
    }
}
