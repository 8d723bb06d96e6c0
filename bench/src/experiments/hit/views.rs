//! Views of pages: which of them by Zipf's law, at random minutes of a day or in order of time,
//! for as long as one likes, and always the same for one seed.

use std::time::{Duration, Instant};

use oorandom::Rand64;

use crate::daily::{self, COUNTERS, Choice, Hit, MINUTES};
use crate::error::Result;
use crate::tally::Grid;

/// Views that are counted between two looks at the clock, and in one call where many are.
pub const GROUP: usize = 1000;

/// A list of views that is gone through again and again.
pub struct Views {
    views: Vec<Hit>,
    pages: usize,
    /// Each time through the list is one minute of the day.
    in_order: bool,
}

impl Views {
    /// A list of `count` views of so many pages.
    pub fn new(pages: usize, count: usize, in_order: bool, random: &mut Rand64) -> Views {
        Views { views: daily::hits(pages, count, Choice::Zipf, random), pages, in_order }
    }

    /// Hands out views, up to [`GROUP`] at once, until the time is over. Answers how many.
    ///
    /// # Errors
    /// Those of `count`.
    pub fn run(
        &mut self,
        time: Duration,
        mut count: impl FnMut(&[Hit]) -> Result<()>,
    ) -> Result<usize> {
        let (start, mut counted) = (Instant::now(), 0);
        for pass in 0.. {
            self.set_minute(pass);
            for group in self.views.chunks(GROUP) {
                count(group)?;
                counted += group.len();
                if start.elapsed() >= time {
                    return Ok(counted);
                }
            }
        }
        Ok(counted)
    }

    /// In order of time, the next time through the list is the next minute.
    fn set_minute(&mut self, pass: u32) {
        if self.in_order {
            let minute = pass % MINUTES as u32;
            self.views.iter_mut().for_each(|view| view.minute = minute);
        }
    }

    /// The first of them; all if there are not so many.
    pub fn first(&self, count: usize) -> impl Iterator<Item = &Hit> {
        self.views.iter().take(count)
    }

    /// The sums of the first so many of them, and of the first so many again.
    pub fn sums(&mut self, counted: &[usize]) -> Grid {
        let mut grid = Grid::new(self.pages, COUNTERS);
        counted.iter().for_each(|counted| self.add_to(&mut grid, *counted));
        grid
    }

    fn add_to(&mut self, grid: &mut Grid, counted: usize) {
        let mut add = |views: &[Hit], n: u32| {
            for view in views {
                view.counters().into_iter().for_each(|at| grid.add_many(view.page as usize, at, n));
            }
        };
        let count = self.views.len();
        let (passes, rest) = ((counted / count) as u32, counted % count);
        if self.in_order {
            for pass in 0..passes {
                self.set_minute(pass);
                add(&self.views, 1);
            }
        } else {
            add(&self.views, passes);
        }
        self.set_minute(passes);
        add(&self.views[..rest], 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_views_that_were_handed_out() {
        for in_order in [false, true] {
            let mut views = Views::new(7, 1500, in_order, &mut Rand64::new(1));
            let mut counts = vec![[0i64; COUNTERS]; 7];
            let mut left = 12;
            let counted = views.run(Duration::MAX, |group| {
                for view in group {
                    view.counters().into_iter().for_each(|at| counts[view.page as usize][at] += 1);
                }
                left -= 1;
                // The only way to end before the time does.
                if left == 0 { Err(crate::error::Error::NotHeld(0)) } else { Ok(()) }
            });
            assert!(counted.is_err());
            let read = |page: usize, found: &mut [i64]| {
                found.copy_from_slice(&counts[page]);
                Ok(())
            };
            assert_eq!(views.sums(&[9000]).verify(read).unwrap().counts(), 18_000);
            assert!(views.sums(&[9001]).verify(read).is_err());
            assert!(views.sums(&[8000]).verify(read).is_err());
        }
    }

    #[test]
    fn time_ends_it_and_the_first_page_is_no_favourite() {
        let mut views = Views::new(1000, 20_000, false, &mut Rand64::new(1));
        assert_eq!(views.run(Duration::ZERO, |_| Ok(())).unwrap(), GROUP);
        let mut counts = vec![0; 1000];
        views.views.iter().for_each(|view| counts[view.page as usize] += 1);
        let most = counts.iter().max().copied().unwrap_or(0);
        assert!(most > 2000 && counts[0] < most / 2, "{most} {}", counts[0]);
    }
}
