//! Browsers and platforms: one document per site and month, one collection per year.

use std::collections::BTreeMap;

use bson::rawdoc;
use oorandom::Rand64;
use tallymap::reports::{BROWSERS, PLATFORMS, Technology, TechnologyMonth};

use crate::hits::{day, engine};

#[test]
fn the_documents_are_the_articles() {
    let (_dir, engine) = engine();
    let technology = Technology::open(&engine, "stats");
    let june = day("2011-06-15");
    for _ in 0..5 {
        technology.log(june, "site-1", "Safari", "5.0.4", "Mac").expect("counted");
    }
    technology.log(june, "site-1", "Chrome", "12.0.742.112", "Windows").expect("counted");
    technology.log(june, "site-1", "Konqueror", "4.6", "BeOS").expect("counted");
    let document = technology.collection(2011).expect("named").find_by_id("site-1:6");
    let expected = rawdoc! {
        "_id": "site-1:6",
        "b": { "safari": { "5-0": 5 }, "chrome": { "12-0": 1 }, "other": { "4-6": 1 } },
        "p": { "mac": 5, "windows": 1, "other": 1 },
    };
    assert_eq!(document.expect("read"), Some(expected));
}

#[test]
fn a_year_is_a_collection_that_its_first_hit_creates_and_a_drop_removes() {
    let (_dir, engine) = engine();
    let technology = Technology::open(&engine, "stats");
    for (date, hits) in [("2010-12-31", 2), ("2011-01-01", 3), ("2011-02-01", 1)] {
        for _ in 0..hits {
            technology.log(day(date), "site-1", "Opera", "11.1", "Linux").expect("counted");
        }
    }
    let database = engine.database("stats").expect("named");
    let names = database.collection_names().expect("read");
    let years: Vec<_> = names.iter().filter(|name| name.starts_with("technology.")).collect();
    assert_eq!(years, ["technology.2010", "technology.2011"]);
    assert_eq!(technology.collection(2011).expect("named").count().expect("counts"), 2);
    // Only _id is indexed: a document is found by site and month.
    assert_eq!(technology.collection(2011).expect("named").indexes().expect("read").len(), 1);
    assert!(database.drop_collection("technology.2010").expect("drops"));
    let gone = technology.month(day("2010-12-31"), "site-1").expect("read");
    assert_eq!(gone, TechnologyMonth::default());
    let kept = technology.month(day("2011-01-31"), "site-1").expect("read");
    assert_eq!(kept.platforms, BTreeMap::from([("linux".to_owned(), 3)]));
}

#[test]
fn months_equal_a_naive_count_of_random_hits() {
    const NAMES: [&str; 8] = ["chrome", "SAFARI", "Firefox", "opera", "IE", "Lynx", "", "curl/7.1"];
    const DEVICES: [&str; 5] = ["mac", "iPhone", "Nokia", "ANDROID", "linux"];
    const VERSIONS: [&str; 6] = ["1", "1.0", "3.6.18", "12.0.742", "x", ""];
    let (_dir, engine) = engine();
    let technology = Technology::open(&engine, "stats");
    let mut rng = Rand64::new(7);
    let mut pick = |n: usize| rng.rand_range(0..n as u64) as usize;
    let mut expected: BTreeMap<(i32, String), TechnologyMonth> = BTreeMap::new();
    for _ in 0..2_000 {
        let date = day("2011-11-15").plus(31 * pick(4) as i32);
        let site = ["a", "b"][pick(2)];
        let (name, device) = (NAMES[pick(NAMES.len())], DEVICES[pick(DEVICES.len())]);
        let version = VERSIONS[pick(VERSIONS.len())];
        technology.log(date, site, name, version, device).expect("counted");
        let listed = |list: &[&str], name: &str| {
            let name = name.to_lowercase();
            if list.contains(&name.as_str()) { name } else { "other".to_owned() }
        };
        let short = match version {
            "1" | "1.0" => "1-0",
            "3.6.18" => "3-6",
            "12.0.742" => "12-0",
            _ => "unknown",
        };
        let first = date.first_of_month();
        let month =
            expected.entry((first.start().since(day("1970-01-01").start()) as i32, site.into()));
        let month = month.or_default();
        let versions = month.browsers.entry(listed(&BROWSERS, name)).or_default();
        *versions.entry(short.to_owned()).or_default() += 1;
        *month.platforms.entry(listed(&PLATFORMS, device)).or_default() += 1;
    }
    for ((minutes, site), month) in expected {
        let date = day("1970-01-01").start().plus(i64::from(minutes)).day();
        assert_eq!(technology.month(date, &site).expect("read"), month, "{date} {site}");
    }
}

#[test]
fn no_count_is_lost_between_threads() {
    let (_dir, engine) = engine();
    let technology = Technology::open(&engine, "stats");
    std::thread::scope(|scope| {
        for thread in 0..8u32 {
            let technology = technology.clone();
            scope.spawn(move || {
                for i in 0..300u32 {
                    let browser = BROWSERS[((thread + i) % 6) as usize];
                    let site = format!("site-{}", i % 3);
                    let date = day("2011-01-01").plus((i % 60) as i32);
                    let version = format!("{}.0", i % 10);
                    technology.log(date, &site, browser, &version, "mac").expect("counted");
                }
            });
        }
    });
    let mut browsers = 0;
    let mut platforms = 0;
    for site in ["site-0", "site-1", "site-2"] {
        for month in ["2011-01-01", "2011-02-01", "2011-03-01"] {
            let month = technology.month(day(month), site).expect("read");
            browsers += month.browsers.values().flat_map(|v| v.values()).sum::<i64>();
            platforms += month.platforms.values().sum::<i64>();
        }
    }
    assert_eq!((browsers, platforms), (2400, 2400));
    let collection = technology.collection(2011).expect("named");
    assert!(collection.validate(true).expect("validates").is_valid());
}
