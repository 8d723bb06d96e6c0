//! Which 64-byte lines of a file were changed since the last gather, which of its pages have been
//! copied into private memory, and which are owed to the file. Bits only: no bytes, no file.
//!
//! Three levels of bits, so that a sweep costs what was changed and not what there is: one word
//! of lines per page; one bit per page that has such a word; one bit per region of 512 pages
//! that has such a page. Marking allocates nothing but the bits of a region at its first
//! change, and a line that is marked already costs one load.
//!
//! Lines are marked in one of two [`Set`]s, while a gather takes the marks of the other.
//!
//! - D1. [`DirtyLines::mark`] is called by units of work, [`DirtyLines::take_owed`] and
//!   [`DirtyLines::forget_clean`] while none is under way; the gate and the stripes order all that
//!   these bits mean, so every operation on them is relaxed, but for the one by which a page is
//!   taken: `gathering`, N3.
//! - D2. A page whose word is not 0 has its bit set, and so has its region.
//! - D3. A page that was marked is private until it is forgotten: marked and not private is
//!   impossible.
//! - D4. A page of which lines were taken is owed to the file until it is taken as such, and it is
//!   not forgotten before.

use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::disk::prefetch;
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
    marks: [Marks; 2],
    private: [AtomicU64; REGION_WORDS],
    owed: [AtomicU64; REGION_WORDS],
}

/// The marks of a region in one set.
#[derive(Debug)]
struct Marks {
    lines: [AtomicU64; REGION_PAGES],
    touched: [AtomicU64; REGION_WORDS],
}

/// One of the two sets of marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// The one that is marked first.
    First = 0,
    /// The other.
    Second = 1,
}

impl Set {
    /// The other one.
    #[inline]
    pub fn other(self) -> Set {
        match self {
            Set::First => Set::Second,
            Set::Second => Set::First,
        }
    }
}

/// Which pages that are owed to a file are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Those without a line that is marked in this set, which is the present one: a gather has
    /// taken all that they hold, or is about to.
    Gathered(Set),
    /// All.
    All,
}

impl Region {
    fn new() -> Box<Region> {
        let zeros = || std::array::from_fn(|_| AtomicU64::new(0));
        let marks =
            || Marks { lines: std::array::from_fn(|_| AtomicU64::new(0)), touched: zeros() };
        Box::new(Region { marks: [marks(), marks()], private: zeros(), owed: zeros() })
    }
}

/// The bits of one file.
#[derive(Debug)]
pub struct DirtyLines {
    regions: Box<[OnceLock<Box<Region>>]>,
    /// One bit per region, by set.
    touched: [Box<[AtomicU64]>; 2],
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
            touched: [(); 2]
                .map(|()| (0..regions.div_ceil(64)).map(|_| AtomicU64::new(0)).collect()),
        }
    }

    /// Marks the lines of the `len` bytes at `ofs`, which are inside of the file. Gives the
    /// number of pages that had no marked line.
    pub fn mark(&self, set: Set, ofs: usize, len: usize, pressure: &Pressure) -> u64 {
        if len == 0 {
            return 0;
        }
        let (first, last) = (ofs / LINE, (ofs + len - 1) / LINE);
        let mut fresh = 0;
        for page in first / 64..=last / 64 {
            let from = first.max(page * 64) % 64;
            let to = last.min(page * 64 + 63) % 64;
            fresh += u64::from(self.mark_page(set, page, mask(from, to), pressure));
        }
        fresh
    }

    /// Marks lines of a page of this file. Says whether it had no marked line.
    #[inline(always)]
    pub fn mark_page(&self, set: Set, page: usize, lines: u64, pressure: &Pressure) -> bool {
        let marked = self.marks(set, page).map_or(0, |word| word.load(Relaxed));
        marked & lines != lines && self.mark_new(set, page, lines, pressure)
    }

    /// Marks lines that are not all marked.
    fn mark_new(&self, set: Set, page: usize, lines: u64, pressure: &Pressure) -> bool {
        let region = self.regions[page / REGION_PAGES].get_or_init(Region::new);
        let at = page % REGION_PAGES;
        let marks = &region.marks[set as usize];
        if marks.lines[at].fetch_or(lines, Relaxed) != 0 {
            return false;
        }
        let bit = 1 << (at % 64);
        marks.touched[at / 64].fetch_or(bit, Relaxed);
        self.touched[set as usize][page / REGION_PAGES / 64]
            .fetch_or(1 << (page / REGION_PAGES % 64), Relaxed);
        if region.private[at / 64].fetch_or(bit, Relaxed) & bit == 0 {
            pressure.private_pages.fetch_add(1, Relaxed);
        }
        pressure.dirty_pages.fetch_add(1, Relaxed);
        true
    }

    /// The word of the lines of `page`, if anything of its region was ever marked.
    #[inline(always)]
    fn marks(&self, set: Set, page: usize) -> Option<&AtomicU64> {
        let region = self.regions[page / REGION_PAGES].get()?;
        Some(&region.marks[set as usize].lines[page % REGION_PAGES])
    }

    /// A line of the page is about to be marked. It may be of no page of this file.
    #[inline(always)]
    pub fn foresee(&self, set: Set, page: usize) {
        if let Some(region) = self.regions.get(page / REGION_PAGES).and_then(OnceLock::get) {
            prefetch(&region.marks[set as usize].lines[page % REGION_PAGES]);
        }
    }

    /// Is a line of the page marked? Whoever learns that none is sees all that was done before
    /// its marks were taken.
    #[inline(always)]
    pub fn is_marked(&self, set: Set, page: usize) -> bool {
        self.marks(set, page).is_some_and(|word| word.load(Acquire) != 0)
    }

    /// Gives every page with a marked line, in ascending order, to `each`, which takes it unless
    /// somebody has taken it already.
    pub fn each_touched(&self, set: Set, mut each: impl FnMut(usize)) {
        for (word, regions) in self.touched[set as usize].iter().enumerate() {
            for region in bits(regions.swap(0, Relaxed)) {
                let number = word * 64 + region;
                let Some(region) = self.regions[number].get() else { continue };
                for (word, pages) in region.marks[set as usize].touched.iter().enumerate() {
                    for bit in bits(pages.swap(0, Relaxed)) {
                        each(number * REGION_PAGES + word * 64 + bit);
                    }
                }
            }
        }
    }

    /// Takes the marks of a page away, once `copy` has seen them; nothing happens if it has none.
    /// It is owed to the file from now on. One thread at a time may do this.
    pub fn take_page(&self, set: Set, page: usize, pressure: &Pressure, copy: impl FnOnce(u64)) {
        let Some(region) = self.regions[page / REGION_PAGES].get() else { return };
        let at = page % REGION_PAGES;
        let word = &region.marks[set as usize].lines[at];
        let lines = word.load(Relaxed);
        if lines == 0 {
            return;
        }
        copy(lines);
        let bit = 1 << (at % 64);
        if region.owed[at / 64].fetch_or(bit, Relaxed) & bit == 0 {
            pressure.owed_pages.fetch_add(1, Relaxed);
        }
        pressure.dirty_pages.fetch_sub(1, Relaxed);
        word.store(0, Release);
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
                Owed::Gathered(set) => region.touched(set, word % REGION_WORDS),
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
            // No gather is under way, but nobody knows here which set is the present one.
            let at = word % REGION_WORDS;
            let touched = region.touched(Set::First, at) | region.touched(Set::Second, at);
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
            dirty += region.marks.iter().map(|marks| count(&marks.touched)).sum::<u64>();
            private += count(&region.private);
            owed += count(&region.owed);
        }
        pressure.dirty_pages.fetch_sub(dirty, Relaxed);
        pressure.private_pages.fetch_sub(private, Relaxed);
        pressure.owed_pages.fetch_sub(owed, Relaxed);
    }
}

impl Region {
    /// The bits of 64 pages: which of them have marked lines.
    fn touched(&self, set: Set, word: usize) -> u64 {
        self.marks[set as usize].touched[word].load(Relaxed)
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

    /// Bits beside sets of lines and pages.
    struct Sets {
        file: DirtyLines,
        pressure: Pressure,
        set: Set,
        lines: BTreeSet<usize>,
        private: BTreeSet<usize>,
        owed: BTreeSet<usize>,
    }

    impl Sets {
        fn dirty(&self) -> BTreeSet<usize> {
            self.lines.iter().map(|line| line / 64).collect()
        }

        fn mark(&mut self, ofs: usize, n: usize) {
            self.file.mark(self.set, ofs, n, &self.pressure);
            let marked = if n == 0 { 0..0 } else { ofs / LINE..(ofs + n - 1) / LINE + 1 };
            self.private.extend(marked.clone().map(|line| line / 64));
            self.lines.extend(marked);
        }

        fn gather(&mut self) {
            let (mut taken, mut last) = (BTreeSet::new(), None);
            let mut take = |page| {
                self.file.take_page(self.set, page, &self.pressure, |word| {
                    taken.extend(bits(word).map(|bit| page * 64 + bit));
                });
            };
            // Somebody has helped with one page.
            take(self.lines.first().map_or(0, |line| line / 64));
            self.file.each_touched(self.set, |page| {
                assert!(last < Some(page), "not ascending");
                last = Some(page);
                take(page);
            });
            self.set = self.set.other();
            assert_eq!(taken, std::mem::take(&mut self.lines));
            self.owed.extend(taken.iter().map(|line| line / 64));
        }

        fn forget(&mut self) {
            let (dirty, mut from) = (self.dirty(), Some(0));
            while let Some(start) = from {
                (from, _) = self.file.forget_clean(start, 7, &self.pressure, |first, pages| {
                    for page in first..first + pages {
                        assert!(!self.owed.contains(&page) && !dirty.contains(&page));
                        assert!(self.private.remove(&page));
                    }
                    true
                });
            }
            assert_eq!(self.private, dirty.union(&self.owed).copied().collect());
        }

        fn write_back(&mut self, which: Owed) {
            let (dirty, mut from, mut last) = (self.dirty(), Some(0), None);
            while let Some(start) = from {
                from = self.file.take_owed(start, 50, which, &self.pressure, |first, pages| {
                    assert!(last < Some(first), "not ascending");
                    last = Some(first + pages - 1);
                    for page in first..first + pages {
                        assert!(self.owed.remove(&page));
                        assert!(which == Owed::All || !dirty.contains(&page));
                    }
                });
            }
            let left: BTreeSet<_> = self.owed.difference(&dirty).collect();
            assert!(left.is_empty() && (which != Owed::All || self.owed.is_empty()));
        }
    }

    /// Marks, takes, writes back and forgets at random.
    #[test]
    fn agrees_with_sets() {
        const SEED: u64 = 3;
        println!("seed {SEED}");
        let mut random = oorandom::Rand32::new(SEED);
        let len = 3 * REGION_PAGES * PAGE + 5 * PAGE;
        let mut it = Sets {
            file: DirtyLines::new(len),
            pressure: Pressure::default(),
            set: Set::First,
            lines: BTreeSet::new(),
            private: BTreeSet::new(),
            owed: BTreeSet::new(),
        };
        for step in 0..rounds(3000) {
            match random.rand_range(0..40) {
                0 => it.gather(),
                1 => it.forget(),
                2 => it.write_back(Owed::Gathered(it.set)),
                3 => it.write_back(Owed::All),
                _ => {
                    let ofs = random.rand_range(0..len as u32 - 9000) as usize;
                    it.mark(ofs, random.rand_range(0..9000) as usize);
                }
            }
            let counted = [it.dirty().len(), it.private.len(), it.owed.len()];
            let Pressure { dirty_pages, private_pages, owed_pages } = &it.pressure;
            let pages = [dirty_pages, private_pages, owed_pages].map(|sum| sum.load(Relaxed));
            assert_eq!(pages, counted.map(|n| n as u64), "step {step}");
        }
        it.file.retire(&it.pressure);
        assert_eq!(it.pressure.private_pages.load(Relaxed), 0);
        assert_eq!(it.pressure.owed_pages.load(Relaxed), 0);
    }

    #[test]
    fn a_page_that_is_not_given_back_stays_private() {
        let (file, pressure) = (DirtyLines::new(PAGE), Pressure::default());
        assert_eq!(file.mark(Set::First, 100, 1, &pressure), 1);
        assert_eq!(file.mark(Set::First, 0, PAGE, &pressure), 0);
        assert!(file.is_marked(Set::First, 0) && !file.is_marked(Set::Second, 0));
        let mut pages = BTreeMap::new();
        file.each_touched(Set::First, |page| {
            file.take_page(Set::First, page, &pressure, |lines| {
                pages.insert(page, lines);
            });
        });
        assert_eq!(pages, BTreeMap::from([(0, u64::MAX)]));
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| true), (None, 0), "it is owed");
        file.take_owed(0, 10, Owed::Gathered(Set::Second), &pressure, |first, pages| {
            assert_eq!((first, pages), (0, 1));
        });
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| false), (None, 0));
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| true), (None, 1));
        assert_eq!(file.forget_clean(0, 10, &pressure, |_, _| true), (None, 0));
    }
}
