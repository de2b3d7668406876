//! POST log: lines of scheduled queries and of osqueryd itself.

use axum::extract::{Request, State};
use axum::response::Response;

use super::document::{Document, Member};
use super::json;
use super::reply::{self, Refusal};
use super::session::{Agent, Content};
use crate::fleet::logs::{Lines, LogKind};
use crate::fleet::offload::offload;
use crate::fleet::presence::ContactKind;

/// Lines of one request at most; agents send 1,024 unless told otherwise.
const MAX_LINES: usize = 1_000_000;
/// Arrays and objects in each other in one line at most: later readers refuse more than 127.
const MAX_LINE_DEPTH: usize = 100;

/// Makes the lines durable, then thanks. What can never be stored is thanked for too, or the agent would repeat it
/// for ever and send nothing else.
pub(super) async fn log(State(agent): State<Agent>, request: Request) -> Result<Response, Refusal> {
    let session = agent.open(request, ContactKind::Log, agent.settings.log_bytes).await?;
    let host = session.host;
    match session.content {
        Content::Over { ended, .. } => {
            tracing::warn!(host.id = host.id.0, "log lines were dropped: the body is too large");
            set_aside("too_large");
            if ended { Ok(reply::done()) } else { Err(Refusal::TooSlow) }
        }
        Content::Whole(document) => {
            let Some(kind) = kind(&document) else {
                tracing::warn!(host.id = host.id.0, "log lines were dropped: their log_type is unknown");
                set_aside("unknown_type");
                return Ok(reply::done());
            };
            // The document comes back too: it holds its share of the memory until its lines are durable.
            let (lines, _document) = offload(document.len(), move || (lines(&document), document)).await;
            if !lines.is_empty() {
                agent.ask(agent.fleet.append_logs(&host, kind, lines)).await?;
            }
            Ok(reply::done())
        }
    }
}

/// What kind of lines they are.
pub(super) fn kind(document: &Document) -> Option<LogKind> {
    match document.string(Member::LogType)?.as_ref() {
        "result" => Some(LogKind::Result),
        "status" => Some(LogKind::Status),
        _ => None,
    }
}

/// The elements of `data`, without those that nobody could read again; none when it is no array.
pub(super) fn lines(document: &Document) -> Lines {
    let data = document.get(Member::Data).unwrap_or("[]");
    let (mut lines, mut taken) = (Lines::with_capacity(data.len()), 0);
    let visited = json::elements(data, |line| {
        if taken >= MAX_LINES {
            set_aside("too_many_lines");
        } else if json::is_deeper(line, MAX_LINE_DEPTH) {
            set_aside("too_deep");
        } else {
            lines.push(line);
            taken += 1;
        }
    });
    match visited {
        Ok(()) => lines,
        Err(json::Malformed) => Lines::default(),
    }
}

/// Counts what was thanked for and not kept.
fn set_aside(why: &'static str) {
    metrics::counter!("muster_agent_logs_dropped_total", "why" => why).increment(1);
}
