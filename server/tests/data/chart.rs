//! What is charted is what an independent count finds in the log.

use serde_json::Value;

use crate::support::{Place, make_log, run, stderr, success, text};

const SITE: [&str; 2] = ["--site", "site-1"];

fn json(dbpath: &std::path::Path, page: &str, period: &[&str]) -> Value {
    let chart = ["chart", "--dbpath", text(dbpath), "--json", "--page", page];
    serde_json::from_str(&success(&[&chart[..], &SITE, period].concat())).expect("JSON")
}

fn hits(chart: &Value) -> Vec<u64> {
    let hits = chart["hits"].as_array().expect("an array");
    hits.iter().map(|unit| unit["hits"].as_u64().expect("a count")).collect()
}

#[test]
fn days_hours_and_months_are_those_of_the_log() {
    let (place, log) = (Place::new(), make_log(11, 500));
    let dbpath = place.ingested(&log);
    for page in crate::support::PAGES {
        let sum = |day: Option<u32>, hour: Option<u32>, minute: Option<u32>| -> u64 {
            let of_unit = log.counts.iter().filter(|((of_page, d, h, m), _)| {
                *of_page == page
                    && day.is_none_or(|day| day == *d)
                    && hour.is_none_or(|hour| hour == *h)
                    && minute.is_none_or(|minute| minute == *m)
            });
            of_unit.map(|(_, count)| count).sum()
        };
        let day = json(&dbpath, page, &["--day", "2010-10-30"]);
        let hours: Vec<u64> = (0..24).map(|hour| sum(Some(30), Some(hour), None)).collect();
        assert_eq!(hits(&day), hours, "{page}");
        assert_eq!(day["total"], sum(Some(30), None, None), "{page}");
        let hour = json(&dbpath, page, &["--day", "2010-10-31", "--hour", "23"]);
        let minutes: Vec<u64> = (0..60).map(|min| sum(Some(31), Some(23), Some(min))).collect();
        assert_eq!(hits(&hour), minutes, "{page}");
        let month = json(&dbpath, page, &["--month", "2010-10"]);
        let days: Vec<u64> = (1..=31).map(|day| sum(Some(day), None, None)).collect();
        assert_eq!(hits(&month), days, "{page}");
    }
}

#[test]
fn the_picture_has_no_colour_in_a_pipe_and_fits() {
    let (place, log) = (Place::new(), make_log(12, 100));
    let dbpath = place.ingested(&log);
    let chart = ["chart", "--dbpath", text(&dbpath), "--page", "/", "--day", "2010-10-30"];
    let picture = success(&[&chart[..], &SITE].concat());
    assert!(picture.starts_with("site-1 /  2010-10-30"), "{picture}");
    assert!(!picture.contains('\x1b') && picture.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn a_page_without_hits_is_said_with_what_there_is() {
    let (place, log) = (Place::new(), make_log(13, 100));
    let dbpath = place.ingested(&log);
    let chart = |page: &str, more: &[&str]| {
        let line = ["chart", "--dbpath", text(&dbpath), "--page", page];
        let output = run(&[&line[..], more].concat());
        assert!(output.stdout.is_empty());
        (output.status.code(), stderr(&output))
    };
    let (code, message) = chart("/nowhere", &["--site", "site-1", "--day", "2010-10-30"]);
    assert_eq!(code, Some(1));
    assert!(message.contains("/b/c.html"), "other pages: {message}");
    let (code, message) = chart("/a", &["--site", "site-1", "--day", "2009-10-30"]);
    assert_eq!(code, Some(1));
    assert!(message.contains("2010-10-31"), "other days: {message}");
    let (code, message) = chart("/a", &["--site", "elsewhere", "--month", "2010-10"]);
    assert_eq!(code, Some(1));
    assert!(message.contains("site-1"), "other sites: {message}");
    let (code, message) = chart("/a", &["--site", "s", "--month", "2010-10", "--db", "none"]);
    assert_eq!(code, Some(2), "{message}");
}
