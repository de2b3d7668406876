//! Things by the names that people know them by, resolved by the server.

use serde_json::{Value, json};

use super::Failure;
use super::client::{Client, ClientError, pages};

/// A kind of things that have a name.
struct Kind {
    /// One of them.
    noun: &'static str,
    /// Several of them.
    nouns: &'static str,
    /// What their ids begin with.
    prefix: &'static str,
    /// What to do where several have a name.
    hint: &'static str,
    /// Pages of `{ id name }` of those that a `$search` finds.
    search: &'static str,
}

const HOST: Kind = Kind {
    noun: "host",
    nouns: "hosts",
    prefix: "hst_",
    hint: "use an identifier or id",
    search: "\
query ($first: Int!, $after: String, $search: String) {
  page: hosts(
    first: $first, after: $after, filter: { search: $search }, sort: { field: HOSTNAME, direction: ASC }
  ) {
    nodes { id name: hostname } pageInfo { hasNextPage endCursor }
  }
}",
};
const LABEL: Kind = Kind {
    noun: "label",
    nouns: "labels",
    prefix: "lbl_",
    hint: "name a team, or an id",
    search: "\
query ($first: Int!, $after: String, $search: String, $teamId: ID) {
  page: labels(first: $first, after: $after, search: $search, teamId: $teamId) {
    nodes { id name } pageInfo { hasNextPage endCursor }
  }
}",
};
const QUERY: Kind = Kind {
    noun: "saved query",
    nouns: "saved queries",
    prefix: "qry_",
    hint: "they are in several teams or packs: use an id",
    search: "\
query ($first: Int!, $after: String, $search: String) {
  page: savedQueries(first: $first, after: $after, search: $search) {
    nodes { id name } pageInfo { hasNextPage endCursor }
  }
}",
};
const PACK: Kind = Kind {
    noun: "pack",
    nouns: "packs",
    prefix: "pck_",
    hint: "they are in several teams: use an id",
    search: "\
query ($first: Int!, $after: String, $search: String) {
  page: packs(first: $first, after: $after, search: $search) {
    nodes { id name } pageInfo { hasNextPage endCursor }
  }
}",
};
const POLICY: Kind = Kind {
    noun: "policy",
    nouns: "policies",
    prefix: "pol_",
    hint: "use an id",
    search: "\
query ($first: Int!, $after: String, $search: String) {
  page: policies(first: $first, after: $after, search: $search) {
    nodes { id name } pageInfo { hasNextPage endCursor }
  }
}",
};
const BY_IDENTIFIER: &str = "query ($id: String!) { host(by: { hostIdentifier: $id }) { id } }";
const TEAMS: &str = "\
query ($first: Int!, $after: String) {
  page: teams(first: $first, after: $after) { nodes { id name } pageInfo { hasNextPage endCursor } }
}";

/// The id of a team by its name; null without one.
pub(super) async fn team_id(client: &Client, name: Option<&str>) -> Result<Value, Failure> {
    let Some(name) = name else { return Ok(Value::Null) };
    let found = team_ids(client, &[name.to_owned()]).await?;
    Ok(found.into_iter().next().unwrap_or_default())
}

/// The ids of teams by their names.
pub(super) async fn team_ids(client: &Client, names: &[String]) -> Result<Vec<Value>, Failure> {
    ids_of(client, TEAMS, "team", names).await
}

/// The ids of labels by their names.
pub(super) async fn label_ids(client: &Client, names: &[String]) -> Result<Vec<Value>, Failure> {
    ids_of(client, LABEL.search, LABEL.noun, names).await
}

/// The id of a label by its id, or by its name: in a team, or in any.
pub(super) async fn label_id(client: &Client, label: &str, team: Option<&str>) -> Result<Value, Failure> {
    if label.starts_with(LABEL.prefix) {
        return Ok(json!(label));
    }
    let team = team_id(client, team).await?;
    only_id(client, &LABEL, label, json!({ "search": label, "teamId": team })).await
}

/// The id of a saved query by its id or name.
pub(super) async fn query_id(client: &Client, query: &str) -> Result<Value, Failure> {
    id_by_name(client, &QUERY, query).await
}

/// The id of a pack by its id or name.
pub(super) async fn pack_id(client: &Client, pack: &str) -> Result<Value, Failure> {
    id_by_name(client, &PACK, pack).await
}

/// The id of a policy by its id or name.
pub(super) async fn policy_id(client: &Client, policy: &str) -> Result<Value, Failure> {
    id_by_name(client, &POLICY, policy).await
}

/// The id of a host by its id, identifier or name.
pub(super) async fn host_id(client: &Client, host: &str) -> Result<Value, Failure> {
    if host.starts_with(HOST.prefix) {
        return Ok(json!(host));
    }
    let answer = client.call(BY_IDENTIFIER, json!({ "id": host })).await?;
    if answer["host"]["id"].is_string() {
        return Ok(answer["host"]["id"].clone());
    }
    id_by_name(client, &HOST, host).await
}

/// That there is no such thing.
pub(super) fn unknown(noun: &str, name: &str) -> Failure {
    format!("there is no {noun} `{name}`").into()
}

/// The ids of the things of these names, from pages of `{ id name }`.
async fn ids_of(
    client: &Client,
    document: &str,
    noun: &str,
    names: &[String],
) -> Result<Vec<Value>, Failure> {
    let mut found: Vec<Option<Value>> = vec![None; names.len()];
    let each = |node: Value| {
        for (name, id) in names.iter().zip(&mut found) {
            if node["name"] == name.as_str() {
                *id = Some(node["id"].clone());
            }
        }
        Ok::<_, ClientError>(())
    };
    pages(client, document, json!({}), u64::MAX, each).await?;
    let known = names.iter().zip(found);
    known.map(|(name, id)| id.ok_or_else(|| unknown(noun, name))).collect()
}

/// The id of a thing by its id or name.
async fn id_by_name(client: &Client, kind: &Kind, name: &str) -> Result<Value, Failure> {
    if name.starts_with(kind.prefix) {
        return Ok(json!(name));
    }
    only_id(client, kind, name, json!({ "search": name })).await
}

/// The id of the one thing of that name, of those that are `wanted`.
async fn only_id(client: &Client, kind: &Kind, name: &str, wanted: Value) -> Result<Value, Failure> {
    let mut named = Vec::new();
    let each = |mut node: Value| {
        if node["name"] == name {
            named.push(node["id"].take());
        }
        Ok::<_, ClientError>(())
    };
    pages(client, kind.search, wanted, u64::MAX, each).await?;
    match named.as_mut_slice() {
        [id] => Ok(id.take()),
        [] => Err(unknown(kind.noun, name)),
        _ => Err(format!("several {} are named `{name}`; {}", kind.nouns, kind.hint).into()),
    }
}
