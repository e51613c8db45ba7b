//! Reads what a process costs from `/proc`: CPU time, memory, open sockets.
//!
//! Knows nothing of what the process does. Called by the server's handle, by the baselines and by every measurement.

use std::fs;
use std::time::Duration;

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
    let ticks = cpu_ticks(&stat).context("/proc/<pid>/stat is not as proc(5) says")?;
    // The exact sizes; where the kernel does not offer them, those that it keeps by estimate.
    let (text, names) = match fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) {
        Ok(text) => (text, ["Rss:", "Anonymous:"]),
        Err(_) => (fs::read_to_string(format!("/proc/{pid}/status"))?, ["VmRSS:", "RssAnon:"]),
    };
    let [rss_bytes, anonymous_bytes] = names.map(|name| kib(&text, name));
    Ok(Usage {
        cpu: Duration::from_micros(ticks * 1_000_000 / rustix::param::clock_ticks_per_second()),
        rss_bytes: rss_bytes.context("no resident size in /proc")?,
        anonymous_bytes: anonymous_bytes.context("no anonymous size in /proc")?,
    })
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

/// User plus system time, fields 14 and 15 of proc(5); the name in field 2 may hold spaces and brackets.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
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
        assert_eq!(cpu_ticks(stat), Some(150));
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
