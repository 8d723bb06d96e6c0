//! `$or`: each branch by an index of its own.

use std::sync::Arc;

use super::bounded::{Bounded, bound};
use super::candidates::{left_over, sorted};
use super::conditions::Conjuncts;
use super::facts::{IndexFacts, KeyRange, Question};
use super::test_bounds::Exactness;
use super::{IndexScan, Plan, PlanNode};
use crate::query::Filter;
use crate::query::filter::Clause;

/// The plan that takes an index for each branch of the only `$or`; none if one has none.
pub fn plan(
    question: &Question,
    conjuncts: &Conjuncts<'_>,
    indexes: &[Arc<IndexFacts>],
) -> Option<Plan> {
    let mut found = None;
    let mut others = vec![];
    for clause in &conjuncts.clauses {
        match branches_of(clause) {
            Some(branches) if found.is_none() => found = Some(branches),
            _ => others.push((*clause).clone()),
        }
    }
    let branches = found?;
    let mut names = String::from("or");
    let mut inputs = vec![];
    for branch in branches {
        let (input, name) = plan_branch(branch, indexes)?;
        names.push(' ');
        names.push_str(&name);
        inputs.push(input);
    }
    let filter = (!others.is_empty()).then(|| Arc::new(Filter::of(others)));
    let root = PlanNode::Fetch { filter, input: Box::new(PlanNode::Or(inputs)) };
    Some(sorted(question, Plan { root, sorts: false, fetches: true, id: names }))
}

/// The branches of an `$or`.
fn branches_of(clause: &Clause) -> Option<&[Clause]> {
    match clause {
        Clause::Or(branches) => Some(branches),
        _ => None,
    }
}

/// The walk for one branch, by the index that its conditions bound best.
fn plan_branch(branch: &Clause, indexes: &[Arc<IndexFacts>]) -> Option<(PlanNode, String)> {
    let conjuncts = Conjuncts::of([branch]);
    let speaks_of = |path: &String| conjuncts.conditions.iter().any(|one| one.path == *path);
    let usable = indexes.iter().enumerate();
    let usable = usable.filter(|(_, index)| !index.is_hidden && speaks_of(&index.paths[0]));
    let bounded = usable.filter_map(|(number, index)| {
        let bounded = bound(index, &conjuncts)?;
        (!bounded.fields[0].is_all()).then_some((number, index, bounded))
    });
    let (_, index, bounded) =
        bounded.max_by_key(|(number, _, bounded)| (worth(bounded), std::cmp::Reverse(*number)))?;
    let (by_key, by_document) = left_over(index, &conjuncts, &bounded);
    let scan = PlanNode::IndexScan(IndexScan {
        index: index.clone(),
        fields: bounded.fields,
        range: KeyRange::default(),
        backward: false,
        filter: by_key,
    });
    let root = match by_document {
        None => scan,
        filter => PlanNode::Fetch { filter, input: Box::new(scan) },
    };
    Some((root, index.name.clone()))
}

/// How much bounds are worth: single values of the first fields, then a range, then conditions
/// that need no document.
fn worth(bounded: &Bounded) -> (usize, bool, usize) {
    let points = bounded.fields.iter().take_while(|field| field.are_points()).count();
    let ranged = bounded.fields.get(points).is_some_and(|field| !field.is_all());
    let exact = bounded.clauses.iter().filter(|one| **one == Exactness::Exact).count();
    (points, ranged, exact)
}
