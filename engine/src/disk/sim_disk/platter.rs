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
}

/// A change that no sync has made persistent.
#[derive(Debug)]
pub enum Pending {
    Write(u64, Vec<u8>),
    Len(u64),
}

impl Platter {
    /// What may be left (P1, P3): `persists` decides of each sector and each length. Beyond the
    /// synced length a sector that does not persist may also be anything.
    pub fn after_power_cut(
        &self,
        persists: &mut impl FnMut(&mut Rand32) -> bool,
        random: &mut Rand32,
    ) -> SparseBytes {
        let mut bytes = self.synced.clone();
        let mut unwritten = Vec::new();
        for pending in &self.pending {
            match pending {
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
