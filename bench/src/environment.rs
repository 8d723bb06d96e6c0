//! Where a run took place: commit, processor, kernel, disk, date.

use std::fs;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Instant, SystemTime};

use serde::{Deserialize, Serialize};
use tallymap::reports::Minute;

use crate::error::{Error, Result};
use crate::run::Place;

/// What has to be known of a machine to judge figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Environment {
    pub commit: String,
    pub cpu: String,
    /// Processors that the run may use.
    pub cores: usize,
    pub kernel: String,
    /// The filesystem of the databases, what it lies on, and how long it takes to sync.
    pub disk: String,
    /// When it began, UTC.
    pub date: String,
    /// Optimised or not.
    pub build: String,
}

const UNKNOWN: &str = "unknown";

impl Environment {
    /// Of a run whose databases are there.
    ///
    /// # Errors
    /// The system's, about the disk.
    pub fn of(place: &Place) -> Result<Environment> {
        let build =
            if cfg!(debug_assertions) { "debug: its times mean nothing" } else { "release" };
        let disk = match place.ram {
            true => "none: databases in memory".to_owned(),
            false => {
                let sync =
                    |grows| sync_micros(&place.scratch, grows).map_err(Error::io(&place.scratch));
                let (within, grown) = (sync(false)?, sync(true)?);
                let disk = disk(&place.scratch);
                format!("{disk}; a sync takes {within} µs, {grown} µs if the file has grown")
            }
        };
        Ok(Environment {
            commit: commit(),
            cpu: cpu(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or(UNKNOWN.to_owned(), |release| format!("Linux {}", release.trim())),
            disk,
            date: format!("{} UTC", Minute::from(SystemTime::now())),
            build: build.to_owned(),
        })
    }

    /// Its lines: what it is, and its value.
    pub fn lines(&self) -> [(&'static str, String); 6] {
        [
            ("Commit", self.commit.clone()),
            ("Processor", format!("{}, {} usable", self.cpu, self.cores)),
            ("Kernel", self.kernel.clone()),
            ("Disk", self.disk.clone()),
            ("Date", self.date.clone()),
            ("Build", self.build.clone()),
        ]
    }
}

/// The commit of the working directory; `-dirty` if files of it differ from that.
fn commit() -> String {
    let git = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output();
    match git {
        Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout).trim().to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

fn cpu() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or(UNKNOWN, |(_, model)| model).to_owned()
}

/// The median time of a sync after a page is written: over one that is there, or at the end of a
/// file that grows. Much less than a millisecond tells of a cache on the way.
fn sync_micros(folder: &Path, grows: bool) -> std::io::Result<u128> {
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[0; 4096])?;
    file.sync_all()?;
    let mut times = Vec::new();
    for _ in 0..51 {
        if !grows {
            file.rewind()?;
        }
        file.write_all(&[1; 4096])?;
        let start = Instant::now();
        file.sync_data()?;
        times.push(start.elapsed().as_micros());
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}

/// The mount with the longest path that leads to `folder`.
fn disk(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mount = mounts
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (device, place, kind) = (words.next()?, words.next()?, words.next()?);
            folder.starts_with(place).then_some((place.len(), device, kind))
        })
        .max();
    mount.map_or(UNKNOWN.to_owned(), |(_, device, kind)| format!("{kind} on {device}"))
}
