//! Canaries: every secret that the suite comes by is looked for in whatever is logged, stored, or answered elsewhere, for
//! the whole run. A test that ends after one was found fails, whichever it is: the message says where it was.
//!
//! Secrets are 256 bits in base64url: 43 characters. Of longer ones, such as access tokens, the last 43 count.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError};

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::Value;
use tracing_subscriber::EnvFilter;

use super::personas::PASSWORD;
use super::services::postgres::connect;
use super::wire::Response;

/// Characters that are compared.
const LENGTH: usize = 43;

/// Bytes of a file that are searched: what lies beyond is rows of large tests.
const FILE: usize = 8 << 20;

/// Bytes of an answer that are searched.
const ANSWER: usize = 256 << 10;

/// Members of answers that hold a secret.
const MEMBERS: &[&str] = &["token", "secret", "accessToken", "refreshToken", "node_key"];

static PLANTED: LazyLock<Mutex<HashSet<[u8; LENGTH]>>> = LazyLock::new(Mutex::default);
static FOUND: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on this is looked for.
pub fn plant(secret: &str) {
    if let Some(end) = secret.as_bytes().last_chunk() {
        lock(&PLANTED).insert(*end);
    }
}

/// Looks at an answer: what it tells once is planted; nothing else in it may be a secret.
pub fn look_at(response: &Response) {
    if let Some(cookie) = response.header("set-cookie") {
        plant(cookie.split(['=', ';']).nth(1).unwrap_or_default());
    }
    let shown = &response.body[..response.body.len().min(ANSWER)];
    match serde_json::from_slice::<Value>(shown) {
        Ok(mut answer) => {
            let told = take_members(&mut answer);
            search(answer.to_string().as_bytes(), "an answer");
            for secret in &told {
                plant(secret);
            }
        }
        Err(_) => search(shown, "an answer"),
    }
}

/// Takes out what is told once.
fn take_members(value: &mut Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let mut told = Vec::new();
            for (name, value) in members {
                match value {
                    Value::String(text) if MEMBERS.contains(&name.as_str()) => {
                        told.push(std::mem::take(text));
                    }
                    _ => told.append(&mut take_members(value)),
                }
            }
            told
        }
        Value::Array(items) => items.iter_mut().flat_map(take_members).collect(),
        _ => Vec::new(),
    }
}

/// Searches a text, and remembers what was found.
pub fn search(text: &[u8], place: &str) {
    let is_password = text.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes());
    let planted = lock(&PLANTED);
    let mut runs = text.split(|byte| !byte.is_ascii_alphanumeric() && *byte != b'-' && *byte != b'_');
    let secret = runs.find_map(|run| {
        run.windows(LENGTH)
            .find(|window| <&[u8; LENGTH]>::try_from(*window).is_ok_and(|end| planted.contains(end)))
    });
    drop(planted);
    if is_password || secret.is_some() {
        let what = secret.map_or("the password".into(), String::from_utf8_lossy);
        let shown = String::from_utf8_lossy(&text[..text.len().min(500)]).into_owned();
        lock(&FOUND).push(format!("{what} in {place}: {shown}"));
    }
}

/// Fails when anything was found so far.
#[track_caller]
pub fn assert_none_found() {
    let found = lock(&FOUND);
    assert!(found.is_empty(), "secrets were told: {found:#?}");
}

/// Searches every file below a directory.
pub fn search_files(directory: &Path) {
    each_file(directory, &mut |path, bytes| {
        search(&bytes[..bytes.len().min(FILE)], &path.display().to_string());
    });
}

/// Searches every row of a PostgreSQL database.
pub async fn search_database(url: &str) {
    search(dump(url).await.as_bytes(), "the database");
}

/// Shows every file below a directory.
pub fn each_file(directory: &Path, show: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            each_file(&path, show);
        } else if let Ok(bytes) = std::fs::read(&path) {
            show(&path, &bytes);
        }
    }
}

/// Every row of every table, as PostgreSQL writes it out; what is bytes there, as text too.
pub async fn dump(url: &str) -> String {
    let db = connect(url).await;
    let of_tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'";
    let tables = db.query_all_raw(Statement::from_string(DbBackend::Postgres, of_tables)).await;
    let mut text = String::new();
    for table in tables.expect("the store answers") {
        let table: String = table.try_get("", "table_name").expect("a name");
        let rows = format!("SELECT t::text AS line FROM \"{table}\" t LIMIT 10000");
        for row in db.query_all_raw(Statement::from_string(DbBackend::Postgres, rows)).await.expect("rows") {
            text.push_str(&row.try_get::<String>("", "line").expect("a text"));
            text.push('\n');
        }
    }
    db.close().await.expect("a connection closes");
    text
}

/// Makes every line that the servers of this process log be searched, at `trace` for what is Muster's own.
pub fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let filter = EnvFilter::new("debug,muster=trace,sqlx=info,hyper_util=info,h2=info");
        let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Ear);
        // Where another subscriber listens already, this run is not about logs.
        let _ = lines.try_init();
    });
}

/// Searches what is written to it.
struct Ear;

impl io::Write for Ear {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search(line, "the log");
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// No code panics under these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
