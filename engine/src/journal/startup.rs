//! What is to be done with a dbpath at open, by what lies in it (format, §1.1, §1.5).

use std::path::{Path, PathBuf};

use super::{journal_dir, storage_file};
use crate::disk::{Access, Disk};
use crate::disk_loc::FileNo;
use crate::error::{Error, Result};
use crate::file_id::{JOURNAL_DIR, LOCK_FILE, Layout, TMP_DIR};
use crate::namespace_string::check_database_name;

/// What decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The last run did not shut down cleanly: the lock file had content.
    pub unclean: bool,
    /// This run keeps a journal.
    pub journaled: bool,
    /// There are journal files.
    pub journal_files: bool,
    /// There is anything in the journal directory.
    pub journal_any: bool,
    /// There are databases.
    pub databases: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Replay the journal, then go on.
    Recover,
    /// Go on.
    Continue,
    /// Leave everything alone: the file, and what to do.
    Refuse(&'static str, &'static str),
}

/// The table of the format, §1.5, for a run that does not repair.
pub fn decide(found: Found) -> Decision {
    const WITHOUT_JOURNAL: Decision = Decision::Refuse(
        LOCK_FILE,
        "the last run did not shut down cleanly and left no journal: restore a backup, or empty \
         this file to open the directory as it is, and validate every collection",
    );
    match found {
        Found { journaled: true, journal_files: true, .. } => Decision::Recover,
        Found { journaled: false, journal_files: true, .. } => Decision::Refuse(
            JOURNAL_DIR,
            "holds journal files: open the directory once with journaling to recover",
        ),
        Found { unclean: false, .. } => Decision::Continue,
        Found { journaled: true, journal_any: true, .. } => Decision::Recover,
        Found { journaled: true, databases: false, .. } => Decision::Continue,
        Found { .. } => WITHOUT_JOURNAL,
    }
}

/// Looks at what is there. Gives also the numbers of the journal files.
///
/// # Errors
/// [`Error::BadFile`] for journal files that do not follow each other; those of the disk.
pub fn look(
    disk: &dyn Disk,
    layout: Layout,
    unclean: bool,
    journaled: bool,
) -> Result<(Found, Vec<u32>)> {
    let numbers = journal_dir::numbers(disk)?;
    let found = Found {
        unclean,
        journaled,
        journal_files: !numbers.is_empty(),
        journal_any: journal_dir::holds_anything(disk)?,
        databases: !databases(disk, layout)?.is_empty(),
    };
    Ok((found, numbers))
}

/// The decision as a result: should the journal be replayed?
///
/// # Errors
/// [`Error::BadFile`] for a refusal.
pub fn must_recover(found: Found) -> Result<bool> {
    match decide(found) {
        Decision::Recover => Ok(true),
        Decision::Continue => Ok(false),
        Decision::Refuse(file, problem) => {
            Err(Error::BadFile { file: PathBuf::from(file), problem })
        }
    }
}

/// How the files are laid out: as is wanted, else as `storage.bson` says, else (a server before
/// 3.0 wrote none) as the databases lie. A new directory is flat.
///
/// # Errors
/// As [`storage_file::layout`].
pub fn layout(disk: &dyn Disk, directory_per_db: Option<bool>) -> Result<Layout> {
    let wanted = directory_per_db.map(|apart| match apart {
        true => Layout::DirectoryPerDb,
        false => Layout::Flat,
    });
    if let Some(layout) = wanted.map_or_else(|| storage_file::layout(disk), |it| Ok(Some(it)))? {
        return Ok(layout);
    }
    let only_apart = databases(disk, Layout::Flat)?.is_empty()
        && !databases(disk, Layout::DirectoryPerDb)?.is_empty();
    Ok(if only_apart { Layout::DirectoryPerDb } else { Layout::Flat })
}

/// The databases of a dbpath, by their `.ns` files, in order of their names.
///
/// # Errors
/// Those of the disk.
pub fn databases(disk: &dyn Disk, layout: Layout) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in disk.list(Path::new(""))? {
        let name = match layout {
            Layout::Flat => entry.name.strip_suffix(".ns").filter(|_| !entry.is_dir),
            Layout::DirectoryPerDb => Some(entry.name.as_str()).filter(|_| entry.is_dir),
        };
        let Some(name) = name.filter(|name| check_database_name(name).is_ok()) else { continue };
        let ns = layout.file(name, FileNo::NS);
        if disk.metadata(&ns)?.is_some_and(|found| !found.is_dir) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Bytes of a file that are looked at together.
const PIECE: usize = 1 << 20;

/// Was the database `name`, which is not open, begun and not made? Then its `.ns` file is zeros,
/// and so is its first data file, if there is one: nothing can be lost with them.
///
/// # Errors
/// Those of the disk.
pub fn is_half_made(disk: &dyn Disk, layout: Layout, name: &str) -> Result<bool> {
    let (ns, first) = (layout.file(name, FileNo::NS), layout.file(name, FileNo::FIRST));
    Ok(disk.metadata(&ns)?.is_some() && is_zeros(disk, &first)? && is_zeros(disk, &ns)?)
}

/// Are the bytes of a file zeros, or is there no such file? Of others it reads little.
fn is_zeros(disk: &dyn Disk, path: &Path) -> Result<bool> {
    let Some(found) = disk.metadata(path)?.filter(|found| found.len > 0) else { return Ok(true) };
    let (file, end) = (disk.open(path, Access::Read)?, found.len);
    let mut piece = vec![0; end.min(PIECE as u64) as usize];
    let mut ofs = 0;
    while ofs < end {
        let n = (end - ofs).min(PIECE as u64) as usize;
        file.read_at(ofs, &mut piece[..n])?;
        if piece[..n].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        ofs += n as u64;
    }
    Ok(true)
}

/// Removes what is left of a database that is half made.
///
/// # Errors
/// Those of the disk.
pub fn remove_half_made(disk: &dyn Disk, layout: Layout, name: &str) -> Result<()> {
    for no in [FileNo::FIRST, FileNo::NS] {
        let path = layout.file(name, no);
        if disk.metadata(&path)?.is_some() {
            disk.remove(&path)?;
        }
    }
    Ok(())
}

/// Removes the scratch directories: nothing in them has a name that counts.
///
/// # Errors
/// Those of the disk.
pub fn sweep(disk: &dyn Disk, layout: Layout) -> Result<()> {
    disk.remove_dir_all(Path::new(TMP_DIR))?;
    if layout == Layout::DirectoryPerDb {
        for name in databases(disk, layout)? {
            disk.remove_dir_all(&layout.tmp(&name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::HeapDisk;

    #[test]
    fn the_table_of_the_format() {
        let refused = |decision| matches!(decision, Decision::Refuse(..));
        for bits in 0..32u32 {
            let bit = |n: u32| bits >> n & 1 == 1;
            let found = Found {
                unclean: bit(0),
                journaled: bit(1),
                journal_files: bit(2),
                journal_any: bit(2) || bit(3),
                databases: bit(4),
            };
            let decision = decide(found);
            // The rows of the table, by (unclean, journaled), then what is in the journal.
            match (found.unclean, found.journaled) {
                (_, true) if found.journal_files => assert_eq!(decision, Decision::Recover),
                (_, false) if found.journal_files => assert!(refused(decision), "{found:?}"),
                (false, _) => assert_eq!(decision, Decision::Continue),
                (true, true) if found.journal_any => assert_eq!(decision, Decision::Recover),
                (true, true) if !found.databases => assert_eq!(decision, Decision::Continue),
                (true, _) => assert!(refused(decision), "{found:?}"),
            }
        }
    }

    #[test]
    fn a_directory_says_how_it_is_laid_out() {
        let found = |disk: &HeapDisk| layout(disk, None).expect("looked");
        let disk = HeapDisk::new();
        assert_eq!(found(&disk), Layout::Flat, "a new one");
        disk.create_dir_all(Path::new("b")).expect("made");
        disk.create(Path::new("b/b.ns"), 0).expect("made");
        assert_eq!(found(&disk), Layout::DirectoryPerDb, "as the only database lies");
        disk.create(Path::new("a.ns"), 0).expect("made");
        assert_eq!(found(&disk), Layout::Flat);
        storage_file::write(&disk, Layout::DirectoryPerDb).expect("written");
        assert_eq!(found(&disk), Layout::DirectoryPerDb, "as storage.bson says");
        assert_eq!(layout(&disk, Some(false)).expect("not looked"), Layout::Flat);
    }

    #[test]
    fn databases_are_found_by_their_ns_files() {
        let disk = HeapDisk::new();
        for dir in ["b", "c", "_tmp", "b/_tmp", "d.x"] {
            disk.create_dir_all(Path::new(dir)).expect("made");
        }
        for file in ["z.ns", "a.ns", "a.0", "x.0", ".ns", "b/b.ns", "c/b.ns", "b/_tmp/f", "_tmp/f"]
        {
            disk.create(Path::new(file), 0).expect("made");
        }
        assert_eq!(databases(&disk, Layout::Flat).expect("listed"), ["a", "z"]);
        assert_eq!(databases(&disk, Layout::DirectoryPerDb).expect("listed"), ["b"]);
        sweep(&disk, Layout::DirectoryPerDb).expect("swept");
        assert!(disk.metadata(Path::new("_tmp")).expect("looked").is_none());
        assert!(disk.metadata(Path::new("b/_tmp")).expect("looked").is_none());
        assert!(disk.metadata(Path::new("b/b.ns")).expect("looked").is_some());
    }
}
