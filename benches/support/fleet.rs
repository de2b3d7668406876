//! Hosts as the server sees them: enrolled, with a node key each; and an admin who asks them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::http::{Target, post};
use super::load::{Requests, once};
use super::muster::{Ground, Muster};
use super::{CONNECTIONS, Outcome};

/// The path of a check-in.
const READ: &str = "/api/osquery/distributed/read";
const WRITE: &str = "/api/osquery/distributed/write";

/// Enrolled hosts, by their node keys.
pub struct Hosts(Vec<String>);

/// Somebody who may do everything.
pub struct Admin {
    api: Target,
    token: String,
}

impl Hosts {
    /// Enrolls `count` hosts through the agent face, and lets each check in until nothing is due for it.
    pub async fn enroll(ground: &Ground, muster: &Muster, count: usize) -> Outcome<Self> {
        let secret = ground.command(&["enroll", "secret"], "")?;
        let requests = (0..count).map(|host| post("/api/osquery/enroll", "", &enrollment(&secret, host)));
        let answers = once(&Target::plain(muster.http), CONNECTIONS, &Arc::new(requests.collect())).await?;
        let key = |answer: Vec<u8>| -> Outcome<String> {
            let answer: Value = serde_json::from_slice(&answer)?;
            Ok(answer["node_key"].as_str().ok_or_else(|| format!("not enrolled: {answer}"))?.to_owned())
        };
        let hosts = Self(answers.into_iter().map(key).collect::<Outcome<_>>()?);
        hosts.settle(muster).await?;
        Ok(hosts)
    }

    /// Lets all hosts check in, and answers what they are asked, until they are asked nothing; how many answers that
    /// took.
    pub async fn settle(&self, muster: &Muster) -> Outcome<usize> {
        let (target, mut answered) = (Target::plain(muster.http), 0);
        loop {
            let reads = once(&target, CONNECTIONS, &self.reads(self.0.len())).await?;
            let mut writes = Vec::new();
            for (host, read) in reads.iter().enumerate() {
                let read: Value = serde_json::from_slice(read)?;
                if let Some(queries) = read["queries"].as_object() {
                    answered += queries.len();
                    writes.push(self.due(host, queries.keys()));
                }
            }
            if writes.is_empty() {
                return Ok(answered);
            }
            let answers = once(&target, CONNECTIONS, &Arc::new(writes)).await?;
            if let Some(refused) = answers.iter().find(|answer| *answer != b"{}") {
                return Err(format!("not acknowledged: {}", String::from_utf8_lossy(refused)).into());
            }
        }
    }

    /// The answers of a host to what is due: a row to about half of the labels and policies, to each host others; none
    /// of vitals.
    fn due<'a>(&self, host: usize, names: impl Iterator<Item = &'a String>) -> Vec<u8> {
        let (mut queries, mut statuses) = (serde_json::Map::new(), serde_json::Map::new());
        for (place, name) in names.enumerate() {
            let is_met = !name.starts_with("vital_") && (host >> (place % 8)) & 1 == 1;
            queries.insert(name.clone(), if is_met { json!([{ "met": "1" }]) } else { json!([]) });
            statuses.insert(name.clone(), json!(0));
        }
        let body =
            json!({ "queries": queries, "statuses": statuses, "messages": {}, "node_key": self.0[host] });
        post(WRITE, "", &body.to_string())
    }

    /// A check-in of each of the first `count` hosts.
    pub fn reads(&self, count: usize) -> Requests {
        Arc::new(
            self.0
                .iter()
                .take(count)
                .map(|key| post(READ, "", &json!({ "node_key": key }).to_string()))
                .collect(),
        )
    }

    /// A request for its configuration of each of the first `count` hosts.
    pub fn configs(&self, count: usize) -> Requests {
        let request = |key: &String| post("/api/osquery/config", "", &json!({ "node_key": key }).to_string());
        Arc::new(self.0.iter().take(count).map(request).collect())
    }

    /// The body with which a host sends results of its schedule.
    pub fn log(&self, host: usize, lines: &[String]) -> String {
        let key = &self.0[host];
        format!(r#"{{"node_key":"{key}","log_type":"result","data":[{}]}}"#, lines.join(","))
    }

    /// The answer of a host to a live query: one row of about 300 bytes that says which host it is.
    pub fn write(&self, host: usize, query: &str) -> Vec<u8> {
        let key = &self.0[host];
        let row = row(host);
        // The members stand in the order in which osquery writes them.
        let body = format!(
            r#"{{"queries":{{"{query}":[{row}]}},"statuses":{{"{query}":0}},"messages":{{"{query}":""}},"node_key":"{key}"}}"#
        );
        post(WRITE, "", &body)
    }
}

/// A log request of osquery, with its body in gzip.
pub fn log_request(packed: &[u8]) -> Vec<u8> {
    let length = packed.len();
    let head = format!(
        "POST /api/osquery/log HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Encoding: gzip\r\nUser-Agent: osquery/5.23.1\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), packed].concat()
}

/// One row of about 300 bytes.
pub fn row(host: usize) -> String {
    json!({ "host": host.to_string(), "text": "x".repeat(270) }).to_string()
}

fn enrollment(secret: &str, host: usize) -> String {
    let uuid = format!("00000000-0000-4000-8000-{host:012}");
    json!({
        "enroll_secret": secret,
        "host_identifier": uuid,
        "platform_type": "9",
        "host_details": {
            "os_version": { "name": "Ubuntu", "platform": "ubuntu", "version": "24.04" },
            "osquery_info": { "uuid": uuid, "instance_id": uuid, "version": "5.23.1" },
            "system_info": { "hostname": format!("bench-{host:05}"), "uuid": uuid },
        },
    })
    .to_string()
}

impl Admin {
    /// Makes an admin with an API token.
    pub fn new(ground: &Ground, muster: &Muster) -> Outcome<Self> {
        let email = "bench@muster.test";
        let user =
            ["user", "create", "--email", email, "--name", "Bench", "--role", "ADMIN", "--password-stdin"];
        ground.command(&user, "a password of a benchmark")?;
        let token = ground.command(&["token", "create", "--email", email], "")?;
        Ok(Self { api: Target::plain(muster.http), token })
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A GraphQL request.
    pub fn request(&self, query: &str, variables: &Value) -> Vec<u8> {
        let body = json!({ "query": query, "variables": variables }).to_string();
        post("/graphql", &format!("Authorization: Bearer {}\r\n", self.token), &body)
    }

    /// Sends GraphQL requests; the `data` of each.
    pub async fn ask(&self, requests: Vec<Vec<u8>>) -> Outcome<Vec<Value>> {
        let answers = once(&self.api, CONNECTIONS, &Arc::new(requests)).await?;
        let data = |answer: Vec<u8>| -> Outcome<Value> {
            let mut answer: Value = serde_json::from_slice(&answer)?;
            if answer["errors"].is_array() {
                return Err(answer.to_string().into());
            }
            Ok(answer["data"].take())
        };
        answers.into_iter().map(data).collect()
    }

    /// Starts campaigns, one for each of these targets; their ids.
    pub async fn start_campaigns(&self, targets: &[Value]) -> Outcome<Vec<String>> {
        const START: &str = "mutation ($in: StartCampaignInput!) {
            startCampaign(input: $in) { campaign { id } userErrors { message } } }";
        let start = |targets: &Value| {
            self.request(START, &json!({ "in": { "source": { "sql": "select 1" }, "targets": targets } }))
        };
        let id = |answer: Value| -> Outcome<String> {
            let id = answer["startCampaign"]["campaign"]["id"].as_str();
            Ok(id.ok_or_else(|| format!("no campaign: {answer}"))?.to_owned())
        };
        self.ask(targets.iter().map(start).collect()).await?.into_iter().map(id).collect()
    }

    /// The ids of the last `count` hosts that were enrolled.
    pub async fn last_hosts(&self, count: usize) -> Outcome<Vec<String>> {
        const PAGE: &str = "query ($after: String) { hosts(first: 100, after: $after, \
            sort: { field: HOSTNAME, direction: DESC }) { nodes { id } pageInfo { endCursor } } }";
        let (mut ids, mut after) = (Vec::new(), Value::Null);
        while ids.len() < count {
            let page = self.ask(vec![self.request(PAGE, &json!({ "after": after }))]).await?.remove(0);
            let nodes = page["hosts"]["nodes"].as_array().ok_or("no page of hosts")?;
            ids.extend(nodes.iter().filter_map(|node| node["id"].as_str().map(str::to_owned)));
            after = page["hosts"]["pageInfo"]["endCursor"].clone();
        }
        ids.truncate(count);
        Ok(ids)
    }
}
