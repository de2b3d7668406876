//! Lists of the server, page after page.

use serde_json::{Value, json};

use super::{Client, ClientError};

/// Nodes of one page, the most that the server gives.
const PAGE: u64 = 100;

/// Calls `each` with the nodes of a list, at most `limit` of them, and answers whether there are more. `document` has
/// the variables `$first` and `$after` and the list as `page { nodes { … } pageInfo { hasNextPage endCursor } }`, or in one object;
/// `variables` are its others.
///
/// # Errors
/// What the server says, or `each`.
pub(in crate::cli) async fn pages<E: From<ClientError>>(
    client: &Client,
    document: &str,
    mut variables: Value,
    limit: u64,
    mut each: impl FnMut(Value) -> Result<(), E>,
) -> Result<bool, E> {
    let mut left = limit;
    let mut after = Value::Null;
    while left > 0 {
        variables["first"] = json!(left.min(PAGE));
        variables["after"] = after;
        let mut page = list_of(client.call(document, variables.clone()).await?);
        if let Value::Array(nodes) = page["nodes"].take() {
            left = left.saturating_sub(u64::try_from(nodes.len()).unwrap_or(u64::MAX));
            nodes.into_iter().try_for_each(&mut each)?;
        }
        if page["pageInfo"]["hasNextPage"] != true {
            return Ok(false);
        }
        after = page["pageInfo"]["endCursor"].take();
    }
    Ok(true)
}

/// The list of an answer: at its root, or in the one object there.
fn list_of(mut answer: Value) -> Value {
    let Some(fields) = answer.as_object_mut() else { return Value::Null };
    if let Some(page) = fields.get_mut("page") {
        return page.take();
    }
    let inside = fields.values_mut().find_map(|object| object.get_mut("page"));
    inside.map_or(Value::Null, Value::take)
}
