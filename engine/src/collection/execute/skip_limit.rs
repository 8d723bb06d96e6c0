//! Passes over the first records, and stops after some.

use super::describe::count;
use super::{Cx, Node, Stage, Worked};
use crate::bson::builder::Builder;
use crate::error::Result;

/// Passes over the first records.
pub struct Skip {
    amount: u64,
    left: u64,
    input: Node,
}

impl Skip {
    pub fn new(amount: u64, input: Node) -> Skip {
        Skip { amount, left: amount, input }
    }
}

impl Stage for Skip {
    fn name(&self) -> &'static str {
        "SKIP"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        match self.input.work(cx)? {
            Worked::Advanced(_) if self.left > 0 => {
                self.left -= 1;
                Ok(Worked::NeedTime)
            }
            other => Ok(other),
        }
    }

    fn inputs(&self) -> &[Node] {
        std::slice::from_ref(&self.input)
    }

    fn inputs_mut(&mut self) -> &mut [Node] {
        std::slice::from_mut(&mut self.input)
    }

    fn describe(&self, out: &mut Builder, _counted: bool) {
        count(out, "skipAmount", self.amount);
    }
}

/// Stops after some records.
pub struct Limit {
    amount: u64,
    left: u64,
    input: Node,
}

impl Limit {
    pub fn new(amount: u64, input: Node) -> Limit {
        Limit { amount, left: amount, input }
    }
}

impl Stage for Limit {
    fn name(&self) -> &'static str {
        "LIMIT"
    }

    fn work(&mut self, cx: &Cx<'_>) -> Result<Worked> {
        if self.left == 0 {
            return Ok(Worked::Eof);
        }
        let worked = self.input.work(cx)?;
        self.left -= u64::from(matches!(worked, Worked::Advanced(_)));
        Ok(worked)
    }

    fn inputs(&self) -> &[Node] {
        std::slice::from_ref(&self.input)
    }

    fn inputs_mut(&mut self) -> &mut [Node] {
        std::slice::from_mut(&mut self.input)
    }

    fn describe(&self, out: &mut Builder, _counted: bool) {
        count(out, "limitAmount", self.amount);
    }
}
