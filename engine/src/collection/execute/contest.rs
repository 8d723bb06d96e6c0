//! A trial of several plans: they run in turn, and the best one goes on.
//!
//! The first to give enough, or to come to its end, ends the trial. Best is who gave most for his
//! looks; of equals, who reads no documents, and sorts none.

use std::collections::VecDeque;

use super::member::Member;
use super::run::Run;
use super::{Cx, Worked};
use crate::collection::saved_cursors::Watch;
use crate::error::{Error, Result};
use crate::query::plan::Plan;

/// Records that are enough.
pub const ENOUGH: usize = 101;
/// Bytes of documents that are enough.
const ENOUGH_BYTES: usize = 4 << 20;
/// Looks that are always allowed.
const LOOKS_MIN: u64 = 10_000;

/// One of the plans on trial.
#[derive(Debug)]
pub struct Entrant {
    pub plan: Plan,
    pub run: Run,
    /// What it gave so far.
    pub given: VecDeque<Member>,
    bytes: usize,
    pub is_over: bool,
    failed: Option<Error>,
}

/// Several plans on trial.
#[derive(Debug)]
pub struct Contest {
    entrants: Vec<Entrant>,
    looks: u64,
    looks_max: u64,
}

impl Entrant {
    /// A plan that has not begun.
    pub fn new(plan: Plan, run: Run) -> Entrant {
        let given = VecDeque::new();
        Entrant { plan, run, given, bytes: 0, is_over: false, failed: None }
    }

    /// Does one look's worth. Answers whether the trial is decided.
    pub fn step(&mut self, cx: &Cx<'_>) -> Result<bool> {
        match self.run.work(cx)? {
            Worked::Advanced(member) => {
                self.bytes += member.document.as_ref().map_or(0, Vec::len);
                self.given.push_back(member);
            }
            Worked::NeedTime => {}
            Worked::Eof => self.is_over = true,
        }
        Ok(self.has_enough())
    }

    /// Has it given enough, or all?
    pub fn has_enough(&self) -> bool {
        self.is_over || self.given.len() >= ENOUGH || self.bytes >= ENOUGH_BYTES
    }

    /// The collection is held again: what has gone was never given.
    ///
    /// # Errors
    /// As [`Run::resume`].
    pub fn resume(&mut self, cx: &Cx<'_>) -> Result<()> {
        self.given.retain(|member| member.watch.as_ref().is_none_or(Watch::is_there));
        self.run.resume(cx)
    }

    /// The collection is about to be let go. What was copied stays good; records that are known
    /// by their places alone may go (X2).
    pub fn rest(&mut self, cx: &Cx<'_>) {
        for member in self.given.iter_mut().filter(|member| member.document.is_none()) {
            member.watch.get_or_insert_with(|| cx.open.cursors.watch(member.loc));
        }
        self.run.rest();
    }

    /// Looks so far.
    pub fn looks(&self) -> u64 {
        self.run.root.stats.works
    }

    /// How good it was: records given for a look, and a little for what it does without.
    fn score(&self) -> f64 {
        let works = self.run.root.stats.works.max(1) as f64;
        let productivity = self.given.len() as f64 / works;
        let little = (1.0 / (10.0 * works)).min(1e-4);
        let bonus = f64::from(u8::from(!self.plan.fetches)) + f64::from(u8::from(!self.plan.sorts));
        1.0 + productivity + little * bonus + f64::from(u8::from(self.is_over))
    }
}

impl Contest {
    /// A trial of plans on a collection of so many records.
    pub fn new(entrants: Vec<Entrant>, records: u64) -> Contest {
        let looks_max = LOOKS_MIN.max((records as f64 * 0.29) as u64);
        Contest { entrants, looks: 0, looks_max }
    }

    /// Lets each plan look once. Answers whether the trial is decided.
    ///
    /// # Errors
    /// If all plans have failed, that of the last one.
    pub fn round(&mut self, cx: &Cx<'_>) -> Result<bool> {
        self.looks += 1;
        let mut decided = self.looks >= self.looks_max;
        for entrant in self.entrants.iter_mut().filter(|entrant| entrant.failed.is_none()) {
            match entrant.step(cx) {
                Ok(enough) => decided |= enough,
                Err(error) => entrant.failed = Some(error),
            }
        }
        if self.entrants.iter().all(|entrant| entrant.failed.is_some()) {
            let failed = self.entrants.iter_mut().find_map(|entrant| entrant.failed.take());
            return failed.map_or(Ok(true), Err);
        }
        Ok(decided)
    }

    /// The collection is held again.
    ///
    /// # Errors
    /// As [`Run::resume`].
    pub fn resume(&mut self, cx: &Cx<'_>) -> Result<()> {
        self.entrants.iter_mut().try_for_each(|entrant| entrant.resume(cx))
    }

    /// The collection is about to be let go.
    pub fn rest(&mut self, cx: &Cx<'_>) {
        self.entrants.iter_mut().for_each(|entrant| entrant.rest(cx));
    }

    /// Ends it: the best plan, and the others, best first.
    pub fn decide(mut self) -> (Option<Entrant>, Vec<Entrant>) {
        let score = |entrant: &Entrant| match entrant.failed {
            None => entrant.score(),
            Some(_) => 0.0,
        };
        // Stable: of equals the one whose index is older.
        self.entrants.sort_by(|a, b| score(b).total_cmp(&score(a)));
        let mut ranked = self.entrants.into_iter();
        (ranked.next(), ranked.collect())
    }
}
