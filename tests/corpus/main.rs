//! Does every input that a fuzzer found worth keeping still end as it should?
//!
//! `tests/fuzz/corpus/TARGET/` holds inputs that together reach all code that was ever reached,
//! `tests/fuzz/regressions/TARGET/` those that once broke something, by name.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use tallymap_tests::fuzz::TARGETS;

/// Longest input, bytes: the repository is no place for long ones.
const LEN_MAX: u64 = 64 * 1024;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz").join(name)
}

/// The names in a folder, sorted; none if there is no such folder.
fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    names.sort();
    names
}

/// Runs every input of one target.
fn run(target: &str) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    let corpus = names(&folder("corpus").join(target));
    assert!(!corpus.is_empty(), "{target} has no corpus");
    let mut failed = Vec::new();
    for path in corpus.into_iter().chain(names(&folder("regressions").join(target))) {
        let input = std::fs::read(&path).expect("an input");
        assert!(input.len() as u64 <= LEN_MAX, "{} is too long", path.display());
        if catch_unwind(AssertUnwindSafe(|| run(&input))).is_err() {
            failed.push(path);
        }
    }
    assert!(failed.is_empty(), "{target}: {failed:#?}");
}

#[test]
fn bson() {
    run("bson");
}

#[test]
fn btree() {
    run("btree");
}

#[test]
fn frames() {
    run("frames");
}

#[test]
fn journal() {
    run("journal");
}

#[test]
fn open() {
    run("open");
}

#[test]
fn update() {
    run("update");
}

#[test]
fn every_target_is_known_to_the_fuzzer_and_to_these_tests() {
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let known: Vec<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    for kind in ["corpus", "fuzz_targets"] {
        let found: Vec<String> = names(&folder(kind)).into_iter().map(stem).collect();
        assert_eq!(found, known, "{kind}");
    }
    let tested = include_str!("main.rs");
    assert!(known.iter().all(|name| tested.contains(&format!("fn {name}() {{"))), "{known:?}");
}
