//! Sorted runs of index entries in a scratch file, and their merging.
//!
//! - R1. A run is a sequence of blocks, each its length, its CRC-32, and whole entries. What
//!   comes back from the disk is what went there, or an error.
//! - R2. Merging takes the memory of one block per run.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::disk_loc::{DiskLoc, RecordLoc};
use crate::error::Result;
use crate::index::btree::Btree;
use crate::index::index_version::IndexVersion;
use crate::index::key::{self, KeyOrder};
use crate::journal::ScratchFile;

/// An entry of an index: a key, and the record that has it.
pub type Entry = (Vec<u8>, RecordLoc);

/// Bytes of a block after which the next one is begun; it ends with a whole entry.
const BLOCK_LEN: usize = 64 << 10;
/// Longer than any block, whatever the last entry's length.
const BLOCK_LEN_MAX: usize = 2 * BLOCK_LEN;
/// Of a block: length of its entries, their CRC-32.
const BLOCK_HEAD: usize = 8;
/// Of an entry in a block: length of its key, file and offset of its record.
const ENTRY_HEAD: usize = 12;

/// The order of an index: by key, then by record.
#[derive(Debug, Clone, Copy)]
pub struct EntryOrder {
    version: IndexVersion,
    order: KeyOrder,
}

impl EntryOrder {
    /// That of an index.
    pub fn of(tree: &Btree) -> EntryOrder {
        EntryOrder { version: tree.version, order: tree.order }
    }

    /// Compares two entries.
    pub fn compare(self, a: &Entry, b: &Entry) -> Ordering {
        key::compare(self.version, &a.0, &b.0, self.order).then(a.1.cmp(&b.1))
    }
}

/// Appends a run of sorted entries.
///
/// # Errors
/// Those of the disk.
pub fn write(file: &mut ScratchFile, entries: impl Iterator<Item = Entry>) -> Result<()> {
    let mut block = Vec::with_capacity(BLOCK_LEN + 2048);
    block.resize(BLOCK_HEAD, 0);
    for (key, loc) in entries {
        block.extend_from_slice(&(key.len() as u32).to_le_bytes());
        block.extend_from_slice(&loc.0.file.to_le_bytes());
        block.extend_from_slice(&loc.0.ofs.to_le_bytes());
        block.extend_from_slice(&key);
        if block.len() >= BLOCK_LEN {
            append_block(file, &mut block)?;
        }
    }
    append_block(file, &mut block)
}

/// Writes the block behind the room for its head, unless it is empty, and empties it.
fn append_block(file: &mut ScratchFile, block: &mut Vec<u8>) -> Result<()> {
    let (head, entries) = block.split_at_mut(BLOCK_HEAD);
    if entries.is_empty() {
        return Ok(());
    }
    head[..4].copy_from_slice(&(entries.len() as u32).to_le_bytes());
    head[4..].copy_from_slice(&crc32fast::hash(entries).to_le_bytes());
    file.append(block)?;
    block.truncate(BLOCK_HEAD);
    Ok(())
}

/// The runs as one.
#[derive(Debug)]
pub struct Merge {
    file: ScratchFile,
    runs: Vec<Run>,
    heads: BinaryHeap<Head>,
}

/// The rest of a run: a block that is being read, and where the next one is.
#[derive(Debug)]
struct Run {
    ofs: u64,
    end: u64,
    block: Vec<u8>,
    at: usize,
}

/// The first entry that is left of a run. The least of all is the heap's greatest.
#[derive(Debug)]
struct Head {
    entry: Entry,
    run: usize,
    order: EntryOrder,
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        self.order.compare(&other.entry, &self.entry)
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Head {
    fn eq(&self, other: &Head) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Head {}

impl Merge {
    /// Merges the runs of `file`, each of which ends at one of `ends`.
    ///
    /// # Errors
    /// Those of the disk; [`crate::Error::BadFile`] if it gives back other bytes than it was given.
    pub fn new(file: ScratchFile, ends: &[u64], order: EntryOrder) -> Result<Merge> {
        let begins = [0].into_iter().chain(ends.iter().copied());
        let run = |(ofs, end)| Run { ofs, end, block: Vec::new(), at: 0 };
        let runs = begins.zip(ends.iter().copied()).map(run).collect();
        let mut merge = Merge { file, runs, heads: BinaryHeap::new() };
        for run in 0..merge.runs.len() {
            merge.advance(run, order)?;
        }
        Ok(merge)
    }

    /// Takes the next entry of a run to the heap.
    fn advance(&mut self, run: usize, order: EntryOrder) -> Result<()> {
        if let Some(entry) = self.runs[run].next(&self.file)? {
            self.heads.push(Head { entry, run, order });
        }
        Ok(())
    }
}

impl Iterator for Merge {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        let Head { entry, run, order } = self.heads.pop()?;
        Some(self.advance(run, order).map(|()| entry))
    }
}

impl Run {
    fn next(&mut self, file: &ScratchFile) -> Result<Option<Entry>> {
        if self.at == self.block.len() {
            if self.ofs == self.end {
                return Ok(None);
            }
            self.read_block(file)?;
        }
        let entry = entry_at(&self.block[self.at..]).ok_or_else(|| file.damaged())?;
        self.at += ENTRY_HEAD + entry.0.len();
        Ok(Some(entry))
    }

    fn read_block(&mut self, file: &ScratchFile) -> Result<()> {
        let mut head = [0; BLOCK_HEAD];
        if self.end - self.ofs <= BLOCK_HEAD as u64 {
            return Err(file.damaged());
        }
        file.read_at(self.ofs, &mut head)?;
        let (len, crc) = (u64::from(number(&head, 0)), number(&head, 4));
        let ofs = self.ofs + BLOCK_HEAD as u64;
        if len == 0 || len > (self.end - ofs).min(BLOCK_LEN_MAX as u64) {
            return Err(file.damaged());
        }
        self.block.resize(len as usize, 0);
        file.read_at(ofs, &mut self.block)?;
        if crc32fast::hash(&self.block) != crc {
            return Err(file.damaged());
        }
        (self.ofs, self.at) = (ofs + len, 0);
        Ok(())
    }
}

/// The entry that `bytes` begin with, if it is whole.
fn entry_at(bytes: &[u8]) -> Option<Entry> {
    let (head, rest) = bytes.split_at_checked(ENTRY_HEAD)?;
    let key = rest.get(..number(head, 0) as usize)?;
    let loc = DiskLoc { file: number(head, 4) as i32, ofs: number(head, 8) as i32 };
    Some((key.to_vec(), RecordLoc(loc)))
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(number)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::bson::element::Value;
    use crate::bson::ty;
    use crate::disk::{Access, Disk, HeapDisk};
    use crate::error::Error;

    const ORDER: EntryOrder = EntryOrder { version: IndexVersion::V1, order: KeyOrder::ASCENDING };

    fn entry(n: i32) -> Entry {
        let mut key = Vec::new();
        let value = Value { ty: ty::INT32, bytes: &n.to_le_bytes() };
        key::encode(IndexVersion::V1, &[value], "n", &mut key).expect("short");
        (key, RecordLoc(DiskLoc { file: n % 3, ofs: n * 4 }))
    }

    /// A file with runs of these lengths, of the numbers below their sum, dealt out in turn.
    fn runs(disk: &HeapDisk, lens: &[i32]) -> (ScratchFile, Vec<u64>) {
        let disk = Arc::new(disk.clone());
        let mut file = ScratchFile::create(disk, Path::new("_tmp"), "d.keys").expect("made");
        let (mut ends, mut next) = (Vec::new(), 0);
        let mut dealt = vec![Vec::new(); lens.len()];
        while dealt.iter().zip(lens).any(|(run, len)| run.len() < *len as usize) {
            for (run, _) in
                dealt.iter_mut().zip(lens).filter(|(run, len)| run.len() < **len as usize)
            {
                run.push(entry(next));
                next += 1;
            }
        }
        for run in dealt {
            write(&mut file, run.into_iter()).expect("written");
            ends.push(file.len());
        }
        (file, ends)
    }

    fn merged(file: ScratchFile, ends: &[u64]) -> Result<Vec<Entry>> {
        Merge::new(file, ends, ORDER)?.collect()
    }

    #[test]
    fn merging_gives_all_in_order() {
        let disk = HeapDisk::new();
        for lens in [&[1][..], &[5, 1, 0, 9], &[20_000, 3, 7_000], &[2; 500]] {
            let (file, ends) = runs(&disk, lens);
            let all: Vec<_> = (0..lens.iter().sum()).map(entry).collect();
            assert!(merged(file, &ends).expect("sound") == all, "{lens:?}");
            assert!(disk.list(Path::new("_tmp")).expect("listed").is_empty(), "removed");
        }
    }

    /// Whatever one byte becomes, nobody takes it for what was written.
    #[test]
    fn every_changed_byte_is_an_error() {
        let disk = HeapDisk::new();
        let len = runs(&disk, &[3, 4]).0.len();
        for at in 0..len {
            for flip in [1, 0x80, 0xff] {
                let (file, ends) = runs(&disk, &[3, 4]);
                let below = disk.open(Path::new("_tmp/d.keys"), Access::Write).expect("opens");
                let mut byte = [0];
                below.read_at(at, &mut byte).expect("inside");
                below.write_at(at, &[byte[0] ^ flip]).expect("inside");
                let answer = merged(file, &ends);
                assert!(matches!(answer, Err(Error::BadFile { .. })), "{at} {flip}: {answer:?}");
            }
        }
        let (file, ends) = runs(&disk, &[3, 4]);
        disk.open(Path::new("_tmp/d.keys"), Access::Write).expect("opens").set_len(9).expect("cut");
        assert!(merged(file, &ends).is_err());
    }
}
