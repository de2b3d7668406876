//! A child process: its CPU time, its memory, the core it runs on.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::Outcome;

/// The core of the server under test; the driver takes the other.
pub const SERVER_CORE: &str = "0";
/// The core of the driver.
pub const DRIVER_CORE: &str = "1";
/// Ticks of `/proc/PID/stat` in a second, the same on every Linux.
const TICKS_PER_SECOND: u32 = 100;

/// A process that ends when this is dropped.
pub struct Process(Child);

impl Process {
    /// Starts `command` on the server's core and waits for a line of its stderr that contains `ready`.
    pub fn start(command: &Command, ready: &str) -> Outcome<Self> {
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", SERVER_CORE]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                pinned.env(name, value);
            }
        }
        let mut child = pinned.stdin(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(stderr).lines().map_while(Result::ok);
        let mut said = Vec::new();
        while !said.last().is_some_and(|line: &String| line.contains(ready)) {
            said.push(lines.next().ok_or_else(|| format!("a server did not start: {said:?}"))?);
        }
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self(child))
    }

    /// User and system time that it has used, in ticks of 10 ms.
    pub fn cpu(&self) -> Outcome<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        // The name of the program is in parentheses and may hold anything; user time is the 12th field after it.
        let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has another form")?;
        let ticks: u32 =
            fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u32>().ok()).sum();
        Ok(Duration::from_secs(1) * ticks / TICKS_PER_SECOND)
    }

    /// The most memory that it has held, in bytes.
    pub fn peak_memory(&self) -> Outcome<u64> {
        self.status("VmHWM:")
    }

    /// The memory that it holds, in bytes.
    pub fn memory(&self) -> Outcome<u64> {
        self.status("VmRSS:")
    }

    /// A line of `/proc/PID/status` that counts kilobytes, in bytes.
    fn status(&self, name: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        Ok(kilobytes.ok_or("/proc/PID/status has another form")? * 1024)
    }

    /// Asks it to end and waits.
    pub fn stop(mut self) -> Outcome<()> {
        Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status()?;
        self.0.wait()?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a benchmark: this process is the driver, on its core.
pub fn as_driver(run: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    pin_driver()?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run)
}

/// Puts every thread of this process on the driver's core.
fn pin_driver() -> Outcome<()> {
    let pid = std::process::id().to_string();
    let pinned = Command::new("taskset").args(["-acp", DRIVER_CORE, &pid]).stdout(Stdio::null()).status()?;
    if pinned.success() { Ok(()) } else { Err("taskset failed".into()) }
}

/// The middle value.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
