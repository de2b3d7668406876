//! The file of contexts: `contexts.json` in the user's configuration directory, for its owner alone.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cli::Failure;

const FILE: &str = "contexts.json";
/// Locked by whoever writes. Beside the file and not the file itself, which is replaced by each write.
const LOCK: &str = "contexts.lock";

/// Where contexts are kept.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Contexts {
    directory: Option<PathBuf>,
}

/// Every context, and which one is used when none is named.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(in crate::cli) struct Book {
    /// The one that is used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) current: Option<String>,
    /// All of them, by name.
    #[serde(default)]
    pub(in crate::cli) contexts: BTreeMap<String, Context>,
}

/// A server, and who acts there.
#[derive(Clone, Default, Deserialize, Serialize)]
pub(in crate::cli) struct Context {
    /// `http(s)://host:port`.
    pub(in crate::cli) server: String,
    /// The certificates to trust, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) ca_pem: Option<String>,
    /// SHA-256 of the one certificate to trust.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) fingerprint: Option<String>,
    /// Name of who signed in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) user: Option<String>,
    /// What proves it; none once signed out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli) credential: Option<StoredCredential>,
}

/// A credential as it is kept.
#[derive(Clone, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(in crate::cli) enum StoredCredential {
    /// An API token.
    ApiToken {
        /// Its text.
        token: String,
    },
    /// A session, by password.
    Session {
        /// For requests.
        access_token: String,
        /// Works once, for the next pair.
        refresh_token: String,
    },
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("server", &self.server)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The contexts, while nobody else may write them.
#[derive(Debug)]
pub(in crate::cli) struct Locked {
    directory: PathBuf,
    book: Book,
    /// Locked until it is dropped.
    _lock: File,
}

impl Contexts {
    /// Contexts in `directory`; with none there are none, and none can be kept.
    pub(in crate::cli) fn new(directory: Option<PathBuf>) -> Self {
        Self { directory }
    }

    /// What is stored now.
    ///
    /// # Errors
    /// When the file is there and can't be read.
    pub(in crate::cli) fn read(&self) -> Result<Book, Failure> {
        self.directory.as_deref().map_or_else(|| Ok(Book::default()), read)
    }

    /// What is stored, to be changed: waits for other commands that change it.
    ///
    /// # Errors
    /// When the directory or the files can't be read or made.
    pub(in crate::cli) async fn lock(&self) -> Result<Locked, Failure> {
        let no_home = "no directory for contexts is known: set HOME or XDG_CONFIG_HOME";
        let directory = self.directory.clone().ok_or(no_home)?;
        tokio::task::spawn_blocking(move || {
            make_directory(&directory).map_err(|error| unwritable(&directory, &error))?;
            let path = directory.join(LOCK);
            let locked = private_file(&path).and_then(|file| file.lock().map(|()| file));
            let lock = locked.map_err(|error| unwritable(&path, &error))?;
            let book = read(&directory)?;
            Ok(Locked { directory, book, _lock: lock })
        })
        .await?
    }
}

impl std::ops::Deref for Locked {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.book
    }
}

impl std::ops::DerefMut for Locked {
    fn deref_mut(&mut self) -> &mut Book {
        &mut self.book
    }
}

impl Locked {
    /// Stores what was changed: whole, or not at all.
    ///
    /// # Errors
    /// When it can't be written.
    pub(in crate::cli) fn save(&self) -> Result<(), Failure> {
        let path = self.directory.join(FILE);
        let text = serde_json::to_string_pretty(&self.book)?;
        let write = || {
            // A fresh temporary file is for its owner alone.
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        };
        write().map(drop).map_err(|error| unwritable(&path, &error))
    }
}

fn read(directory: &Path) -> Result<Book, Failure> {
    let path = directory.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Book::default()),
        Err(error) => return Err(format!("{} can't be read: {error}", path.display()).into()),
    };
    let damaged = |error| format!("{} is damaged ({error}); delete it and sign in again", path.display());
    Ok(serde_json::from_slice(&text).map_err(damaged)?)
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    format!("{} can't be written: {error}", path.display()).into()
}

fn make_directory(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}
