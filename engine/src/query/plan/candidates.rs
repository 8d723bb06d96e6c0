//! The plans that are worth a trial.
//!
//! P1. Without a hint: one per index whose first field is bounded; if none of them is sorted as
//!     asked, one per index that is; one for `$or` if each of its branches has an index. If there
//!     is none of these, the collection is read.

use std::sync::Arc;

use super::bounded::{Bounded, bound};
use super::conditions::Conjuncts;
use super::either;
use super::facts::{Hinted, IndexFacts, Question};
use super::interval::Intervals;
use super::order::sorted_walk;
use super::test_bounds::Exactness;
use super::{IndexScan, Plan, PlanNode};
use crate::query::filter::Clause;
use crate::query::{Filter, SortPattern};

/// Most single intervals that a walk is split into to be merged in order.
const SPLIT_MAX: usize = 50;

/// The plans for a question, at least one; none if an index is hinted that is not there.
pub fn candidates(question: &Question, indexes: &[Arc<IndexFacts>]) -> Vec<Plan> {
    let conjuncts = Conjuncts::of(question.filter.clauses());
    if conjuncts.clauses.iter().any(|clause| matches!(clause, Clause::Always(false))) {
        let id = "nothing".to_owned();
        return vec![Plan { root: PlanNode::Eof, sorts: false, fetches: false, id }];
    }
    match &question.hint {
        Hinted::Natural { backward } => return vec![read_all(question, *backward)],
        Hinted::Index { name, pattern } => {
            let hinted = indexes.iter().find(|index| index.is(name, pattern));
            let plan = hinted.map(|index| {
                let bounded = bound(index, &conjuncts).filter(|_| question.range.is_open());
                let bounded = bounded.unwrap_or_else(|| unbounded(index, &conjuncts));
                by_index(question, &conjuncts, index, bounded)
            });
            return plan.into_iter().collect();
        }
        Hinted::Nothing => {}
    }
    let mut plans = vec![];
    let mut rest = vec![];
    for index in indexes.iter().filter(|index| !index.is_hidden) {
        let Some(bounded) = bound(index, &conjuncts) else { continue };
        let leads = bounded.is_bounded && starts_bounded(index, &bounded, &conjuncts);
        match leads {
            true => plans.push(by_index(question, &conjuncts, index, bounded)),
            false => rest.push((index, bounded)),
        }
    }
    plans.extend(either::plan(question, &conjuncts, indexes));
    if question.sort.is_some() && plans.iter().all(|plan| plan.sorts) {
        for (index, bounded) in rest {
            let plan = by_index(question, &conjuncts, index, bounded);
            if !plan.sorts && !index.is_sparse && index.partial.is_none() {
                plans.push(plan);
            }
        }
    }
    if plans.is_empty() {
        plans.push(read_all(question, false));
    }
    plans
}

/// Does some condition speak of the index's first field?
fn starts_bounded(index: &IndexFacts, bounded: &Bounded, conjuncts: &Conjuncts<'_>) -> bool {
    let first = &index.paths[0];
    !bounded.fields[0].is_all()
        || index.hash.is_none() && conjuncts.conditions.iter().any(|one| one.path == *first)
}

/// The index without bounds.
fn unbounded(index: &IndexFacts, conjuncts: &Conjuncts<'_>) -> Bounded {
    Bounded {
        fields: vec![Intervals::all(); index.paths.len()],
        clauses: vec![Exactness::ByDocument; conjuncts.clauses.len()],
        is_bounded: false,
    }
}

/// The collection is read, and sorted if need be.
fn read_all(question: &Question, backward: bool) -> Plan {
    let filter = (!question.filter.clauses().is_empty()).then(|| question.filter.clone());
    let root = PlanNode::CollScan { filter, backward };
    let id = "natural".to_owned();
    sorted(question, Plan { root, sorts: false, fetches: true, id })
}

/// Sorts what a plan finds, if a sort is asked for.
pub(super) fn sorted(question: &Question, plan: Plan) -> Plan {
    match question.sort {
        None => plan,
        Some(_) => {
            Plan { root: PlanNode::Sort { input: Box::new(plan.root) }, sorts: true, ..plan }
        }
    }
}

/// The plan that walks an index.
fn by_index(
    question: &Question,
    conjuncts: &Conjuncts<'_>,
    index: &Arc<IndexFacts>,
    bounded: Bounded,
) -> Plan {
    let sort = question.sort.as_ref();
    // Entries are in the order of bytes, not of a collation.
    let is_cut = index.is_multikey && !question.range.is_open();
    // A document whose first entry lies outside of the ends is met by another one.
    let walk = sort.map(|sort| match sort.is_collated() || is_cut {
        false => sorted_walk(index, &bounded.fields, sort),
        true => None,
    });
    let (by_key, by_document) = left_over(index, conjuncts, &bounded);
    let is_covered = by_document.is_none() && covers(question, index);
    let scan = IndexScan {
        index: index.clone(),
        fields: bounded.fields,
        range: question.range.clone(),
        backward: walk.flatten().is_some_and(|walk| walk.backward),
        filter: by_key,
    };
    let mut id = format!("{} {}", index.name, if scan.backward { "-" } else { "+" });
    let merged = match (walk, sort) {
        (Some(None), Some(sort)) if !sort.is_collated() => split(&scan, sort),
        _ => None,
    };
    let sorts = walk == Some(None) && merged.is_none();
    if merged.is_some() {
        id.push_str(" merged");
    }
    let root = merged.unwrap_or(PlanNode::IndexScan(scan));
    // A sort in memory is by documents.
    let fetches = !is_covered || sorts;
    let root = match fetches {
        true => PlanNode::Fetch { filter: by_document, input: Box::new(root) },
        false => root,
    };
    let plan = Plan { root, sorts: false, fetches, id };
    if sorts { sorted(question, plan) } else { plan }
}

/// What entries within the bounds do not tell of the filter: what their values do, and what only
/// the documents do.
pub(super) fn left_over(
    index: &IndexFacts,
    conjuncts: &Conjuncts<'_>,
    bounded: &Bounded,
) -> (Option<Arc<Filter>>, Option<Arc<Filter>>) {
    let (mut by_key, mut by_document): (Vec<Clause>, Vec<Clause>) = (vec![], vec![]);
    for (clause, exactness) in conjuncts.clauses.iter().zip(&bounded.clauses) {
        match exactness {
            Exactness::Exact => {}
            Exactness::ByKey if !index.is_multikey => by_key.push((*clause).clone()),
            _ => by_document.push((*clause).clone()),
        }
    }
    let filter =
        |clauses: Vec<Clause>| (!clauses.is_empty()).then(|| Arc::new(Filter::of(clauses)));
    (filter(by_key), filter(by_document))
}

/// Do the index's entries hold all that is wanted?
fn covers(question: &Question, index: &IndexFacts) -> bool {
    let Some(wanted) = &question.wanted else { return false };
    // What entries are does not matter if nothing of a document is wanted.
    let holds_values = index.notes_arrays && !index.is_multikey && index.hash.is_none();
    let tells = wanted.is_empty() || holds_values;
    tells && wanted.iter().all(|path| index.paths.contains(path))
}

/// A walk whose first fields are single values, as one walk per combination of them: each may be
/// sorted where the whole is not.
fn split(scan: &IndexScan, sort: &SortPattern) -> Option<PlanNode> {
    if scan.index.is_multikey || scan.index.hash.is_some() || !scan.range.is_open() {
        return None;
    }
    let mut parts = vec![scan.fields.clone()];
    for i in 0..scan.fields.len() {
        let field = &scan.fields[i];
        if !field.are_points() || parts.len() * field.as_slice().len() > SPLIT_MAX {
            break;
        }
        let points: Vec<_> =
            field.as_slice().iter().map(|one| Intervals::union_of([one.clone()])).collect();
        let replaced = |part: &Vec<Intervals>, point: &Intervals| {
            let mut part = part.clone();
            part[i] = point.clone();
            part
        };
        let combined = parts.iter().flat_map(|part| points.iter().map(|p| replaced(part, p)));
        parts = combined.collect();
    }
    if parts.len() < 2 {
        return None;
    }
    let mut inputs = vec![];
    for fields in parts {
        let walk = sorted_walk(&scan.index, &fields, sort)?;
        let part = IndexScan { fields, backward: walk.backward, ..scan.clone() };
        inputs.push(PlanNode::IndexScan(part));
    }
    // Entries are compared by the fields that are sorted by: they must hold them.
    let holds = |path: &str| scan.index.paths.iter().any(|own| own == path);
    sort.parts()
        .iter()
        .all(|part| holds(part.path.as_str()))
        .then(|| PlanNode::Merge { sort: sort.clone(), inputs })
}
