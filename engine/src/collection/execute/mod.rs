//! Running a plan on a collection: stages that give one record after the other.
//!
//! A stage is asked for work; it does one look's worth and answers with a record, with nothing
//! yet, or that there is no more. What a stage did is counted, for trials and explanations.
//!
//! X1. Stages hold no lock and no place in a map between two pieces of work: whoever lets the
//!     collection go tells them by [`Node::rest`] before.
//! X2. A record is named by its place only while the collection is held. What is kept beyond is
//!     a copy, or is watched ([`super::saved_cursors::Watch`]).

mod bounds_check;
pub mod build;
mod coll_scan;
mod contest;
mod cost;
pub mod describe;
mod fetch;
mod id_hack;
mod index_scan;
mod member;
mod merge;
mod or;
mod project;
mod run;
mod skip_limit;
mod sort;

pub use build::{Wanted, build};
pub use coll_scan::CollScan;
pub use contest::{Contest, Entrant};
pub use cost::{Cost, Examined, Listening, Told};
pub use fetch::{Fetch, look};
pub use id_hack::IdHack;
pub use index_scan::IndexScan;
pub use member::{Copied, Member};
pub use or::Eof;
pub use project::{Project, Shown};
pub use run::Run;
pub use skip_limit::{Limit, Skip};
pub use sort::Sort;

use super::locate::Holding;
use super::locked::OpenCollection;
use crate::bson::builder::Builder;
use crate::counters::Counters;
use crate::error::Result;
use crate::expression::Variables;
use crate::journal::ReadView;

/// What a stage has in hand while it works.
#[derive(Debug, Clone, Copy)]
pub struct Cx<'a> {
    pub open: &'a OpenCollection,
    pub view: &'a ReadView<'a>,
    pub holding: Holding<'a>,
    pub counters: &'a Counters,
    /// What expressions of the filter may refer to.
    pub variables: &'a Variables<'a>,
}

/// What a piece of work came to.
#[derive(Debug)]
pub enum Worked {
    /// A record, or what is made of it.
    Advanced(Member),
    /// Nothing yet: there may be more.
    NeedTime,
    /// There is no more.
    Eof,
}

/// One kind of work.
pub trait Stage: Send {
    /// Its name in explanations.
    fn name(&self) -> &'static str;

    /// Does one look's worth.
    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked>;

    /// The collection is about to be let go.
    fn rest(&mut self) {}

    /// The collection is held again, and its indexes may have changed.
    fn resume(&mut self, _cx: &Cx<'_>) -> Result<()> {
        Ok(())
    }

    /// Where its records come from.
    fn inputs(&self) -> &[Node] {
        &[]
    }

    /// The same, to be told something.
    fn inputs_mut(&mut self) -> &mut [Node] {
        &mut []
    }

    /// Appends what it is, for explanations; with `counted` what it did, too.
    fn describe(&self, _out: &mut Builder, _counted: bool) {}

    /// Entries of indexes and documents that it looked at.
    fn looked(&self) -> Looked {
        Looked::default()
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Looked {
    pub keys: u64,
    pub documents: u64,
    /// Bytes of those documents.
    pub bytes: u64,
}

/// A stage, and what it came to so far.
pub struct Node {
    pub stage: Box<dyn Stage>,
    pub stats: Stats,
}

/// What a stage came to so far.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stats {
    pub works: u64,
    pub advanced: u64,
    pub need_time: u64,
    pub rests: u64,
    pub resumes: u64,
    pub is_eof: bool,
}

impl Node {
    /// A stage that has not worked yet.
    pub fn new(stage: impl Stage + 'static) -> Node {
        Node { stage: Box::new(stage), stats: Stats::default() }
    }

    /// Does one look's worth.
    pub fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        let worked = self.stage.work(cx)?;
        self.stats.works += 1;
        match &worked {
            Worked::Advanced(_) => self.stats.advanced += 1,
            Worked::NeedTime => self.stats.need_time += 1,
            Worked::Eof => self.stats.is_eof = true,
        }
        Ok(worked)
    }

    /// The collection is about to be let go (X1).
    pub fn rest(&mut self) {
        self.stats.rests += 1;
        self.stage.rest();
        self.stage.inputs_mut().iter_mut().for_each(Node::rest);
    }

    /// The collection is held again.
    pub fn resume(&mut self, cx: &Cx<'_>) -> Result<()> {
        self.stats.resumes += 1;
        self.stage.resume(cx)?;
        self.stage.inputs_mut().iter_mut().try_for_each(|input| input.resume(cx))
    }

    /// What it and all below it looked at.
    pub fn looked(&self) -> Looked {
        self.stage.inputs().iter().fold(self.stage.looked(), |sum, input| {
            let more = input.looked();
            Looked {
                keys: sum.keys + more.keys,
                documents: sum.documents + more.documents,
                bytes: sum.bytes + more.bytes,
            }
        })
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct(self.stage.name()).field("inputs", &self.stage.inputs()).finish()
    }
}
