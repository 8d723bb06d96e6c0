//! Logs go in; documents come out that hold exactly their hits.

use crate::support::{
    Place, assert_counted, dump, make_log, number, run, run_with, stderr, stdout, success, text,
};

#[test]
fn every_hit_is_in_its_minute_of_the_logs_own_zone() {
    let (place, log) = (Place::new(), make_log(1, 400));
    let dbpath = place.ingested(&log);
    assert_counted(&dbpath, "stats", &log.counts, 1);

    let technology = dump(&dbpath, "technology.2010");
    let [document] = technology.as_slice() else { panic!("one site, one month") };
    assert_eq!(number(&document["doc"]["b"]["firefox"]["5-0"]), log.hits);
    assert_eq!(number(&document["doc"]["p"]["linux"]), log.hits);
}

#[test]
fn malformed_lines_are_counted_and_shown() {
    let (place, log) = (Place::new(), make_log(2, 400));
    let dbpath = place.path("data");
    let output = run_with(&["ingest", "--dbpath", text(&dbpath), "-"], &log.text);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = stdout(&output);
    for said in [
        format!("standard input: 400 lines, {} hits\n", log.hits),
        format!("  {} malformed: not counted\n", log.malformed),
        format!("counted {} hits", log.hits),
        "counts its hits again".to_owned(),
        "expected a status of three digits".to_owned(),
    ] {
        assert!(report.contains(&said), "{said:?} is missing:\n{report}");
    }
    assert_counted(&dbpath, "stats", &log.counts, 1);
}

#[test]
fn the_same_log_again_counts_again() {
    let (place, log) = (Place::new(), make_log(3, 200));
    let dbpath = place.ingested(&log);
    place.ingested(&log);
    assert_counted(&dbpath, "stats", &log.counts, 2);
}

#[test]
fn every_growth_and_policy_counts_the_same() {
    let (place, log) = (Place::new(), make_log(4, 120));
    let file = place.path("a.log");
    std::fs::write(&file, &log.text).expect("written");
    for growth in ["template", "preallocate", "grow"] {
        for policy in ["power_of_2", "exact", "padding_factor", "power_of_2_v2_4"] {
            let dbpath = place.path(&format!("{growth}-{policy}"));
            let options = ["--growth", growth, "--policy", policy, text(&file)];
            success(&[&["ingest", "--dbpath", text(&dbpath)], &options[..]].concat());
            assert_counted(&dbpath, "stats", &log.counts, 1);
            success(&["validate", "--dbpath", text(&dbpath)]);
        }
    }
}

#[test]
fn a_page_longer_than_a_key_is_refused_and_the_rest_counted() {
    let (place, log) = (Place::new(), make_log(5, 50));
    let long = format!(
        "h - - [30/Oct/2010:01:02:03 +0000] \"GET /{} HTTP/1.1\" 200 1\n",
        "x".repeat(2000)
    );
    let dbpath = place.path("data");
    let input = format!("{long}{}{long}", log.text);
    let output = run_with(&["ingest", "--dbpath", text(&dbpath), "-"], &input);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("refused 2 hits"), "{}", stdout(&output));
    assert_counted(&dbpath, "stats", &log.counts, 1);
    success(&["validate", "--dbpath", text(&dbpath)]);
}

#[test]
fn what_cannot_be_read_is_refused_before_anything_is_counted() {
    let (place, log) = (Place::new(), make_log(6, 10));
    let (dbpath, file) = (place.path("data"), place.path("a.log"));
    std::fs::write(&file, &log.text).expect("written");
    let missing = place.path("missing.log");
    let ingest = ["ingest", "--dbpath", text(&dbpath), text(&file)];
    assert_eq!(run(&[&ingest[..], &[text(&missing)]].concat()).status.code(), Some(3));
    assert_eq!(run(&[&ingest[..], &["-", "-"]].concat()).status.code(), Some(2));
    assert_eq!(run(&[&ingest[..], &[text(&place.path(""))]].concat()).status.code(), Some(2));
    assert!(!dbpath.exists());
}
