//! `muster import` and `muster plan`: packs, configurations and queries that are written down in files.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use super::Failure;
use super::client::Client;
use super::connect::Connect;
use super::exit::PARTIAL;
use super::find::team_id;
use super::output::{Format, Printer};
use super::terminal::talk;

const IMPORT: &str = "\
mutation ($input: ImportDocumentsInput!) {
  importDocuments(input: $input) {
    applied
    things { outcome kind name pack team reasons place { document line column } }
    notes { isError message place { document line column } }
    userErrors { message code path }
  }
}";

/// Ends of the names of files that are read in folders.
const ENDS: [&str; 5] = ["conf", "json", "yaml", "yml", "sql"];

/// Import packs, configurations and queries: osquery's files, Fleet's YAML, files of SQL, and what `export` wrote.
///
/// Everything is imported, or nothing. Each thing and what it became is printed; what else there is to say goes to
/// stderr, with file and line.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    what: What,
    /// Import nothing; only say what would be. As `muster plan`.
    #[arg(long)]
    dry_run: bool,
}

/// Say what an import of files would do, and do nothing.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    what: What,
}

#[derive(Debug, Args)]
struct What {
    /// Files, and folders, of which the `.conf`, `.json`, `.yaml`, `.yml` and `.sql` files are read. They may name each
    /// other.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// The team that everything goes to, by name, whatever the files say.
    #[arg(long, value_name = "NAME")]
    team: Option<String>,
    /// What becomes of what is there already.
    #[arg(long, value_enum, default_value_t = Existing::Update)]
    existing: Existing,
    /// Import everything but what is refused; the exit code is then 2.
    #[arg(long)]
    skip_refused: bool,
    /// How the list is printed [default: table on a terminal, else ndjson].
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    connect: Connect,
}

/// What becomes of what is there already under the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Existing {
    /// It becomes what the files say.
    Update,
    /// It stays as it is.
    Skip,
}

impl Import {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        self.what.run(self.dry_run).await
    }
}

impl Plan {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        self.what.run(true).await
    }
}

impl What {
    async fn run(&self, is_dry: bool) -> Result<ExitCode, Failure> {
        let documents = read(&self.paths)?;
        let client = self.connect.client()?;
        let team = team_id(&client, self.team.as_deref()).await?;
        let existing = match self.existing {
            Existing::Update => "UPDATE",
            Existing::Skip => "SKIP",
        };
        let input = json!({ "archive": packed(&documents)?, "teamId": team, "existing": existing,
            "dryRun": is_dry, "skipRefused": self.skip_refused });
        let payload = import(&client, input).await?;
        self.print(&payload)?;
        Ok(code(&payload, is_dry))
    }

    fn print(&self, payload: &Value) -> Result<(), Failure> {
        let mut printer = Printer::new(self.format.unwrap_or_else(Format::of_lists))?;
        for thing in payload["things"].as_array().into_iter().flatten() {
            printer.object(row(thing))?;
        }
        printer.finish()?;
        for note in payload["notes"].as_array().into_iter().flatten() {
            let word = if note["isError"] == true { "error" } else { "warning" };
            talk(format_args!("{}: {word}: {}", shown(&note["place"]), plain(&note["message"])));
        }
        for thing in payload["things"].as_array().into_iter().flatten() {
            for reason in thing["reasons"].as_array().into_iter().flatten() {
                let (place, name) = (shown(&thing["place"]), plain(&thing["name"]));
                talk(format_args!("{place}: error: `{name}` is refused: {}", plain(reason)));
            }
        }
        for error in payload["userErrors"].as_array().into_iter().flatten() {
            talk(format_args!("muster: {}", plain(&error["message"])));
        }
        Ok(())
    }
}

async fn import(client: &Client, input: Value) -> Result<Value, Failure> {
    Ok(client.call(IMPORT, json!({ "input": input })).await?["importDocuments"].take())
}

/// 0 when everything was taken, 1 when nothing was saved for something was refused, 2 when the rest was saved.
fn code(payload: &Value, is_dry: bool) -> ExitCode {
    let has = |list: &str, member: &str, value: &Value| {
        payload[list].as_array().is_some_and(|items| items.iter().any(|item| item[member] == *value))
    };
    let has_refused = has("things", "outcome", &"REFUSED".into()) || has("notes", "isError", &true.into());
    match (payload["applied"] == true, has_refused) {
        (true, true) => ExitCode::from(PARTIAL),
        (true, false) => ExitCode::SUCCESS,
        (false, false) if is_dry => ExitCode::SUCCESS,
        (false, _) => ExitCode::FAILURE,
    }
}

/// A thing as cells.
fn row(thing: &Value) -> Map<String, Value> {
    let cell = |name: &str| (name.to_owned(), thing[name].clone());
    let names = ["outcome", "kind", "name", "pack", "team"];
    let mut row: Map<String, Value> = names.into_iter().map(cell).collect();
    row.insert("place".to_owned(), shown(&thing["place"]).into());
    row
}

fn shown(place: &Value) -> String {
    format!("{}:{}:{}", plain(&place["document"]), place["line"], place["column"])
}

fn plain(text: &Value) -> &str {
    text.as_str().unwrap_or_default()
}

/// What files say, by path; folders are walked in the order of names.
fn read(paths: &[PathBuf]) -> Result<Vec<Value>, Failure> {
    let mut documents = Vec::new();
    for path in paths {
        let named = |error| format!("{} can't be read: {error}", path.display());
        if fs::metadata(path).map_err(named)?.is_dir() {
            walk(path, &mut documents)?;
        } else {
            documents.push(document(path)?);
        }
    }
    if documents.is_empty() {
        return Err(format!("there is nothing to import: no file ends in .{}", ENDS.join(", .")).into());
    }
    Ok(documents)
}

fn walk(folder: &Path, documents: &mut Vec<Value>) -> Result<(), Failure> {
    let named = |error| format!("{} can't be read: {error}", folder.display());
    let entries = fs::read_dir(folder).map_err(named)?.collect::<Result<Vec<_>, _>>().map_err(named)?;
    let mut entries: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        // What a link leads to could be the folder itself.
        let kind = fs::symlink_metadata(&path).map_err(named)?;
        let end = path.extension().and_then(|end| end.to_str()).map(str::to_ascii_lowercase);
        if kind.is_dir() {
            walk(&path, documents)?;
        } else if end.is_some_and(|end| ENDS.contains(&end.as_str())) {
            documents.push(document(&path)?);
        }
    }
    Ok(())
}

fn document(path: &Path) -> Result<Value, Failure> {
    let bytes = fs::read(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(json!({ "name": path.to_string_lossy(), "text": text }))
}

/// Documents as the server takes many of them.
fn packed(documents: &[Value]) -> Result<String, Failure> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(Value::from(documents.to_vec()).to_string().as_bytes())?;
    let archive = STANDARD.encode(gzip.finish()?);
    // The server takes a body of 256 KiB, and one import is one transaction: it is not cut into several.
    if archive.len() > 250 * 1024 {
        let message = format!(
            "the files are too much for one import: {} KiB compressed, at most 250; import fewer at once",
            archive.len() / 1024
        );
        return Err(message.into());
    }
    Ok(archive)
}
