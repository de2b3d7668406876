//! Amazon's services for log lines, and those that speak as they do: `Kinesis`, `Firehose`, `S3`.
//!
//! Each is one signed request, so there is no crate for it: the signature is [`sign`], and the client is the one that
//! every HTTP destination has, with its rules for where it may connect.

mod kinesis;
mod s3;
mod sign;

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Uri};
use serde::{Deserialize, Serialize};

pub(super) use kinesis::{FirehoseTarget, Kinesis, KinesisTarget};
pub(super) use s3::{S3, S3Target};

use super::Failure;
use super::client::{self, Answer, Client};
use super::egress::Egress;
use super::secret::Secret;
use super::trust::Pem;
use crate::clock::Clock;

/// Who asks, and where. Roles of instances and of services are not taken up: a key is given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Region, `eu-central-1`.
    pub region: String,
    /// Where the service is, instead of Amazon's own.
    pub endpoint: Option<String>,
    /// Id of the key.
    pub access_key_id: String,
    /// The key.
    pub secret_access_key: Secret,
    /// Where the key is a temporary one, its token.
    pub session_token: Option<Secret>,
}

/// A service with a client and an account.
struct Service {
    account: Account,
    name: &'static str,
    client: Client,
    clock: Clock,
}

impl Account {
    fn validate(&self) -> Result<(), String> {
        let is_word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        if !is_word(&self.region) {
            return Err("`region` is that of the service, such as eu-central-1".to_owned());
        }
        if self.access_key_id.is_empty() || self.secret_access_key.reveal().is_empty() {
            return Err("`access_key_id` and `secret_access_key` are wanted".to_owned());
        }
        self.endpoint.as_deref().map_or(Ok(()), |endpoint| client::url(endpoint).map(|_| ()))
    }

    /// The server of a service.
    fn server(&self, host: &str) -> Result<Uri, String> {
        match &self.endpoint {
            Some(endpoint) => client::url(endpoint),
            None => client::url(&format!("https://{host}")),
        }
    }
}

impl Service {
    fn new(
        account: &Account,
        (name, host): (&'static str, &str),
        egress: Egress,
        clock: Clock,
    ) -> Result<Self, String> {
        let client = Client::new(&account.server(host)?, &Pem::default(), egress, clock.clone())?;
        Ok(Self { account: account.clone(), name, client, clock })
    }

    /// Sends a signed request with these headers.
    async fn send(
        &mut self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let mut headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        headers.push(("host".to_owned(), self.client.authority().to_owned()));
        let signed = sign::Request { method, path, headers, body: &body };
        let headers = sign::sign(&self.account, self.name, self.clock.now(), signed);
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers.iter().filter(|(name, _)| name != "host") {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(Bytes::from(body)));
        self.client.send(request.map_err(|error| Failure::Wrong(error.to_string()))?).await
    }

    async fn reach(&mut self) -> Result<(), Failure> {
        self.client.reach().await
    }
}
