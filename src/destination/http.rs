//! HTTP: a request with many lines, in the form that its receiver knows.

use std::collections::BTreeMap;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Request, Uri};
use ring::digest::{Context, SHA256};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::body::{self, Form};
use super::client::{self, Answer, Client};
use super::egress::Egress;
use super::envelope::{Content, Line};
use super::secret::Secret;
use super::trust::{Pem, Trust};
use super::{Destination, Failure};
use crate::clock::Clock;

/// Headers that are the client's own.
const OWN: &[&str] = &["host", "content-length", "transfer-encoding", "connection", "content-encoding"];
/// What a signing secret of the Standard Webhooks begins with.
const SIGNING_PREFIX: &str = "whsec_";

/// What can be set of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpTarget {
    /// Where requests go; for Splunk, Elasticsearch and Loki as well as for others, the whole URL.
    pub url: String,
    /// Form of a body.
    #[serde(default)]
    pub format: Form,
    /// What stands for a line in NDJSON and in an array.
    #[serde(default)]
    pub content: Content,
    /// Headers of every request.
    #[serde(default)]
    pub headers: BTreeMap<String, Secret>,
    /// Told as `Bearer`, or as Splunk wants it.
    pub token: Option<Secret>,
    /// With `password`, told as `Basic`.
    pub username: Option<String>,
    /// The password of the user.
    pub password: Option<Secret>,
    /// Signs each request in the manner of the Standard Webhooks: `whsec_` and base64.
    pub signing_secret: Option<Secret>,
    /// Bodies are compressed with gzip.
    #[serde(default)]
    pub compress: bool,
    /// Index or data stream of Elasticsearch, index of Splunk.
    pub index: Option<String>,
    /// Labels of Loki's streams, beside `kind` and `team`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Authorities to trust instead of those of browsers, in PEM.
    pub ca: Option<String>,
    /// What is shown to a server that wants to know who connects, in PEM.
    pub client_certificate: Option<String>,
    /// The private key of it, in PEM.
    pub client_key: Option<Secret>,
}

/// A receiver of requests.
pub(super) struct Http {
    target: HttpTarget,
    uri: Uri,
    headers: HeaderMap,
    signing: Option<hmac::Key>,
    client: Client,
    clock: Clock,
}

impl HttpTarget {
    /// What is wrong with it, before anything is sent.
    pub(super) fn validate(&self) -> Result<(), String> {
        self.uri()?;
        self.fixed_headers()?;
        self.signing_key()?;
        Trust::new(&self.pem())?;
        if self.format == Form::Elasticsearch && self.index.is_none() {
            return Err("`index` is wanted for elasticsearch".to_owned());
        }
        Ok(())
    }

    fn pem(&self) -> Pem<'_> {
        Pem {
            ca: self.ca.as_deref(),
            certificate: self.client_certificate.as_deref(),
            key: self.client_key.as_ref(),
        }
    }

    fn uri(&self) -> Result<Uri, String> {
        let url = client::url(&self.url)?;
        // What is told of each item is little, so that an answer is read whole.
        let is_bulk = self.format == Form::Elasticsearch;
        if is_bulk && url.query().is_none() {
            return client::url(&format!("{}?filter_path=errors,items.*.status", self.url));
        }
        Ok(url)
    }

    fn fixed_headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.format.content_type()));
        if let Some(token) = &self.token {
            let scheme = if self.format == Form::SplunkHec { "Splunk" } else { "Bearer" };
            headers.insert(AUTHORIZATION, value("token", &format!("{scheme} {}", token.reveal()))?);
        } else if let Some(username) = &self.username {
            let password = self.password.as_ref().map_or("", Secret::reveal);
            let basic = BASE64.encode(format!("{username}:{password}"));
            headers.insert(AUTHORIZATION, value("password", &format!("Basic {basic}"))?);
        }
        if self.compress {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, secret) in &self.headers {
            let header = HeaderName::from_bytes(name.as_bytes());
            let header = header.map_err(|_| format!("`{name}` is not the name of a header"))?;
            if OWN.contains(&header.as_str()) {
                return Err(format!("the header `{name}` can't be set"));
            }
            headers.insert(header, value(name, secret.reveal())?);
        }
        Ok(headers)
    }

    fn signing_key(&self) -> Result<Option<hmac::Key>, String> {
        let Some(secret) = &self.signing_secret else { return Ok(None) };
        let encoded = secret.reveal().strip_prefix(SIGNING_PREFIX);
        let key = encoded.and_then(|encoded| BASE64.decode(encoded).ok()).filter(|key| key.len() >= 16);
        let key = key.ok_or("`signing_secret` is `whsec_` and 16 bytes or more in base64")?;
        Ok(Some(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }
}

/// A header's value; it can't end its line and begin another.
fn value(name: &str, text: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(text).map_err(|_| format!("`{name}` can't be told in a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

impl Http {
    pub(super) fn new(target: &HttpTarget, egress: Egress, clock: Clock) -> Result<Self, String> {
        let uri = target.uri()?;
        Ok(Self {
            headers: target.fixed_headers()?,
            signing: target.signing_key()?,
            client: Client::new(&uri, &target.pem(), egress, clock.clone())?,
            target: target.clone(),
            uri,
            clock,
        })
    }

    fn request(&self, lines: &[Line]) -> Result<Request<Full<Bytes>>, Failure> {
        let mut body = body::of(&self.target, lines);
        if self.target.compress {
            body = gzip(&body).map_err(Failure::retry)?;
        }
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut headers = self.headers.clone();
        if let Some(key) = &self.signing {
            sign(&mut headers, key, lines, self.clock.now().0 / 1_000, &body);
        }
        let request = Request::post(path).body(Full::new(Bytes::from(body)));
        let mut request = request.map_err(|error| Failure::Wrong(error.to_string()))?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// What an answer means; of a bulk request, for each line.
    fn judge(&self, answer: &Answer, lines: usize) -> Result<(), Failure> {
        self.client.judge(answer)?;
        if self.target.format == Form::Elasticsearch {
            body::bulk_outcome(&answer.body, lines)
        } else {
            Ok(())
        }
    }
}

impl Destination for Http {
    fn deliver<'a>(&'a mut self, lines: &'a [Line]) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let request = self.request(lines)?;
            let answer = self.client.send(request).await?;
            self.judge(&answer, lines.len())
        })
    }

    fn check(&mut self) -> BoxFuture<'_, Result<(), Failure>> {
        Box::pin(self.client.reach())
    }
}

/// Signs as the Standard Webhooks do: over id, time and body. The id is of the lines, the same whenever they are sent.
fn sign(headers: &mut HeaderMap, key: &hmac::Key, lines: &[Line], seconds: i64, body: &[u8]) {
    let mut hash = Context::new(&SHA256);
    for line in lines {
        hash.update(line.batch.as_bytes());
        hash.update(line.id.as_bytes());
    }
    let id: String = hash.finish().as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let id = format!("msg_{id}");
    let signed = [id.as_bytes(), b".", seconds.to_string().as_bytes(), b".", body].concat();
    let signature = format!("v1,{}", BASE64.encode(hmac::sign(key, &signed)));
    let told =
        [("webhook-id", id), ("webhook-timestamp", seconds.to_string()), ("webhook-signature", signature)];
    for (name, text) in told {
        let value = HeaderValue::from_str(&text).expect("digits, letters and base64 are a header's value");
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Compresses a body.
pub(super) fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(options: &str) -> HttpTarget {
        toml::from_str(&format!("url = 'https://sink.example/x'\n{options}")).expect("valid")
    }

    #[test]
    fn s56_no_header_is_smuggled_in() {
        for options in [
            "headers = { x = \"a\\r\\nHost: b\" }",
            "headers = { \"a b\" = 'c' }",
            "headers = { Host = 'c' }",
            "headers = { 'Content-Length' = '3' }",
            "token = \"a\\nb\"",
            "signing_secret = 'abc'",
            "ca = 'no certificate'",
            "format = 'elasticsearch'",
        ] {
            assert!(target(options).validate().is_err(), "{options}");
        }
        for url in ["ftp://x/", "https://user:pass@x/", "/x", "https://", "x"] {
            let target = HttpTarget { url: url.to_owned(), ..target("") };
            assert!(target.validate().is_err(), "{url}");
        }
        assert_eq!(target("token = 'a'\nheaders = { 'X-Scope-OrgID' = 'me' }").validate(), Ok(()));
    }

    #[test]
    fn a_request_is_signed_as_in_the_specification() {
        // The example of its reference libraries.
        let key = BASE64.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        assert_eq!(BASE64.encode(hmac::sign(&key, signed)), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let mut headers = HeaderMap::new();
        sign(&mut headers, &key, &[], 1_614_265_330, b"x");
        assert_eq!(headers["webhook-timestamp"], "1614265330");
        assert!(headers["webhook-id"].to_str().is_ok_and(|id| id.len() == 36));
        assert!(headers["webhook-signature"].to_str().is_ok_and(|text| text.starts_with("v1,")));
    }
}
