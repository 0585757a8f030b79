//! Detects that this machine is overloaded, so that deadlines prove nothing.

use std::fs;
use std::time::{Duration, Instant};

/// A period over which the load of the machine is measured.
#[derive(Debug)]
pub struct Watch {
    since: Instant,
    stalled: Option<Duration>,
}

impl Watch {
    /// Starts to measure.
    pub fn begin() -> Watch {
        Watch { since: Instant::now(), stalled: stalled() }
    }

    /// Whether, since the start, some process has waited for a processor for more than a quarter of the time. Where the system
    /// does not measure that: whether the load average exceeds the number of processors.
    pub fn overloaded(&self) -> bool {
        match (self.stalled, stalled()) {
            (Some(before), Some(now)) => now.saturating_sub(before) > self.since.elapsed() / 4,
            _ => load_average().is_some_and(|load| load > processors()),
        }
    }
}

/// How long, since the machine started, some process has waited for a processor (Linux's pressure stall information).
fn stalled() -> Option<Duration> {
    let pressure = fs::read_to_string("/proc/pressure/cpu").ok()?;
    let some = pressure.lines().find(|line| line.starts_with("some "))?;
    let total = some.rsplit_once("total=")?.1;
    Some(Duration::from_micros(total.parse().ok()?))
}

/// The average number of processes that wanted to run in the last minute.
fn load_average() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

fn processors() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |count| count.get() as f64)
}
