//! A delivery: lines go to the leaders of their partitions, and each partition says what became of its own.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;

use super::fate::{self, Fate};
use super::session::{Door, Kept, Leader, Records, Session};
use super::{Kafka, KafkaTarget, records};
use crate::destination::{Failure, Line};

/// Lines, by their places, that belong to one partition.
struct Part {
    topic: String,
    leader: Leader,
    places: Vec<usize>,
}

/// What has become of the lines of a delivery.
#[derive(Default)]
pub(super) struct Outcome {
    kept: usize,
    again: Vec<usize>,
    refused: Vec<(usize, String)>,
    /// Too much at once: to be sent in halves.
    halved: Vec<Part>,
    /// Why some are to come again.
    failure: Option<Failure>,
}

impl Kafka {
    /// Sends what can be sent; how each line fared.
    pub(super) async fn produce(&mut self, lines: &[Line]) -> Result<Outcome, Failure> {
        let topic = |line: &Line| topic_of(&self.target.topic, line);
        let topics: BTreeSet<String> = lines.iter().map(topic).collect();
        let is_known = topics.iter().all(|topic| self.cluster.topics.contains_key(topic));
        if !is_known || self.cluster.is_old() {
            let learned = self.learn(&topics.into_iter().collect::<Vec<_>>()).await;
            // What is known may still be so.
            if !is_known {
                learned?;
            }
        }
        let mut parts: BTreeMap<(String, i32), Part> = BTreeMap::new();
        for (at, line) in lines.iter().enumerate() {
            let topic = topic_of(&self.target.topic, line);
            let leaders = self.cluster.topics.get(&topic).map(Vec::as_slice).unwrap_or_default();
            let leader = leaders.get(records::partition(line, leaders.len())).copied();
            let leader =
                leader.ok_or_else(|| Failure::retry(format!("the topic {topic} has no partitions")))?;
            let part = parts.entry((topic.clone(), leader.partition));
            part.or_insert_with(|| Part { topic, leader, places: Vec::new() }).places.push(at);
        }
        let mut outcome = Outcome::default();
        let mut parts: Vec<Part> = parts.into_values().collect();
        while !parts.is_empty() {
            self.send(lines, parts, &mut outcome).await;
            parts = std::mem::take(&mut outcome.halved);
        }
        Ok(outcome)
    }

    /// Sends parts to the brokers that lead them, to all at once.
    async fn send(&mut self, lines: &[Line], parts: Vec<Part>, outcome: &mut Outcome) {
        let mut by_broker: BTreeMap<i32, Vec<Part>> = BTreeMap::new();
        for part in parts {
            let of_broker = by_broker.entry(part.leader.broker).or_default();
            // Halves of one partition go one after the other.
            if of_broker
                .iter()
                .any(|other| other.topic == part.topic && other.leader.partition == part.leader.partition)
            {
                outcome.halved.push(part);
            } else {
                of_broker.push(part);
            }
        }
        let exchanges = by_broker.into_iter().map(|(broker, parts)| {
            let session = self.sessions.remove(&broker);
            let (door, cluster, target) = (&self.door, &self.cluster, &self.target);
            async move {
                let exchanged = exchange(door, (session, cluster.place(broker)), target, lines, &parts).await;
                (broker, parts, exchanged)
            }
        });
        for (broker, parts, exchanged) in join_all(exchanges).await {
            match exchanged {
                Ok((session, said)) => {
                    self.sessions.insert(broker, session);
                    for part in parts {
                        outcome.note(part, &said);
                    }
                }
                Err(failure) => {
                    outcome.again.extend(parts.into_iter().flat_map(|part| part.places));
                    outcome.failure = Some(failure);
                }
            }
        }
        if outcome.failure.is_some() {
            self.cluster.topics.clear();
        }
    }
}

/// Sends the records of these parts to the broker that leads them.
async fn exchange(
    door: &Door,
    (session, place): (Option<Session>, Option<&(String, u16)>),
    target: &KafkaTarget,
    lines: &[Line],
    parts: &[Part],
) -> Result<(Session, Vec<Kept>), Failure> {
    let (host, port) = place.ok_or_else(|| Failure::retry(fate::word(5)))?;
    let mut records = Vec::with_capacity(parts.len());
    for part in parts {
        let of_part: Vec<&Line> = part.places.iter().map(|at| &lines[*at]).collect();
        let batch = records::batch(&of_part, target.content, target.compress).map_err(Failure::retry)?;
        records.push(Records { topic: &part.topic, partition: part.leader.partition, batch });
    }
    records.sort_unstable_by_key(|part| (part.topic, part.partition));
    // A broker may close a connection at any time: then a new one decides.
    if let Some(mut session) = session
        && let Ok(said) = session.produce(&records).await
    {
        return Ok((session, said));
    }
    let told = |failure: Failure| failure.of(&format!("broker {host}:{port}"));
    let mut session = door.open(host, *port).await.map_err(told)?;
    let said = session.produce(&records).await.map_err(told)?;
    Ok((session, said))
}

impl Outcome {
    /// Notes what a broker said of a part.
    fn note(&mut self, mut part: Part, said: &[Kept]) {
        let is_of = |kept: &&Kept| kept.topic == part.topic && kept.partition == part.leader.partition;
        // What nothing is said of is not kept.
        let error = said.iter().find(is_of).map_or(-1, |kept| kept.error);
        let reason = format!("topic {}: {}", part.topic, fate::word(error));
        match fate::of(error) {
            Fate::Kept => self.kept += part.places.len(),
            Fate::Again => {
                self.again.extend(part.places);
                self.failure = Some(Failure::Retry(reason, None));
            }
            Fate::Wrong => {
                self.again.extend(part.places);
                self.failure = Some(Failure::Wrong(reason));
            }
            Fate::Refused if part.places.len() > 1 => {
                let behind = part.places.split_off(part.places.len() / 2);
                let other = Part { topic: part.topic.clone(), leader: part.leader, places: behind };
                self.halved.extend([part, other]);
            }
            Fate::Refused => self.refused.extend(part.places.into_iter().map(|at| (at, reason.clone()))),
        }
    }

    /// In the words of all destinations.
    pub(super) fn result(mut self) -> Result<(), Failure> {
        self.again.sort_unstable();
        match self.failure {
            None if self.refused.is_empty() => Ok(()),
            Some(failure) if self.kept == 0 && self.refused.is_empty() => Err(failure),
            failure => {
                let reason =
                    failure.map_or_else(|| "some lines were refused".to_owned(), |f| f.reason().to_owned());
                Err(Failure::Partly { again: self.again, refused: self.refused, reason })
            }
        }
    }
}

/// The topic of a line; no word of it is the host's.
fn topic_of(pattern: &str, line: &Line) -> String {
    pattern.replace("{kind}", line.kind.as_str()).replace("{team}", line.team.as_deref().unwrap_or("none"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::destination::lines;
    use crate::spool::LogKind;
    use crate::spool::testing::batch;

    fn part(partition: i32, places: &[usize]) -> Part {
        Part { topic: "t".to_owned(), leader: Leader { partition, broker: 1 }, places: places.to_vec() }
    }

    fn said(partition: i32, error: i16) -> Kept {
        Kept { topic: "t".to_owned(), partition, error }
    }

    #[test]
    fn a_topic_has_the_words_of_its_line() {
        let line = lines(&batch(LogKind::Result, "{}\n")).remove(0);
        assert_eq!(topic_of("a.{kind}-{team}", &line), "a.result-tem_2");
    }

    #[test]
    fn each_partition_decides_for_its_lines() {
        let mut outcome = Outcome::default();
        let answers = [said(0, 0), said(1, 10), said(2, 10), said(3, 6)];
        for (partition, places) in [(0, &[0, 4][..]), (1, &[1]), (2, &[2, 5, 6]), (3, &[7]), (4, &[3])] {
            outcome.note(part(partition, places), &answers);
        }
        let halves: Vec<_> = outcome.halved.drain(..).map(|part| part.places).collect();
        assert_eq!(halves, [vec![2], vec![5, 6]]);
        let Err(Failure::Partly { again, refused, .. }) = outcome.result() else {
            panic!("some are not kept")
        };
        assert_eq!(again, [3, 7]);
        assert_eq!(refused, [(1, "topic t: the record is larger than the topic takes".to_owned())]);
    }

    #[test]
    fn what_is_wrong_for_all_is_wrong() {
        let mut outcome = Outcome::default();
        outcome.note(part(0, &[0]), &[said(0, 29)]);
        assert!(matches!(outcome.result(), Err(Failure::Wrong(_))));
        assert_eq!(Outcome { kept: 1, ..Outcome::default() }.result(), Ok(()));
    }
}
