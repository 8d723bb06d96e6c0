//! The names in the journal directory (format, §11.1).
//!
//! - R1. Journal files are removed from the oldest on, each removal synced before the next, so
//!   that no crash leaves a hole in their numbers.
//! - R2. An lsn never outlives the run that wrote it: it is removed, and that synced, before
//!   any journal file of its run is.

use std::path::Path;

use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::file_id::{JOURNAL_DIR, journal_file, lsn_file, parse_journal_file};

/// The numbers of the journal files, ascending.
///
/// # Errors
/// [`Error::BadFile`] for duplicates and holes; those of the disk.
pub fn numbers(disk: &dyn Disk) -> Result<Vec<u32>> {
    let entries = disk.list(Path::new(JOURNAL_DIR))?;
    let files = entries.iter().filter(|entry| !entry.is_dir);
    let mut numbers = Vec::new();
    for name in files.map(|entry| entry.name.as_str()).filter(|name| name.starts_with("j._")) {
        let number = parse_journal_file(name);
        let canonical = number.filter(|&n| journal_file(n) == Path::new(JOURNAL_DIR).join(name));
        numbers.push(canonical.ok_or_else(|| Error::BadFile {
            file: Path::new(JOURNAL_DIR).join(name),
            problem: "not the name of a journal file: move it away if it is none",
        })?);
    }
    numbers.sort_unstable();
    if let Some(pair) = numbers.windows(2).find(|pair| pair[0] + 1 != pair[1]) {
        return Err(Error::BadFile {
            file: journal_file(pair[0] + 1),
            problem: "missing between journal files: put it back, or restore a backup",
        });
    }
    Ok(numbers)
}

/// Is there anything in the journal directory?
///
/// # Errors
/// Those of the disk.
pub fn holds_anything(disk: &dyn Disk) -> Result<bool> {
    Ok(!disk.list(Path::new(JOURNAL_DIR))?.is_empty())
}

/// Removes the lsn file (R2), then the journal files `numbers`, ascending (R1).
///
/// # Errors
/// Those of the disk.
pub fn remove_all(disk: &dyn Disk, numbers: &[u32]) -> Result<()> {
    if disk.metadata(&lsn_file())?.is_some() {
        disk.remove(&lsn_file())?;
        disk.sync_dir(Path::new(JOURNAL_DIR))?;
    }
    numbers.iter().try_for_each(|&number| remove(disk, number))
}

/// Removes one journal file, the oldest (R1).
///
/// # Errors
/// Those of the disk.
pub fn remove(disk: &dyn Disk, number: u32) -> Result<()> {
    disk.remove(&journal_file(number))?;
    disk.sync_dir(Path::new(JOURNAL_DIR))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::HeapDisk;

    fn journal_with(names: &[&str]) -> HeapDisk {
        let disk = HeapDisk::new();
        disk.create_dir_all(Path::new(JOURNAL_DIR)).expect("made");
        for name in names {
            disk.create(&Path::new(JOURNAL_DIR).join(name), 0).expect("made");
        }
        disk
    }

    #[test]
    fn numbers_are_contiguous() {
        assert!(numbers(&HeapDisk::new()).expect("none").is_empty());
        let disk = journal_with(&["j._10", "j._9", "j._11", "lsn", "prealloc.0"]);
        assert_eq!(numbers(&disk).expect("three"), [9, 10, 11]);
        for bad in [&["j._0", "j._2"][..], &["j._1", "j._01"], &["j._+1"], &["j._x"]] {
            let refused = numbers(&journal_with(bad));
            assert!(matches!(refused, Err(Error::BadFile { .. })), "{bad:?}");
        }
    }

    #[test]
    fn removal_leaves_nothing() {
        let disk = journal_with(&["j._3", "j._4", "lsn"]);
        remove_all(&disk, &[3, 4]).expect("removed");
        assert!(!holds_anything(&disk).expect("listed"));
    }
}
