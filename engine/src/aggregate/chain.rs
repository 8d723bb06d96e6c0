//! One run of a pipeline.
//!
//! R1. A stage that makes many documents of one, or gives many at its end, gives one at a time:
//!     what it has left takes no more memory than what it was given.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;

use super::{Context, Stage, World};
use crate::error::Result;

/// One run of a stage.
pub(crate) trait Run: Debug + Send {
    /// Takes a document.
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()>;

    /// Gives the next of the documents that it has left (R1), if there is one. Until there is
    /// none it is not told of more.
    fn more(&mut self, _out: &mut dyn Sink) -> Result<bool> {
        Ok(false)
    }

    /// There are no more documents.
    fn finish(&mut self, _out: &mut dyn Sink) -> Result<()> {
        Ok(())
    }

    /// Are more documents of no use?
    fn is_done(&self) -> bool {
        false
    }
}

/// Takes the documents that a stage gives.
pub(crate) trait Sink {
    fn accept(&mut self, doc: Vec<u8>) -> Result<()>;
}

impl Sink for VecDeque<Vec<u8>> {
    fn accept(&mut self, doc: Vec<u8>) -> Result<()> {
        self.push_back(doc);
        Ok(())
    }
}

/// What comes behind a stage.
struct Rest<'r> {
    stages: &'r mut [Box<dyn Run>],
    out: &'r mut VecDeque<Vec<u8>>,
}

impl Sink for Rest<'_> {
    fn accept(&mut self, doc: Vec<u8>) -> Result<()> {
        push(self.stages, doc, self.out)
    }
}

fn push(stages: &mut [Box<dyn Run>], doc: Vec<u8>, out: &mut VecDeque<Vec<u8>>) -> Result<()> {
    match stages.split_first_mut() {
        None => out.accept(doc),
        Some((first, _)) if first.is_done() => Ok(()),
        Some((first, rest)) => first.push(doc, &mut Rest { stages: rest, out }),
    }
}

/// Turns of a run between two looks at the clock.
const TURNS_PER_LOOK: u32 = 128;

/// A run of stages.
#[derive(Debug)]
pub(crate) struct Chain {
    stages: Vec<Box<dyn Run>>,
    out: VecDeque<Vec<u8>>,
    /// Stages that have been told that there are no more documents.
    finished: usize,
    world: Arc<dyn World>,
    /// Turns since the last look at the clock.
    turns: u32,
}

impl Chain {
    pub fn new(stages: &[Stage], context: &Context) -> Chain {
        let stages = stages.iter().map(|stage| stage.start(context)).collect();
        let world = context.world.clone();
        Chain { stages, out: VecDeque::new(), finished: 0, world, turns: 0 }
    }

    /// Takes a document.
    pub fn push(&mut self, doc: Vec<u8>) -> Result<()> {
        push(&mut self.stages, doc, &mut self.out)
    }

    /// Are more documents of no use?
    pub fn is_done(&self) -> bool {
        self.stages.iter().any(|stage| stage.is_done())
    }

    /// Has the last stage that has documents left give the next one: those before it are not
    /// asked, so that nothing piles up between stages. Answers whether there was one.
    pub fn more(&mut self) -> Result<bool> {
        // One document may become very many: a look at the clock for each of the source's is too
        // few.
        self.turns += 1;
        if self.turns == TURNS_PER_LOOK {
            self.turns = 0;
            self.world.check_time()?;
        }
        for at in (0..self.stages.len()).rev() {
            let (before, rest) = self.stages.split_at_mut(at + 1);
            if before[at].is_done() {
                return Ok(false);
            }
            if before[at].more(&mut Rest { stages: rest, out: &mut self.out })? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// There are no more documents. Each call ends one stage; what that has left is to be asked
    /// for before the next call.
    pub fn finish_one(&mut self) -> Result<bool> {
        let Some((stage, rest)) = self.stages[self.finished..].split_first_mut() else {
            return Ok(false);
        };
        self.finished += 1;
        stage.finish(&mut Rest { stages: rest, out: &mut self.out })?;
        Ok(true)
    }

    /// A document that has come out.
    pub fn take(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Takes the next document of the source, or ends a stage where there is none.
    fn go_on(&mut self, docs: &mut Option<impl Iterator<Item = Result<Vec<u8>>>>) -> Result<bool> {
        match docs.as_mut().filter(|_| !self.is_done()) {
            Some(source) => match source.next() {
                Some(doc) => self.push(doc?)?,
                None => *docs = None,
            },
            None => return self.finish_one(),
        }
        Ok(true)
    }

    /// Sends all documents through.
    pub fn run(
        mut self,
        docs: impl Iterator<Item = Result<Vec<u8>>>,
    ) -> impl Iterator<Item = Result<Vec<u8>>> {
        let mut docs = Some(docs);
        std::iter::from_fn(move || {
            loop {
                if let Some(doc) = self.take() {
                    return Some(Ok(doc));
                }
                let more = match self.more() {
                    Ok(false) => self.go_on(&mut docs),
                    more => more,
                };
                match more {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(error) => {
                        // After an error there is nothing more.
                        docs = None;
                        self.finished = self.stages.len();
                        self.out.clear();
                        return Some(Err(error));
                    }
                }
            }
        })
    }
}
