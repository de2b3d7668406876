//! The answers in a distributed write: one malformed answer loses no other.

use std::collections::HashMap;

use super::document::{Document, Member};
use super::rows::{self, RowLimits};
use super::wire::{self, Asked};
use super::{failure, json};
use crate::fleet::campaigns::{Answer, Outcome};
use crate::fleet::due::DueAnswer;
use crate::fleet::query_costs::{AskedQuery, QueryCost};

/// Answers of one write at most; a host is never asked by more campaigns than can run.
const MAX_ANSWERS: usize = 10_000;

/// What a write says of one query, each as JSON.
#[derive(Clone, Copy, Debug, Default)]
struct Told<'a> {
    rows: Option<&'a str>,
    status: Option<&'a str>,
    message: Option<&'a str>,
    stats: Option<&'a str>,
}

/// What a write brings.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Brought {
    /// Answers to campaigns.
    pub(super) campaigns: Vec<Answer>,
    /// Answers to what was due.
    pub(super) due: Vec<DueAnswer>,
    /// What they cost the host, as far as it counted.
    pub(super) costs: Vec<(AskedQuery, QueryCost)>,
}

/// The answers in the order of their first mention; names that are not ours are skipped.
pub(super) fn decode(document: &Document) -> Brought {
    let mut told = ByName::default();
    told.read(document.get(Member::Queries), |told| &mut told.rows);
    told.read(document.get(Member::Statuses), |told| &mut told.status);
    told.read(document.get(Member::Messages), |told| &mut told.message);
    told.read(document.get(Member::Stats), |told| &mut told.stats);
    let mut brought = Brought::default();
    for (asked, told) in told.in_order {
        let query = match &asked {
            Asked::Campaign(campaign) => AskedQuery::Campaign(*campaign),
            Asked::Due(kind, key) => AskedQuery::Due(*kind, key.clone()),
        };
        brought.costs.extend(told.cost().map(|cost| (query, cost)));
        match asked {
            Asked::Campaign(campaign) => {
                let outcome = told.outcome(RowLimits::DESIGN);
                let answer = |outcome| Answer { campaign, outcome, duration_ms: told.duration_ms() };
                brought.campaigns.extend(outcome.map(answer));
            }
            Asked::Due(kind, key) => {
                let outcome = told.outcome(RowLimits::DUE);
                brought.due.extend(outcome.map(|outcome| DueAnswer { kind, key, outcome }));
            }
        }
    }
    brought
}

/// Chooses a part.
type Part<'a> = for<'t> fn(&'t mut Told<'a>) -> &'t mut Option<&'a str>;

#[derive(Default)]
struct ByName<'a> {
    in_order: Vec<(Asked, Told<'a>)>,
    places: HashMap<Asked, usize>,
}

impl<'a> ByName<'a> {
    /// Reads an object with a value for each query; another value says nothing. The first of repeated names counts.
    fn read(&mut self, object: Option<&'a str>, part: Part<'a>) {
        let Some(object) = object else { return };
        // What is no object was JSON before, and tells of no query.
        let _no_object = json::members(object, |name, value| {
            let name = json::string(name).unwrap_or_default();
            if let Some(told) = wire::asked(&name).and_then(|asked| self.told(asked)) {
                part(told).get_or_insert(value);
            }
        });
    }

    fn told(&mut self, asked: Asked) -> Option<&mut Told<'a>> {
        let place = match self.places.get(&asked) {
            Some(place) => *place,
            None if self.in_order.len() >= MAX_ANSWERS => return None,
            None => {
                self.places.insert(asked.clone(), self.in_order.len());
                self.in_order.push((asked, Told::default()));
                self.in_order.len() - 1
            }
        };
        self.in_order.get_mut(place).map(|(_, told)| told)
    }
}

impl Told<'_> {
    /// The outcome; none when neither rows nor status are told.
    fn outcome(self, limits: RowLimits) -> Option<Outcome> {
        let status = self.status.and_then(json::integer);
        match (status, self.rows) {
            (None, None) => None,
            (Some(status), _) if status != 0 => {
                let message = self.message.and_then(json::scalar).unwrap_or_default();
                Some(Outcome::Failed(failure::of_status(status, &message)))
            }
            (_, rows) => Some(rows_of(rows.unwrap_or("[]"), limits)),
        }
    }

    /// What the query cost; none when that was not counted.
    fn cost(self) -> Option<QueryCost> {
        let [wall, user, system, memory] =
            json::pick(self.stats?, ["wall_time_ms", "user_time", "system_time", "memory"]);
        let count = |value: Option<&str>| value.and_then(json::integer).filter(|count| *count >= 0);
        Some(QueryCost {
            wall_time_ms: count(wall)?,
            user_time_ms: count(user).unwrap_or_default(),
            system_time_ms: count(system).unwrap_or_default(),
            memory_bytes: count(memory).unwrap_or_default(),
        })
    }

    fn duration_ms(self) -> Option<i64> {
        let [duration] = json::pick(self.stats?, ["wall_time_ms"]);
        json::integer(duration?).filter(|duration| *duration >= 0)
    }
}

fn rows_of(array: &str, limits: RowLimits) -> Outcome {
    match rows::encode(array, limits) {
        Ok(rows) => Outcome::Rows { columns: rows.columns, chunks: rows.chunks, rows_dropped: rows.dropped },
        Err(json::Malformed) => Outcome::Failed(failure::malformed()),
    }
}

#[cfg(test)]
mod tests {
    use entity::id::CampaignId;
    use entity::kind::HostErrorCode;
    use proptest::prelude::*;

    use super::*;
    use crate::agent::budget::Budget;
    use crate::fleet::due::DueKind;

    fn brought(body: &str) -> Brought {
        let share = Budget::new(1 << 30).share();
        decode(&Document::read(body.as_bytes().to_vec(), share).expect("JSON"))
    }

    fn decoded(body: &str) -> Vec<Answer> {
        brought(body).campaigns
    }

    fn one(body: &str) -> Answer {
        let mut answers = decoded(body);
        assert_eq!(answers.len(), 1, "{body}");
        answers.remove(0)
    }

    fn rows(answer: &Answer) -> i64 {
        match &answer.outcome {
            Outcome::Rows { chunks, .. } => chunks.iter().map(|chunk| chunk.rows).sum(),
            Outcome::Failed(failure) => panic!("{failure:?}"),
        }
    }

    fn code(answer: &Answer) -> HostErrorCode {
        match &answer.outcome {
            Outcome::Failed(failure) => failure.code,
            Outcome::Rows { .. } => panic!("the answer has rows"),
        }
    }

    const ID: &str = "campaign_000000000001";

    #[test]
    fn a_modern_answer_has_rows_and_a_duration() {
        let answer = one(&format!(
            r#"{{"queries":{{"{ID}":[{{"a":"1"}}]}},"statuses":{{"{ID}":0}},"messages":{{"{ID}":""}},
                "stats":{{"{ID}":{{"wall_time_ms":12,"memory":1}}}},"node_key":"k"}}"#
        ));
        assert_eq!((answer.campaign, rows(&answer), answer.duration_ms), (CampaignId(1), 1, Some(12)));
    }

    #[test]
    fn an_answer_may_lack_almost_everything() {
        for (body, expected) in [
            (format!(r#"{{"queries":{{"{ID}":[{{}}]}}}}"#), 1),
            (format!(r#"{{"queries":{{"{ID}":""}},"statuses":{{"{ID}":"0"}}}}"#), 0),
            (format!(r#"{{"statuses":{{"{ID}":0}}}}"#), 0),
            (format!(r#"{{"queries":{{"{ID}":[]}},"messages":7,"stats":{{"{ID}":"x"}}}}"#), 0),
            (format!(r#"{{"queries":{{"{ID}":[]}},"statuses":{{"{ID}":null}}}}"#), 0),
        ] {
            assert_eq!(rows(&one(&body)), expected, "{body}");
        }
    }

    #[test]
    fn a_status_other_than_zero_is_a_failure() {
        for status in ["1", "\"1\"", "2", "-1"] {
            let body = format!(
                r#"{{"queries":{{"{ID}":[]}},"statuses":{{"{ID}":{status}}},"messages":{{"{ID}":"no such table: x"}}}}"#
            );
            assert_eq!(code(&one(&body)), HostErrorCode::TableNotFound);
        }
        assert_eq!(
            code(&one(&format!(r#"{{"statuses":{{"{ID}":1}},"messages":{{"{ID}":[1]}}}}"#))),
            HostErrorCode::Unknown
        );
    }

    #[test]
    fn what_was_due_comes_beside_campaigns_and_spoils_nothing() {
        let body = format!(
            r#"{{"queries":{{"{ID}":[{{"a":"1"}}],"vital_uptime":[{{"total_seconds":"7"}}],"policy_000000000001":5,
                "label_000000000002":[]}},"statuses":{{"vital_uptime":0,"vital_users":1}},
                "messages":{{"vital_users":"no such table: users"}}}}"#
        );
        let brought = brought(&body);
        assert_eq!(brought.campaigns.len(), 1);
        let told: Vec<_> = brought.due.iter().map(|answer| (answer.kind, answer.key.as_str())).collect();
        let expected = [
            (DueKind::Vital, "uptime"),
            (DueKind::Policy, "000000000001"),
            (DueKind::Label, "000000000002"),
            (DueKind::Vital, "users"),
        ];
        assert_eq!(told, expected);
        assert_eq!(brought.due[0].rows().expect("rows")[0]["total_seconds"], "7");
        assert_eq!(brought.due[1].rows(), None, "it is malformed");
        assert_eq!(brought.due[2].row_count(), Some(0));
        assert!(
            matches!(&brought.due[3].outcome, Outcome::Failed(why) if why.code == HostErrorCode::TableNotFound)
        );
    }

    #[test]
    fn names_that_are_not_ours_are_skipped() {
        for body in [
            "{}",
            r#"{"queries":[]}"#,
            r#"{"queries":"x"}"#,
            r#"{"queries":{"other":[],"":1,"campaign_-1":[]}}"#,
        ] {
            assert_eq!(decoded(body), [], "{body}");
        }
        let only_message = format!(r#"{{"messages":{{"{ID}":"x"}}}}"#);
        assert_eq!(decoded(&only_message), []);
    }

    proptest! {
        #[test]
        fn a_malformed_answer_loses_no_other(
            bad in prop::sample::select(vec!["5", "true", "{}", "\"x\"", "[1]", "[null]", "[[{}]]", "1e999"]),
            place in 0..20_usize,
        ) {
            let query = |n: usize| {
                let value = if n == place { bad } else { r#"[{"a":"1"}]"# };
                format!("\"{}\":{value}", wire::query_name(CampaignId(i64::try_from(n).expect("small") + 1)))
            };
            let queries: Vec<String> = (0..20).map(query).collect();
            let answers = decoded(&format!(r#"{{"queries":{{{}}}}}"#, queries.join(",")));
            prop_assert_eq!(answers.len(), 20);
            for (n, answer) in answers.iter().enumerate() {
                if n == place {
                    prop_assert_eq!(code(answer), HostErrorCode::Malformed);
                } else {
                    prop_assert_eq!(rows(answer), 1);
                }
            }
        }
    }
}
