//! The bytes of a file in RAM, page by page: what [`super::HeapDisk`] stores and
//! [`super::OverlayDisk`] keeps of its changes. It is not a file: it has no name and no lock.
//!
//! - S1. A page that is absent is all zeros (or the base's, in an overlay).
//! - S2. No page lies at or beyond the length; bytes of the last page beyond it are zero.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::limits::PAGE;

/// Pages by number, and a length. A clone shares the pages until one of the two changes them.
#[derive(Debug, Clone, Default)]
pub struct SparseBytes {
    pages: BTreeMap<u64, Arc<[u8; PAGE]>>,
    len: u64,
}

impl SparseBytes {
    /// `len` zeros.
    pub fn zeros(len: u64) -> SparseBytes {
        SparseBytes { pages: BTreeMap::new(), len }
    }

    /// Length, bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Cuts or extends with zeros (S2).
    pub fn set_len(&mut self, len: u64) {
        if len < self.len {
            self.pages.split_off(&len.div_ceil(PAGE as u64));
            let tail = (len % PAGE as u64) as usize;
            if let Some(page) = self.pages.get_mut(&(len / PAGE as u64)) {
                Arc::make_mut(page)[tail..].fill(0);
            }
        }
        self.len = len;
    }

    /// Copies the bytes at `ofs`; where a page is absent, `absent` fills the piece instead. It
    /// is given the offset of the piece.
    ///
    /// # Errors
    /// Those of `absent`.
    pub fn read_with<E>(
        &self,
        ofs: u64,
        out: &mut [u8],
        mut absent: impl FnMut(u64, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        while at < out.len() {
            let (page, within, n) = piece(ofs + at as u64, out.len() - at);
            let target = &mut out[at..at + n];
            match self.pages.get(&page) {
                Some(bytes) => target.copy_from_slice(&bytes[within..within + n]),
                None => absent(ofs + at as u64, target)?,
            }
            at += n;
        }
        Ok(())
    }

    /// Copies the bytes at `ofs`, all inside of the length.
    pub fn read(&self, ofs: u64, out: &mut [u8]) {
        let zeros = |_, piece: &mut [u8]| {
            piece.fill(0);
            Ok::<(), std::convert::Infallible>(())
        };
        let Ok(()) = self.read_with(ofs, out, zeros);
    }

    /// Writes `bytes` at `ofs`, extending the length if needed; `absent` fills a page that is
    /// absent and only partly overwritten.
    ///
    /// # Errors
    /// Those of `absent`; pages before the failing one are written.
    pub fn write_with<E>(
        &mut self,
        ofs: u64,
        bytes: &[u8],
        mut absent: impl FnMut(u64, &mut [u8; PAGE]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut at = 0;
        while at < bytes.len() {
            let (page, within, n) = piece(ofs + at as u64, bytes.len() - at);
            let target = match self.pages.entry(page) {
                Entry::Occupied(present) => present.into_mut(),
                Entry::Vacant(vacant) => {
                    let mut fresh = [0; PAGE];
                    if n < PAGE {
                        absent(page, &mut fresh)?;
                    }
                    vacant.insert(Arc::new(fresh))
                }
            };
            let target = Arc::make_mut(target);
            target[within..within + n].copy_from_slice(&bytes[at..at + n]);
            at += n;
        }
        if !bytes.is_empty() {
            self.len = self.len.max(ofs + bytes.len() as u64);
        }
        Ok(())
    }

    /// Writes `bytes` at `ofs`, extending the length if needed.
    pub fn write(&mut self, ofs: u64, bytes: &[u8]) {
        let Ok(()) = self.write_with(ofs, bytes, |_, _| Ok::<(), std::convert::Infallible>(()));
    }

    /// The pages that are present, in order, cut at the length.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &[u8])> {
        self.pages.iter().map(|(page, bytes)| {
            let ofs = page * PAGE as u64;
            (ofs, &bytes[..PAGE.min((self.len - ofs) as usize)])
        })
    }
}

/// Page number, offset in it, and how many of `len` bytes at `ofs` lie in it.
fn piece(ofs: u64, len: usize) -> (u64, usize, usize) {
    let within = (ofs % PAGE as u64) as usize;
    (ofs / PAGE as u64, within, len.min(PAGE - within))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;

    #[test]
    fn agrees_with_a_vector() {
        const SEED: u64 = 11;
        println!("seed {SEED}");
        let mut random = oorandom::Rand32::new(SEED);
        let (mut sparse, mut oracle) = (SparseBytes::default(), Vec::new());
        for step in 0..rounds(2000) {
            let ofs = random.rand_range(0..20_000) as usize;
            let len = random.rand_range(0..9_000) as usize;
            if random.rand_range(0..10) == 0 {
                sparse.set_len(ofs as u64);
                oracle.resize(ofs, 0);
            } else {
                let bytes = vec![random.rand_u32() as u8; len];
                if !bytes.is_empty() {
                    oracle.resize(oracle.len().max(ofs + len), 0u8);
                    oracle[ofs..ofs + len].copy_from_slice(&bytes);
                }
                sparse.write(ofs as u64, &bytes);
            }
            assert_eq!(sparse.len(), oracle.len() as u64, "step {step}");
            let mut all = vec![7; oracle.len()];
            sparse.read(0, &mut all);
            assert!(all == oracle, "step {step}");
        }
        let total: usize = sparse.pages().map(|(_, bytes)| bytes.len()).sum();
        assert!(total <= oracle.len());
    }
}
