//! The engine's threads: the only ones it starts. Two call a tick of the journal each, one deletes
//! what has expired.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::collection::EngineShared;
use crate::error::Result;

/// The background threads, until they are stopped.
#[derive(Debug)]
pub(crate) struct Threads {
    stop: Arc<Stop>,
    shared: Arc<EngineShared>,
    running: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Stop {
    asked: AtomicBool,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Stop {
    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Sleeps for `time`, or until it is time to stop.
    fn sleep(&self, time: Duration) {
        let mut guard = self.lock.lock();
        if !self.is_asked() {
            self.changed.wait_for(&mut guard, time);
        }
    }
}

impl Threads {
    /// Starts them: group commits, syncs of the data files, and `expire` now and then.
    pub(crate) fn start(
        shared: &Arc<EngineShared>,
        expire: impl Fn() -> Result<()> + Send + 'static,
    ) -> std::io::Result<Threads> {
        let stop = Arc::new(Stop::default());
        let mut threads =
            Threads { stop: stop.clone(), shared: shared.clone(), running: Vec::new() };
        let (asked, engine) = (stop.clone(), shared.clone());
        threads.spawn("tallymap-commit", move || commit_loop(&asked, &engine))?;
        let (asked, engine) = (stop.clone(), shared.clone());
        threads.spawn("tallymap-sync", move || sync_loop(&asked, &engine))?;
        let (asked, interval) = (stop, shared.options.ttl_interval);
        threads.spawn("tallymap-ttl", move || expire_loop(&asked, interval, expire))?;
        Ok(threads)
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        self.running.push(std::thread::Builder::new().name(name.to_owned()).spawn(work)?);
        Ok(())
    }
}

impl Drop for Threads {
    /// Asks the threads to stop and waits until they have.
    fn drop(&mut self) {
        self.stop.asked.store(true, Ordering::Release);
        drop(self.stop.lock.lock());
        self.stop.changed.notify_all();
        self.shared.journal.wake();
        for thread in self.running.drain(..) {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

fn commit_loop(stop: &Stop, engine: &EngineShared) {
    while !stop.is_asked() {
        if engine.journal.park(engine.options.commit_interval) && !stop.is_asked() {
            engine.counters.early_commits.add(1);
        }
        if let Err(error) = engine.journal.commit() {
            // The engine has stopped taking writes, and says so to every writer.
            tracing::error!(%error, "commit failed");
            return;
        }
    }
}

fn sync_loop(stop: &Stop, engine: &EngineShared) {
    while !stop.is_asked() {
        stop.sleep(engine.options.sync_interval);
        if stop.is_asked() {
            return;
        }
        let began = engine.clock.uptime_ns();
        if let Err(error) = engine.journal.sync_data_files() {
            tracing::error!(%error, "sync of the data files failed");
            return;
        }
        let (counters, took_us) = (&engine.counters, (engine.clock.uptime_ns() - began) / 1000);
        counters.flushes.add(1);
        counters.flush_us.add(took_us);
        counters.last_flush_us.set(took_us);
        counters.last_flush_ms.set(engine.clock.unix_ms().max(0) as u64);
    }
}

fn expire_loop(stop: &Stop, interval: Duration, expire: impl Fn() -> Result<()>) {
    while !stop.is_asked() {
        stop.sleep(interval);
        if stop.is_asked() {
            return;
        }
        if let Err(error) = expire() {
            // No more writes are taken.
            tracing::error!(%error, "expired documents are left");
            return;
        }
    }
}
