//! What of a simulated file's bytes is persistent, and what may be left when the power fails.

use oorandom::Rand32;

use crate::disk::sparse_bytes::SparseBytes;

/// Bytes that persist together.
const SECTOR: usize = 512;

/// What of a file is persistent, and what may be.
#[derive(Debug, Default)]
pub struct Platter {
    pub synced: SparseBytes,
    pub pending: Vec<Pending>,
    /// What was pending when a sync failed, and all that was synced since: whether it is certain
    /// to be there.
    pub doubtful: Vec<(Pending, bool)>,
}

/// A change that no sync has made persistent.
#[derive(Debug)]
pub enum Pending {
    Write(u64, Vec<u8>),
    Len(u64),
}

impl Platter {
    /// All that is pending is persistent.
    pub fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            match change {
                change if !self.doubtful.is_empty() => self.doubtful.push((change, true)),
                Pending::Write(ofs, bytes) => self.synced.write(ofs, &bytes),
                Pending::Len(len) => self.synced.set_len(len),
            }
        }
    }

    /// Of what is pending it will never be known whether it is there (P7).
    pub fn sync_failed(&mut self) {
        self.doubtful.extend(std::mem::take(&mut self.pending).into_iter().map(|it| (it, false)));
    }

    /// What may be left (P1, P3): `persists` decides of each sector and each length. Beyond the
    /// synced length a sector that does not persist may also be anything.
    pub fn after_power_cut(
        &self,
        persists: &mut impl FnMut(&mut Rand32) -> bool,
        random: &mut Rand32,
    ) -> SparseBytes {
        let mut bytes = self.synced.clone();
        let mut unwritten = Vec::new();
        let pending = self.pending.iter().map(|change| (change, false));
        let doubtful = self.doubtful.iter().map(|(change, is_certain)| (change, *is_certain));
        for (change, is_certain) in doubtful.chain(pending) {
            match change {
                Pending::Len(len) if is_certain => bytes.set_len(*len),
                Pending::Write(ofs, written) if is_certain => {
                    bytes.write(*ofs, written);
                    let end = ofs + written.len() as u64;
                    unwritten.retain(|(at, len)| at + *len as u64 <= *ofs || end <= *at);
                }
                Pending::Len(len) if persists(random) => {
                    // One sector speaks for all that were never written.
                    let first = self.synced.len().div_ceil(SECTOR as u64);
                    if let Some(sectors @ 1..) = (len / SECTOR as u64).checked_sub(first) {
                        let sector = first + u64::from(random.rand_u32()) % sectors;
                        unwritten.push((sector * SECTOR as u64, SECTOR));
                    }
                    bytes.set_len(*len);
                }
                Pending::Len(_) => {}
                Pending::Write(ofs, written) => {
                    for (ofs, piece) in sectors(*ofs, written) {
                        if persists(random) {
                            bytes.write(ofs, piece);
                        } else {
                            unwritten.push((ofs, piece.len()));
                        }
                    }
                }
            }
        }
        for (ofs, len) in unwritten {
            let is_known = ofs < self.synced.len() || ofs + len as u64 > bytes.len();
            if !is_known && random.rand_range(0..3) == 0 {
                let garbage: Vec<u8> = (0..len).map(|_| random.rand_u32() as u8).collect();
                bytes.write(ofs, &garbage);
            }
        }
        bytes
    }
}

/// The pieces of `bytes` at `ofs` that lie in one sector each, with their offsets.
fn sectors(ofs: u64, bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = ofs + at as u64;
        let n = (SECTOR - start as usize % SECTOR).min(bytes.len() - at);
        let piece = bytes.get(at..at + n).filter(|piece| !piece.is_empty())?;
        at += n;
        Some((start, piece))
    })
}
