//! Reports as files: `GET /queries/ID/reports.ndjson`, `.csv` and `.json` for those of a saved query, `/hosts/ID/…` for
//! those of a host. Streamed as they are read, in memory of bounded size.
//!
//! NDJSON: a line for each report, and a last one that counts them. JSON: the same in one document. CSV: a line for each
//! row; its columns are those of all rows that are stored when it begins, and what comes under other names stands, as
//! JSON, in the last one, `_more`.

use std::sync::Arc;

use async_graphql::Executor;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Router, extract};
use entity::id::PublicId;
use futures_util::StreamExt;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::lines::{Spliced, time};
use super::pack::Pack;
use super::{Office, as_refusal, break_off, csv, headers_of, only_get, respond};
use crate::clock::Timestamp;
use crate::fleet::offload::offload;
use crate::fleet::reports::{HostName, Report, ReportExport, ReportSource};
use crate::graphql::id::Id;
use crate::graphql::model::host::Host;
use crate::graphql::model::saved_query::SavedQuery;
use crate::graphql::transport::encode::encode;
use crate::graphql::transport::events::one_line;
use crate::graphql::transport::http::{seated, source};
use crate::graphql::transport::refusal::Refusal;
use crate::graphql::transport::streamed::{self, Cut, Outlet};

/// Columns of ours, before those of the query.
const OWN_COLUMNS: [&str; 4] = ["_host", "_hostname", "_query", "_receivedAt"];

/// The last column: what has none.
const MORE: &str = "_more";

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Ndjson,
    Csv,
    Json,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::Json => "application/json; charset=utf-8",
        }
    }
}

/// The routes.
pub(super) fn routes<E: Executor>() -> Router<Arc<Office<E>>> {
    let of_query = |id: &str| ReportSource::Query(Id::<SavedQuery>::parse(id).into_public());
    let of_host = |id: &str| ReportSource::Host(Id::<Host>::parse(id).into_public());
    let mut router = Router::new();
    for form in [Form::Ndjson, Form::Csv, Form::Json] {
        let name = form.name();
        router = router
            .route(&format!("/queries/{{id}}/reports.{name}"), route::<E>(of_query, form))
            .route(&format!("/hosts/{{id}}/reports.{name}"), route::<E>(of_host, form));
    }
    router
}

fn route<E: Executor>(of: fn(&str) -> ReportSource, form: Form) -> MethodRouter<Arc<Office<E>>> {
    let other = |State(office): State<Arc<Office<E>>>, request: extract::Request| async move {
        only_get(&office, &request)
    };
    let serve = move |State(office): State<Arc<Office<E>>>,
                      Path(id): Path<String>,
                      request: extract::Request| async move {
        let (parts, _) = request.into_parts();
        respond(&office, &parts, answer(&office, &of(&id), form, &parts)).await
    };
    get(serve).fallback(other)
}

async fn answer<E: Executor>(
    office: &Office<E>,
    of: &ReportSource,
    form: Form,
    parts: &Parts,
) -> Result<Response, Refusal> {
    let (transport, fleet) = (&office.transport, &office.fleet);
    if transport.settings.shutdown.is_cancelled() {
        return Err(Refusal::unavailable());
    }
    let known = transport.identity.of_request(parts, &transport.settings.allowed_origins).await?;
    if parts.uri.query().is_some_and(|query| !query.is_empty()) {
        return Err(Refusal::bad_request("an export of reports takes no parameters"));
    }
    let source = source(parts);
    let listener = seated(transport, known, source)?;
    let actor = &listener.known.actor.clone().from_source(source);
    let wanted = (form.name(), form == Form::Csv);
    let export = fleet.export_reports(actor, of, wanted).await.map_err(|error| as_refusal(&error))?;
    let pack = Pack::accepted(&parts.headers);
    let (ReportSource::Query(PublicId(id)) | ReportSource::Host(PublicId(id))) = of;
    let headers = headers_of((form.content_type(), &pack), &format!("{id}.{}", form.name()));
    let about = json!({ "id": id, "name": export.name });
    let desk = Desk { form, pack, columns: export.columns.clone(), reports: 0, rows: 0 };
    let produce = |outlet| produce(export, about, desk, outlet);
    let body = streamed::body(transport, listener, break_off, produce);
    Ok((StatusCode::OK, headers, body).into_response())
}

/// Writes an export piece by piece. What is large is written on a thread of its own.
async fn produce(export: ReportExport, about: Value, mut desk: Desk, outlet: Outlet) -> Result<(), Cut> {
    let begun = desk.begin(&about);
    send(&mut desk, &begun, &outlet).await?;
    let mut batches = export.reports;
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "an export broke off");
            Cut::Failed
        })?;
        let bytes = batch.iter().map(|(_, report)| report.rows.len()).sum();
        let written;
        (desk, written) = offload(bytes, move || {
            let text = desk.batch(&batch);
            let packed = desk.pack.pack(&text);
            (desk, packed)
        })
        .await;
        if !written.is_empty() {
            outlet.send(written).await?;
        }
    }
    let end = desk.end();
    outlet.send(desk.pack.finish(&end)).await
}

async fn send(desk: &mut Desk, text: &[u8], outlet: &Outlet) -> Result<(), Cut> {
    let piece: Bytes = desk.pack.pack(text);
    if piece.is_empty() { Ok(()) } else { outlet.send(piece).await }
}

/// An export under way.
struct Desk {
    form: Form,
    pack: Pack,
    columns: Vec<String>,
    reports: u64,
    rows: i64,
}

impl Desk {
    /// What comes before the first report.
    fn begin(&self, about: &Value) -> Vec<u8> {
        let mut out = Vec::new();
        match self.form {
            Form::Ndjson => {}
            Form::Json => out.extend_from_slice(format!("{{\"of\":{about},\"reports\":[").as_bytes()),
            Form::Csv => {
                let columns = self.columns.iter().map(String::as_str);
                csv::line(&mut out, OWN_COLUMNS.into_iter().chain(columns).chain([MORE]).map(Some));
            }
        }
        out
    }

    fn batch(&mut self, batch: &[(HostName, Report)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (host, report) in batch {
            match self.form {
                Form::Csv => self.lines(&mut out, host, report),
                Form::Ndjson | Form::Json => self.object(&mut out, host, report),
            }
            self.reports += 1;
            self.rows += report.row_count;
        }
        out
    }

    fn lines(&self, out: &mut Vec<u8>, host: &HostName, report: &Report) {
        // What is stored was made by us; rows that can't be read would be a fault of the database.
        let rows: Vec<Map<String, Value>> = serde_json::from_slice(&report.rows).unwrap_or_default();
        let received = time(report.received_at);
        for mut row in rows {
            let values: Vec<_> = self.columns.iter().map(|column| row.shift_remove(column)).collect();
            let more = (!row.is_empty()).then(|| Value::Object(row).to_string());
            let own = [host.id.0.as_str(), host.name.as_str(), report.name.as_str(), received.as_str()];
            let cells = values.iter().map(|value| value.as_ref().and_then(Value::as_str));
            csv::line(out, own.map(Some).into_iter().chain(cells).chain([more.as_deref()]));
        }
    }

    fn object(&self, out: &mut Vec<u8>, host: &HostName, report: &Report) {
        let line = ReportLine {
            host: &host.id.0,
            hostname: &host.name,
            query: &report.name,
            is_scheduled: report.saved_query_id.is_some(),
            received_at: time(report.received_at),
            logged_at: time(Timestamp(report.logged_at.saturating_mul(1_000))),
            is_complete: report.is_complete,
            row_count: report.row_count + report.dropped,
            rows_dropped: report.dropped,
            rows: Spliced(&report.rows),
        };
        let line = one_line(encode(&line));
        if self.form == Form::Json {
            out.extend_from_slice(if self.reports > 0 { b",\n" } else { b"\n" });
            out.extend(line);
        } else {
            out.extend(line);
            out.push(b'\n');
        }
    }

    /// What comes after the last report.
    fn end(&self) -> Vec<u8> {
        let (reports, rows) = (self.reports, self.rows);
        match self.form {
            Form::Csv => Vec::new(),
            Form::Ndjson => {
                format!("{{\"totals\":{{\"reports\":{reports},\"rows\":{rows}}}}}\n").into_bytes()
            }
            Form::Json => {
                format!("\n],\"totals\":{{\"reports\":{reports},\"rows\":{rows}}}}}\n").into_bytes()
            }
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportLine<'a> {
    host: &'a str,
    hostname: &'a str,
    query: &'a str,
    is_scheduled: bool,
    received_at: String,
    logged_at: String,
    is_complete: bool,
    row_count: i64,
    rows_dropped: i64,
    rows: Spliced<'a>,
}
