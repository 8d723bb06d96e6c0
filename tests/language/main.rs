//! Does the engine answer as a naive evaluator does? Random scripts of commands through the Rust
//! API: finds with filters, sorts and projections, with indexes and without; updates;
//! aggregations. The evaluator is compared with a MongoDB server by the binary `language`.

use tallymap_tests::language::case::{Case, Kind};
use tallymap_tests::language::embedded::Embedded;
use tallymap_tests::language::naive::NaiveTarget;
use tallymap_tests::language::run::{Summary, run};

/// Cases of each kind.
const CASES: u64 = 600;

fn compare(kind: Kind, least_judged: u64) {
    let given = std::env::var("TALLYMAP_SEED").ok();
    let seed = given.map_or(7, |text| text.parse().expect("TALLYMAP_SEED is a number"));
    let (mut ours, mut theirs) = (Embedded::new(), NaiveTarget::default());
    let mut summary = Summary::default();
    for number in 0..CASES {
        let case = Case::new(seed, number, &[kind]);
        let outcome = run(&case, &mut ours, &mut theirs);
        summary.add(kind, outcome);
    }
    println!("{}", summary.table());
    let scripts = summary.differences.iter().take(3).map(|difference| difference.script());
    let scripts: Vec<String> = scripts.collect();
    assert!(
        scripts.is_empty(),
        "{} of {CASES} differ from the naive evaluator; repeat with TALLYMAP_SEED={seed}\n{}",
        summary.differences.len(),
        scripts.join("\n")
    );
    assert!(summary.equal() >= least_judged, "only {} cases were judged", summary.equal());
}

#[test]
fn filters() {
    compare(Kind::Filters, CASES / 2);
}

#[test]
fn sorts_and_projections() {
    compare(Kind::Sorts, CASES / 2);
}

#[test]
fn updates() {
    compare(Kind::Updates, CASES / 5);
}

#[test]
fn indexes() {
    compare(Kind::Indexes, CASES / 5);
}

#[test]
fn pipelines() {
    compare(Kind::Pipelines, CASES / 2);
}
