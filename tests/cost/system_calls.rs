//! Hits make no system call, as `strace` sees it.

use std::path::Path;
use std::process::{Command, Output};

/// So many that one in a thousand would show, and one in a million.
const HITS: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };

fn strace(log: &Path, what: &[&str]) -> std::io::Result<Output> {
    Command::new("strace").args(["-f", "-o"]).arg(log).args(what).output()
}

/// The calls between two that say "begin" and "end".
fn calls_between(log: &str) -> Vec<&str> {
    let mut calls = log.lines().skip_while(|line| !line.contains("\"begin\\n\""));
    calls.next().expect("it begins");
    let between = calls.by_ref().take_while(|line| !line.contains("\"end\\n\"")).collect();
    assert!(calls.next().is_some(), "it ends");
    between
}

#[test]
fn hits_make_no_system_call() {
    let dir = tempfile::tempdir().expect("a directory");
    let log = dir.path().join("log");
    // It may be missing, and it may be forbidden here.
    if !strace(&log, &["true"]).is_ok_and(|output| output.status.success()) {
        eprintln!("*** NOT TESTED: strace is not available, and who counts system calls? ***");
        return;
    }
    let calls = |name: &str, more: &[&str]| {
        let (data, hits) = (dir.path().join(name), HITS.to_string());
        let data = data.to_str().expect("text");
        let counter = [env!("CARGO_BIN_EXE_cost-counter"), data, &hits];
        let output = strace(&log, &[&counter, more].concat()).expect("runs");
        assert!(output.status.success(), "{output:?}");
        let log = std::fs::read_to_string(&log).expect("a log");
        calls_between(&log).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let made = calls("hits", &[]);
    assert!(made.is_empty(), "{HITS} hits made {} calls, first {:?}", made.len(), &made[..1]);
    // It would have been seen.
    let made = calls("yields", &["yield"]);
    assert!(matches!(&made[..], [one] if one.contains("sched_yield")), "{made:?}");
}
