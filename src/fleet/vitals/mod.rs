//! Vitals: what a host is. Asked of every host now and then ([`queries`]); what people search and sort by becomes columns
//! of its row ([`details`]), how its schedule fares rows of their own ([`schedule`]), the rest JSON.

mod queries;
pub(super) mod additional;
mod read;
mod details;
mod schedule;
mod terms;

use std::collections::BTreeMap;

use entity::hosts::Model;
use entity::id::HostId;
use sea_orm::DatabaseTransaction;
use serde_json::json;

use super::activity::{self, NewActivity};
use super::due::{DueAnswer, DueItem, HostNews, Row};
use super::{Fleet, FleetError};
use crate::clock::Timestamp;
use crate::store::hosts::{self, Details};
use crate::store::{StoreError, activities, host_schedule, host_terms, host_vitals};

use additional::AdditionalQuery;
pub use entity::host_vitals::Model as VitalTable;
pub use queries::Vital;

/// Bytes of the rows of one vital at most; more is a failure of it.
const MAX_BYTES: usize = 1 << 20;

/// A host's answers.
type Told<'a> = (HostId, Vec<&'a DueAnswer>);

impl Fleet {
    /// What every host is asked.
    ///
    /// # Errors
    /// Unavailable.
    pub(in crate::fleet) async fn vitals_due(&self) -> Result<Vec<DueItem>, FleetError> {
        let settings = self.settings_in_force().await?;
        let additional = settings.additional_queries.iter().map(AdditionalQuery::item);
        Ok(queries::built_in().chain(additional).collect())
    }
}

/// Writes the vitals of hosts whose rows are locked.
///
/// # Errors
/// When the database fails.
pub(in crate::fleet) async fn record(
    tx: &DatabaseTransaction,
    now: Timestamp,
    rows: &[Model],
    told: &[Told<'_>],
    news: &mut HostNews,
) -> Result<(), StoreError> {
    let rows: BTreeMap<HostId, &Model> = rows.iter().map(|row| (row.id, row)).collect();
    let (mut all, mut vitals, mut runs, mut found_by) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (host, answers) in told {
        let Some(row) = rows.get(host) else { continue };
        let read: Vec<(Vital, Vec<Row>)> = answers.iter().filter_map(|answer| rows_of(answer)).collect();
        let before = Details::from(*row);
        let after = details::overlaid(row, now, &read);
        note_news(&before, &after, news);
        if before.clone_suspected_at.is_none() && after.clone_suspected_at.is_some() {
            activities::insert(tx, clone_suspected(row, now)).await?;
        }
        all.extend((before != after).then_some(after));
        vitals.extend(answers.iter().filter_map(|answer| stored(*host, answer, now)));
        runs.extend(schedule::of(*host, &read, now));
        found_by.extend(terms::of(*host, &read));
    }
    hosts::write_details(tx, &all).await?;
    host_vitals::write(tx, vitals).await?;
    host_schedule::replace(tx, runs).await?;
    let found_anew = host_terms::replace(tx, found_by).await?;
    news.updated.extend(found_anew);
    Ok(())
}

/// Which vital was answered, and its rows; none when it failed or is none of ours.
fn rows_of(answer: &DueAnswer) -> Option<(Vital, Vec<Row>)> {
    Some((Vital::of_key(&answer.key)?, answer.rows()?))
}

/// The row that keeps the answer as JSON; none for those that are kept in columns, or are none of ours.
fn stored(host: HostId, answer: &DueAnswer, now: Timestamp) -> Option<entity::host_vitals::Model> {
    let is_kept = Vital::of_key(&answer.key).is_some_and(Vital::is_kept_as_json);
    if !is_kept && !additional::is_additional(&answer.key) {
        return None;
    }
    let json = answer.json();
    let is_too_large = json.as_ref().is_some_and(|json| json.len() > MAX_BYTES);
    let error = if is_too_large { Some("the result is too large") } else { answer.failure() };
    let error = error.map(str::to_owned);
    let rows = json.filter(|_| !is_too_large).unwrap_or_else(|| "[]".to_owned());
    Some(entity::host_vitals::Model { host_id: host, key: answer.key.clone(), rows, error, updated_at: now })
}

/// The entry of the audit trail that another machine speaks with a host's node key: once, when it is first noticed.
fn clone_suspected(host: &Model, now: Timestamp) -> entity::activities::ActiveModel {
    let details = json!({ "hostname": host.hostname });
    let (team, subject) = (Some(host.team_id), Some(&host.public_id));
    activity::of_host(now, &NewActivity { kind: "host.clone_suspected", team, subject, details })
}

/// Notes what of a change people see. What changes all the time, such as free space, is none.
fn note_news(before: &Details, after: &Details, news: &mut HostNews) {
    let steady =
        Details { disk_free_bytes: before.disk_free_bytes, booted_at: before.booted_at, ..after.clone() };
    if steady != *before {
        news.updated.insert(after.host);
    }
    if after.hostname != before.hostname {
        news.renamed.insert(after.host);
    }
}
