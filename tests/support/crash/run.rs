//! One script, run on a disk that is pictured before each of its changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use oorandom::Rand32;
use parking_lot::Mutex;
use tallymap::disk::HeapDisk;
use tallymap::disk::sim_disk::{Change, SimDisk, Syncs};
use tallymap::{Clock, Engine, EngineBuilder};

use super::Tally;
use super::perform::perform;
use super::recovered::{Point, check};
use super::script::{HITS, Op};
use super::world::World;

/// A safeguard that is switched off, to see whether that is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// These syncs do nothing.
    Syncs(Syncs),
    /// Torn sections get a hash that fits.
    SectionHash,
    /// Commits take along half of a unit of work.
    Gate,
}

/// How an engine is opened for a script.
#[derive(Debug, Clone, Copy)]
pub struct How {
    memos: bool,
    directory_per_db: bool,
    dirty_max: u64,
    private_budget: u64,
    journal_file_len: u64,
    clock_step: u64,
}

impl How {
    fn choose(random: &mut Rand32) -> How {
        let mut one_in = |n: u32| random.rand_range(0..n) == 0;
        How {
            memos: !one_in(4),
            directory_per_db: one_in(4),
            // So little that operations commit before they begin.
            dirty_max: if one_in(3) { 4096 } else { 64 << 20 },
            private_budget: if one_in(2) { 16 * 4096 } else { 256 << 20 },
            journal_file_len: if one_in(2) { 3 * 8192 } else { 10 * 8192 },
            // So much that sections are too old to be replayed.
            clock_step: if one_in(3) { 4_000 } else { 7 },
        }
    }

    /// Options of an engine on `disk`.
    pub fn builder(&self, disk: impl tallymap::disk::Disk + 'static) -> EngineBuilder {
        Engine::builder("simulated")
            .disk(Arc::new(disk))
            .clock(Arc::new(SteppingClock { ms: AtomicU64::new(1), step: self.clock_step }))
            .background(false)
            .ns_size_mib(1)
            .memos(self.memos)
            .directory_per_db(self.directory_per_db)
            .dirty_max(self.dirty_max)
            .private_budget(self.private_budget)
            // So little that a few keys go through a file.
            .index_build_memory(if self.memos { 256 } else { 100 << 20 })
            .journal_file_len(self.journal_file_len)
    }
}

/// Goes on by a step whenever it is read, so that a run can be repeated.
#[derive(Debug)]
struct SteppingClock {
    ms: AtomicU64,
    step: u64,
}

impl Clock for SteppingClock {
    fn unix_ms(&self) -> i64 {
        1_700_000_000_000 + self.ms.fetch_add(self.step, Relaxed) as i64
    }

    fn uptime_ms(&self) -> u64 {
        self.ms.fetch_add(self.step, Relaxed)
    }
}

/// How far the script has come: operations begun, and operations known to be durable.
#[derive(Debug, Default)]
struct Progress {
    begun: AtomicUsize,
    durable: AtomicUsize,
}

/// The states after each operation, those that a crash within it may leave first; and the sum
/// of all hits counted by then.
#[derive(Debug)]
pub struct History {
    pub states: Vec<Vec<World>>,
    pub hits: Vec<u64>,
}

/// Runs the script of `seed`, and checks what each crash in it leaves; `only` one if told.
pub fn crash_everywhere(seed: u64, sabotage: Option<Sabotage>, only: Option<u64>) -> Tally {
    let mut random = Rand32::new(seed);
    let how = How::choose(&mut random);
    let disk = SimDisk::new(HeapDisk::new());
    if let Some(Sabotage::Syncs(which)) = sabotage {
        disk.ignore_syncs(which);
    }
    let mut tally = Tally { sequences: 1, ..Tally::default() };
    let points = Arc::new(Mutex::new(Vec::new()));
    let progress = Arc::new(Progress::default());
    watch(&disk, &progress, &points, seed);
    let mut history = History { states: vec![vec![World::default()]], hits: vec![0] };
    let ended = live(&disk, how, &mut random, sabotage, &progress, &mut history, &mut tally);
    if let Err(problem) = ended {
        tally.violations.push(format!("--seeds 1 --from {seed}: {problem}"));
        return tally;
    }
    let end = Change { op: "end", path: "script".into() };
    picture(&disk, &end, &progress, &mut points.lock(), seed);
    let points = std::mem::take(&mut *points.lock());
    for point in points.iter().filter(|point| only.is_none_or(|only| only == point.number)) {
        tally.pairs += 1;
        *tally.changes.entry(point.kind()).or_default() += 1;
        tally.counts_durable += history.hits[point.durable];
        match check(point, how, &history, sabotage, seed) {
            Ok(twice) => tally.crashed_twice += u64::from(twice),
            Err(problem) => tally.violations.push(format!(
                "--seeds 1 --from {seed} --point {}: {}: {problem}",
                point.number,
                point.kind()
            )),
        }
    }
    tally
}

/// Lets a picture be taken before each change of the disk.
fn watch(disk: &SimDisk, progress: &Arc<Progress>, points: &Arc<Mutex<Vec<Point>>>, seed: u64) {
    let (progress, points) = (progress.clone(), points.clone());
    disk.before_each_change(move |disk, change| {
        picture(disk, change, &progress, &mut points.lock(), seed);
    });
}

fn picture(
    disk: &SimDisk,
    change: &Change,
    progress: &Progress,
    points: &mut Vec<Point>,
    seed: u64,
) {
    let number = points.len() as u64;
    let mut random = Rand32::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number);
    points.push(Point {
        number,
        before: change.clone(),
        durable: progress.durable.load(Relaxed),
        begun: progress.begun.load(Relaxed),
        left: disk.after_power_cut(&mut random),
    });
}

/// Runs the script to its end, each operation compared with what the model does.
fn live(
    disk: &SimDisk,
    how: How,
    random: &mut Rand32,
    sabotage: Option<Sabotage>,
    progress: &Progress,
    history: &mut History,
    tally: &mut Tally,
) -> Result<(), String> {
    let open = || {
        let engine = how.builder(disk.clone()).open().map_err(|error| error.to_string())?;
        if sabotage == Some(Sabotage::Gate) {
            engine.commit_within_units(5);
        }
        Ok::<Engine, String>(engine)
    };
    let mut engine = open()?;
    let operations = 12 + random.rand_range(0..24) as usize;
    for number in 0..=operations {
        let world = history.states[number].last().expect("a state").clone();
        let op = match number == operations {
            true => Op::Reopen,
            false => Op::choose(random, number, &world),
        };
        *tally.operations.entry(op.kind()).or_default() += 1;
        progress.begun.store(number + 1, Relaxed);
        let states = perform(&engine, &world, &op)?;
        let hit = match &op {
            Op::Increment { ns, by, .. } if ns == HITS => *by as u64,
            _ => 0,
        };
        history.states.push(states);
        history.hits.push(history.hits[number] + hit);
        match op {
            Op::WaitDurable | Op::Sync => progress.durable.store(number + 1, Relaxed),
            Op::Reopen => {
                tally.count_work(&engine);
                engine.close().map_err(|error| error.to_string())?;
                progress.durable.store(number + 1, Relaxed);
                engine = open()?;
            }
            _ => {}
        }
    }
    tally.count_work(&engine);
    let found = World::read(&engine)?;
    let expected = history.states.last().and_then(|states| states.last());
    if Some(&found) != expected {
        return Err("at its end the engine holds something else than the model".into());
    }
    engine.close().map_err(|error| error.to_string())
}
