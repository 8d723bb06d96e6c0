//! The shape of a query: what it asks, without the values. Queries of one shape share a plan.

use super::facts::{Hinted, Question};
use crate::query::filter::{Clause, Test};

/// The shape of a question, as bytes that are the same for the same shape alone.
pub fn shape(question: &Question) -> Box<[u8]> {
    let mut out = String::new();
    clauses(question.filter.clauses(), &mut out);
    if let Some(sort) = &question.sort {
        out.push_str(if sort.is_collated() { "|c" } else { "|s" });
        for part in sort.parts() {
            out.push(if part.descending { '-' } else { '+' });
            text(part.path.as_str(), &mut out);
        }
    }
    if let Some(wanted) = &question.wanted {
        out.push_str("|w");
        wanted.iter().for_each(|path| text(path, &mut out));
    }
    if let Hinted::Index { name, .. } = &question.hint {
        out.push_str("|h");
        text(name, &mut out);
    }
    out.into_bytes().into_boxed_slice()
}

fn clauses(all: &[Clause], out: &mut String) {
    let mut parts: Vec<String> = all.iter().map(clause).collect();
    // The order in which clauses are written decides nothing.
    parts.sort();
    parts.iter().for_each(|part| out.push_str(part));
}

fn clause(clause: &Clause) -> String {
    let mut out = String::new();
    match clause {
        Clause::And(all) => clauses(all, &mut out),
        Clause::Or(all) => list('|', all, &mut out),
        Clause::Nor(all) => list('!', all, &mut out),
        Clause::Field { path, test } => {
            operator(test, &mut out);
            text(path.as_str(), &mut out);
        }
        Clause::Expr(_) => out.push('$'),
        Clause::Schema(_) => out.push('S'),
        Clause::Always(answer) => out.push(if *answer { 'T' } else { 'F' }),
    }
    out
}

fn list(sign: char, all: &[Clause], out: &mut String) {
    out.push(sign);
    out.push('(');
    clauses(all, out);
    out.push(')');
}

/// What tells operators apart.
fn operator(test: &Test, out: &mut String) {
    let sign = match test {
        Test::Eq(_) => "=",
        Test::Ne(_) => "≠",
        Test::Gt(_) => ">",
        Test::Gte(_) => "]",
        Test::Lt(_) => "<",
        Test::Lte(_) => "[",
        Test::In(_) => "i",
        Test::Nin(_) => "j",
        Test::Exists(true) => "e",
        Test::Exists(false) => "f",
        Test::Type(_) => "t",
        Test::Mod { .. } => "m",
        // A known beginning bounds a walk.
        Test::Regex(pattern) if pattern.prefix().is_some() => "p",
        Test::Regex(_) => "r",
        Test::Size(_) => "s",
        Test::Bits(_) => "b",
        Test::Collated(test) => {
            out.push('c');
            return operator(&test.written, out);
        }
        Test::Not(tests) => return tests_of("n", tests, out),
        Test::All(tests) => return tests_of("a", tests, out),
        Test::ElemMatchValue(tests) => return tests_of("v", tests, out),
        Test::ElemMatchObject(all) => return list('o', all, out),
    };
    out.push_str(sign);
}

fn tests_of(sign: &str, tests: &[Test], out: &mut String) {
    out.push_str(sign);
    out.push('(');
    tests.iter().for_each(|test| operator(test, out));
    out.push(')');
}

/// A name with its length: no other names look the same.
fn text(name: &str, out: &mut String) {
    out.push_str(&format!("{}:{name}", name.len()));
}
