//! `/metrics`: what Prometheus reads.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ring::digest::{SHA256, digest};
use serde_json::json;
use tokio::time::timeout;

use crate::config::Secret;
use crate::fleet::Fleet;
use crate::fleet::health::Readings;
use crate::telemetry::{self, PrometheusHandle};

/// How long the database has to count hosts; without an answer the last counts stay.
const COUNT_DEADLINE: Duration = Duration::from_secs(2);

/// What `/metrics` needs.
#[derive(Clone)]
pub struct Scrape {
    /// What renders the metrics.
    pub metrics: PrometheusHandle,
    /// What they are read with; none: whoever asks may read them.
    pub token: Option<Secret>,
}

impl Scrape {
    /// Whether the request may read. Hashes are compared, so that the time it takes tells nothing.
    fn may_read(&self, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return true };
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let shown = shown.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default().trim();
        let hash = |text: &str| digest(&SHA256, text.as_bytes());
        hash(shown).as_ref() == hash(token.reveal().trim()).as_ref()
    }
}

/// Every metric, as text.
pub(super) async fn show(State((fleet, scrape)): State<(Fleet, Scrape)>, headers: HeaderMap) -> Response {
    if !scrape.may_read(&headers) {
        let body = Json(json!({ "error": "the token of the metrics is missing or wrong" }));
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], body).into_response();
    }
    let degraded = fleet.degraded().await;
    for part in Fleet::PARTS {
        metrics::gauge!("muster_degraded", "part" => *part).set(truth(degraded.contains(part)));
    }
    metrics::gauge!("muster_bus_connected").set(truth(!degraded.contains(&"bus")));
    note(&fleet.readings());
    if let Ok(Ok(hosts)) = timeout(COUNT_DEADLINE, fleet.hosts_by_status()).await {
        for (status, count) in hosts {
            metrics::gauge!("muster_hosts", "status" => status).set(number(count));
        }
    }
    telemetry::refresh(&scrape.metrics);
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, scrape.metrics.render()).into_response()
}

fn note(readings: &Readings) {
    let Readings { roster_keys, campaigns, outstanding, answers_waiting, due_waiting, .. } = readings;
    let Readings { viewers, statements, idle, in_use, keeps_house, .. } = readings;
    metrics::gauge!("muster_keeps_house").set(truth(*keeps_house));
    metrics::gauge!("muster_roster_keys").set(number(*roster_keys));
    metrics::gauge!("muster_board_campaigns").set(number(*campaigns));
    metrics::gauge!("muster_board_outstanding_targets").set(number(*outstanding));
    metrics::gauge!("muster_answers_waiting").set(number(*answers_waiting));
    metrics::gauge!("muster_due_waiting").set(number(*due_waiting));
    metrics::gauge!("muster_viewers").set(number(*viewers));
    metrics::counter!("muster_database_statements_total").absolute(*statements);
    metrics::gauge!("muster_database_connections", "state" => "idle").set(number(*idle));
    metrics::gauge!("muster_database_connections", "state" => "in_use").set(number(*in_use));
}

fn truth(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}

#[expect(clippy::cast_precision_loss, reason = "a gauge is a double, exact up to 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}
