//! What the system says about another process: its processors' time, and its memory.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};

/// Time of processors that each thread of a process has had so far, in nanoseconds. The sum of
/// `/proc/PID/stat` has steps of ten milliseconds, this has none.
#[derive(Debug)]
pub struct Threads(HashMap<String, u64>);

impl Threads {
    /// Those that there are now.
    ///
    /// # Errors
    /// The system's.
    pub fn of(process: u32) -> Result<Threads> {
        let folder = PathBuf::from(format!("/proc/{process}/task"));
        let mut threads = HashMap::new();
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let entry = entry.map_err(Error::io(&folder))?;
            // A thread may end while we look.
            let Ok(text) = fs::read_to_string(entry.path().join("schedstat")) else { continue };
            let time = text.split_ascii_whitespace().next().and_then(|word| word.parse().ok());
            threads.insert(entry.file_name().to_string_lossy().into_owned(), time.unwrap_or(0));
        }
        Ok(Threads(threads))
    }

    /// What all of them have had since `earlier`; of threads that ended meanwhile, nothing.
    pub fn since(&self, earlier: &Threads) -> Duration {
        let before = |thread| earlier.0.get(thread).copied().unwrap_or(0);
        let each = self.0.iter().map(|(thread, time)| time.saturating_sub(before(thread)));
        Duration::from_nanos(each.sum())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// Memory of a process, bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Resident: its own and what maps of files have in memory.
    pub resident: u64,
    /// Of that, what is no file's.
    pub anonymous: u64,
    /// Tables of its pages: the kernel's, but for its sake.
    pub tables: u64,
}

impl Memory {
    /// That of now.
    ///
    /// # Errors
    /// The system's.
    pub fn of(process: u32) -> Result<Memory> {
        let file = PathBuf::from(format!("/proc/{process}/status"));
        let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
        let bytes = |name: &str| kib(&text, name) * 1024;
        Ok(Memory {
            resident: bytes("VmRSS:"),
            anonymous: bytes("RssAnon:"),
            tables: bytes("VmPTE:"),
        })
    }
}

/// Stacks that the kernel keeps for threads of all processes, bytes.
///
/// # Errors
/// The system's.
pub fn kernel_stacks() -> Result<u64> {
    let file = PathBuf::from("/proc/meminfo");
    let text = fs::read_to_string(&file).map_err(Error::io(&file))?;
    Ok(kib(&text, "KernelStack:") * 1024)
}

fn kib(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok());
    number.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_threads_and_memory() {
        let process = std::process::id();
        let before = Threads::of(process).unwrap();
        assert!(before.count() >= 1);
        let memory = Memory::of(process).unwrap();
        assert!(memory.resident >= memory.anonymous && memory.anonymous > 0 && memory.tables > 0);
        assert!(kernel_stacks().unwrap() > 0);
        assert!(Threads::of(process).unwrap().since(&before) < Duration::from_secs(100));
    }

    #[test]
    fn only_what_came_since_counts() {
        let threads = |of: &[(&str, u64)]| {
            Threads(of.iter().map(|(name, time)| ((*name).to_owned(), *time)).collect())
        };
        let before = threads(&[("1", 10), ("2", 5)]);
        let after = threads(&[("1", 13), ("3", 4)]);
        assert_eq!(after.since(&before), Duration::from_nanos(7));
    }
}
