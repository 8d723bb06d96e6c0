//! Sorts in memory what it is given.

use super::describe::count;
use super::member::Member;
use super::{Cx, Node, Stage, Worked};
use crate::bson::builder::Builder;
use crate::error::{Error, Result};
use crate::query::{SortBound, SortPattern, Sorter};

/// A sort of all that its input gives.
pub struct Sort {
    pattern: SortPattern,
    shown: Vec<u8>,
    /// Keeps this many at most; 0: all.
    limit: u64,
    input: Node,
    state: State,
    bound: SortBound,
    bytes: u64,
}

enum State {
    Gathering(Box<Sorter<Member>>),
    Giving(Box<dyn Iterator<Item = Member> + Send>),
}

/// Memory that a record takes beside its document, bytes.
const MEMBER_LEN: usize = 64;

impl Sort {
    /// One by `pattern`, which `shown` is as BSON.
    pub fn new(pattern: SortPattern, shown: Vec<u8>, limit: u64, input: Node) -> Sort {
        let kept = usize::try_from(limit).ok().filter(|&limit| limit > 0);
        let state = State::Gathering(Box::new(Sorter::new(pattern.clone(), kept)));
        Sort { pattern, shown, limit, input, state, bound: SortBound::FIND, bytes: 0 }
    }

    /// The same within another bound. It has not begun.
    pub fn bounded(mut self, bound: SortBound) -> Sort {
        if let State::Gathering(sorter) = self.state {
            self.state = State::Gathering(Box::new(sorter.bounded(bound)));
        }
        Sort { bound, ..self }
    }
}

impl Stage for Sort {
    fn name(&self) -> &'static str {
        "SORT"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        let sorter = match &mut self.state {
            State::Gathering(sorter) => sorter,
            State::Giving(sorted) => {
                return Ok(sorted.next().map_or(Worked::Eof, Worked::Advanced));
            }
        };
        match self.input.work(cx)? {
            Worked::Advanced(mut member) => {
                let missing = || Error::InvalidBson { at: 0, rule: "what is sorted was read" };
                let document = member.document.as_deref().ok_or_else(missing)?;
                let key = self.pattern.key(document)?;
                let len = document.len() + MEMBER_LEN;
                // By the time it is given on, it may have gone.
                member.is_stale = true;
                self.bytes += document.len() as u64;
                sorter.push(key, member, len)?;
            }
            Worked::NeedTime => {}
            Worked::Eof => {
                let gathered = State::Giving(Box::new(std::iter::empty()));
                if let State::Gathering(sorter) = std::mem::replace(&mut self.state, gathered) {
                    self.state = State::Giving(Box::new(sorter.finish()));
                }
            }
        }
        Ok(Worked::NeedTime)
    }

    fn inputs(&self) -> &[Node] {
        std::slice::from_ref(&self.input)
    }

    fn inputs_mut(&mut self) -> &mut [Node] {
        std::slice::from_mut(&mut self.input)
    }

    fn describe(&self, out: &mut Builder, counted: bool) {
        out.document("sortPattern", &self.shown);
        count(out, "memLimit", self.bound.bytes_max() as u64);
        if self.limit > 0 {
            count(out, "limitAmount", self.limit);
        }
        out.str("type", "simple");
        if counted {
            count(out, "totalDataSizeSorted", self.bytes);
            out.boolean("usedDisk", false);
        }
    }
}
