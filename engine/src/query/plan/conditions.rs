//! A filter as conditions on single fields, all of which hold for whatever matches.

use super::interval::{Intervals, bare};
use super::test_bounds::{Exactness, TestBounds, bounds_of, needs_field};
use crate::bson::ty;
use crate::query::filter::{Clause, Test};

/// Bytes of a path beyond which nothing is said of it: below many `$elemMatch` there may be many
/// conditions on paths that are long, each of which is kept.
const PATH_LEN_MAX: usize = 1024;

/// Something that holds for every match.
#[derive(Debug, Clone)]
pub struct Condition<'f> {
    pub path: String,
    /// Where the values of matches are in an index on the field.
    pub bounds: Intervals,
    pub exactness: Exactness,
    /// Has every match the field?
    pub needs_field: bool,
    /// The clause that says it, among those of [`Conjuncts`].
    pub clause: usize,
    /// Conditions of one group hold for one element of an array together.
    pub group: Option<usize>,
    /// Does one value meet it together with the others of its group?
    pub joins: bool,
    /// Does it hold where its opposite does not? Then an entry within the bounds says nothing of
    /// a document's other entries.
    pub negates: bool,
    pub test: Option<&'f Test>,
}

/// The clauses of a filter that hold all together, and what they say of single fields.
#[derive(Debug)]
pub struct Conjuncts<'f> {
    pub clauses: Vec<&'f Clause>,
    pub conditions: Vec<Condition<'f>>,
    groups: usize,
}

/// Where a test stands.
#[derive(Clone, Copy)]
struct At {
    clause: usize,
    group: Option<usize>,
    /// Is it about one value, together with the others of its group?
    joins: bool,
    /// Is it all that its clause says?
    is_whole: bool,
}

/// Can a value that passes be an array?
fn can_be_array(test: &Test) -> bool {
    match test {
        Test::Eq(value)
        | Test::Gt(value)
        | Test::Gte(value)
        | Test::Lt(value)
        | Test::Lte(value) => {
            matches!(value.ty, ty::ARRAY | ty::MIN_KEY | ty::MAX_KEY)
        }
        Test::In(list) => list.values().iter().any(|value| value.ty == ty::ARRAY),
        Test::Regex(_) | Test::Mod { .. } => false,
        _ => true,
    }
}

/// Does a component of the path name a place in an array?
pub(super) fn is_positional(path: &str) -> bool {
    path.split('.').any(|part| part.parse::<u32>().is_ok())
}

impl<'f> Conjuncts<'f> {
    /// Those of some clauses, `$and` taken apart.
    pub fn of(clauses: impl IntoIterator<Item = &'f Clause>) -> Conjuncts<'f> {
        let mut all = Conjuncts { clauses: vec![], conditions: vec![], groups: 0 };
        clauses.into_iter().for_each(|clause| all.add(clause));
        all
    }

    fn add(&mut self, clause: &'f Clause) {
        if let Clause::And(clauses) = clause {
            clauses.iter().for_each(|clause| self.add(clause));
            return;
        }
        let number = self.clauses.len();
        self.clauses.push(clause);
        if let Clause::Field { path, test } = clause {
            let is_whole =
                !matches!(test, Test::All(_) | Test::ElemMatchObject(_) | Test::ElemMatchValue(_));
            let at = At { clause: number, group: None, joins: false, is_whole };
            self.add_test(path.as_str(), test, at);
        }
    }

    fn add_test(&mut self, path: &str, test: &'f Test, at: At) {
        if path.len() > PATH_LEN_MAX {
            return;
        }
        match test {
            Test::All(tests) => {
                tests.iter().for_each(|test| self.add_test(path, test, at));
                return;
            }
            // An array that is named by its place is one value of an entry.
            Test::ElemMatchValue(_) | Test::ElemMatchObject(_) if is_positional(path) => return,
            Test::ElemMatchValue(tests) => {
                let group = Some(self.new_group());
                // An array of arrays has elements that are no values of entries.
                for test in tests.iter().filter(|test| !can_be_array(test)) {
                    self.add_test(path, test, At { group, joins: true, ..at });
                }
                return;
            }
            Test::ElemMatchObject(clauses) => {
                let group = Some(self.new_group());
                self.add_below(path, clauses, At { group, joins: false, ..at });
                return;
            }
            _ => {}
        }
        let Some(TestBounds { intervals, mut exactness }) = bounds_of(test) else { return };
        let negates = matches!(test, Test::Ne(_) | Test::Nin(_) | Test::Not(_));
        // Below an empty array there is nothing, not even null; in an index there is null.
        if negates && path.contains('.') && !intervals.contains(bare(ty::NULL)) {
            return;
        }
        let is_positional = is_positional(path);
        // Of a document in an array both are asked for: what lies in its place, which has an
        // entry, and a field of that name inside, which is null if it is missing.
        let with_missing = intervals.contains(bare(ty::NULL)) && !intervals.is_all();
        if is_positional && !negates && with_missing {
            return;
        }
        // What a number in a path names depends on the document.
        if !at.is_whole || is_positional {
            exactness = Exactness::ByDocument;
        }
        self.conditions.push(Condition {
            path: path.to_owned(),
            bounds: intervals,
            exactness,
            needs_field: needs_field(test),
            clause: at.clause,
            group: at.group,
            joins: at.joins,
            negates,
            test: at.is_whole.then_some(test),
        });
    }

    /// The conditions on the fields of an array's elements.
    fn add_below(&mut self, path: &str, clauses: &'f [Clause], at: At) {
        for clause in clauses {
            match clause {
                Clause::And(clauses) => self.add_below(path, clauses, at),
                // An element that is an array counts its elements by their numbers.
                Clause::Field { path: inner, test } if inner.array_index(0).is_none() => {
                    self.add_test(&format!("{path}.{inner}"), test, at);
                }
                _ => {}
            }
        }
    }

    /// A group of conditions; those inside of others are none of theirs.
    fn new_group(&mut self) -> usize {
        self.groups += 1;
        self.groups
    }

    /// Does every document that meets these match `clauses`, too?
    pub fn imply(&self, clauses: &[Clause]) -> bool {
        let wanted = Conjuncts::of(clauses);
        // What says nothing of a single field is not looked into.
        let all_known =
            (0..wanted.clauses.len()).all(|n| wanted.conditions.iter().any(|c| c.clause == n));
        all_known
            && wanted.conditions.iter().all(|wanted| {
                let mut same = self.conditions.iter().filter(|own| own.path == wanted.path);
                match wanted.test {
                    Some(Test::Exists(true)) => same.any(|own| own.needs_field),
                    _ => {
                        let exact = wanted.exactness == Exactness::Exact;
                        same.any(|own| exact && own.bounds.is_within(&wanted.bounds))
                    }
                }
            })
    }
}
