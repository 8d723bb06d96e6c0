//! The lsn file: up to where the data files are synced (format, §11.5), and, in bytes that the
//! format keeps free, up to where the journal is.
//!
//! - K1. The second number is never beyond a section that is synced. Data files may hold pages as
//!   they were after that section, so a journal that ends before it has been damaged, and a
//!   replay of what is left would not fit to them. It is written without a sync, before the
//!   pages are: what a power failure takes of it is not missed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::disk::{Access, Disk, DiskFile};
use crate::error::{Error, Result};
use crate::file_id::{JOURNAL_DIR, lsn_file};
use crate::format::lsn;

/// What the file says. What is missing or inconsistent, so also what is torn, is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lsn {
    /// Everything up to this section is in the synced data files.
    pub synced: u64,
    /// The journal has this section, or it is in the synced data files.
    pub journaled: u64,
}

impl Lsn {
    /// # Errors
    /// The version, if it is not ours.
    fn parse(bytes: &[u8]) -> Result<Lsn, u32> {
        let Some(bytes) = bytes.get(..lsn::LEN) else { return Ok(Lsn::default()) };
        let checked = |number: u64, check: u64| if check == !number { number } else { 0 };
        match lsn::VERSION.get(bytes) {
            0 => Ok(Lsn {
                synced: checked(lsn::LSN.get(bytes), lsn::CHECK.get(bytes)),
                journaled: checked(lsn::JOURNALED.get(bytes), lsn::JOURNALED_CHECK.get(bytes)),
            }),
            other => Err(other),
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::BadFile`] for another version; those of the disk.
    pub fn read(disk: &dyn Disk) -> Result<Lsn> {
        let path = lsn_file();
        let Some(found) = disk.metadata(&path)? else { return Ok(Lsn::default()) };
        let mut bytes = vec![0; (found.len as usize).min(lsn::LEN)];
        disk.open(&path, Access::Read)?.read_at(0, &mut bytes)?;
        Lsn::parse(&bytes).map_err(|_| Error::BadFile {
            file: PathBuf::from(&path),
            problem: "a version of the lsn file that is not known: remove it to replay everything",
        })
    }
}

/// The file of this run, made when it is needed.
#[derive(Debug, Default)]
pub struct LsnFile(Mutex<Option<Arc<dyn DiskFile>>>);

impl LsnFile {
    /// Publishes `lsn`, and makes it persistent. Torn, it reads as 0, which is safe.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn publish_synced(&self, disk: &dyn Disk, lsn: u64) -> Result<()> {
        let file = self.file(disk)?;
        file.write_at(lsn::LSN.ofs as u64, &with_check(lsn))?;
        file.sync()
    }

    /// Notes that the journal has this section (K1).
    ///
    /// # Errors
    /// Those of the disk.
    pub fn note_journaled(&self, disk: &dyn Disk, section: u64) -> Result<()> {
        self.file(disk)?.write_at(lsn::JOURNALED.ofs as u64, &with_check(section))
    }

    fn file(&self, disk: &dyn Disk) -> Result<Arc<dyn DiskFile>> {
        let mut open = self.0.lock();
        if let Some(file) = &*open {
            return Ok(file.clone());
        }
        let file = disk.create(&lsn_file(), lsn::LEN as u64)?;
        file.write_at(lsn::LSN.ofs as u64, &with_check(0))?;
        disk.sync_dir(Path::new(JOURNAL_DIR))?;
        *open = Some(file.clone());
        Ok(file)
    }

    /// The file was removed: the next write makes a new one.
    pub fn removed(&self) {
        *self.0.lock() = None;
    }
}

fn with_check(number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes[8..].copy_from_slice(&(!number).to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::HeapDisk;

    #[test]
    fn both_numbers_are_read_back_and_a_torn_one_is_nothing() {
        let disk = HeapDisk::new();
        disk.create_dir_all(Path::new(JOURNAL_DIR)).expect("made");
        let read = || {
            let Lsn { synced, journaled } = Lsn::read(&disk).expect("read");
            (synced, journaled)
        };
        assert_eq!(read(), (0, 0), "missing");
        let file = LsnFile::default();
        file.note_journaled(&disk, 70).expect("written");
        assert_eq!(read(), (0, 70));
        for lsn in [77, 78] {
            file.publish_synced(&disk, lsn).expect("written");
            file.note_journaled(&disk, lsn + 5).expect("written");
            assert_eq!(read(), (lsn, lsn + 5));
        }
        let raw = disk.open(&lsn_file(), Access::Write).expect("there");
        assert_eq!(raw.len().expect("there"), 88);
        raw.write_at(8, &[79]).expect("torn");
        assert_eq!(read(), (0, 83));
        raw.write_at(33, &[1]).expect("torn");
        assert_eq!(read(), (0, 0));
        raw.set_len(10).expect("cut");
        assert_eq!(read(), (0, 0));
        raw.write_at(0, &[1; 88]).expect("another");
        assert!(matches!(Lsn::read(&disk), Err(Error::BadFile { .. })));
    }
}
