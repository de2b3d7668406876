//! Bodies with osquery's exact member order, of modern agents and of those before 3.2.

use std::collections::BTreeMap;

use serde_json::json;

use super::Form;
use super::answer::{AgentAnswer, cut, write_string};
use super::identity::Identity;

/// Body of an enrollment.
pub fn enroll(form: Form, secret: &str, identity: &Identity) -> Vec<u8> {
    let mut body = json!({
        "enroll_secret": secret,
        "host_identifier": identity.host_identifier,
        "platform_type": identity.platform_type,
    });
    body["host_details"] = identity.details(form);
    body.to_string().into_bytes()
}

/// Body of a config or read request.
pub fn keyed(node_key: &str) -> Vec<u8> {
    json!({ "node_key": node_key }).to_string().into_bytes()
}

/// Body of a log request.
pub fn log(log_type: &str, lines: &[String], node_key: &str) -> Vec<u8> {
    let mut body =
        format!("{{\"data\":[{}],\"log_type\":\"{log_type}\",\"node_key\":", lines.join(",")).into_bytes();
    write_string(&mut body, node_key.as_bytes());
    body.push(b'}');
    body
}

/// Body of distributed write: queries, statuses, messages, stats, `node_key`, in this order.
pub fn write(form: Form, results: &BTreeMap<String, AgentAnswer>, node_key: &str) -> Vec<u8> {
    let mut body = b"{".to_vec();
    member(&mut body, "queries", results, |out, answer| write_rows(out, form, answer));
    body.push(b',');
    member(&mut body, "statuses", results, |out, answer| match form {
        Form::Modern => out.extend(answer.status.to_string().bytes()),
        Form::Old => write_string(out, answer.status.to_string().as_bytes()),
    });
    if form == Form::Modern {
        body.push(b',');
        member(&mut body, "messages", results, |out, answer| write_string(out, answer.message.as_bytes()));
        body.push(b',');
        member(&mut body, "stats", results, write_stats);
    }
    body.extend(b",\"node_key\":");
    write_string(&mut body, node_key.as_bytes());
    body.push(b'}');
    body
}

/// An object from query id to something of its answer.
fn member(
    out: &mut Vec<u8>,
    name: &str,
    results: &BTreeMap<String, AgentAnswer>,
    value: impl Fn(&mut Vec<u8>, &AgentAnswer),
) {
    write_string(out, name.as_bytes());
    out.extend(b":{");
    for (index, (id, answer)) in results.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_string(out, id.as_bytes());
        out.push(b':');
        value(out, answer);
    }
    out.push(b'}');
}

fn write_rows(out: &mut Vec<u8>, form: Form, answer: &AgentAnswer) {
    if form == Form::Old && answer.rows.is_empty() {
        out.extend(b"\"\"");
        return;
    }
    for (index, row) in answer.rows.iter().enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        for (index, (column, value)) in row.iter().enumerate() {
            out.push(if index == 0 { b'{' } else { b',' });
            write_string(out, column.as_bytes());
            out.push(b':');
            write_string(out, cut(value));
        }
        out.extend(if row.is_empty() { b"{}".as_slice() } else { b"}" });
    }
    out.extend(if answer.rows.is_empty() { b"[]".as_slice() } else { b"]" });
}

fn write_stats(out: &mut Vec<u8>, answer: &AgentAnswer) {
    let stats = answer.wall_time_ms.map_or_else(
        || json!({}),
        |ms| json!({ "wall_time_ms": ms, "user_time": ms, "system_time": 0, "memory": 40_960 }),
    );
    out.extend(stats.to_string().bytes());
}
