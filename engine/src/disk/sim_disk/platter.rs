//! What of a simulated file's bytes is persistent, and what may be left when the power fails.

use oorandom::Rand32;

use crate::disk::sparse_bytes::SparseBytes;

/// Bytes that persist together.
const SECTOR: usize = 512;

/// What of a file is persistent, and what may be.
#[derive(Debug, Default)]
pub struct Platter {
    pub synced: SparseBytes,
    pub pending: Vec<Change>,
}

#[derive(Debug)]
pub enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

impl Platter {
    /// What may be left: `persists` decides of each sector.
    pub fn after_power_cut(
        &self,
        persists: &mut impl FnMut(&mut Rand32) -> bool,
        random: &mut Rand32,
    ) -> SparseBytes {
        let mut bytes = self.synced.clone();
        for change in &self.pending {
            match change {
                Change::Len(len) if persists(random) => bytes.set_len(*len),
                Change::Len(_) => {}
                Change::Write(ofs, written) => {
                    let mut at = 0;
                    while at < written.len() {
                        let ofs = ofs + at as u64;
                        let n = (SECTOR - ofs as usize % SECTOR).min(written.len() - at);
                        if persists(random) {
                            bytes.write(ofs, &written[at..at + n]);
                        }
                        at += n;
                    }
                }
            }
        }
        bytes
    }
}
