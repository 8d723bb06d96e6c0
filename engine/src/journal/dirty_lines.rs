//! Which 64-byte lines of a file were changed since the last gather, which of its pages have been
//! copied into private memory, and which are owed to the file. Bits only: no bytes, no file.
//!
//! Three levels of bits, so that a sweep costs what was changed and not what there is: one word
//! of lines per page; one bit per page that has such a word; one bit per region of 512 pages
//! that has such a page. Pages that are owed have one bit each, and their regions too. Marking
//! allocates nothing but the bits of a region at its first change, and a line that is marked
//! already costs one load.
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
//!   not forgotten before. What is owed changes only while a gather is under way or by
//!   [`DirtyLines::take_owed`]; a region has its bit exactly while a page of it is owed.

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
    /// One bit per region.
    owing: Box<[AtomicU64]>,
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
        let zeros = || (0..regions.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        DirtyLines {
            regions: (0..regions).map(|_| OnceLock::new()).collect(),
            touched: [zeros(), zeros()],
            owing: zeros(),
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

    /// Pages that were copied into private memory before a line of theirs is marked: they count,
    /// and can be forgotten.
    pub fn note_private(&self, first: usize, last: usize, pressure: &Pressure) {
        for word in first / 64..=last / 64 {
            let region = self.regions[word / REGION_WORDS].get_or_init(Region::new);
            let bits = mask(first.max(word * 64) % 64, last.min(word * 64 + 63) % 64);
            let before = region.private[word % REGION_WORDS].fetch_or(bits, Relaxed);
            let fresh = (bits & !before).count_ones();
            pressure.private_pages.fetch_add(u64::from(fresh), Relaxed);
        }
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
            let number = page / REGION_PAGES;
            self.owing[number / 64].fetch_or(1 << (number % 64), Relaxed);
            pressure.owed_pages.fetch_add(1, Relaxed);
        }
        pressure.dirty_pages.fetch_sub(1, Relaxed);
        word.store(0, Release);
    }

    /// Is any page owed to the file?
    pub fn owes(&self) -> bool {
        self.owing.iter().any(|regions| regions.load(Relaxed) != 0)
    }

    /// The regions from `first` on of which pages are owed.
    fn owing_from(&self, first: usize) -> impl Iterator<Item = (usize, &Region)> {
        let words = self.owing.iter().enumerate().skip(first / 64);
        let numbers = words.flat_map(|(word, regions)| {
            bits(regions.load(Relaxed)).map(move |region| word * 64 + region)
        });
        numbers
            .filter(move |&number| number >= first)
            .filter_map(|number| Some((number, &**self.regions[number].get()?)))
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
        for (number, region) in self.owing_from(from / REGION_PAGES) {
            for (at, owed) in region.owed.iter().enumerate() {
                let word = number * REGION_WORDS + at;
                let kept = match which {
                    Owed::Gathered(set) => region.touched(set, at),
                    Owed::All => 0,
                };
                let due = owed.load(Relaxed) & !kept;
                if due == 0 || word < from / 64 {
                    continue;
                }
                if taken >= pages_max {
                    return Some(word * 64);
                }
                for (first, pages) in runs(due) {
                    take(word * 64 + first, pages);
                    taken += pages;
                }
                owed.fetch_and(!due, Relaxed);
                pressure.owed_pages.fetch_sub(u64::from(due.count_ones()), Relaxed);
            }
            if region.owed.iter().all(|owed| owed.load(Relaxed) == 0) {
                self.owing[number / 64].fetch_and(!(1 << (number % 64)), Relaxed);
            }
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
mod tests;
