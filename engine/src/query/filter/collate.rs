//! Filters under a collation: what they ask of texts is asked of the texts' keys.
//!
//! Only tests that compare with a string, or with what may hold one, become others; the rest
//! stay as they are, and with them what indexes can do for them.

use std::sync::Arc;

use super::{Clause, Filter, InList, Test};
use crate::bson::collation::Collation;
use crate::bson::element::OwnedValue;

/// A test that compares as a collation does.
#[derive(Debug, Clone)]
pub struct Collated {
    /// The test as it was written.
    pub written: Test,
    /// The same with folded operands: for folded values.
    pub(in crate::query) folded: Test,
    pub(in crate::query) collation: Arc<Collation>,
}

impl Filter {
    /// The same filter under a collation.
    pub(super) fn collated(self, collation: Option<&Arc<Collation>>) -> Filter {
        match collation {
            None => self,
            Some(collation) => Filter::of(clauses(self.clauses, collation)),
        }
    }
}

fn clauses(list: Vec<Clause>, collation: &Arc<Collation>) -> Vec<Clause> {
    list.into_iter().map(|one| clause(one, collation)).collect()
}

/// The depth was bounded when the filter was parsed.
fn clause(clause: Clause, collation: &Arc<Collation>) -> Clause {
    match clause {
        Clause::And(inner) => Clause::And(clauses(inner, collation)),
        Clause::Or(inner) => Clause::Or(clauses(inner, collation)),
        Clause::Nor(inner) => Clause::Nor(clauses(inner, collation)),
        Clause::Field { path, test } => Clause::Field { path, test: collated(test, collation) },
        other @ (Clause::Expr(_) | Clause::Schema(_) | Clause::Always(_)) => other,
    }
}

fn tests(list: Vec<Test>, collation: &Arc<Collation>) -> Vec<Test> {
    list.into_iter().map(|test| collated(test, collation)).collect()
}

fn collated(test: Test, collation: &Arc<Collation>) -> Test {
    let fold = |operand: &OwnedValue| {
        let value = operand.as_ref();
        Collation::concerns(value).then(|| collation.fold(value))
    };
    let folded = match &test {
        Test::Eq(operand) => fold(operand).map(Test::Eq),
        Test::Gt(operand) => fold(operand).map(Test::Gt),
        Test::Gte(operand) => fold(operand).map(Test::Gte),
        Test::Lt(operand) => fold(operand).map(Test::Lt),
        Test::Lte(operand) => fold(operand).map(Test::Lte),
        Test::In(list) if list.values().iter().any(|value| fold(value).is_some()) => {
            let fold = |value: &OwnedValue| collation.fold(value.as_ref());
            let values = list.values().iter().map(fold).collect();
            // Patterns are asked of texts as they are: apart from these.
            Some(Test::In(InList::new(values, vec![])))
        }
        _ => None,
    };
    match (test, folded) {
        (Test::In(list), Some(folded)) if !list.patterns().is_empty() => {
            let values = InList::new(list.values().to_vec(), vec![]);
            let written = Test::In(values);
            let by_values = collated_as(written, folded, collation);
            let by_patterns = Test::In(InList::new(vec![], list.patterns().to_vec()));
            // One of both: not neither.
            let neither = vec![Test::Not(vec![by_values]), Test::Not(vec![by_patterns])];
            Test::Not(neither)
        }
        (written, Some(folded)) => collated_as(written, folded, collation),
        (Test::Ne(operand), None) => match fold(&operand) {
            Some(_) => Test::Not(vec![collated(Test::Eq(operand), collation)]),
            None => Test::Ne(operand),
        },
        (Test::Nin(list), None) => Test::Not(vec![collated(Test::In(list), collation)]),
        (Test::Not(inner), None) => Test::Not(tests(inner, collation)),
        (Test::All(inner), None) => Test::All(tests(inner, collation)),
        (Test::ElemMatchObject(inner), None) => Test::ElemMatchObject(clauses(inner, collation)),
        (Test::ElemMatchValue(inner), None) => Test::ElemMatchValue(tests(inner, collation)),
        (other, None) => other,
    }
}

fn collated_as(written: Test, folded: Test, collation: &Arc<Collation>) -> Test {
    Test::Collated(Box::new(Collated { written, folded, collation: collation.clone() }))
}

#[cfg(test)]
mod tests {
    use ::bson::{RawDocumentBuf, rawdoc};

    use super::*;
    use crate::expression::Scope;

    fn filter(filter: RawDocumentBuf) -> Filter {
        let spec = rawdoc! { "locale": "en_US", "strength": 2 };
        let collation = Collation::parse(spec.as_bytes()).expect("valid").map(Arc::new);
        let scope = Scope::default().under(collation);
        Filter::parse_in(filter.as_bytes(), &scope).expect("a filter")
    }

    #[test]
    fn texts_match_whatever_their_case() {
        let doc = rawdoc! { "a": "Ping", "n": 5, "l": ["X", { "t": "Deep" }], "d": { "k": "V" } };
        for (wanted, expected) in [
            (rawdoc! { "a": "PING" }, true),
            (rawdoc! { "a": "PONG" }, false),
            (rawdoc! { "a": { "$ne": "ping" } }, false),
            (rawdoc! { "a": { "$in": [3, "ping"] } }, true),
            (rawdoc! { "a": { "$nin": [3, "ping"] } }, false),
            (rawdoc! { "a": { "$nin": [3, "pong"] } }, true),
            (rawdoc! { "a": { "$gte": "PIN", "$lt": "pinh" } }, true),
            (rawdoc! { "a": { "$not": { "$eq": "ping" } } }, false),
            (rawdoc! { "l": "x" }, true),
            (rawdoc! { "l": { "$all": ["x", { "t": "DEEP" }] } }, true),
            (rawdoc! { "l": { "$elemMatch": { "t": "deep" } } }, true),
            (rawdoc! { "l": { "$elemMatch": { "$gt": "w", "$lt": "Y" } } }, true),
            (rawdoc! { "d": { "k": "v" } }, true),
            (rawdoc! { "d": { "K": "v" } }, false),
            (rawdoc! { "$or": [{ "n": 4 }, { "d.k": "v" }] }, true),
            (rawdoc! { "n": { "$lte": 5 } }, true),
            (rawdoc! { "a": { "$regex": "^ping" } }, false),
        ] {
            let found = filter(wanted.clone()).matches(doc.as_bytes()).expect("matched");
            assert_eq!(found, expected, "{wanted:?}");
        }
    }

    #[test]
    fn patterns_beside_values() {
        let pattern = ::bson::Regex {
            pattern: ::bson::cstr!("^q").into(),
            options: ::bson::cstr!("").into(),
        };
        let either = rawdoc! { "a": { "$in": ["ping", pattern] } };
        for (doc, expected) in [("PING", true), ("query", true), ("Query", false)] {
            let doc = rawdoc! { "a": doc };
            assert_eq!(filter(either.clone()).matches(doc.as_bytes()).expect("matched"), expected);
        }
    }

    #[test]
    fn upserts_copy_what_was_written() {
        let filter = filter(rawdoc! { "a": "Ping", "n": { "$in": ["One"] } });
        let copied = filter.equalities().expect("equalities");
        let texts: Vec<_> = copied.iter().filter_map(|(_, value)| value.as_str()).collect();
        assert_eq!(texts, ["Ping", "One"]);
        assert!(self::filter(rawdoc! { "_id": "k" }).id_equality().is_none());
        assert!(self::filter(rawdoc! { "_id": 7 }).id_equality().is_some());
    }
}
