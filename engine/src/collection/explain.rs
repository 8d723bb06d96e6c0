//! Explanations in the form of MongoDB 5.0: which plan, and what it did.

use bson::RawDocumentBuf;

use super::execute::{Contest, Cx, Entrant, Member, Node, Stats, Worked, describe};
use super::find::Verbosity;
use super::locate::Holding;
use super::locked::CollectionCore;
use super::planning::choose;
use super::query_run::{Query, records};
use super::shared::EngineShared;
use crate::bson::builder::Builder;
use crate::bson::ty;
use crate::error::{Error, Result};
use crate::journal::ReadView;
use crate::query::plan::{self, Plan};

/// What stands above the plan's own stages: the verb that would use what they find.
#[derive(Clone, Copy)]
pub enum Top<'t> {
    /// A find.
    Nothing,
    /// A verb with its name, and what it would do with so many records, as a document.
    Verb {
        name: &'static str,
        done: &'t dyn Fn(u64) -> Vec<u8>,
        /// How many documents it would give.
        returned: u64,
    },
}

/// A query's plans, run as far as is asked.
pub struct Explained {
    pub winner: Node,
    pub rejected: Vec<Node>,
    /// What the trial of each plan came to, winner first; nothing without a trial.
    pub trials: Vec<Vec<u8>>,
    /// The winner's plan; none where there is no collection.
    pub plan: Option<Plan>,
    pub millis: u64,
}

/// Says how a query is run.
///
/// # Errors
/// As the query.
pub fn explain(
    core: &CollectionCore,
    shared: &EngineShared,
    query: &Query,
    verbosity: Verbosity,
    top: &Top<'_>,
) -> Result<RawDocumentBuf> {
    let to_its_end = verbosity != Verbosity::QueryPlanner;
    let explained = run(core, shared, query, to_its_end, &mut |_, _| Ok(()))?;
    shown(core, query, &explained, verbosity, top)
}

/// The same of plans that were run.
///
/// # Errors
/// None: its bytes are a document.
pub fn shown(
    core: &CollectionCore,
    query: &Query,
    explained: &Explained,
    verbosity: Verbosity,
    top: &Top<'_>,
) -> Result<RawDocumentBuf> {
    let mut out = Builder::new();
    out.str("explainVersion", "1");
    planner(&mut out, core, query, explained, top);
    if verbosity != Verbosity::QueryPlanner {
        out.begin(ty::DOCUMENT, "executionStats");
        let looked = explained.winner.looked();
        let given = match top {
            Top::Nothing => explained.winner.stats.advanced,
            Top::Verb { returned, .. } => *returned,
        };
        out.boolean("executionSuccess", true);
        describe::count(&mut out, "nReturned", given);
        describe::count(&mut out, "executionTimeMillis", explained.millis);
        describe::count(&mut out, "totalKeysExamined", looked.keys);
        describe::count(&mut out, "totalDocsExamined", looked.documents);
        out.document("executionStages", &under(top, &explained.winner, true));
        if verbosity == Verbosity::AllPlansExecution {
            out.begin(ty::ARRAY, "allPlansExecution");
            for (i, trial) in explained.trials.iter().enumerate() {
                out.document(i.to_string(), trial);
            }
            out.end();
        }
        out.end();
        // Ours: what reading the documents took.
        out.begin(ty::DOCUMENT, "tallymap");
        describe::count(&mut out, "bytesTouched", looked.bytes);
        out.end();
    }
    document(out.finish())
}

/// Says how all records of a collection are counted: not at all, their number is known.
///
/// # Errors
/// None: its bytes are a document.
pub fn of_all_records(
    core: &CollectionCore,
    verbosity: Verbosity,
    records: u64,
) -> Result<RawDocumentBuf> {
    let stage = |out: &mut Builder, name: &str, counted: bool| {
        out.begin(ty::DOCUMENT, name).str("stage", "RECORD_STORE_FAST_COUNT");
        if counted {
            describe::stats_above(out, &Stats { works: 1, is_eof: true, ..Stats::default() }, 0);
            describe::count(out, "nCounted", records);
            describe::count(out, "nSkipped", 0);
        }
        out.end();
    };
    let mut out = Builder::new();
    out.str("explainVersion", "1").begin(ty::DOCUMENT, "queryPlanner");
    out.str("namespace", core.ns.as_str()).boolean("indexFilterSet", false);
    stage(&mut out, "winningPlan", false);
    out.begin(ty::ARRAY, "rejectedPlans").end().end();
    if verbosity != Verbosity::QueryPlanner {
        out.begin(ty::DOCUMENT, "executionStats").boolean("executionSuccess", true);
        for name in ["nReturned", "executionTimeMillis", "totalKeysExamined", "totalDocsExamined"] {
            describe::count(&mut out, name, 0);
        }
        stage(&mut out, "executionStages", true);
        out.end();
    }
    document(out.finish())
}

/// Finished bytes as a document.
pub fn document(bytes: Vec<u8>) -> Result<RawDocumentBuf> {
    let rule = "an explanation is a document";
    RawDocumentBuf::from_bytes(bytes).map_err(|_| Error::InvalidBson { at: 0, rule })
}

fn planner(
    out: &mut Builder,
    core: &CollectionCore,
    query: &Query,
    explained: &Explained,
    top: &Top<'_>,
) {
    out.begin(ty::DOCUMENT, "queryPlanner");
    out.str("namespace", core.ns.as_str()).boolean("indexFilterSet", false);
    out.document("parsedQuery", &plan::shown::filter(&query.question.filter));
    if let Some(collation) = &query.collation {
        out.document("collation", &collation.to_bson());
    }
    for limit in ["maxIndexedOrSolutionsReached", "maxIndexedAndSolutionsReached"] {
        out.boolean(limit, false);
    }
    out.boolean("maxScansToExplodeReached", false);
    out.document("winningPlan", &under(top, &explained.winner, false));
    out.begin(ty::ARRAY, "rejectedPlans");
    for (i, plan) in explained.rejected.iter().enumerate() {
        out.document(i.to_string(), &under(top, plan, false));
    }
    out.end().end();
}

/// The stages, with the verb on top.
fn under(top: &Top<'_>, node: &Node, counted: bool) -> Vec<u8> {
    let Top::Verb { name, done, returned } = top else { return describe::tree(node, counted) };
    // That it is one document is the verb's own affair.
    let below = match node.stage.inputs() {
        [input] if node.stage.name() == "LIMIT" => input,
        _ => node,
    };
    let mut out = Builder::new();
    out.str("stage", name);
    if counted {
        describe::stats_above(&mut out, &node.stats, *returned);
        let done = done(node.stats.advanced);
        out.raw(&done[4..done.len() - 1]);
    }
    out.document("inputStage", &describe::tree(below, counted));
    out.finish()
}

/// What is done with each record that a plan finds.
pub type Each<'e> = &'e mut dyn FnMut(&Cx<'_>, &Member) -> Result<()>;

/// Plans a query anew, and runs it to its end if that is asked for; `each` is told of what it
/// finds.
///
/// # Errors
/// As the query.
pub fn run(
    core: &CollectionCore,
    shared: &EngineShared,
    query: &Query,
    to_its_end: bool,
    each: Each<'_>,
) -> Result<Explained> {
    let began = shared.clock.uptime_ms();
    let guard = core.shared();
    let Some(open) = guard.open()? else {
        let mut winner = Node::new(super::execute::Eof);
        winner.stats.works = 1;
        winner.stats.is_eof = true;
        let (rejected, trials) = (vec![], vec![]);
        return Ok(Explained { winner, rejected, trials, plan: None, millis: 0 });
    };
    let view = ReadView::new(&open.files, &guard);
    let holding = Holding::EachRecord(core);
    let (counters, variables) = (&*shared.counters, &query.variables());
    let cx = Cx { open, view: &view, holding, counters, variables };
    let choice = choose(&cx, &query.question, false)?;
    let entrants: Vec<_> = choice.plans.into_iter().map(|plan| query.entrant(open, plan)).collect();
    let has_trial = entrants.len() > 1;
    let mut contest = Contest::new(entrants, records(&cx)?);
    while has_trial && !contest.round(&cx)? {}
    let (winner, others) = contest.decide();
    let Some(mut winner) = winner else {
        return Err(Error::InvalidBson { at: 0, rule: "a query has a plan" });
    };
    let mut trials = vec![];
    if has_trial {
        trials.extend(std::iter::once(&winner).chain(&others).map(trial));
    }
    if to_its_end {
        winner.given.iter().try_for_each(|member| each(&cx, member))?;
        while !winner.is_over {
            match winner.run.work(&cx)? {
                Worked::Advanced(member) => each(&cx, &member)?,
                Worked::NeedTime => {}
                Worked::Eof => winner.is_over = true,
            }
        }
    }
    let rejected = others.into_iter().map(|entrant| entrant.run.root).collect();
    let millis = shared.clock.uptime_ms() - began;
    let plan = Some(winner.plan);
    Ok(Explained { winner: winner.run.root, rejected, trials, plan, millis })
}

/// What a plan came to in a trial.
fn trial(entrant: &Entrant) -> Vec<u8> {
    let mut out = Builder::new();
    let node = &entrant.run.root;
    let looked = node.looked();
    describe::count(&mut out, "nReturned", node.stats.advanced);
    describe::count(&mut out, "executionTimeMillisEstimate", 0);
    describe::count(&mut out, "totalKeysExamined", looked.keys);
    describe::count(&mut out, "totalDocsExamined", looked.documents);
    out.document("executionStages", &describe::tree(node, true));
    out.finish()
}
