//! Log lines, from the agent's gzip to the log files, durable before each batch is acknowledged.
//!
//! `cargo bench --bench logs`. Batches of 1,024 lines, as osquery sends them, against the same bytes through
//! `gzip -dc | dd conv=fdatasync` on the same core. At the end every line must be in the log files.

// Figures for people: counts fit a float, and they are printed.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::print_stdout
)]

mod support;

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use support::fleet::Hosts;
use support::http::Target;
use support::load::once;
use support::muster::Ground;
use support::process::{SERVER_CORE, as_driver, median};
use support::report::{Table, publish};
use support::{Outcome, ROUNDS};

/// Lines of a batch, as many as osquery sends at once.
const LINES: usize = 1_024;
/// Hosts that send, each on a connection of its own.
const AGENTS: usize = 64;
/// Batches of a round.
const BATCHES: usize = 256;
/// How long the log files may take to have the last line.
const PATIENCE: Duration = Duration::from_mins(2);

/// The batches of a round: requests, their bodies one after the other, and the bytes of JSON in them.
struct Round {
    requests: Arc<Vec<Vec<u8>>>,
    bodies: Vec<u8>,
    json: usize,
}

/// What a side did in each round.
#[derive(Default)]
struct Sample {
    rates: Vec<f64>,
    cpus: Vec<f64>,
}

fn main() -> Outcome<()> {
    as_driver(run())
}

async fn run() -> Outcome<()> {
    let ground = Ground::new(None)?;
    // One file without an end: putting full ones away is no part of this.
    std::fs::write(
        ground.path().join("muster.toml"),
        "[destination.files]\ntype = \"file\"\nrotate_size = \"64 GiB\"\n",
    )?;
    let muster = ground.serve(None)?;
    let hosts = Hosts::enroll(&ground, &muster, AGENTS).await?;
    let target = Target::plain(muster.http);
    let mut shipped = None;
    let (mut bare, mut ours, mut ratios) = (Sample::default(), Sample::default(), Vec::new());
    for number in 0..ROUNDS {
        let round = round(&hosts, number)?;
        let megabytes = round.json as f64 / 1e6;
        let (time, cpu) = inflate(ground.path(), &round.bodies)?;
        bare.note(megabytes, time, cpu);
        let (before, start) = (muster.process.cpu()?, Instant::now());
        let answers = once(&target, AGENTS, &round.requests).await?;
        let time = start.elapsed();
        if let Some(refused) = answers.iter().find(|answer| *answer != b"{}") {
            return Err(format!("not acknowledged: {}", String::from_utf8_lossy(refused)).into());
        }
        // What is acknowledged is shipped meanwhile; its end belongs to the cost.
        let shipped = match &mut shipped {
            Some(shipped) => shipped,
            none => none.insert(Shipped::open(ground.path())?),
        };
        shipped.wait_for((number + 1) * BATCHES * LINES)?;
        let all = start.elapsed();
        ours.note(megabytes, time, muster.process.cpu()?.saturating_sub(before));
        ratios.push(bare.rates[number].recip() * ours.rates[number]);
        println!(
            "round {number}: {megabytes:.0} MB acknowledged in {:.2} s, in the files after {:.2} s",
            time.as_secs_f64(),
            all.as_secs_f64()
        );
    }
    let mut table = Table::new(
        "Batches of 1,024 lines in gzip, durable before each is acknowledged, on one core",
        &["side", "JSON MB/s", "lines/s", "CPU-ms per MB", "rate against the first"],
    );
    let line = self::line(0).len() as f64;
    for (name, sample, ratio) in [
        ("gzip -dc | dd conv=fdatasync", bare, 1.0),
        ("log, spool and file destination", ours, median(ratios)),
    ] {
        let rate = median(sample.rates);
        let (lines, cpu) = (format!("{:.0}", rate * 1e6 / line), format!("{:.1}", median(sample.cpus)));
        table.row(vec![name.to_owned(), format!("{rate:.0}"), lines, cpu, format!("{ratio:.2}x")]);
    }
    publish("logs", "ingestion", &[table])
}

impl Sample {
    fn note(&mut self, megabytes: f64, time: Duration, cpu: Duration) {
        self.rates.push(megabytes / time.as_secs_f64());
        self.cpus.push(cpu.as_secs_f64() * 1e3 / megabytes);
    }
}

/// Batches that nobody sent before, in turn from every host.
fn round(hosts: &Hosts, number: usize) -> Outcome<Round> {
    let mut round = Round { requests: Arc::default(), bodies: Vec::new(), json: 0 };
    let mut requests = Vec::with_capacity(BATCHES);
    for batch in 0..BATCHES {
        let lines: Vec<String> =
            (0..LINES).map(|line| self::line((number * BATCHES + batch) * LINES + line)).collect();
        let body = hosts.log(batch % AGENTS, &lines);
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body.as_bytes())?;
        let packed = encoder.finish()?;
        round.json += body.len();
        round.bodies.extend_from_slice(&packed);
        requests.push(support::fleet::log_request(&packed));
    }
    round.requests = Arc::new(requests);
    Ok(round)
}

/// A result of a scheduled query, of about 400 bytes.
fn line(number: usize) -> String {
    let (pid, hash) = (number % 32_768, number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    format!(
        r#"{{"name":"pack_bench_processes","hostIdentifier":"bench","calendarTime":"Sun Nov 22 12:00:00 2026 UTC","unixTime":1795348800,"epoch":0,"counter":{number},"numerics":false,"columns":{{"pid":"{pid}","name":"worker-{pid}","path":"/usr/lib/worker/{hash:016x}/bin/worker","cmdline":"worker --id {number} --token {hash:032x}","state":"S","uid":"1000","resident_size":"{number}"}},"action":"added"}}"#
    )
}

/// The bodies through gzip and dd, on the server's core: the time, and the CPU time of both.
fn inflate(directory: &Path, bodies: &[u8]) -> Outcome<(Duration, Duration)> {
    let (packed, plain) = (directory.join("bare.gz"), directory.join("bare"));
    std::fs::write(&packed, bodies)?;
    File::open(&packed)?.sync_all()?;
    let script = format!(
        "gzip -dc {} | dd of={} bs=1M iflag=fullblock conv=fdatasync 2>/dev/null; times",
        packed.display(),
        plain.display()
    );
    let start = Instant::now();
    let mut command = Command::new("taskset");
    let output = command.args(["-c", SERVER_CORE, "sh", "-c", &script]).stdin(Stdio::null()).output()?;
    let time = start.elapsed();
    if std::fs::metadata(&plain)?.len() == 0 {
        return Err("gzip or dd is missing".into());
    }
    std::fs::remove_file(plain)?;
    // The second line of `times` is what the children used.
    let text = String::from_utf8(output.stdout)?;
    let used = text.lines().nth(1).ok_or("the shell has other words for times")?;
    let seconds = |word: &str| -> Option<f64> {
        let (minutes, seconds) = word.strip_suffix('s')?.split_once('m')?;
        Some(minutes.parse::<f64>().ok()? * 60.0 + seconds.parse::<f64>().ok()?)
    };
    let cpu: f64 = used.split_whitespace().filter_map(seconds).sum();
    Ok((time, Duration::from_secs_f64(cpu)))
}

/// The log file of results, as far as it was read.
struct Shipped {
    reader: BufReader<File>,
    lines: usize,
}

impl Shipped {
    /// Opens the file, once there is one.
    fn open(directory: &Path) -> Outcome<Self> {
        let (path, start) = (directory.join("logs/result.ndjson"), Instant::now());
        loop {
            match File::open(&path) {
                Ok(file) => return Ok(Self { reader: BufReader::with_capacity(1 << 20, file), lines: 0 }),
                Err(error) if start.elapsed() >= PATIENCE => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    /// Waits until it has so many whole lines.
    fn wait_for(&mut self, lines: usize) -> Outcome<()> {
        let (start, mut line) = (Instant::now(), Vec::new());
        while self.lines < lines {
            if start.elapsed() >= PATIENCE {
                return Err(format!("{} of {lines} lines are in the file", self.lines).into());
            }
            if self.reader.read_until(b'\n', &mut line)? == 0 {
                std::thread::sleep(Duration::from_millis(10));
            } else if line.ends_with(b"\n") {
                self.lines += 1;
                line.clear();
            }
        }
        Ok(())
    }
}
