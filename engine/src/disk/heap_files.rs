//! A database's files as plain vectors: the [`View`] and [`Edit`] of unit tests.

use std::collections::BTreeMap;

use crate::counters::Work;
use crate::disk::view::{Edit, View};
use crate::disk_loc::{DiskLoc, FileNo};
use crate::error::{Error, Result};
use crate::limits::LINE;

/// Files in memory, without journal or locks.
#[derive(Debug, Default, Clone)]
pub(crate) struct HeapFiles {
    files: BTreeMap<FileNo, Vec<u8>>,
    /// Bytes handed to [`Edit::write`] that differed from what was there.
    pub(crate) bytes_changed: u64,
}

impl HeapFiles {
    /// Adds a zeroed file. Data files are to be added in order, from 0.
    pub(crate) fn add(&mut self, file: FileNo, len: usize) {
        self.files.insert(file, vec![0; len]);
    }
}

impl HeapFiles {
    /// Adds a data file with the header of a new one.
    pub(crate) fn add_data_file(&mut self, file: FileNo, len: i32) {
        self.add(file, len as usize);
        let header = crate::format::data_file_header::fresh(file, len);
        self.write(DiskLoc::new(file, 0), &header).expect("inside of a new file");
    }
}

impl View for HeapFiles {
    fn bytes(&self, loc: DiskLoc, len: usize) -> Result<&[u8]> {
        let outside = || Error::corrupt(loc, "location", "lies outside of its file", len as i64);
        let file = self.files.get(&loc.file_no()).ok_or_else(outside)?;
        let start = usize::try_from(loc.ofs).map_err(|_| outside())?;
        file.get(start..start + len).ok_or_else(outside)
    }

    fn file_count(&self) -> i32 {
        self.files.keys().filter(|f| !f.is_ns()).count() as i32
    }

    fn file_len(&self, file: FileNo) -> u64 {
        self.files.get(&file).map_or(0, |f| f.len() as u64)
    }
}

impl Edit for HeapFiles {
    fn write(&mut self, loc: DiskLoc, bytes: &[u8]) -> Result<()> {
        let old = self.bytes(loc, bytes.len())?;
        // Whole lines first: this is most of what tests of the b-tree do.
        let lines = old.chunks(LINE).zip(bytes.chunks(LINE)).filter(|(a, b)| a != b);
        let differ = |(a, b): (&[u8], &[u8])| a.iter().zip(b).filter(|(a, b)| a != b).count();
        self.bytes_changed += lines.map(differ).sum::<usize>() as u64;
        let file = self.files.get_mut(&loc.file_no()).expect("read above");
        file[loc.ofs as usize..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn claim_extents(&mut self) {}

    fn note(&mut self, _: Work) {}
}
