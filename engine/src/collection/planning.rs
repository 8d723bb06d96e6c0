//! From a query to plans: what is known of the collection's indexes, and which plan won before.

use std::sync::Arc;

use super::execute::Cx;
use super::index_keys::Index;
use super::locked::OpenCollection;
use super::plan_cache::Winner;
use super::search::Hint;
use crate::bson::compare::{Names, compare_documents};
use crate::bson::element::{Elements, Value};
use crate::disk::View;
use crate::error::{Error, Reason, Result};
use crate::index::hash::hash;
use crate::index::index_version::IndexVersion;
use crate::query::filter::{Clause, Test};
use crate::query::plan::shape::shape;
use crate::query::plan::{self, Hinted, IndexFacts, KeyRange, Plan, PlanNode, Question};

/// Plans for a question, and what is remembered of earlier trials.
#[derive(Debug)]
pub struct Choice {
    /// At least one. If one won before, that alone.
    pub plans: Vec<Plan>,
    /// The shape under which a winner is remembered; none if there is no choice.
    pub shape: Option<Box<[u8]>>,
    /// The winner of an earlier trial, which is the only one of `plans`.
    pub winner: Option<Winner>,
}

/// Times as many looks as in the trial, after which a plan does badly.
pub const MUCH_WORSE: u64 = 10;

/// The error of a query whose index has gone.
pub fn index_dropped(name: &str) -> Error {
    Error::refused(Reason::QueryPlanKilled, format!("index '{name}' dropped"))
}

/// The plans for a question; `trusting`: that which won before is enough.
pub fn choose(cx: &Cx<'_>, question: &Question, trusting: bool) -> Result<Choice> {
    if is_id_lookup(cx.open, question) {
        let id = "_id".to_owned();
        let plan = Plan { root: PlanNode::IdHack, sorts: false, fetches: true, id };
        return Ok(Choice { plans: vec![plan], shape: None, winner: None });
    }
    let indexes = facts(cx.open, cx.view)?;
    let mut plans = plan::candidates(question, &indexes);
    if let (true, Hinted::Index { name, .. }) = (plans.is_empty(), &question.hint) {
        return Err(index_dropped(name));
    }
    if let Some(unique) = plans.iter().position(finds_one) {
        plans = vec![plans.swap_remove(unique)];
    }
    if plans.len() == 1 {
        return Ok(Choice { plans, shape: None, winner: None });
    }
    let shape = shape(question);
    let remembered = cx.open.plans.winner(&shape).filter(|_| trusting);
    if let Some(winner) = remembered
        && let Some(number) = plans.iter().position(|plan| plan.id == winner.id)
    {
        plans = vec![plans.swap_remove(number)];
        return Ok(Choice { plans, shape: Some(shape), winner: Some(winner) });
    }
    Ok(Choice { plans, shape: Some(shape), winner: None })
}

/// Is one document asked for, by its `_id` alone?
fn is_id_lookup(open: &OpenCollection, question: &Question) -> bool {
    let by_id = match question.filter.clauses() {
        [Clause::Field { path, test: Test::Eq(_) }] => path.as_str() == "_id",
        _ => false,
    };
    by_id
        && question.is_id_hack
        && question.filter.id_equality().is_some()
        && question.hint == Hinted::Nothing
        && question.range.is_open()
        && open.id_index().is_some()
}

/// Does the plan lead to one document at most?
fn finds_one(plan: &Plan) -> bool {
    let mut scans = vec![];
    plan.root.each_scan(&mut |scan| scans.push(scan));
    let [scan] = &scans[..] else { return false };
    let index = &scan.index;
    index.is_unique && index.hash.is_none() && scan.fields.iter().all(|field| field.is_point())
}

/// What is known of the indexes.
pub fn facts(open: &OpenCollection, view: &impl View) -> Result<Arc<[Arc<IndexFacts>]>> {
    let details = open.details();
    let multikey = open.indexes.iter().map(|index| details.is_multikey(view, index.slot));
    let multikey = multikey.collect::<Result<Vec<bool>>>()?;
    // Nothing else of an index changes while the collection stays open.
    let arrays = || {
        let indexes = open.indexes.iter().zip(&multikey);
        indexes.map(|(index, multikey)| (index, (*multikey, index.notes_arrays())))
    };
    let is_current = |facts: &[Arc<IndexFacts>]| {
        let known = facts.iter().map(|facts| (facts.is_multikey, facts.notes_arrays));
        known.eq(arrays().map(|(_, known)| known))
    };
    Ok(open.plans.facts(is_current, || {
        arrays().map(|(index, known)| Arc::new(facts_of(index, known))).collect()
    }))
}

fn facts_of(index: &Index, (is_multikey, notes_arrays): (bool, bool)) -> IndexFacts {
    let facts = index.facts();
    let key = facts.pattern;
    let count = key.paths().len();
    IndexFacts {
        name: facts.name.to_owned(),
        paths: key.paths().to_vec(),
        descending: (0..count).map(|field| key.order().is_descending(field)).collect(),
        pattern: key.as_bson().to_vec(),
        is_unique: facts.is_unique,
        is_sparse: facts.is_sparse,
        is_hidden: facts.is_hidden,
        is_usable: facts.is_usable,
        is_multikey,
        notes_arrays,
        hash: facts.hashed.map(|_| hash as fn(Value<'_>) -> i64),
        partial: facts.partial_filter.cloned(),
        knows_positions: index.tree.version == IndexVersion::V1,
    }
}

/// What a caller says of the way, among the indexes that there are.
///
/// # Errors
/// [`Reason::BadValue`] if there is no such index.
pub fn hinted(open: Option<&OpenCollection>, ns: &str, hint: Option<&Hint>) -> Result<Hinted> {
    let found = match hint {
        None => return Ok(Hinted::Nothing),
        Some(Hint::Keys(keys)) if keys.len() <= 5 => return Ok(Hinted::Nothing),
        Some(Hint::Keys(keys)) => {
            if let Some(backward) = natural(keys)? {
                return Ok(Hinted::Natural { backward });
            }
            let Some(open) = open else { return Ok(Hinted::Nothing) };
            open.indexes.iter().find(|index| is_same_key(keys, index))
        }
        Some(Hint::Name(name)) => {
            let Some(open) = open else { return Ok(Hinted::Nothing) };
            open.indexes.iter().find(|index| index.definition.name() == name)
        }
    };
    match found.map(Index::facts).filter(|facts| !facts.is_hidden) {
        Some(facts) => {
            let (name, pattern) = (facts.name.to_owned(), facts.pattern.as_bson().to_vec());
            Ok(Hinted::Index { name, pattern })
        }
        None => {
            let why = "hint provided does not correspond to an existing index";
            Err(planner_error(ns, Reason::BadValue, why))
        }
    }
}

/// An error as a planner tells it.
pub fn planner_error(ns: &str, reason: Reason, why: &str) -> Error {
    let message =
        format!("error processing query: ns={ns} planner returned error :: caused by :: {why}");
    Error::refused(reason, message)
}

/// The direction, if it is `{ $natural: … }`.
pub fn natural(keys: &[u8]) -> Result<Option<bool>> {
    let Some(first) = Elements::new(keys)?.next().transpose()? else { return Ok(None) };
    let number = first.val().as_number().map(|number| number.to_f64());
    Ok((first.name == b"$natural").then_some(number.is_some_and(|number| number < 0.0)))
}

fn is_same_key(keys: &[u8], index: &Index) -> bool {
    let own = index.definition.key().as_bson();
    compare_documents(keys, own, Names::Compared).is_eq()
}

/// The keys between which a walk over the hinted index goes, by `min` and `max` as they are
/// given.
///
/// # Errors
/// 5.0's, with its numbers.
pub fn key_range(
    open: &OpenCollection,
    ns: &str,
    hint: &Hinted,
    min: Option<&[u8]>,
    max: Option<&[u8]>,
) -> Result<KeyRange> {
    let given = |end: Option<&[u8]>| end.filter(|end| end.len() > 5).map(<[u8]>::to_vec);
    let (min, max) = (given(min), given(max));
    if min.is_none() && max.is_none() {
        return Ok(KeyRange::default());
    }
    let index = match hint {
        Hinted::Index { name, .. } => open.index_named(name)?,
        Hinted::Natural { .. } => {
            let why = "min and max are incompatible with $natural";
            return Err(planner_error(ns, Reason::NoQueryExecutionPlans, why));
        }
        Hinted::Nothing => {
            let why = "When using min()/max() a hint of which index to use must be provided";
            return Err(planner_error(ns, Reason::Location(51173), why));
        }
    };
    for end in [&min, &max].into_iter().flatten() {
        if !names_fields_of(end, index)? {
            let why = "The index chosen is not compatible with min/max";
            return Err(planner_error(ns, Reason::Location(51174), why));
        }
    }
    if let (Some(min), Some(max)) = (&min, &max) {
        let descending = index.definition.key().order().bits();
        if !crate::bson::compare::compare_keys(min, max, descending).is_lt() {
            let why = "The value provided for min() does not come before the value provided \
                       for max() in the hinted index";
            return Err(planner_error(ns, Reason::Location(51175), why));
        }
    }
    Ok(KeyRange { min, max })
}

fn names_fields_of(end: &[u8], index: &Index) -> Result<bool> {
    let mut names = vec![];
    for element in Elements::new(end)? {
        names.push(element?.name.to_vec());
    }
    let paths = index.definition.key().paths().iter();
    Ok(names.iter().map(Vec::as_slice).eq(paths.map(String::as_bytes)))
}
