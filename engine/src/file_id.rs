//! Names of the files in a dbpath: the one maker and reader of paths (format, §1.1).

use std::path::{Path, PathBuf};

use crate::disk_loc::FileNo;

/// Directory of the journal.
pub const JOURNAL_DIR: &str = "journal";
/// Scratch directory; removed at every start.
pub const TMP_DIR: &str = "_tmp";
/// Lock file: empty after a clean shutdown.
pub const LOCK_FILE: &str = "mongod.lock";
/// Names the storage engine and its options.
pub const STORAGE_FILE: &str = "storage.bson";

/// How the files of databases are laid out below the dbpath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `stats.0` at the top.
    Flat,
    /// `stats/stats.0`: one directory per database.
    DirectoryPerDb,
}

impl Layout {
    /// The directory of a database's files, relative to the dbpath; empty for the dbpath itself.
    pub fn directory(self, database: &str) -> PathBuf {
        match self {
            Layout::Flat => PathBuf::new(),
            Layout::DirectoryPerDb => PathBuf::from(database),
        }
    }

    /// The path prefix that journal entries use as the context of a database.
    pub fn prefix(self, database: &str) -> String {
        match self {
            Layout::Flat => database.to_owned(),
            Layout::DirectoryPerDb => format!("{database}/{database}"),
        }
    }

    /// The path of one file of a database, relative to the dbpath.
    pub fn file(self, database: &str, file: FileNo) -> PathBuf {
        self.directory(database).join(format!("{database}.{file}"))
    }

    /// The scratch directory in which files of a database are made before they get their name.
    pub fn tmp(self, database: &str) -> PathBuf {
        self.directory(database).join(TMP_DIR)
    }

    /// The database and file that a path below the dbpath names, if it names one.
    pub fn parse(self, path: &Path) -> Option<(String, FileNo)> {
        let name = path.file_name()?.to_str()?;
        let (database, suffix) = name.rsplit_once('.')?;
        let file = match suffix {
            "ns" => FileNo::NS,
            digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                FileNo(digits.parse().ok()?)
            }
            _ => return None,
        };
        let at_home = path == self.file(database, file);
        (at_home && !database.is_empty()).then(|| (database.to_owned(), file))
    }
}

/// Path of journal file `number`.
pub fn journal_file(number: u32) -> PathBuf {
    Path::new(JOURNAL_DIR).join(format!("j._{number}"))
}

/// The number of a journal file with this name (without directory).
pub fn parse_journal_file(name: &str) -> Option<u32> {
    name.strip_prefix("j._")?.parse().ok()
}

/// Path of the lsn file.
pub fn lsn_file() -> PathBuf {
    Path::new(JOURNAL_DIR).join("lsn")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_back() {
        for layout in [Layout::Flat, Layout::DirectoryPerDb] {
            for file in [FileNo::NS, FileNo(0), FileNo(12)] {
                let path = layout.file("stats", file);
                assert_eq!(layout.parse(&path), Some(("stats".to_owned(), file)), "{path:?}");
            }
        }
        assert_eq!(Layout::Flat.file("a", FileNo::NS), Path::new("a.ns"));
        assert_eq!(Layout::DirectoryPerDb.file("a", FileNo(3)), Path::new("a/a.3"));
        assert_eq!(Layout::Flat.parse(Path::new("a.bson")), None);
        assert_eq!(Layout::Flat.parse(Path::new("a.-1")), None);
        assert_eq!(Layout::DirectoryPerDb.parse(Path::new("a.ns")), None);
        assert_eq!(parse_journal_file("j._17"), Some(17));
        assert_eq!(parse_journal_file("lsn"), None);
    }
}
