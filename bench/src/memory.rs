//! Memory and files of a database, as the system sees them.

use std::path::Path;

/// Resident memory of the process, bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// Private pages of maps of the database's files.
    pub private: u64,
    /// Their other pages, which the system's cache has anyway.
    pub shared: u64,
    /// All of it.
    pub resident: u64,
}

/// The memory of a process that maps files below `dir`.
///
/// # Errors
/// The system's.
pub fn of_maps(dir: &Path) -> std::io::Result<Memory> {
    let (mut memory, mut is_ours) = (Memory::default(), false);
    let dir = dir.canonicalize()?;
    for line in std::fs::read_to_string("/proc/self/smaps")?.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(first) = words.next() else { continue };
        // A map begins with its addresses and ends with its file.
        if !first.ends_with(':') {
            is_ours = words.last().is_some_and(|file| Path::new(file).starts_with(&dir));
            continue;
        }
        let bytes = words.next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) * 1024;
        match first {
            "Rss:" => {
                memory.resident += bytes;
                memory.shared += if is_ours { bytes } else { 0 };
            }
            "Anonymous:" if is_ours => {
                memory.private += bytes;
                memory.shared -= bytes;
            }
            _ => {}
        }
    }
    Ok(memory)
}

/// Length of all data files of a directory, bytes.
///
/// # Errors
/// The system's.
pub fn data_files(dir: &Path) -> std::io::Result<u64> {
    length(dir, |name| {
        let extension = Path::new(name).extension().and_then(|it| it.to_str());
        extension.is_some_and(|it| it == "ns" || it.parse::<u32>().is_ok())
    })
}

/// Length of all journal files of a directory, bytes.
///
/// # Errors
/// The system's.
pub fn journal_files(dir: &Path) -> std::io::Result<u64> {
    length(&dir.join("journal"), |_| true)
}

/// Length of the files of a directory whose names are wanted.
fn length(dir: &Path, wanted: fn(&std::ffi::OsStr) -> bool) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        // A journal file may go while we look.
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
            && wanted(&entry.file_name())
        {
            sum += metadata.len();
        }
    }
    Ok(sum)
}
