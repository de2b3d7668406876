//! Sides against each other in one run: A, B, A, B …, each driven as fast as it answers.

use std::time::{Duration, Instant};

use super::http::Target;
use super::load::{Connections, Requests, closed};
use super::process::{Process, median};
use super::report::Table;
use super::{Outcome, ROUNDS, round_time};

/// One of the things compared.
pub struct Side<'a> {
    /// What the table calls it.
    pub name: String,
    /// Whose CPU time counts.
    pub process: &'a Process,
    /// Where it is driven.
    pub target: Target,
    /// With what.
    pub requests: Requests,
    /// Kept or new.
    pub connections: Connections,
    /// What each answer must be.
    pub is_expected: fn(&[u8]) -> bool,
}

/// What a side did in all rounds: a value a round.
#[derive(Default)]
pub struct Sample {
    /// CPU time of the server for one answer, in microseconds.
    pub cpu: Vec<f64>,
    /// Answers a second.
    pub rate: Vec<f64>,
}

/// Drives every side once a round.
pub async fn compare(sides: &[Side<'_>]) -> Outcome<Vec<Sample>> {
    for side in sides {
        drive(side, Duration::from_secs(1)).await?;
    }
    let mut samples: Vec<Sample> = sides.iter().map(|_| Sample::default()).collect();
    for _ in 0..ROUNDS {
        for (side, sample) in sides.iter().zip(&mut samples) {
            let (cpu, rate) = drive(side, round_time()).await?;
            sample.cpu.push(cpu);
            sample.rate.push(rate);
        }
    }
    Ok(samples)
}

async fn drive(side: &Side<'_>, time: Duration) -> Outcome<(f64, f64)> {
    let (cpu, start) = (side.process.cpu()?, Instant::now());
    let answers = closed(&side.target, &side.requests, side.connections, time, side.is_expected).await?;
    let used = side.process.cpu()?.saturating_sub(cpu);
    let answers = answers as f64;
    Ok((used.as_secs_f64() * 1e6 / answers, answers / start.elapsed().as_secs_f64()))
}

/// Every side against the first: the median of the rounds' ratios, and the medians of both figures.
pub fn table(title: &str, sides: &[Side<'_>], samples: &[Sample]) -> Table {
    let mut table = Table::new(title, &["side", "CPU-µs per answer", "answers/s", "CPU against the first"]);
    for (side, sample) in sides.iter().zip(samples) {
        let ratios = sample.cpu.iter().zip(&samples[0].cpu).map(|(mine, first)| mine / first).collect();
        table.row(vec![
            side.name.clone(),
            format!("{:.1}", median(sample.cpu.clone())),
            format!("{:.0}", median(sample.rate.clone())),
            format!("{:.2}x", median(ratios)),
        ]);
    }
    table
}
