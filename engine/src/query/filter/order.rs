//! In which order the conditions of a filter with `$expr` are run.
//!
//! An expression may fail, and then it matters what was asked before it: 5.0 sorts conditions by
//! kind and runs expressions last. Filters without are run as they were written.

use super::Clause;

/// The clauses of an AND as 5.0 would run them: those of ANDs within it are its own.
pub(super) fn of_and(clauses: Vec<Clause>) -> Vec<Clause> {
    let mut own = vec![];
    flatten(clauses, &mut own);
    own.sort_by_key(rank);
    own
}

fn flatten(clauses: Vec<Clause>, own: &mut Vec<Clause>) {
    for clause in clauses {
        match clause {
            Clause::And(inner) => flatten(inner, own),
            Clause::Or(only) if only.len() == 1 => flatten(only, own),
            Clause::Or(branches) => own.push(Clause::Or(of_branches(branches))),
            Clause::Nor(branches) => own.push(Clause::Nor(of_branches(branches))),
            other => own.push(other),
        }
    }
}

fn of_branches(branches: Vec<Clause>) -> Vec<Clause> {
    let branch = |branch| {
        let mut clauses = of_and(vec![branch]);
        match clauses.pop() {
            Some(only) if clauses.is_empty() => only,
            last => Clause::And(clauses.into_iter().chain(last).collect()),
        }
    };
    let mut branches: Vec<Clause> = branches.into_iter().map(branch).collect();
    branches.sort_by_key(rank);
    branches
}

fn rank(clause: &Clause) -> u8 {
    match clause {
        Clause::Always(_) => 0,
        Clause::And(_) => 1,
        Clause::Or(_) => 2,
        Clause::Field { .. } => 3,
        Clause::Nor(_) => 4,
        Clause::Schema(_) => 5,
        Clause::Expr(_) => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use ::bson::{RawDocumentBuf, rawdoc};

    /// Each has an expression that fails; whether it is run, as 5.0.4 has it.
    #[test]
    fn expressions_are_run_last() {
        let bad = || rawdoc! { "$expr": { "$add": ["$s", 1] } };
        let value = || rawdoc! { "$add": ["$s", 1] };
        let doc = rawdoc! { "_id": 1, "s": "text", "a": 1 };
        let fine: &[(RawDocumentBuf, bool)] = &[
            (rawdoc! { "$expr": value(), "a": 2 }, false),
            (rawdoc! { "$and": [bad()], "a": 2 }, false),
            (rawdoc! { "$and": [{ "$and": [bad()] }, { "a": 2 }] }, false),
            (rawdoc! { "$or": [bad(), { "a": 1 }] }, true),
            (rawdoc! { "$or": [bad(), { "a": 1 }], "s": "text" }, true),
            (rawdoc! { "$nor": [bad(), { "x": 1 }], "a": 2 }, false),
            (rawdoc! { "$nor": [bad(), { "a": 1 }] }, false),
            (rawdoc! { "$and": [bad(), { "$nor": [{ "a": 1 }] }] }, false),
            (rawdoc! { "$and": [bad(), { "$or": [{ "y": 1 }, { "z": 1 }] }] }, false),
            (rawdoc! { "$or": [bad(), { "x": 1 }], "$alwaysFalse": 1 }, false),
            (rawdoc! { "$or": [{ "$nor": [bad(), { "x": 1 }] }, { "a": 1 }] }, true),
        ];
        for (filter, expected) in fine {
            let parsed = Filter::parse(filter.as_bytes()).unwrap();
            assert_eq!(parsed.matches(doc.as_bytes()).unwrap(), *expected, "{filter:?}");
        }
        for filter in [
            rawdoc! { "$expr": value(), "a": 1 },
            rawdoc! { "a": 2, "$or": [bad(), { "x": 1 }] },
            rawdoc! { "$or": [{ "$expr": value(), "a": 1 }, { "a": 1 }] },
            rawdoc! { "$nor": [bad(), { "x": 1 }], "$expr": { "$eq": ["$a", 2] } },
        ] {
            let parsed = Filter::parse(filter.as_bytes()).unwrap();
            assert_eq!(parsed.matches(doc.as_bytes()).unwrap_err().code(), 16554, "{filter:?}");
        }
    }
}
