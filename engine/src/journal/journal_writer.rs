//! Appends sections to journal files, and rotates the files (format, §11.1–§11.3).
//!
//! - J1. A section is synced before [`JournalWriter::append`] returns; the file it is in, its
//!   header and its name were synced before that.
//! - J2. A file that is followed by another ends exactly after its last section.
//! - J3. From [`JournalWriter::open`] on there is always a journal file on the disk: an unclean
//!   dbpath without any cannot be told from one that was never journaled.

use std::path::Path;
use std::sync::Arc;

use super::section;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::disk::{Disk, DiskFile};
use crate::error::Result;
use crate::file_id::{JOURNAL_DIR, journal_file};
use crate::format::section::ALIGN;

/// A journal file that takes no more sections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedFile {
    /// Its number.
    pub number: u32,
    /// Sequence number of the last section written when it was closed, in it or before it; 0 if
    /// there was none.
    pub last_seq: u64,
}

/// Writes the journal of one engine.
#[derive(Debug)]
pub struct JournalWriter {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    rotation_len: u64,
    current: Current,
    last_seq: u64,
    section: Vec<u8>,
}

#[derive(Debug)]
struct Current {
    number: u32,
    file: Arc<dyn DiskFile>,
    file_id: u64,
    /// Where the next section begins.
    ofs: u64,
}

impl JournalWriter {
    /// Creates the first journal file. The directory holds none.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn open(
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        counters: Arc<Counters>,
        rotation_len: u64,
    ) -> Result<JournalWriter> {
        disk.create_dir_all(Path::new(JOURNAL_DIR))?;
        disk.sync_dir(Path::new(""))?;
        let current = create(&*disk, &*clock, 0)?;
        let section = Vec::new();
        Ok(JournalWriter { disk, clock, counters, rotation_len, current, last_seq: 0, section })
    }

    /// Appends the section of `payload` and syncs it. Gives its sequence number: milliseconds
    /// since the start, but always more than the last.
    ///
    /// # Errors
    /// Those of the disk; then nothing is known of the section, and the journal is at its end.
    pub fn append(&mut self, payload: &[u8]) -> Result<u64> {
        let seq = self.clock.uptime_ms().max(self.last_seq + 1);
        section::encode(payload, seq, self.current.file_id, &mut self.section)?;
        self.current.file.write_at(self.current.ofs, &self.section)?;
        self.current.file.sync()?;
        self.current.ofs += self.section.len() as u64;
        self.last_seq = seq;
        self.counters.journal_syncs.add(1);
        self.counters.journal_bytes.add(self.section.len() as u64);
        self.counters.journaled_bytes.add(payload.len() as u64);
        if self.section.capacity() > super::BUFFER_KEPT_MAX {
            self.section = Vec::new();
        }
        Ok(seq)
    }

    /// Goes on to the next file if this one has the length to be rotated. Gives the file that
    /// takes no more.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn rotate_if_full(&mut self) -> Result<Option<ClosedFile>> {
        if self.current.ofs - ALIGN as u64 >= self.rotation_len {
            return self.rotate().map(Some);
        }
        Ok(None)
    }

    /// Goes on to the next file. Gives the file that takes no more.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn rotate(&mut self) -> Result<ClosedFile> {
        let next = create(&*self.disk, &*self.clock, self.current.number + 1)?;
        let closed = std::mem::replace(&mut self.current, next);
        Ok(ClosedFile { number: closed.number, last_seq: self.last_seq })
    }

    /// Ends the journal. Gives its last file.
    pub fn finish(self) -> ClosedFile {
        ClosedFile { number: self.current.number, last_seq: self.last_seq }
    }
}

/// Creates journal file `number`, its header and its name synced (J1).
fn create(disk: &dyn Disk, clock: &dyn Clock, number: u32) -> Result<Current> {
    let path = journal_file(number);
    let unix_ms = clock.unix_ms();
    // Unique per file: seconds in the low half as mongod has them, and a mix of the moment and
    // the number in the high half, never 0.
    let moment = (unix_ms as u64 ^ clock.uptime_ms().rotate_left(32)) + u64::from(number);
    let mixed = moment.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let file_id = (unix_ms / 1000) as u64 & 0xffff_ffff | (mixed | 1) << 32;
    let full = disk.dbpath().join(&path);
    let header = section::file_header(file_id, unix_ms, &full.to_string_lossy());
    let file = disk.create(&path, 0)?;
    file.write_at(0, &header)?;
    file.sync()?;
    disk.sync_dir(Path::new(JOURNAL_DIR))?;
    Ok(Current { number, file, file_id, ofs: ALIGN as u64 })
}
