//! What is compared: something that counts views, and one round of it.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::views::Views;
use crate::daily::{HOURS, Hit};
use crate::error::Result;
use crate::figures::Round;
use crate::rate::Cost;

/// At most so much is lost to a power failure.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// Something that counts views. It was made with a document, or what it has instead, for each
/// page, all counters zero.
pub trait Store: Sized {
    /// From now on it is measured.
    fn begin(&mut self) {}

    /// Counts a view: when it returns, readers see it, and it is durable 100 ms later.
    ///
    /// # Errors
    /// The store's.
    fn hit(&mut self, view: Hit) -> Result<()>;

    /// Counts some views in one call, in one transaction if there are such.
    ///
    /// # Errors
    /// The store's.
    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        views.iter().try_for_each(|view| self.hit(*view))
    }

    /// Waits until all is durable.
    ///
    /// # Errors
    /// The store's.
    fn settle(&mut self) -> Result<()>;

    /// Reads the first counters of a page, as many as there is room for.
    ///
    /// # Errors
    /// The store's.
    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()>;

    /// Forgets what only memory has, where that is not what reads are answered from anyway.
    ///
    /// # Errors
    /// The store's.
    fn recover(&mut self) -> Result<()> {
        Ok(())
    }

    /// The process that does the work, if it is not this one.
    fn server(&self) -> Option<u32> {
        None
    }

    /// Adds figures that others do not have.
    ///
    /// # Errors
    /// The store's.
    fn figures(&self, hits: usize, round: &mut Round) -> Result<()> {
        let _ = (hits, round);
        Ok(())
    }

    /// Ends it, and says if something went wrong in the background.
    ///
    /// # Errors
    /// The store's.
    fn close(self) -> Result<()>;
}

/// How much a round is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Views are counted for so long before it matters.
    pub warm_up: Duration,
    /// And then for so long.
    pub time: Duration,
    /// Views are counted [`super::views::GROUP`] per call.
    pub grouped: bool,
    /// Charts that are read afterwards.
    pub charts: usize,
}

/// Counts views for some time, verifies the sums, reads charts.
///
/// # Errors
/// The store's; [`crate::error::Error::WrongSum`].
pub fn round<S: Store>(mut store: S, mut views: Views, size: Size) -> Result<Round> {
    let mut count = |store: &mut S, time: Duration| {
        let counted = match size.grouped {
            true => views.run(time, |group| store.hits(group)),
            false => views.run(time, |group| group.iter().try_for_each(|v| store.hit(*v))),
        }?;
        store.settle()?;
        Ok(counted)
    };
    let before = count(&mut store, size.warm_up)?;
    store.begin();
    let cost = Cost::of(store.server(), || count(&mut store, size.time))?;
    let chart = chart_time(&mut store, &views, size.charts)?;
    store.recover()?;
    let sums = views.sums(&[before, cost.rate.hits]);
    let mut round = Round::new(sums.verify(|page, counters| store.read(page, counters))?);
    cost.figures(&mut round);
    round.figure("chart_us", chart.as_secs_f64() * 1e6);
    store.figures(cost.rate.hits, &mut round)?;
    store.close()?;
    Ok(round)
}

/// The time of a chart of 24 hours, of the pages that are viewed.
fn chart_time<S: Store>(store: &mut S, views: &Views, charts: usize) -> Result<Duration> {
    let mut hours = [0; HOURS];
    let start = Instant::now();
    for view in views.first(charts) {
        store.read(view.page as usize, std::hint::black_box(&mut hours))?;
    }
    Ok(start.elapsed() / charts.max(1) as u32)
}

/// Work that a thread does each [`INTERVAL`], until it is stopped or fails.
pub struct Each {
    stop: Sender<()>,
    thread: JoinHandle<Result<()>>,
}

impl Each {
    /// Starts it.
    pub fn start(mut work: impl FnMut() -> Result<()> + Send + 'static) -> Each {
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let mut next = Instant::now();
            loop {
                next += INTERVAL;
                let wait = next.saturating_duration_since(Instant::now());
                match stopped.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => work()?,
                    _ => return Ok(()),
                }
            }
        });
        Each { stop, thread }
    }

    /// Stops it.
    ///
    /// # Errors
    /// The first of `work`.
    pub fn stop(self) -> Result<()> {
        drop(self.stop);
        self.thread.join().expect("the thread of each interval")
    }
}
