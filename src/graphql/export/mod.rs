//! Answers of a campaign, and reports ([`reports`]), as files: `GET /campaigns/ID/answers.ndjson`, `.csv` and `.json`.
//!
//! Streamed as they are read, without a cap and in memory of constant size; `?after=CURSOR` resumes, `?follow=1` goes on
//! until the campaign ends. The credential is a header, never a part of the address, where logs would keep it.

mod csv;
mod form;
mod lines;
mod pack;
mod reports;

use std::sync::Arc;

use async_graphql::Executor;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Router, extract};
use futures_util::StreamExt;
use serde::Deserialize;
use tracing::Instrument;

use self::form::Form;
use self::pack::Pack;
use super::directives::costs::EVENTS;
use super::id::Id;
use super::model::campaign::Campaign;
use super::transport::Transport;
use super::transport::engine::REQUEST;
use super::transport::http::{REQUEST_ID, refused, request_id, seated, source};
use super::transport::negotiate::Media;
use super::transport::refusal::Refusal;
use super::transport::streamed::{self, Cut, Outlet};
use crate::fleet::campaigns::{Export, ExportRequest, SharedBatch};
use crate::fleet::offload::offload;
use crate::fleet::{Fleet, FleetError};
use crate::policy::Denied;

/// Where to go on after an export that does not follow its campaign: its last answer has this cursor.
const END_CURSOR: HeaderName = HeaderName::from_static("x-muster-end-cursor");

/// Bytes of rows for which an export costs as much as a page of events.
const PRICED: u64 = 4 << 20;

/// Bytes of a batch up to which it is written where it was read.
const PIECE: usize = 64 << 10;

/// What the routes need.
struct Office<E> {
    transport: Arc<Transport<E>>,
    fleet: Fleet,
}

/// The routes of exports.
pub fn routes<E: Executor>(fleet: &Fleet, transport: &Arc<Transport<E>>) -> Router {
    let office = Arc::new(Office { transport: Arc::clone(transport), fleet: fleet.clone() });
    Router::new()
        .route("/campaigns/{id}/answers.ndjson", route::<E>(Form::ndjson))
        .route("/campaigns/{id}/answers.csv", route::<E>(Form::csv))
        .route("/campaigns/{id}/answers.json", route::<E>(Form::json))
        .merge(reports::routes())
        .with_state(office)
}

fn route<E: Executor>(form: fn() -> Form) -> MethodRouter<Arc<Office<E>>> {
    let other = |State(office): State<Arc<Office<E>>>, request: extract::Request| async move {
        only_get(&office, &request)
    };
    let serve = move |State(office): State<Arc<Office<E>>>,
                      Path(id): Path<String>,
                      request: extract::Request| async move {
        serve(&office, &id, form(), request).await
    };
    get(serve).fallback(other)
}

/// Answers any other method.
fn only_get<E: Executor>(office: &Office<E>, request: &extract::Request) -> Response {
    let refusal = Refusal::method_not_allowed("exports are read by GET");
    refused(&office.transport, &refusal, &request_id(request.headers()), Media::Json)
}

async fn serve<E: Executor>(office: &Office<E>, id: &str, form: Form, request: extract::Request) -> Response {
    let (parts, _) = request.into_parts();
    respond(office, &parts, answer(office, id, form, &parts)).await
}

/// The response with what was answered, or refused.
async fn respond<E: Executor>(
    office: &Office<E>,
    parts: &Parts,
    answering: impl Future<Output = Result<Response, Refusal>>,
) -> Response {
    let request_id = request_id(&parts.headers);
    let span = tracing::info_span!("export", request.id = %request_id);
    let answered = answering.instrument(span).await;
    let mut response =
        answered.unwrap_or_else(|refusal| refused(&office.transport, &refusal, &request_id, Media::Json));
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// What may stand after the `?`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    after: Option<String>,
    follow: Option<String>,
}

impl Parameters {
    fn of(parts: &Parts) -> Result<Self, Refusal> {
        let Query(parameters) = Query::<Self>::try_from_uri(&parts.uri).map_err(|_| {
            Refusal::bad_request("the parameters are `after`, a cursor, and `follow`, 0 or 1")
        })?;
        Ok(parameters)
    }

    fn follows(&self) -> Result<bool, Refusal> {
        match self.follow.as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(_) => Err(Refusal::bad_request("`follow` is 0 or 1")),
        }
    }
}

async fn answer<E: Executor>(
    office: &Office<E>,
    id: &str,
    mut form: Form,
    parts: &Parts,
) -> Result<Response, Refusal> {
    let (transport, fleet) = (&office.transport, &office.fleet);
    if transport.settings.shutdown.is_cancelled() {
        return Err(Refusal::unavailable());
    }
    let known = transport.identity.of_request(parts, &transport.settings.allowed_origins).await?;
    let parameters = Parameters::of(parts)?;
    let follow = parameters.follows()?;
    let source = source(parts);
    let listener = seated(transport, known, source)?;
    let actor = &listener.known.actor.clone().from_source(source);
    transport.engine.charge(actor, source, REQUEST)?;
    let request = ExportRequest {
        campaign: Id::<Campaign>::parse(id).into_public(),
        after: parameters.after,
        follow,
        format: form.name(),
    };
    let bytes = fleet.export_size(actor, &request).await.map_err(|error| as_refusal(&error))?;
    transport.engine.charge(actor, source, price(bytes))?;
    let export = fleet.export_campaign(actor, &request).await.map_err(|error| as_refusal(&error))?;
    if form.wants_columns() {
        form.set_columns(
            fleet.campaign_columns(actor, &export.campaign).await.map_err(|error| as_refusal(&error))?,
        );
    }
    let pack = Pack::accepted(&parts.headers);
    let headers = headers(&form, &pack, &export, id);
    let produce = |outlet| produce(export, form, pack, outlet);
    let body = streamed::body(transport, listener, break_off, produce);
    Ok((StatusCode::OK, headers, body).into_response())
}

/// What an export costs: as the pages of events would that have these rows. What comes while it follows is free, as it
/// is for a subscription.
fn price(bytes: u64) -> u64 {
    bytes.div_ceil(PRICED).max(1).saturating_mul(u64::from(EVENTS))
}

/// Writes an export piece by piece. What is large is written on a thread of its own.
async fn produce(export: Export, form: Form, pack: Pack, outlet: Outlet) -> Result<(), Cut> {
    let Export { campaign, mut batches, .. } = export;
    let mut desk = (form, pack);
    let begun = desk.0.begin(&campaign);
    let mut last = None;
    let head = desk.1.pack(&begun);
    if !head.is_empty() {
        outlet.send(head).await?;
    }
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "an export broke off");
            Cut::Failed
        })?;
        last = Some(Arc::clone(&batch));
        let written;
        (desk, written) = offload(size(&batch), move || write(desk, &batch)).await;
        if !written.is_empty() {
            outlet.send(written).await?;
        }
    }
    let (mut form, pack) = desk;
    let end = last.map(|last| form.end(&last.batch)).unwrap_or_default();
    outlet.send(pack.finish(&end)).await
}

fn write((mut form, mut pack): (Form, Pack), batch: &SharedBatch) -> ((Form, Pack), Bytes) {
    let text = form.batch(&batch.batch);
    let packed = pack.pack(&text);
    ((form, pack), packed)
}

/// About how many bytes a batch makes; some more than a piece when it has many events.
fn size(batch: &SharedBatch) -> usize {
    let rows = batch.batch.events.iter().map(form::size).sum::<usize>();
    if batch.batch.events.len() > 100 { rows.max(PIECE + 1) } else { rows }
}

fn headers(form: &Form, pack: &Pack, export: &Export, id: &str) -> HeaderMap {
    let mut headers = headers_of((form.content_type(), pack), &format!("{id}.{}", form.name()));
    let cursor = export.end_cursor.as_deref().and_then(|cursor| HeaderValue::from_str(cursor).ok());
    headers.extend(cursor.map(|cursor| (END_CURSOR, cursor)));
    headers
}

/// What stands above every export.
fn headers_of((content_type, pack): (&'static str, &Pack), file: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let fixed = [
        (header::CONTENT_TYPE, content_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::VARY, "Accept-Encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Some(encoding) = pack.encoding() {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{file}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    headers
}

/// An export that is not whole says nothing: its connection breaks off.
fn break_off(_: Cut) -> Option<Bytes> {
    None
}

fn as_refusal(error: &FleetError) -> Refusal {
    let text = error.to_string();
    match error {
        FleetError::Denied(Denied::Unauthenticated) => Refusal::unauthenticated(),
        FleetError::Denied(Denied::Forbidden) => Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", text),
        FleetError::NotFound(_) => Refusal::new(StatusCode::NOT_FOUND, "NOT_FOUND", text),
        FleetError::Rejected(_) | FleetError::InvalidCursor => {
            Refusal::new(StatusCode::BAD_REQUEST, "BAD_USER_INPUT", text)
        }
        FleetError::CursorExpired => Refusal::new(StatusCode::GONE, "CURSOR_EXPIRED", text),
        FleetError::RateLimited(_) => Refusal::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", text),
        FleetError::Unavailable(_) | FleetError::Internal(_) => {
            tracing::error!(error = error as &dyn std::error::Error, "an export failed");
            Refusal::unavailable()
        }
    }
}
