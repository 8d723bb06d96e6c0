//! What a load takes as a whole. A clock that is read for each hit takes as long as the hit.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::figures::Round;
use crate::load::processor_time;

/// What all hits of a load took together.
#[derive(Debug, Clone, Copy)]
pub struct Whole {
    hits: u64,
    wall: Duration,
    /// Of this process: the threads of a store count.
    ours: Usage,
    /// Of the process of a server.
    servers: Option<Usage>,
}

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
struct Usage {
    cpu: Duration,
    /// Bytes that it caused to be written to disks.
    written: u64,
}

impl Whole {
    /// Does the `work`, which answers how many hits it counted. The process `server`, of this
    /// machine, works for this one.
    ///
    /// # Errors
    /// Those of `work`; the system's, about the processes.
    pub fn of(server: Option<u32>, work: impl FnOnce() -> Result<u64>) -> Result<Whole> {
        let of_server = || server.map(Usage::of_server).transpose();
        let (before, before_of_server) = (Usage::of_this()?, of_server()?);
        let start = Instant::now();
        let hits = work()?;
        let wall = start.elapsed();
        let servers = of_server()?.zip(before_of_server).map(|(now, before)| now.since(before));
        Ok(Whole { hits, wall, ours: Usage::of_this()?.since(before), servers })
    }

    /// How many hits there were.
    pub fn hits(&self) -> u64 {
        self.hits
    }

    /// Hits per second; time of processors and bytes for each.
    pub fn figures(&self, round: &mut Round) {
        let hits = self.hits.max(1) as f64;
        let nanoseconds = |usage: Usage| usage.cpu.as_nanos() as f64 / hits;
        let bytes = |usage: Usage| usage.written as f64 / hits;
        let all = |of: &dyn Fn(Usage) -> f64| of(self.ours) + self.servers.map_or(0.0, of);
        round.figure("hits_per_s", hits / self.wall.as_secs_f64());
        round.figure("cpu_ns_per_hit", all(&nanoseconds));
        round.figure("written_bytes_per_hit", all(&bytes));
        if let Some(servers) = self.servers {
            round.figure("server_cpu_ns_per_hit", nanoseconds(servers));
        }
    }
}

impl Usage {
    fn of_this() -> Result<Usage> {
        Ok(Usage { cpu: processor_time(), written: written("self")? })
    }

    fn of_server(process: u32) -> Result<Usage> {
        let process = process.to_string();
        let ticks = processor_ticks(&read(&process, "stat")?).unwrap_or(0);
        // Linux shows 100 ticks a second, whatever it has.
        Ok(Usage { cpu: Duration::from_millis(10 * ticks), written: written(&process)? })
    }

    fn since(self, before: Usage) -> Usage {
        Usage { cpu: self.cpu - before.cpu, written: self.written - before.written }
    }
}

fn read(process: &str, name: &str) -> Result<String> {
    let file = Path::new("/proc").join(process).join(name);
    fs::read_to_string(&file).map_err(Error::io(&file))
}

fn written(process: &str) -> Result<u64> {
    let text = read(process, "io")?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    Ok(bytes.unwrap_or(0))
}

/// Time in the process and in the system for it. The name before them may hold anything.
fn processor_ticks(stat: &str) -> Option<u64> {
    let mut words = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    Some(words.next()?.parse::<u64>().ok()? + words.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 20 0 1 0 31 11 0 0 20 0 1 0 5 1 2";
        assert_eq!(processor_ticks(stat), Some(42));
        assert_eq!(processor_ticks("7 (a) S 1"), None);
        let this = Usage::of_server(std::process::id()).unwrap();
        assert!(this.cpu <= processor_time() + Duration::from_secs(1));
    }
}
