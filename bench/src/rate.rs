//! What a load takes as a whole. A clock that is read for each hit takes as long as the hit.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::error::{Error, Result};
use crate::figures::Round;

/// How long some hits took together.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub hits: usize,
    pub wall: Duration,
    /// Of the whole process: the threads of a store count.
    pub cpu: Duration,
}

/// The same with what was written, and what another process took.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Its time of processors is that of the server, too.
    pub rate: Rate,
    /// Bytes that were caused to be written to disks.
    written: u64,
    /// Of the process of a server.
    server_cpu: Option<Duration>,
}

impl Rate {
    /// Does the `work`, which answers how many hits it counted, and what else there is to say.
    ///
    /// # Errors
    /// Those of `work`.
    pub fn of<R>(work: impl FnOnce() -> Result<(usize, R)>) -> Result<(Rate, R)> {
        let (start, cpu) = (Instant::now(), processor_time());
        let (hits, answer) = work()?;
        let (wall, cpu) = (start.elapsed(), processor_time() - cpu);
        Ok((Rate { hits, wall, cpu }, answer))
    }

    /// Hits per second, and time of processors for each.
    pub fn figures(&self, round: &mut Round) {
        let hits = self.hits.max(1) as f64;
        round.figure("hits_per_s", hits / self.wall.as_secs_f64());
        round.figure("cpu_ns_per_hit", self.cpu.as_nanos() as f64 / hits);
    }
}

impl Cost {
    /// Does the `work`, which answers how many hits it counted. The process `server`, of this
    /// machine, works for this one.
    ///
    /// # Errors
    /// Those of `work`; the system's, about the processes.
    pub fn of(server: Option<u32>, work: impl FnOnce() -> Result<usize>) -> Result<Cost> {
        let of_server = || server.map(of_server).transpose();
        let (before, before_of_server) = (written("self")?, of_server()?);
        let (mut rate, ()) = Rate::of(|| Ok((work()?, ())))?;
        let mut cost = Cost { rate, written: written("self")? - before, server_cpu: None };
        if let (Some((cpu, bytes)), Some((cpu_before, before))) = (of_server()?, before_of_server) {
            rate.cpu += cpu - cpu_before;
            let written = cost.written + bytes - before;
            cost = Cost { rate, written, server_cpu: Some(cpu - cpu_before) };
        }
        Ok(cost)
    }

    /// Those of the rate; bytes for each hit.
    pub fn figures(&self, round: &mut Round) {
        let hits = self.rate.hits.max(1) as f64;
        self.rate.figures(round);
        round.figure("written_bytes_per_hit", self.written as f64 / hits);
        if let Some(cpu) = self.server_cpu {
            round.figure("server_cpu_ns_per_hit", cpu.as_nanos() as f64 / hits);
        }
    }
}

/// Time that processors spent on this process. What other processes take does not count.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// A length of time in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1e3
}

/// Bytes that a process, or `self`, has caused to be written to disks: whole pages, each once
/// until it is there.
///
/// # Errors
/// The system's.
pub fn written(process: &str) -> Result<u64> {
    let text = read(process, "io")?;
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
    Ok(bytes.unwrap_or(0))
}

/// What a server has used so far: time of processors, and bytes written.
fn of_server(process: u32) -> Result<(Duration, u64)> {
    let process = process.to_string();
    let ticks = processor_ticks(&read(&process, "stat")?).unwrap_or(0);
    // Linux shows 100 ticks a second, whatever it has.
    Ok((Duration::from_millis(10 * ticks), written(&process)?))
}

fn read(process: &str, name: &str) -> Result<String> {
    let file = Path::new("/proc").join(process).join(name);
    fs::read_to_string(&file).map_err(Error::io(&file))
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
        let (cpu, _) = of_server(std::process::id()).unwrap();
        assert!(cpu <= processor_time() + Duration::from_secs(1));
    }
}
