//! The bits beside sets of lines and pages.

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

    fn note_private(&mut self, first: usize, last: usize) {
        self.file.note_private(first, last, &self.pressure);
        self.private.extend(first..=last);
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
            4 => {
                let first = random.rand_range(0..len as u32 / PAGE as u32 - 150) as usize;
                it.note_private(first, first + random.rand_range(0..150) as usize);
            }
            _ => {
                let ofs = random.rand_range(0..len as u32 - 9000) as usize;
                it.mark(ofs, random.rand_range(0..9000) as usize);
            }
        }
        let counted = [it.dirty().len(), it.private.len(), it.owed.len()];
        let Pressure { dirty_pages, private_pages, owed_pages } = &it.pressure;
        let pages = [dirty_pages, private_pages, owed_pages].map(|sum| sum.load(Relaxed));
        assert_eq!(pages, counted.map(|n| n as u64), "step {step}");
        // No region is looked at in vain.
        let owing: Vec<usize> = it.file.owing_from(0).map(|(region, _)| region).collect();
        let owed: BTreeSet<usize> = it.owed.iter().map(|page| page / REGION_PAGES).collect();
        assert!(owing.iter().eq(&owed) && it.file.owes() != owed.is_empty(), "step {step}");
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
