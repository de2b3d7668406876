//! S3: an object for many lines of a kind and hour, NDJSON in gzip, at a path that query engines take for columns.

use std::collections::BTreeMap;

use chrono::DateTime;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::super::client::Answer;
use super::super::egress::Egress;
use super::super::envelope::{Content, Line};
use super::super::http::gzip;
use super::super::{Destination, Failure};
use super::{Account, Service, sign};
use crate::clock::Clock;

/// What can be set of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct S3Target {
    /// Name of the bucket.
    pub bucket: String,
    /// What every key begins with.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// What a line of an object is.
    #[serde(default)]
    pub content: Content,
    /// Who asks, and where; with an `endpoint`, the bucket stands in the path.
    #[serde(flatten)]
    pub account: Account,
}

fn prefix() -> String {
    "muster/".to_owned()
}

impl S3Target {
    /// What is wrong with it.
    pub(in super::super) fn validate(&self) -> Result<(), String> {
        let is_bucket = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        if !(3..=63).contains(&self.bucket.len()) || !self.bucket.chars().all(is_bucket) {
            return Err("`bucket` is the name of a bucket".to_owned());
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if self.prefix.starts_with('/') || !self.prefix.chars().all(fits) {
            return Err("`prefix` has letters, digits, -, _, . and /, and does not begin with /".to_owned());
        }
        self.account.validate()
    }

    /// Where the bucket is: the host of its name, where that can have a certificate, else a path.
    fn place(&self) -> (String, String) {
        let region = &self.account.region;
        if self.account.endpoint.is_some() || self.bucket.contains('.') {
            (format!("s3.{region}.amazonaws.com"), format!("/{}/", self.bucket))
        } else {
            (format!("{}.s3.{region}.amazonaws.com", self.bucket), "/".to_owned())
        }
    }
}

/// A bucket.
pub(in super::super) struct S3 {
    service: Service,
    target: S3Target,
    root: String,
}

impl S3 {
    pub(in super::super) fn new(target: &S3Target, egress: Egress, clock: Clock) -> Result<Self, String> {
        let (host, root) = target.place();
        let service = Service::new(&target.account, ("s3", &host), egress, clock)?;
        Ok(Self { service, target: target.clone(), root })
    }

    async fn put(&mut self, lines: &[Line]) -> Result<(), Failure> {
        for (folder, lines) in by_folder(lines) {
            let mut text = Vec::new();
            let mut ids = String::new();
            for line in &lines {
                text.extend_from_slice(self.target.content.text(line));
                text.push(b'\n');
                ids.push_str(&line.batch);
                ids.push_str(&line.id);
            }
            // The same lines have the same key: what is put again replaces itself.
            let name = &sign::hash(ids.as_bytes())[..32];
            let path = format!("{}{}{folder}/{name}.ndjson.gz", self.root, self.target.prefix);
            let body = tokio::task::spawn_blocking(move || gzip(&text)).await;
            let body = body.map_err(Failure::retry)?.map_err(Failure::retry)?;
            let hash = sign::hash(&body);
            let headers = [("content-type", "application/gzip"), ("x-amz-content-sha256", hash.as_str())];
            judge(&self.service.send(("PUT", &encoded(&path)), &headers, body).await?)?;
        }
        Ok(())
    }
}

/// Lines by kind, day and hour.
fn by_folder(lines: &[Line]) -> BTreeMap<String, Vec<&Line>> {
    let mut folders: BTreeMap<String, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        let time = DateTime::from_timestamp_millis(line.received_at.0).unwrap_or_default();
        let folder = format!("kind={}/{}", line.kind.as_str(), time.format("date=%Y-%m-%d/hour=%H"));
        folders.entry(folder).or_default().push(line);
    }
    folders
}

/// A path as it is sent and signed: of what keys may have here, only `=` is written otherwise.
fn encoded(path: &str) -> String {
    path.replace('=', "%3D")
}

/// What an answer means; a bad request is one of ours, not of the lines.
fn judge(answer: &Answer) -> Result<(), Failure> {
    if answer.status.is_success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&answer.body);
    let between = |tag: &str| {
        let (_, rest) = text.split_once(&format!("<{tag}>"))?;
        rest.split_once('<').map(|(inside, _)| inside.chars().take(200).collect::<String>())
    };
    let code = between("Code").unwrap_or_default();
    let reason = format!("it answered {}: {code} {}", answer.status, between("Message").unwrap_or_default());
    let is_passing = answer.status.is_server_error()
        || answer.status.as_u16() == 429
        || matches!(code.as_str(), "RequestTimeout" | "SlowDown");
    Err(if is_passing { Failure::Retry(reason, None) } else { Failure::Wrong(reason) })
}

impl Destination for S3 {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(self.put(lines))
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.service.reach())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::lines;
    use crate::spool::LogKind;
    use crate::spool::testing::batch;

    fn target(options: &str) -> S3Target {
        let account = "region = 'eu-central-1'\naccess_key_id = 'a'\nsecret_access_key = 'b'";
        toml::from_str(&format!("{account}\n{options}")).expect("valid")
    }

    #[test]
    fn objects_lie_where_columns_are_read_off_the_path() {
        let lines = lines(&batch(LogKind::Result, "{\"a\":1}\n{\"a\":2}\n"));
        let folders = by_folder(&lines);
        assert_eq!(folders.keys().collect::<Vec<_>>(), ["kind=result/date=2023-11-14/hour=22"]);
        assert_eq!(folders.values().map(Vec::len).sum::<usize>(), 2);
    }

    #[test]
    fn a_bucket_has_a_host_or_a_path() {
        let (host, root) = target("bucket = 'logs'").place();
        assert_eq!((host.as_str(), root.as_str()), ("logs.s3.eu-central-1.amazonaws.com", "/"));
        assert_eq!(target("bucket = 'a.logs'").place().1, "/a.logs/");
        assert_eq!(target("bucket = 'logs'\nendpoint = 'http://x:1'").place().1, "/logs/");
        for options in ["bucket = 'A'", "bucket = 'logs'\nprefix = '/x'", "bucket = 'logs'\nprefix = 'a b'"] {
            assert!(target(options).validate().is_err(), "{options}");
        }
    }
}
