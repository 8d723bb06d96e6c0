//! Counts a list of hits with some threads, and measures: wall time, time of the processor, the
//! time of each hit by the part of the day that it falls into.

use std::time::Instant;

use tallymap::Lengths;

use crate::error::Result;
use crate::figures::{Points, Round};
use crate::rate::{Rate, micros};

/// How long some hits took, and each of them.
#[derive(Debug)]
pub struct Load {
    pub rate: Rate,
    /// The time of each hit, by part of the day.
    parts: Vec<Lengths>,
}

/// Counts all of `hits`, of which each thread takes every n-th, in order. `each` counts one,
/// keeps an account, and answers which of `parts` it falls into. Gives the threads' accounts.
///
/// # Errors
/// Those of `each`.
pub fn run<H: Sync, A: Default + Send>(
    threads: usize,
    hits: &[H],
    parts: usize,
    each: impl Fn(&mut A, &H) -> Result<usize> + Sync,
) -> Result<(Load, Vec<A>)> {
    let each = &each;
    let work = |thread: usize| {
        let mut account = A::default();
        let mut times = vec![Lengths::default(); parts];
        let mut last = Instant::now();
        for hit in hits.iter().skip(thread).step_by(threads) {
            let part = each(&mut account, hit)?;
            let now = Instant::now();
            times[part].add(now - last);
            last = now;
        }
        Ok((account, times))
    };
    let (rate, done) = in_threads(threads, hits.len(), work)?;
    let mut load = Load { rate, parts: vec![Lengths::default(); parts] };
    let mut accounts = Vec::new();
    for (account, times) in done {
        load.parts.iter_mut().zip(&times).for_each(|(all, of)| all.absorb(of));
        accounts.push(account);
    }
    Ok((load, accounts))
}

/// Counts all of `hits`, so many `times` over, of which each thread takes every n-th. The clock
/// is read before and after: reading it takes as long as half a hit.
///
/// # Errors
/// Those of `each`, which counts one.
pub fn whole<H: Sync>(
    threads: usize,
    hits: &[H],
    times: usize,
    each: impl Fn(&H) -> Result<()> + Sync,
) -> Result<Rate> {
    let work = |thread: usize| {
        for _ in 0..times {
            hits.iter().skip(thread).step_by(threads).try_for_each(&each)?;
        }
        Ok(())
    };
    Ok(in_threads(threads, hits.len() * times, work)?.0)
}

/// Lets each of some threads do its part of the work, and measures them all.
fn in_threads<R: Send>(
    threads: usize,
    hits: usize,
    work: impl Fn(usize) -> Result<R> + Sync,
) -> Result<(Rate, Vec<R>)> {
    Rate::of(|| {
        let done: Result<Vec<R>> = match threads {
            1 => work(0).map(|one| vec![one]),
            _ => std::thread::scope(|scope| {
                let work = &work;
                let begin = |thread| scope.spawn(move || work(thread));
                let running: Vec<_> = (0..threads).map(begin).collect();
                running.into_iter().map(|it| it.join().expect("a thread of the load")).collect()
            }),
        };
        Ok((hits, done?))
    })
}

impl Load {
    /// Hits per second, and how long they took.
    pub fn figures(&self, round: &mut Round) {
        let all = self.parts_from(0);
        self.rate.figures(round);
        for (name, share) in [("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999)] {
            round.figure(name, micros(all.quantile(share)));
        }
        round.figure("max_us", micros(all.max()));
    }

    /// Adds another load, of the same parts.
    pub fn absorb(&mut self, other: &Load) {
        self.rate.hits += other.rate.hits;
        self.rate.wall += other.rate.wall;
        self.rate.cpu += other.rate.cpu;
        self.parts.iter_mut().zip(&other.parts).for_each(|(all, of)| all.absorb(of));
    }

    /// The times of the parts from `first` on.
    pub fn parts_from(&self, first: usize) -> Lengths {
        let mut all = Lengths::default();
        self.parts.iter().skip(first).for_each(|part| all.absorb(part));
        all
    }

    /// A figure of each part, at `x` of its number.
    pub fn over(&self, x: impl Fn(usize) -> f64, y: impl Fn(&Lengths) -> f64) -> Points {
        self.parts.iter().enumerate().map(|(part, times)| (x(part), y(times))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hit_is_taken_once_whatever_the_threads() {
        let hits: Vec<usize> = (0..1000).collect();
        for threads in [1, 2, 3, 7] {
            let (load, accounts) = run(threads, &hits, 10, |sum: &mut usize, hit| {
                *sum += hit;
                Ok(hit / 100)
            })
            .unwrap();
            assert_eq!(accounts.len(), threads);
            assert_eq!(accounts.iter().sum::<usize>(), 999 * 500);
            assert!(load.parts.iter().all(|part| part.count() == 100));
            let sum = std::sync::atomic::AtomicUsize::new(0);
            let rate = whole(threads, &hits, 2, |hit| {
                sum.fetch_add(*hit, std::sync::atomic::Ordering::Relaxed);
                Ok(())
            });
            assert_eq!((rate.unwrap().hits, sum.into_inner()), (2000, 2 * 999 * 500));
        }
    }
}
