//! Running cases on two targets.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};

use super::case::{Case, Kind};
use super::compare::difference;
use super::cursors;
use super::known::{fails, known};
use super::known_writes::is_partly_written;
use super::shell;
use super::target::{Target, code};

/// The code with which a target says that it cannot judge a command.
pub const NO_OPINION: i32 = -2;

/// Commands that change nothing.
const READS: [&str; 7] =
    ["find", "aggregate", "count", "distinct", "listIndexes", "getMore", "killCursors"];

/// How a case ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The replies say the same.
    Equal,
    /// They differ, and may.
    Known(&'static str),
    /// One of the targets could not judge.
    Skipped,
    /// They differ.
    Different(Box<Difference>),
}

/// Where two targets part.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The case.
    pub case: Case,
    /// The place of the command.
    pub at: usize,
    /// What differs, in a sentence.
    pub what: String,
    /// The reply of the first target.
    pub ours: Document,
    /// The reply of the second.
    pub theirs: Document,
}

impl Difference {
    /// The case as a script, and both replies.
    pub fn script(&self) -> String {
        let mut case = self.case.clone();
        case.commands.truncate(self.at + 1);
        format!(
            "{}// {}\n// ours:   {}\n// theirs: {}\n",
            case.script(),
            self.what,
            shell::document(&self.ours),
            shell::document(&self.theirs)
        )
    }
}

/// Runs a case on two empty targets, up to the first difference.
pub fn run(case: &Case, ours: &mut dyn Target, theirs: &mut dyn Target) -> Outcome {
    ours.reset();
    theirs.reset();
    let mut outcome = Outcome::Equal;
    let mut last = [0; 2];
    let mut is_partly = false;
    for (at, command) in case.commands.iter().enumerate() {
        let a = ours.run(&cursors::told(command, last[0]));
        let b = theirs.run(&cursors::told(command, last[1]));
        for (last, reply) in last.iter_mut().zip([&a, &b]) {
            *last = cursors::opened(reply).unwrap_or(*last);
        }
        let name = command.keys().next().map_or("", |name| name);
        let reads = READS.contains(&name) && !shell::command(command).contains("$out");
        if code(&a) == Some(NO_OPINION) || code(&b) == Some(NO_OPINION) {
            // What was not judged when it should have been written spoils the rest.
            match reads {
                true => continue,
                false => return Outcome::Skipped,
            }
        }
        let is_partly_now = is_partly_written(command, &a, &b);
        let Some(what) = difference(command, &a, &b) else {
            is_partly |= is_partly_now;
            continue;
        };
        if is_partly {
            return Outcome::Known("which documents a refused update of many had written");
        }
        if let Some(as_written) = as_written(command) {
            let again = theirs.run(&as_written);
            let is_as_written = match reads {
                true if fails(&a) && fails(&again) => true,
                true => difference(command, &a, &again).is_none(),
                false => code(&a) == code(&again),
            };
            if is_as_written {
                outcome = Outcome::Known("what 5.0.4 answers as it moves stages");
                match reads {
                    true => continue,
                    false => return outcome,
                }
            }
        }
        if let Some(why) = known(command, &a, &b) {
            outcome = Outcome::Known(why);
            match reads {
                true => continue,
                false => return outcome,
            }
        }
        let case = case.clone();
        return Outcome::Different(Box::new(Difference { case, at, what, ours: a, theirs: b }));
    }
    outcome
}

/// The aggregation with its stages run in the order in which they are written, and nothing written;
/// none if it is none.
fn as_written(command: &Document) -> Option<Document> {
    fn apart(stages: &[Bson]) -> Vec<Bson> {
        let nested = |stage: &Bson| match stage.as_document() {
            Some(stage) => match stage.get_document("$facet") {
                Ok(facet) => {
                    let parts = facet.iter().map(|(name, part)| match part {
                        Bson::Array(stages) => (name.clone(), apart(stages).into()),
                        other => (name.clone(), other.clone()),
                    });
                    doc! { "$facet": parts.collect::<Document>() }.into()
                }
                Err(_) => stage.clone().into(),
            },
            None => stage.clone(),
        };
        let wall = || Bson::from(doc! { "$_internalInhibitOptimization": {} });
        let mut out: Vec<Bson> = stages.iter().flat_map(|s| [nested(s), wall()]).collect();
        out.pop();
        out
    }
    let stages = command.get_array("pipeline").ok()?;
    let writes = |stage: &Bson| stage.as_document().is_some_and(|stage| stage.contains_key("$out"));
    let reading: Vec<Bson> = stages.iter().filter(|stage| !writes(stage)).cloned().collect();
    let mut command = command.clone();
    command.insert("pipeline", apart(&reading));
    Some(command)
}

/// How many cases of each kind ended how.
#[derive(Debug, Default)]
pub struct Summary {
    counts: BTreeMap<(Kind, &'static str), u64>,
    /// The differences, in the order in which they were met.
    pub differences: Vec<Difference>,
}

impl Summary {
    /// Counts a case.
    pub fn add(&mut self, kind: Kind, outcome: Outcome) {
        let what = match &outcome {
            Outcome::Equal => "equal",
            Outcome::Known(_) => "known difference",
            Outcome::Skipped => "not judged",
            Outcome::Different(_) => "different",
        };
        *self.counts.entry((kind, what)).or_default() += 1;
        if let Outcome::Different(difference) = outcome {
            self.differences.push(*difference);
        }
    }

    /// How many were equal.
    pub fn equal(&self) -> u64 {
        let equal = self.counts.iter().filter(|((_, what), _)| *what == "equal");
        equal.map(|(_, count)| count).sum()
    }

    /// A table, one line for each kind.
    pub fn table(&self) -> String {
        let columns = ["equal", "known difference", "not judged", "different"];
        let mut out = format!("{:<10}", "");
        out.extend(columns.map(|name| format!("{name:>18}")));
        for kind in Kind::ALL {
            let counts = columns.map(|name| self.counts.get(&(kind, name)).copied().unwrap_or(0));
            if counts.iter().sum::<u64>() > 0 {
                out += &format!("\n{:<10}", kind.name());
                out.extend(counts.map(|count| format!("{count:>18}")));
            }
        }
        out
    }
}
