//! Which 64-byte lines of a file were changed since the last gather, which of its pages have been
//! copied into private memory, and which are owed to the file. Bits only: no bytes, no file.
//!
//! Three levels of bits, so that a sweep costs what was changed and not what there is: one word
//! of lines per page; one bit per page that has such a word; one bit per region of 512 pages
//! that has such a page. Marking allocates nothing but the bits of a region at its first
//! change, and a line that is marked already costs one load.
//!
//! - D1. [`DirtyLines::mark`] is called by units of work, [`DirtyLines::take`] and
//!   [`DirtyLines::forget_clean`] while none is under way; the gate and the stripes order all that
//!   these bits mean, so every operation on them is relaxed.
//! - D2. A page whose word is not 0 has its bit set, and so has its region.
//! - D3. A page that was marked is private until it is forgotten: marked and not private is
//!   impossible.
//! - D4. A page of which lines were taken is owed to the file until it is taken as such, and it is
//!   not forgotten before.

use std::sync::atomic::Ordering::Relaxed;

use crate::limits::{LINE, PAGE};
use crate::sync::{AtomicU64, OnceLock};

/// Pages of a region.
const REGION_PAGES: usize = if cfg!(loom) { 64 } else { 512 };
/// Words of a region's bits by page.
const REGION_WORDS: usize = REGION_PAGES / 64;

/// How much of all files together is changed and private: what the thresholds look at.
#[derive(Debug, Default)]
pub struct Pressure {
    /// Pages with a changed line.
    pub dirty_pages: AtomicU64,
    /// Pages copied into private memory.
    pub private_pages: AtomicU64,
    /// Pages whose gathered lines are not all in the file.
    pub owed_pages: AtomicU64,
}

/// The bits of 512 pages.
#[derive(Debug)]
struct Region {
    lines: [AtomicU64; REGION_PAGES],
    touched: [AtomicU64; REGION_WORDS],
    private: [AtomicU64; REGION_WORDS],
    owed: [AtomicU64; REGION_WORDS],
}

/// Which pages that are owed to a file are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Those without a marked line: a gather has taken all that they hold.
    Gathered,
    /// All.
    All,
}

impl Region {
    fn new() -> Box<Region> {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        let lines = std::array::from_fn(|_| AtomicU64::new(0));
        Box::new(Region { lines, touched: zeros(), private: zeros(), owed: zeros() })
    }
}

/// The bits of one file.
#[derive(Debug)]
pub struct DirtyLines {
    regions: Box<[OnceLock<Box<Region>>]>,
    /// One bit per region.
    touched: Box<[AtomicU64]>,
}

/// The bits of a word, lowest first.
fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros();
        word &= word.wrapping_sub(1);
        (bit < 64).then_some(bit as usize)
    })
}

/// The bits `first ..= last` of a word.
fn mask(first: usize, last: usize) -> u64 {
    (u64::MAX << first) & (u64::MAX >> (63 - last))
}

impl DirtyLines {
    /// Nothing is changed in a file of `len` bytes.
    pub fn new(len: usize) -> DirtyLines {
        let regions = len.div_ceil(PAGE * REGION_PAGES);
        DirtyLines {
            regions: (0..regions).map(|_| OnceLock::new()).collect(),
            touched: (0..regions.div_ceil(64)).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Marks the lines of the `len` bytes at `ofs`, which are inside of the file. Gives the
    /// number of pages that had no marked line.
    #[inline(always)]
    pub fn mark(&self, ofs: usize, len: usize, pressure: &Pressure) -> u64 {
        if len == 0 {
            return 0;
        }
        let (first, last) = (ofs / LINE, (ofs + len - 1) / LINE);
        if first == last {
            return u64::from(self.mark_page(first / 64, 1 << (first % 64), pressure));
        }
        self.mark_lines(first, last, pressure)
    }

    fn mark_lines(&self, first: usize, last: usize, pressure: &Pressure) -> u64 {
        let mut fresh = 0;
        for page in first / 64..=last / 64 {
            let from = first.max(page * 64) % 64;
            let to = last.min(page * 64 + 63) % 64;
            fresh += u64::from(self.mark_page(page, mask(from, to), pressure));
        }
        fresh
    }

    #[inline(always)]
    fn mark_page(&self, page: usize, lines: u64, pressure: &Pressure) -> bool {
        match self.regions[page / REGION_PAGES].get() {
            Some(region) if region.lines[page % REGION_PAGES].load(Relaxed) & lines == lines => {
                false
            }
            _ => self.mark_new(page, lines, pressure),
        }
    }

    /// Marks lines that are not all marked.
    fn mark_new(&self, page: usize, lines: u64, pressure: &Pressure) -> bool {
        let region = self.regions[page / REGION_PAGES].get_or_init(Region::new);
        let at = page % REGION_PAGES;
        if region.lines[at].fetch_or(lines, Relaxed) != 0 {
            return false;
        }
        let bit = 1 << (at % 64);
        region.touched[at / 64].fetch_or(bit, Relaxed);
        self.touched[page / REGION_PAGES / 64].fetch_or(1 << (page / REGION_PAGES % 64), Relaxed);
        if region.private[at / 64].fetch_or(bit, Relaxed) & bit == 0 {
            pressure.private_pages.fetch_add(1, Relaxed);
        }
        pressure.dirty_pages.fetch_add(1, Relaxed);
        true
    }

    /// Clears all marks and hands each page that had some to `page_lines` with the bits of its
    /// lines, in ascending order.
    pub fn take(&self, pressure: &Pressure, mut page_lines: impl FnMut(usize, u64)) {
        for (word, regions) in self.touched.iter().enumerate() {
            for region in bits(regions.swap(0, Relaxed)) {
                let number = word * 64 + region;
                let Some(region) = self.regions[number].get() else { continue };
                let (taken, owed) = region.take(number * REGION_PAGES, &mut page_lines);
                pressure.dirty_pages.fetch_sub(taken, Relaxed);
                pressure.owed_pages.fetch_add(owed, Relaxed);
            }
        }
    }

    /// From page `from` on, hands runs of pages that are owed to the file to `take`; they are owed
    /// no longer. Stops after about `pages_max` pages. Gives the page to go on from, or `None` at
    /// the end of the file.
    pub fn take_owed(
        &self,
        from: usize,
        pages_max: usize,
        which: Owed,
        pressure: &Pressure,
        mut take: impl FnMut(usize, usize),
    ) -> Option<usize> {
        let mut taken = 0;
        for word in from / 64..self.regions.len() * REGION_WORDS {
            let Some(region) = self.regions[word / REGION_WORDS].get() else { continue };
            if taken >= pages_max {
                return Some(word * 64);
            }
            let owed = &region.owed[word % REGION_WORDS];
            let kept = match which {
                Owed::Gathered => region.touched[word % REGION_WORDS].load(Relaxed),
                Owed::All => 0,
            };
            let due = owed.load(Relaxed) & !kept;
            for (first, pages) in runs(due) {
                take(word * 64 + first, pages);
                taken += pages;
            }
            owed.fetch_and(!due, Relaxed);
            pressure.owed_pages.fetch_sub(u64::from(due.count_ones()), Relaxed);
        }
        None
    }

    /// From page `from` on, hands runs of pages that are private, not marked and not owed to
    /// `give_back` as `(first page, pages)`; those for which it answers `true` are no longer
    /// private. Stops after about `pages_max` pages. Gives the page to go on from, or `None` at the
    /// end of the file, and how many were forgotten.
    pub fn forget_clean(
        &self,
        from: usize,
        pages_max: usize,
        pressure: &Pressure,
        mut give_back: impl FnMut(usize, usize) -> bool,
    ) -> (Option<usize>, u64) {
        let (mut offered, mut forgotten) = (0, 0);
        for word in from / 64..self.regions.len() * REGION_WORDS {
            let Some(region) = self.regions[word / REGION_WORDS].get() else { continue };
            if offered >= pages_max {
                return (Some(word * 64), forgotten);
            }
            let private = &region.private[word % REGION_WORDS];
            let touched = region.touched[word % REGION_WORDS].load(Relaxed);
            let owed = region.owed[word % REGION_WORDS].load(Relaxed);
            let clean = private.load(Relaxed) & !touched & !owed;
            for (first, pages) in runs(clean) {
                offered += pages;
                if give_back(word * 64 + first, pages) {
                    private.fetch_and(!mask(first, first + pages - 1), Relaxed);
                    pressure.private_pages.fetch_sub(pages as u64, Relaxed);
                    forgotten += pages as u64;
                }
            }
        }
        (None, forgotten)
    }

    /// Takes this file's pages out of the sums: its view is about to go.
    pub fn retire(&self, pressure: &Pressure) {
        let mut dirty = 0;
        let (mut private, mut owed) = (0, 0);
        for region in self.regions.iter().filter_map(OnceLock::get) {
            let count = |words: &[AtomicU64]| -> u64 {
                words.iter().map(|w| u64::from(w.load(Relaxed).count_ones())).sum()
            };
            dirty += count(&region.touched);
            private += count(&region.private);
            owed += count(&region.owed);
        }
        pressure.dirty_pages.fetch_sub(dirty, Relaxed);
        pressure.private_pages.fetch_sub(private, Relaxed);
        pressure.owed_pages.fetch_sub(owed, Relaxed);
    }
}

impl Region {
    /// Gives how many pages had marked lines, and how many of them were not owed before.
    fn take(&self, first_page: usize, page_lines: &mut impl FnMut(usize, u64)) -> (u64, u64) {
        let (mut taken, mut owed) = (0, 0);
        for (word, pages) in self.touched.iter().enumerate() {
            let pages = pages.swap(0, Relaxed);
            if pages == 0 {
                continue;
            }
            owed += u64::from((pages & !self.owed[word].fetch_or(pages, Relaxed)).count_ones());
            for bit in bits(pages) {
                let at = word * 64 + bit;
                page_lines(first_page + at, self.lines[at].swap(0, Relaxed));
                taken += 1;
            }
        }
        (taken, owed)
    }
}

/// The runs of ones of a word, as `(first, length)`.
fn runs(mut word: u64) -> impl Iterator<Item = (usize, usize)> {
    std::iter::from_fn(move || {
        if word == 0 {
            return None;
        }
        let first = word.trailing_zeros() as usize;
        let len = (word >> first).trailing_ones() as usize;
        word &= !mask(first, first + len - 1);
        Some((first, len))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::rounds::rounds;

    #[test]
    fn masks_and_runs() {
        assert_eq!(mask(0, 63), u64::MAX);
        assert_eq!(mask(63, 63), 1 << 63);
        assert_eq!(mask(4, 5), 0b11_0000);
        assert_eq!(runs(0b1011_0001).collect::<Vec<_>>(), [(0, 1), (4, 2), (7, 1)]);
        assert_eq!(runs(u64::MAX).collect::<Vec<_>>(), [(0, 64)]);
        assert_eq!(bits(0b1010).collect::<Vec<_>>(), [1, 3]);
    }

    /// Marks, takes and forgets at random beside sets of lines and pages.
    #[test]
    fn agrees_with_sets() {
        const SEED: u64 = 3;
        println!("seed {SEED}");
        let mut random = oorandom::Rand32::new(SEED);
        let len = 3 * REGION_PAGES * PAGE + 5 * PAGE;
        let (file, pressure) = (DirtyLines::new(len), Pressure::default());
        let (mut lines, mut private) = (BTreeSet::new(), BTreeSet::new());
        let mut owed = BTreeSet::new();
        for step in 0..rounds(3000) {
            match random.rand_range(0..40) {
                0 => {
                    let mut taken = BTreeSet::new();
                    let mut last = None;
                    file.take(&pressure, |page, word| {
                        assert!(last < Some(page), "step {step}: not ascending");
                        last = Some(page);
                        taken.extend(bits(word).map(|bit| page * 64 + bit));
                    });
                    assert_eq!(taken, std::mem::take(&mut lines), "step {step}");
                    owed.extend(taken.iter().map(|line| line / 64));
                }
                1 => {
                    let dirty: BTreeSet<_> = lines.iter().map(|line| line / 64).collect();
                    let mut from = Some(0);
                    while let Some(start) = from {
                        (from, _) = file.forget_clean(start, 7, &pressure, |first, pages| {
                            for page in first..first + pages {
                                assert!(!owed.contains(&page));
                                assert!(private.remove(&page) && !dirty.contains(&page));
                            }
                            true
                        });
                    }
                    let kept: BTreeSet<_> = dirty.union(&owed).copied().collect();
                    assert_eq!(private, kept, "step {step}");
                }
                2 => {
                    let dirty: BTreeSet<_> = lines.iter().map(|line| line / 64).collect();
                    let which = [Owed::Gathered, Owed::All][random.rand_range(0..2) as usize];
                    let (mut from, mut last) = (Some(0), None);
                    while let Some(start) = from {
                        from = file.take_owed(start, 50, which, &pressure, |first, pages| {
                            assert!(last < Some(first), "step {step}: not ascending");
                            last = Some(first + pages - 1);
                            for page in first..first + pages {
                                assert!(owed.remove(&page));
                                assert!(which == Owed::All || !dirty.contains(&page));
                            }
                        });
                    }
                    let left = owed.iter().filter(|&page| !dirty.contains(page)).count();
                    assert!(left == 0 && (which == Owed::Gathered || owed.is_empty()));
                }
                _ => {
                    let ofs = random.rand_range(0..len as u32 - 9000) as usize;
                    let n = random.rand_range(0..9000) as usize;
                    file.mark(ofs, n, &pressure);
                    let marked = if n == 0 { 0..0 } else { ofs / LINE..(ofs + n - 1) / LINE + 1 };
                    private.extend(marked.clone().map(|line| line / 64));
                    lines.extend(marked);
                }
            }
            let dirty: BTreeSet<_> = lines.iter().map(|line| line / 64).collect();
            assert_eq!(pressure.dirty_pages.load(Relaxed), dirty.len() as u64, "step {step}");
            assert_eq!(pressure.private_pages.load(Relaxed), private.len() as u64, "step {step}");
            assert_eq!(pressure.owed_pages.load(Relaxed), owed.len() as u64, "step {step}");
        }
        file.retire(&pressure);
        assert_eq!(pressure.private_pages.load(Relaxed), 0);
        assert_eq!(pressure.owed_pages.load(Relaxed), 0);
    }

    #[test]
    fn a_page_that_is_not_given_back_stays_private() {
        let (file, pressure) = (DirtyLines::new(PAGE), Pressure::default());
        assert_eq!(file.mark(100, 1, &pressure), 1);
        assert_eq!(file.mark(0, PAGE, &pressure), 0);
        let mut pages = BTreeMap::new();
        file.take(&pressure, |page, lines| {
            pages.insert(page, lines);
        });
        assert_eq!(pages, BTreeMap::from([(0, u64::MAX)]));
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| true), (None, 0), "it is owed");
        file.take_owed(0, 10, Owed::Gathered, &pressure, |first, pages| {
            assert_eq!((first, pages), (0, 1));
        });
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| false), (None, 0));
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| true), (None, 1));
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| true), (None, 0));
    }
}
