//! Counts a list of hits with some threads, and measures: wall time, time of the processor, the
//! time of each hit by the part of the day that it falls into.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::error::Result;
use crate::figures::{Points, Round};
use crate::histogram::Histogram;

/// How long some hits took together.
#[derive(Debug, Clone, Copy)]
pub struct Rate {
    pub hits: usize,
    pub wall: Duration,
    /// Of the whole process: the engine's threads count.
    pub cpu: Duration,
}

/// How long some hits took, and each of them.
#[derive(Debug)]
pub struct Load {
    pub rate: Rate,
    /// The time of each hit, by part of the day.
    parts: Vec<Histogram>,
}

/// Time that processors spent on this process. What other processes take does not count.
pub fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
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
        let mut times = vec![Histogram::default(); parts];
        let mut last = Instant::now();
        for hit in hits.iter().skip(thread).step_by(threads) {
            let part = each(&mut account, hit)?;
            let now = Instant::now();
            times[part].add((now - last).as_nanos() as u64);
            last = now;
        }
        Ok((account, times))
    };
    let (rate, done) = in_threads(threads, hits.len(), work)?;
    let mut load = Load { rate, parts: vec![Histogram::default(); parts] };
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
    let (start, cpu) = (Instant::now(), processor_time());
    let done: Result<Vec<R>> = match threads {
        1 => work(0).map(|one| vec![one]),
        _ => std::thread::scope(|scope| {
            let work = &work;
            let begin = |thread| scope.spawn(move || work(thread));
            let running: Vec<_> = (0..threads).map(begin).collect();
            running.into_iter().map(|it| it.join().expect("a thread of the load")).collect()
        }),
    };
    let (wall, cpu) = (start.elapsed(), processor_time() - cpu);
    Ok((Rate { hits, wall, cpu }, done?))
}

impl Rate {
    /// Hits per second, and time of the processor for each.
    pub fn figures(&self, round: &mut Round) {
        let hits = self.hits.max(1) as f64;
        round.figure("hits_per_s", hits / self.wall.as_secs_f64());
        round.figure("cpu_ns_per_hit", self.cpu.as_nanos() as f64 / hits);
    }
}

impl Load {
    /// Hits per second, and how long they took.
    pub fn figures(&self, round: &mut Round) {
        let all = self.parts_from(0);
        let micros = |share| all.quantile(share) as f64 / 1000.0;
        self.rate.figures(round);
        round.figure("p50_us", micros(0.5));
        round.figure("p99_us", micros(0.99));
        round.figure("p999_us", micros(0.999));
        round.figure("max_us", all.max() as f64 / 1000.0);
    }

    /// Adds another load, of the same parts.
    pub fn absorb(&mut self, other: &Load) {
        self.rate.hits += other.rate.hits;
        self.rate.wall += other.rate.wall;
        self.rate.cpu += other.rate.cpu;
        self.parts.iter_mut().zip(&other.parts).for_each(|(all, of)| all.absorb(of));
    }

    /// The times of the parts from `first` on.
    pub fn parts_from(&self, first: usize) -> Histogram {
        let mut all = Histogram::default();
        self.parts.iter().skip(first).for_each(|part| all.absorb(part));
        all
    }

    /// A figure of each part, at `x` of its number.
    pub fn over(&self, x: impl Fn(usize) -> f64, y: impl Fn(&Histogram) -> f64) -> Points {
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
