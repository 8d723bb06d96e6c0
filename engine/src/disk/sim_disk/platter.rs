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
    /// What was pending when a sync failed, and all that was synced since: whether it is certain
    /// to be there.
    pub doubtful: Vec<(Change, bool)>,
}

#[derive(Debug)]
pub enum Change {
    Write(u64, Vec<u8>),
    Len(u64),
}

impl Platter {
    /// All that is pending is persistent.
    pub fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            match change {
                change if !self.doubtful.is_empty() => self.doubtful.push((change, true)),
                Change::Write(ofs, bytes) => self.synced.write(ofs, &bytes),
                Change::Len(len) => self.synced.set_len(len),
            }
        }
    }

    /// Of what is pending it will never be known whether it is there (P7).
    pub fn sync_failed(&mut self) {
        self.doubtful.extend(std::mem::take(&mut self.pending).into_iter().map(|it| (it, false)));
    }

    /// What may be left: `persists` decides of each sector.
    pub fn after_power_cut(
        &self,
        persists: &mut impl FnMut(&mut Rand32) -> bool,
        random: &mut Rand32,
    ) -> SparseBytes {
        let mut bytes = self.synced.clone();
        let pending = self.pending.iter().map(|change| (change, false));
        let doubtful = self.doubtful.iter().map(|(change, is_certain)| (change, *is_certain));
        for (change, is_certain) in doubtful.chain(pending) {
            let mut persists = |random: &mut Rand32| is_certain || persists(random);
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
