//! The values that a filter wants fields to equal: what an upsert copies into a new document,
//! and the `_id` by which a document is found at once.

use super::{Clause, Filter, Test};
use crate::bson::element::Value;
use crate::bson::field::FieldPath;
use crate::bson::ty;
use crate::error::{Error, Reason, Result};

impl Filter {
    /// The value that `_id` must equal, if the filter says so plainly, inside `$and` or an `$or`
    /// of one branch, by `$in` with one element or by `$all`. The rest of the filter must still
    /// be matched.
    pub fn id_equality(&self) -> Option<Value<'_>> {
        let mut found = None;
        each(self.clauses(), false, &mut |path, value| {
            let is_plain = !matches!(value.ty, ty::ARRAY | ty::REGEX);
            if found.is_none() && path.is_id() && path.depth() == 1 && is_plain {
                found = Some(value);
            }
        });
        found
    }

    /// The fields that an upsert copies into a new document, in the order written: those of
    /// [`Filter::id_equality`], for every path.
    ///
    /// # Errors
    /// [`Reason::NotSingleValueField`] if a path has two values;
    /// [`Reason::QueryFeatureNotAllowed`] for `$expr`.
    pub fn equalities(&self) -> Result<Vec<(&FieldPath, Value<'_>)>> {
        if self.has_expr() {
            let message = "$expr is not allowed in the query predicate for an upsert";
            return Err(Error::refused(Reason::QueryFeatureNotAllowed, message));
        }
        let mut found: Vec<(&FieldPath, Value<'_>)> = vec![];
        // 5.0 simplifies what can never match, and then knows nothing of the rest.
        if self.clauses().iter().any(is_never) {
            return Ok(found);
        }
        each(self.clauses(), true, &mut |path, value| found.push((path, value)));
        // Sorted, a path that is a beginning of another lies next to one that it begins.
        let mut paths: Vec<&FieldPath> = found.iter().map(|(path, _)| *path).collect();
        paths.sort_by(|a, b| a.components().cmp(b.components()));
        match paths.windows(2).find(|pair| pair[0].overlaps(pair[1])) {
            Some(pair) => Err(matched_twice(pair[0], pair[1])),
            None => Ok(found),
        }
    }
}

/// Is it plain that no document meets it?
fn is_never(clause: &Clause) -> bool {
    match clause {
        Clause::Always(answer) => !answer,
        Clause::Field { test: Test::All(tests), .. } => tests.is_empty(),
        Clause::And(clauses) => clauses.iter().any(is_never),
        Clause::Or(branches) => branches.iter().all(is_never),
        Clause::Field { .. } | Clause::Nor(_) | Clause::Expr(_) | Clause::Schema(_) => false,
    }
}

/// Equalities; with `collated` those under a collation, too, as they were written.
fn each<'a>(
    clauses: &'a [Clause],
    collated: bool,
    found: &mut dyn FnMut(&'a FieldPath, Value<'a>),
) {
    for clause in clauses {
        match clause {
            Clause::And(clauses) => each(clauses, collated, found),
            Clause::Or(branches) => {
                let mut possible = branches.iter().filter(|branch| !is_never(branch));
                if let (Some(only), None) = (possible.next(), possible.next()) {
                    each(std::slice::from_ref(only), collated, found);
                }
            }
            Clause::Field { path, test } => of_test(path, test, collated, found),
            Clause::Nor(_) | Clause::Expr(_) | Clause::Schema(_) | Clause::Always(_) => {}
        }
    }
}

fn of_test<'a>(
    path: &'a FieldPath,
    test: &'a Test,
    collated: bool,
    found: &mut dyn FnMut(&'a FieldPath, Value<'a>),
) {
    match test {
        Test::Eq(value) => found(path, value.as_ref()),
        Test::In(list) => {
            if let Some(value) = list.only() {
                found(path, value);
            }
        }
        Test::All(tests) => {
            for test in tests {
                match test {
                    Test::Eq(value) => found(path, value.as_ref()),
                    Test::Collated(test) if collated => {
                        of_test(path, &test.written, true, found);
                    }
                    _ => {}
                }
            }
        }
        Test::Collated(test) if collated => of_test(path, &test.written, true, found),
        _ => {}
    }
}

fn matched_twice(shorter: &FieldPath, longer: &FieldPath) -> Error {
    let message = if shorter == longer {
        format!("cannot infer query fields to set, path '{shorter}' is matched twice")
    } else {
        format!(
            "cannot infer query fields to set, both paths '{longer}' and '{shorter}' are matched"
        )
    };
    Error::refused(Reason::NotSingleValueField, message)
}
