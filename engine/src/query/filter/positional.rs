//! Which conditions of a filter say what a positional `$` stands for, and in which order.
//!
//! The last one that went through an array wins. For updates 5.0 orders them by operator, then by
//! path, then as written; for projections they are as written. Conditions below an `$or` of
//! several branches do not count, nor do those that negate. An `$or` of equalities on one path is
//! an `$in`.

use super::{Bits, Clause, InList, Test};

/// The conditions that may set a position, as they were written.
pub(super) fn as_written(clauses: &[Clause]) -> Vec<Clause> {
    let mut found = vec![];
    collect(clauses, &mut found);
    found.into_iter().map(|(_, clause)| clause).collect()
}

/// The conditions that may set a position, in the order for updates.
pub(super) fn sorted(clauses: &[Clause]) -> Vec<Clause> {
    let mut found = vec![];
    collect(clauses, &mut found);
    found.sort_by(|(a_rank, a), (b_rank, b)| {
        let by_path = || path(a).cmp(path(b));
        a_rank.cmp(b_rank).then_with(by_path)
    });
    found.into_iter().map(|(_, clause)| clause).collect()
}

fn path(clause: &Clause) -> &str {
    match clause {
        Clause::Field { path, .. } => path.as_str(),
        _ => "",
    }
}

fn collect(clauses: &[Clause], found: &mut Vec<(u8, Clause)>) {
    for clause in clauses {
        match clause {
            Clause::And(inner) => collect(inner, found),
            Clause::Or(branches) if branches.len() == 1 => collect(branches, found),
            Clause::Or(branches) => found.extend(as_in(branches).map(|clause| (IN, clause))),
            Clause::Field { path, test: Test::All(tests) } => {
                let one = |test: &Test| Clause::Field { path: path.clone(), test: test.clone() };
                collect(&tests.iter().map(one).collect::<Vec<_>>(), found);
            }
            Clause::Field { test, .. } => {
                found.extend(rank(test).map(|rank| (rank, clause.clone())));
            }
            Clause::Nor(_) | Clause::Expr(_) | Clause::Schema(_) | Clause::Always(_) => {}
        }
    }
}

const IN: u8 = 11;

/// The place of a test among others; none if it never sets a position.
fn rank(test: &Test) -> Option<u8> {
    Some(match test {
        Test::Collated(test) => return rank(&test.written),
        Test::ElemMatchObject(_) => 0,
        Test::ElemMatchValue(_) => 1,
        Test::Size(_) => 2,
        Test::Eq(_) => 3,
        Test::In(list) if list.only().is_some() => 3,
        Test::Lte(_) => 4,
        Test::Lt(_) => 5,
        Test::Gt(_) => 6,
        Test::Gte(_) => 7,
        Test::Regex(_) => 8,
        Test::Mod { .. } => 9,
        Test::Exists(true) => 10,
        Test::In(_) => IN,
        Test::Bits(test) => match test.bits {
            Bits::AllSet => 12,
            Bits::AllClear => 13,
            Bits::AnySet | Bits::AnyClear => 14,
        },
        Test::Type(_) => 15,
        Test::Ne(_) | Test::Nin(_) | Test::Not(_) | Test::All(_) | Test::Exists(false) => {
            return None;
        }
    })
}

/// The `$in` that an `$or` of equalities and patterns on one path comes to.
fn as_in(branches: &[Clause]) -> Option<Clause> {
    let Some(Clause::Field { path, .. }) = branches.first() else { return None };
    let (mut values, mut patterns) = (vec![], vec![]);
    for branch in branches {
        match branch {
            Clause::Field { path: other, test } if other == path => match test {
                Test::Eq(value) => values.push(value.clone()),
                Test::Regex(pattern) => patterns.push(pattern.clone()),
                Test::In(list) => {
                    values.push(list.only()?.to_owned());
                }
                _ => return None,
            },
            _ => return None,
        }
    }
    Some(Clause::Field { path: path.clone(), test: Test::In(InList::new(values, patterns)) })
}
