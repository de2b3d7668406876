//! Signature version 4.

use std::fmt::Write as _;

use chrono::DateTime;
use ring::digest::{SHA256, digest};
use ring::hmac;

use super::Account;
use crate::clock::Timestamp;

/// A request that is to be signed, without a query.
pub(super) struct Request<'a> {
    pub(super) method: &'a str,
    /// The path, encoded as it is sent.
    pub(super) path: &'a str,
    /// Headers with names in lower case; `host` is one of them.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: &'a [u8],
}

/// All the headers of a request, its signature included.
pub(super) fn sign(
    account: &Account,
    service: &str,
    now: Timestamp,
    request: Request<'_>,
) -> Vec<(String, String)> {
    let time =
        DateTime::from_timestamp_millis(now.0).unwrap_or_default().format("%Y%m%dT%H%M%SZ").to_string();
    let date = time[..8].to_owned();
    let mut headers = request.headers;
    headers.push(("x-amz-date".to_owned(), time.clone()));
    if let Some(token) = &account.session_token {
        headers.push(("x-amz-security-token".to_owned(), token.reveal().to_owned()));
    }
    headers.sort_unstable();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let mut canonical = format!("{}\n{}\n\n", request.method, request.path);
    for (name, value) in &headers {
        let _infallible = writeln!(canonical, "{name}:{}", value.trim());
    }
    let _infallible = write!(canonical, "\n{names}\n{}", hash(request.body));
    let scope = format!("{date}/{}/{service}/aws4_request", account.region);
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(canonical.as_bytes()));
    let first = format!("AWS4{}", account.secret_access_key.reveal());
    let parts = [date.as_str(), &account.region, service, "aws4_request", &text];
    let signature = parts.iter().fold(first.into_bytes(), |key, part| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec()
    });
    let (id, signature) = (&account.access_key_id, hex(&signature));
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}");
    headers.push(("authorization".to_owned(), authorization));
    headers
}

/// SHA-256 in hex.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_signed_as_in_the_documentation() {
        let account = r#"{"region":"us-east-1","access_key_id":"AKIDEXAMPLE",
            "secret_access_key":"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}"#;
        let account: Account = serde_json::from_str(account).expect("valid");
        let headers = vec![("host".to_owned(), "example.amazonaws.com".to_owned())];
        let request = Request { method: "GET", path: "/", headers, body: b"" };
        let signed = sign(&account, "service", Timestamp(1_440_938_160_000), request);
        let (_, authorization) = signed.last().expect("it is signed");
        assert_eq!(
            authorization,
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, \
             Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
        );
    }
}
