//! Reads what a process costs from `/proc`: CPU time, memory, open sockets.
//!
//! Knows nothing of what the process does. Called by the server's handle, by the baselines and by every measurement.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// What a process has used up to now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User and system time of all threads, those that have ended included.
    pub cpu: Duration,
    /// Resident memory, files mapped into it included.
    pub rss_bytes: u64,
    /// Resident memory that belongs to the process alone: heap and stacks.
    pub anonymous_bytes: u64,
}

pub fn usage(pid: u32) -> Result<Usage> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has ended")?;
    let cpu = ticks(stat_fields(&stat, 2).context("/proc/<pid>/stat is not as proc(5) says")?);
    // The exact sizes; where the kernel does not offer them, those that it keeps by estimate.
    let (text, names) = match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(text) => (text, ["Rss:", "Anonymous:"]),
        Err(_) => (fs::read_to_string(format!("/proc/{pid}/status"))?, ["VmRSS:", "RssAnon:"]),
    };
    let [rss_bytes, anonymous_bytes] = names.map(|name| kib(&text, name));
    Ok(Usage {
        cpu,
        rss_bytes: rss_bytes.context("no resident size in /proc")?,
        anonymous_bytes: anonymous_bytes.context("no anonymous size in /proc")?,
    })
}

/// CPU time that this program and the processes that it started and saw end have used, and what the whole machine has.
#[derive(Clone, Copy, Debug)]
pub struct Busy {
    own: Duration,
    machine: Duration,
    at: Instant,
}

impl Busy {
    pub fn now() -> Result<Self> {
        let own = fs::read_to_string("/proc/self/stat").context("this process has no /proc")?;
        let machine = fs::read_to_string("/proc/stat").context("this machine has no /proc/stat")?;
        Ok(Self {
            own: ticks(stat_fields(&own, 4).context("/proc/self/stat is not as proc(5) says")?),
            machine: ticks(machine_ticks(&machine).context("/proc/stat is not as proc(5) says")?),
            at: Instant::now(),
        })
    }

    /// The share of the machine's cores that other programs took since then, 0 to 1.
    pub fn others_since(&self) -> Result<f64> {
        let now = Self::now()?;
        let others = now.machine.saturating_sub(self.machine).saturating_sub(now.own.saturating_sub(self.own));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(others.as_secs_f64() / self.at.elapsed().as_secs_f64() / cores as f64)
    }
}

/// How many sockets the process holds open.
pub fn sockets(pid: u32) -> Result<usize> {
    let folder = format!("/proc/{pid}/fd");
    let open = fs::read_dir(folder).context("the process has ended")?;
    Ok(open
        .flatten()
        .filter_map(|entry| fs::read_link(entry.path()).ok())
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count())
}

/// For people.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second())
}

/// The sum of the first `count` of user time, system time, and both of children that have ended: fields 14 to 17 of
/// proc(5). The name in field 2 may hold spaces and brackets.
fn stat_fields(stat: &str, count: usize) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let fields: Vec<u64> =
        after_name.split_ascii_whitespace().skip(11).take(count).map(str::parse).collect::<Result<_, _>>().ok()?;
    (fields.len() == count).then(|| fields.iter().sum())
}

/// User, nice, system, interrupts and what other machines on the same hardware took, of all cores: everything but idling.
fn machine_ticks(stat: &str) -> Option<u64> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_ascii_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let [user, nice, system, _idle, _waiting, interrupts, soft_interrupts, stolen] = fields.try_into().ok()?;
    Some(user + nice + system + interrupts + soft_interrupts + stolen)
}

/// The value of a `Name:   123 kB` line, in bytes.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_ticks_survive_a_name_with_brackets() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194304 500 0 0 0 120 30 0 0 20 0 8 0 1000 1 2";
        assert_eq!(stat_fields(stat, 2), Some(150));
        assert_eq!(stat_fields("42 (a) S 1", 2), None);
    }

    #[test]
    fn idling_is_not_being_busy() {
        assert_eq!(machine_ticks("cpu  10 1 5 9000 300 2 3 4 0 0\ncpu0 5 0 2\n"), Some(25));
        assert_eq!(machine_ticks("intr 1"), None);
    }

    #[test]
    fn sizes_are_bytes() {
        assert_eq!(kib("Name:\tx\nVmRSS:\t   2048 kB\n", "VmRSS:"), Some(2 * 1024 * 1024));
        assert_eq!(kib("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_can_be_sampled() {
        let usage = usage(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 0 && usage.anonymous_bytes <= usage.rss_bytes);
        assert!(sockets(std::process::id()).is_ok());
    }
}
