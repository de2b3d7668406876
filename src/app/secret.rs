//! The master secret: as configured, else a file in the data directory that only its owner reads.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::AppError;
use crate::auth::keys::new_secret;
use crate::config::Config;

/// The file in the data directory.
const FILE: &str = "secret.key";
/// The fewest bytes that a master secret may have.
const MIN_BYTES: usize = 32;

/// The master secret of this installation; made, once, when nothing is configured.
pub(super) fn master(config: &Config, data: &Path) -> Result<Vec<u8>, AppError> {
    let secret = match &config.secret.key {
        Some(key) => key.reveal().trim().as_bytes().to_vec(),
        None if on_postgres(config) => {
            return Err(AppError::Secret(
                "set secret.key (MUSTER_SECRET_KEY or MUSTER_SECRET_KEY_FILE): on PostgreSQL every server needs the same one",
            ));
        }
        None => of_file(&data.join(FILE))?,
    };
    if secret.len() < MIN_BYTES {
        return Err(AppError::Secret("the master secret is shorter than 32 characters"));
    }
    Ok(secret)
}

fn on_postgres(config: &Config) -> bool {
    config.database.url.as_ref().is_some_and(|url| url.reveal().starts_with("postgres"))
}

fn of_file(path: &Path) -> Result<Vec<u8>, AppError> {
    let read_or_make = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path),
        read => read,
    };
    let text = read_or_make.map_err(|source| AppError::Data { path: path.to_owned(), source })?;
    Ok(text.trim().as_bytes().to_vec())
}

/// Makes the file whole or not at all: a crash between its making and its filling would leave an empty secret.
fn make(path: &Path) -> io::Result<String> {
    let secret = new_secret();
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    writeln!(file, "{secret}")?;
    file.sync_all()?;
    // A link fails where the file is there by now: then another process was first, and its secret holds.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => std::fs::read_to_string(path),
        linked => linked.map(|()| secret),
    }
}
