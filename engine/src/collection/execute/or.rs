//! What one input or another gives, each record once; and nothing at all.

use std::collections::HashSet;

use super::describe::count;
use super::{Cx, Node, Stage, Worked};
use crate::bson::builder::Builder;
use crate::disk_loc::RecordLoc;
use crate::error::Result;

/// One input after the other.
pub struct Or {
    inputs: Vec<Node>,
    current: usize,
    given: HashSet<RecordLoc>,
    tested: u64,
    dropped: u64,
}

impl Or {
    pub fn new(inputs: Vec<Node>) -> Or {
        Or { inputs, current: 0, given: HashSet::new(), tested: 0, dropped: 0 }
    }
}

impl Stage for Or {
    fn name(&self) -> &'static str {
        "OR"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        let Some(input) = self.inputs.get_mut(self.current) else { return Ok(Worked::Eof) };
        match input.work(cx)? {
            Worked::Advanced(member) => {
                self.tested += 1;
                match self.given.insert(member.loc) {
                    true => Ok(Worked::Advanced(member)),
                    false => {
                        self.dropped += 1;
                        Ok(Worked::NeedTime)
                    }
                }
            }
            Worked::NeedTime => Ok(Worked::NeedTime),
            Worked::Eof => {
                self.current += 1;
                let is_over = self.current == self.inputs.len();
                Ok(if is_over { Worked::Eof } else { Worked::NeedTime })
            }
        }
    }

    fn inputs(&self) -> &[Node] {
        &self.inputs
    }

    fn inputs_mut(&mut self) -> &mut [Node] {
        &mut self.inputs
    }

    fn describe(&self, out: &mut Builder, counted: bool) {
        if counted {
            count(out, "dupsTested", self.tested);
            count(out, "dupsDropped", self.dropped);
        }
    }
}

/// Nothing.
pub struct Eof;

impl Stage for Eof {
    fn name(&self) -> &'static str {
        "EOF"
    }

    fn work(&mut self, _cx: &Cx<'_>) -> Result<Worked> {
        Ok(Worked::Eof)
    }
}
