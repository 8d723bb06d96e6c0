//! The demo says that nothing is lost, and leaves files that agree.

use crate::support::{Place, assert_counted, counted, dump_of, make_log, run, success, text};

#[test]
fn both_ways_of_counting_hold_every_hit() {
    let place = Place::new();
    let dbpath = place.path("demo");
    let said = success(&["demo", "--hits", "3000", "--seed", "7", "--dbpath", text(&dbpath)]);
    for way in ["growing", "pre-allocated"] {
        let sums = format!("{way}: hours, minutes and days each add up to the 3,000 hits\n");
        assert!(said.contains(&sums), "{said}");
    }
    let [growing, preallocated] =
        ["growing", "preallocated"].map(|database| counted(&dump_of(&dbpath, database, "daily")));
    assert_eq!(growing.values().sum::<u64>(), 3000);
    assert!(growing == preallocated, "the same hits in the same minutes");
    success(&["validate", "--dbpath", text(&dbpath)]);

    let again = run(&["demo", "--hits", "10", "--dbpath", text(&dbpath)]);
    assert_eq!(again.status.code(), Some(2), "not into a directory that is in use");
}

#[test]
fn what_it_suggests_works() {
    let place = Place::new();
    let dbpath = place.path("it's here");
    let said = success(&["demo", "--hits", "500", "--dbpath", text(&dbpath)]);
    let said = said.replace(" \\\n   ", "");
    let program = format!("  {}", env!("CARGO_BIN_EXE_tallymap"));
    let suggestions: Vec<&str> = said.lines().filter(|line| line.starts_with(&program)).collect();
    assert_eq!(suggestions.len(), 4, "{said}");
    for suggestion in suggestions {
        let status = std::process::Command::new("sh")
            .args(["-c", suggestion])
            .stdout(std::process::Stdio::null())
            .status();
        assert!(status.expect("a shell").success(), "{suggestion}");
    }
}

#[test]
fn a_log_is_counted_likewise() {
    let (place, log) = (Place::new(), make_log(41, 300));
    let (dbpath, file) = (place.path("demo"), place.path("a.log"));
    std::fs::write(&file, &log.text).expect("written");
    let said = success(&["demo", "--log", text(&file), "--dbpath", text(&dbpath)]);
    assert!(said.contains(&format!("  {} malformed: not counted\n", log.malformed)), "{said}");
    for database in ["growing", "preallocated"] {
        assert_counted(&dbpath, database, &log.counts, 1);
    }
}
