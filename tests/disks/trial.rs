//! One part of the script on a disk with one fault: what must hold before, while and after it
//! lasts.
//!
//! - T1. A step that fails says why ([`errors`]) and has changed nothing, or left a state that
//!   its step names. Reading goes on and gives exactly what was acknowledged.
//! - T2. It fails again while the fault lasts, or succeeds; once the disk is mended it succeeds,
//!   unless the engine has stopped: then whatever writes is refused, until it is opened again.
//! - T3. The engine stops when a write or sync of the journal, a data file or the lock failed,
//!   and never because a data file could not be made.
//! - T4. Opened again, after the process ended or the power failed, it holds a state that was:
//!   the last durable one, or a later one. It is sound, and takes writes.

use bson::rawdoc;
use oorandom::Rand32;
use tallymap::disk::HeapDisk;
use tallymap::disk::sim_disk::{Call, Injection, Lasting, Op};
use tallymap::{Engine, Error, Result};

use crate::errors;
use crate::script::Part;
use crate::stage::{How, Stage, builder};
use crate::steps::Step;
use crate::world::{World, inspect, salvage};

/// A part of the script that was done once without a fault.
pub struct Rehearsed {
    pub part: Part,
    start: HeapDisk,
    world: World,
    pub calls: Vec<Call>,
    /// The first call of each step, and that of the close.
    pub steps: Vec<u64>,
    /// What was on the disk before it closed, and what is to be found there.
    pub killed: (HeapDisk, World),
    /// And after.
    pub closed: (HeapDisk, World),
}

impl Rehearsed {
    /// What is being done in call `at`.
    pub fn doing(&self, at: u64) -> &'static str {
        let begun = self.steps.partition_point(|first| *first <= at);
        match begun.checked_sub(1) {
            None => "open",
            Some(step) => self.part.steps.get(step).map_or("close", |step| step.name),
        }
    }
}

/// What came of one trial.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Calls that failed.
    pub met: u64,
    /// Errors that the engine gave.
    pub errors: u64,
    /// Whether it stopped.
    pub stopped: bool,
}

struct Trial<'a> {
    of: &'a Rehearsed,
    stage: Stage,
    injection: Option<Injection>,
    /// States that were acknowledged, in order; the last durable one is the first.
    worlds: Vec<World>,
    /// States that a failed step may have brought about although it failed.
    perhaps: Vec<World>,
    outcome: Outcome,
    /// What is being done.
    at: &'static str,
}

/// Does a part without a fault.
pub fn rehearse(part: Part, start: HeapDisk, world: World) -> Rehearsed {
    let nothing = (HeapDisk::new(), World::default());
    let killed = nothing.clone();
    let mut of = Rehearsed {
        part,
        start,
        world,
        calls: Vec::new(),
        steps: Vec::new(),
        killed,
        closed: nothing,
    };
    let heap = of.start.image();
    let mut trial = Trial::new(&of, heap.clone(), None);
    trial.open();
    let mut steps = Vec::new();
    let mut begins = |trial: &Trial<'_>| steps.push(trial.stage.disk.calls().len() as u64 + 1);
    for step in &of.part.steps {
        begins(&trial);
        let before = trial.stage.disk.calls().len();
        assert!(trial.step(step), "nothing fails without a fault");
        let mut made = trial.stage.disk.calls().into_iter().skip(before);
        assert_eq!(made.any(|call| call.op == Op::Rename), step.grows, "{}", step.name);
    }
    begins(&trial);
    let killed = (heap.image(), trial.worlds[0].clone());
    trial.close();
    let calls = trial.stage.disk.calls();
    let closed = (heap.image(), trial.last().clone());
    trial.end();
    drop(trial);
    (of.calls, of.steps, of.killed, of.closed) = (calls, steps, killed, closed);
    of
}

/// Does a part with a fault.
pub fn run(of: &Rehearsed, injection: Injection) -> Outcome {
    let mut trial = Trial::new(of, of.start.image(), Some(injection));
    trial.stage.disk.inject(injection);
    trial.open();
    if of.part.steps.iter().all(|step| trial.step(step)) {
        trial.close();
    } else {
        trial.stopped();
    }
    trial.outcome.met = trial.stage.disk.failed().len() as u64;
    let made = trial.stage.disk.calls();
    let same = made.iter().zip(&of.calls).take(injection.at as usize).all(|(a, b)| a == b);
    assert!(same, "the calls before the fault are those of every run");
    assert!(trial.outcome.met > 0, "the fault was never met");
    trial.end();
    trial.outcome
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if let (true, Some(injection)) = (std::thread::panicking(), self.injection) {
            let call = self.of.calls.get(injection.at as usize - 1);
            let (part, at) = (self.of.part.name, self.at);
            eprintln!("part '{part}', at '{at}', {injection:?}: {call:?}");
        }
    }
}

impl Trial<'_> {
    fn new(of: &Rehearsed, heap: HeapDisk, injection: Option<Injection>) -> Trial<'_> {
        let stage = Stage::new(heap, of.part.how);
        let (worlds, perhaps) = (vec![of.world.clone()], Vec::new());
        Trial { of, stage, injection, worlds, perhaps, outcome: Outcome::default(), at: "open" }
    }

    fn last(&self) -> &World {
        self.worlds.last().expect("there is always a state")
    }

    fn note(&mut self, error: &Error) {
        let injection = self.injection.expect("nothing fails without a fault");
        errors::check(error, injection.fault, &self.stage.disk.failed());
        self.outcome.errors += 1;
    }

    /// Tries until it succeeds or the engine has stopped: while the fault lasts, then on the
    /// mended disk. `failed` looks on after each failure.
    fn insist<R>(
        &mut self,
        mut attempt: impl FnMut(&mut Stage) -> Result<R>,
        mut failed: impl FnMut(&mut Self),
    ) -> Option<R> {
        let attempts = match self.injection.map(|injection| injection.lasting) {
            Some(Lasting::OfItsKind | Lasting::All) => 2,
            _ => 1,
        };
        for _ in 0..attempts {
            match attempt(&mut self.stage) {
                Ok(done) => return Some(done),
                Err(error) => {
                    self.note(&error);
                    failed(self);
                }
            }
        }
        self.stage.disk.mend();
        match attempt(&mut self.stage) {
            Ok(done) => Some(done),
            Err(error @ Error::ReadOnly { .. }) => {
                self.note(&error);
                None
            }
            Err(error) => panic!("the disk is mended, and still: {error}"),
        }
    }

    fn open(&mut self) {
        let engine = self.insist(|stage| stage.open(), |_| {});
        self.stage.engine = Some(engine.expect("an engine that does not open cannot stop"));
        self.agrees(self.stage.engine(), std::slice::from_ref(self.last()));
    }

    /// Does one step; whether the engine still takes writes.
    fn step(&mut self, step: &Step) -> bool {
        self.at = step.name;
        let before = self.last().clone();
        let mut after = before.clone();
        (step.effect)(&mut after);
        let mut halves = vec![before.clone()];
        for half in step.halfway {
            let mut world = halves.last().expect("one").clone();
            half(&mut world);
            halves.push(world);
        }
        let failed = self.stage.disk.failed().len();
        let mut seen = false;
        let done = self.insist(
            |stage| (step.act)(stage),
            |trial| {
                seen = true;
                let found = trial.agrees(trial.stage.engine(), &halves);
                trial.worlds.push(found);
            },
        );
        if seen && step.may_have_finished {
            self.perhaps.push(after.clone());
        }
        if self.stage.disk.failed().len() > failed {
            self.stops_where_it_must(done.is_none());
        }
        if done.is_some() {
            self.worlds.push(after);
            if step.is_durable {
                self.durable();
            }
            // Up to the fault this is what was looked at when it was rehearsed.
            if self.injection.is_none() || !self.stage.disk.failed().is_empty() {
                self.agrees(self.stage.engine(), std::slice::from_ref(self.last()));
            }
        }
        done.is_some()
    }

    /// What was acknowledged so far is durable.
    fn durable(&mut self) {
        self.worlds.drain(..self.worlds.len() - 1);
        self.perhaps.clear();
    }

    /// The fault was met in a step: the engine has `stopped` where it had to, and only there
    /// (T3).
    fn stops_where_it_must(&self, stopped: bool) {
        let failed = self.stage.disk.failed();
        let is_scratch =
            |call: &Call| call.file.components().any(|part| part.as_os_str() == "_tmp");
        let is_write = |call: &Call| matches!(call.op, Op::WriteAt | Op::Sync | Op::SetLen);
        if failed.iter().all(is_scratch) {
            assert!(!stopped, "stopped because a file could not be made");
        } else if failed.iter().any(|call| is_write(call) && !is_scratch(call)) {
            assert!(stopped, "went on after a write or sync that failed");
        }
    }

    /// What `engine` holds is one of `expected`; it is given back.
    fn agrees(&self, engine: &Engine, expected: &[World]) -> World {
        let found = World::read(engine).expect("reading goes on");
        assert!(expected.contains(&found), "found {found:#?}\nof {expected:#?}");
        found
    }

    /// Whatever writes is refused, and says why; what reads is not; closing says it once more.
    fn stopped(&mut self) {
        self.outcome.stopped = true;
        let engine = self.stage.engine.take().expect("open");
        let d = engine.database("d").expect("named");
        let refusals = [
            engine.collection("d.daily").expect("opens").insert_one(rawdoc! {}).err(),
            engine.collection("new.c").expect("opens").insert_one(rawdoc! {}).err(),
            d.create_collection("other", Default::default()).err(),
            d.drop_collection("daily").err().filter(|_| d.exists()),
            engine.wait_durable().err(),
            engine.sync().err(),
        ];
        for error in refusals.iter().flatten() {
            assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
            self.note(error);
        }
        let expected = self.worlds.last().cloned();
        self.agrees(&engine, expected.as_slice());
        inspect(&engine).expect("reading goes on");
        drop(d);
        let closed = engine.close().expect_err("not closed cleanly");
        assert!(matches!(closed, Error::ReadOnly { .. }), "{closed}");
    }

    fn close(&mut self) {
        self.at = "close";
        let engine = self.stage.engine.take().expect("open");
        match engine.close() {
            Ok(()) if self.stage.how.read_only => {}
            Ok(()) => self.durable(),
            Err(error) => self.note(&error),
        }
    }

    /// Opens what is left, in two ways (T4).
    fn end(&mut self) {
        self.at = "open again";
        self.stage.disk.mend();
        let mut random = Rand32::new(self.injection.map_or(0, |injection| injection.at));
        let lost_power = self.stage.sim.after_power_cut(&mut random);
        let how = How { read_only: false, ..self.stage.how };
        let expected: Vec<World> = self.worlds.iter().chain(&self.perhaps).cloned().collect();
        let left = [
            ("again", builder(how).disk(std::sync::Arc::new(self.stage.disk.clone()))),
            ("after a power failure", builder(how).disk(std::sync::Arc::new(lost_power))),
        ];
        for (when, builder) in left {
            let engine = match builder.clone().open() {
                Ok(engine) => engine,
                // Without a journal nothing is promised but that it says so.
                Err(error @ Error::BadFile { .. }) if how.unjournaled => {
                    assert!(error.to_string().contains("restore a backup"), "{error}");
                    continue;
                }
                Err(error) => panic!("opened {when}: {error}"),
            };
            self.agrees(&engine, &expected);
            inspect(&engine).expect("reads");
            let other = engine.collection("d.after").expect("opens");
            other.insert_one(rawdoc! { "_id": 1 }).expect("takes writes");
            engine.wait_durable().expect("durable");
            engine.close().expect("closes");
            if self.injection.is_none() {
                salvage(builder).expect("reads");
            }
        }
    }
}
