//! Series equal an independent count, over days, months and a leap day.

use bson::rawdoc;
use tallymap::reports::{MinuteLayout, PageViews};

use crate::hits::{
    NaiveCount, PAGES, SITES, assert_counts, assert_minutes, assert_valid, at, day, engine,
    random_hits,
};

#[test]
fn series_equal_a_naive_count_over_a_leap_day() {
    let (_dir, engine) = engine();
    let views = PageViews::open(&engine, "stats").expect("opens");
    let range = at("2004-02-26", 0, 0)..at("2004-03-03", 0, 0);
    let hits = random_hits(29, range, 6_000);
    for &(minute, site, page) in &hits {
        views.log_hit(minute, site, page).expect("counted");
    }
    let count = NaiveCount::of(&hits);
    let days = [
        ("2004-02-29", "2004-03-01"),
        ("2004-02-28", "2004-03-02"),
        ("2004-02-20", "2004-03-31"),
        ("2004-01-31", "2004-04-01"),
        ("2004-03-01", "2004-03-01"),
    ];
    for (from, to) in days {
        assert_counts(&views, &count, day(from)..day(to));
    }
    assert_valid(&views);
}

#[test]
fn months_of_several_years_are_charted_by_day() {
    let (_dir, engine) = engine();
    let views = PageViews::open(&engine, "stats").expect("opens");
    let hits = random_hits(30, at("1999-11-20", 0, 0)..at("2000-03-12", 0, 0), 400);
    for &(minute, site, page) in &hits {
        views.log_hit(minute, site, page).expect("counted");
    }
    let count = NaiveCount::of(&hits);
    assert_counts(&views, &count, day("1999-10-31")..day("2000-04-02"));
    assert_counts(&views, &count, day("1999-12-31")..day("2000-01-02"));
}

#[test]
fn part_of_an_hour_and_a_day_without_documents() {
    let (_dir, engine) = engine();
    let views = PageViews::open(&engine, "stats").expect("opens");
    let (site, page) = (SITES[0], PAGES[0]);
    for minute in [at("2000-10-10", 23, 59), at("2000-10-11", 0, 0), at("2000-10-13", 0, 1)] {
        views.log_hit(minute, site, page).expect("counted");
    }
    // The last hour, as a chart asks for it, crosses midnight.
    let range = at("2000-10-10", 23, 30)..at("2000-10-11", 0, 30);
    let minutes = views.minutes(site, page, range.clone()).expect("minutes");
    assert_eq!(minutes.counts.len(), 60);
    assert_eq!((minutes.counts[29], minutes.counts[30], minutes.total()), (1, 1, 2));
    let hours = views.hourly(site, page, range).expect("hours");
    assert_eq!((hours.start, hours.counts), (at("2000-10-10", 23, 0), vec![1, 1]));
    // Nothing is stored of the 12th.
    let days = views.by_day(site, page, day("2000-10-09")..day("2000-10-14")).expect("days");
    assert_eq!(days.counts, [0, 1, 1, 0, 1]);
    let of_12th = at("2000-10-12", 0, 0)..at("2000-10-13", 0, 0);
    let series = views.minutes(site, page, of_12th).expect("minutes");
    assert_eq!((series.counts.len(), series.total(), series.peak()), (1440, 0, None));
    let nowhere = views.hourly("site-9", "/none", at("2000-10-10", 0, 0)..at("2000-10-12", 0, 0));
    assert_eq!(nowhere.expect("hours").counts, [0; 48]);
}

#[test]
fn minutes_of_any_range_in_both_layouts() {
    for layout in [MinuteLayout::Hierarchical, MinuteLayout::Flat] {
        let (_dir, engine) = engine();
        let views = PageViews::builder(&engine, "stats").layout(layout).open().expect("opens");
        let start = at("2000-10-10", 0, 0);
        let hits = random_hits(31, start..start.plus(2 * 1440), 3_000);
        for &(minute, site, page) in &hits {
            views.log_hit(minute, site, page).expect("counted");
        }
        let count = NaiveCount::of(&hits);
        for from in [0, 1, 59, 60, 61, 1230, 1439, 1440, 1441, 2879] {
            for length in [1, 2, 45, 60, 61, 1440, 1500] {
                let from = start.plus(from);
                assert_minutes(&views, &count, &(from..from.plus(length)));
            }
        }
    }
}

#[test]
fn counters_beyond_the_end_of_a_day_are_not_of_the_next() {
    let (_dir, engine) = engine();
    let views = PageViews::open(&engine, "stats").expect("opens");
    let document = rawdoc! {
        "_id": "20001010/s/p", "hourly": { "23": 1, "24": 2, "x": 3, "2": "4" },
        "minute": { "1439": 1, "1440": 2, "24": { "0": 3 }, "23": { "58": 4, "59": "5" } },
    };
    views.daily().insert_one(document).expect("inserted");
    let range = at("2000-10-10", 0, 0)..at("2000-10-12", 0, 0);
    let hours = views.hourly("s", "/p", range.clone()).expect("hours");
    assert_eq!((hours.counts[23], hours.total()), (1, 1));
    let minutes = views.minutes("s", "/p", range).expect("minutes");
    assert_eq!((minutes.counts[1438], minutes.counts[1439], minutes.total()), (4, 1, 5));
}

#[test]
fn an_empty_or_inverted_range_has_no_spans_and_a_huge_one_is_refused() {
    let (_dir, engine) = engine();
    let views = PageViews::open(&engine, "stats").expect("opens");
    let (from, to) = (at("2000-10-10", 5, 7), at("2000-10-09", 0, 0));
    assert!(views.minutes("s", "/", from..from).expect("minutes").counts.is_empty());
    assert!(views.minutes("s", "/", from..to).expect("minutes").counts.is_empty());
    assert!(views.by_day("s", "/", from.day()..to.day()).expect("days").counts.is_empty());
    let huge = at("0001-01-01", 0, 0)..at("9999-12-31", 0, 0);
    assert!(views.minutes("s", "/", huge).is_err());
}

#[test]
fn documents_are_the_articles() {
    let (_dir, engine) = engine();
    let views = PageViews::open(&engine, "stats").expect("opens");
    views.log_hit(at("2000-10-10", 13, 37), "site-1", "/apache_pb.gif").expect("counted");
    let daily = views.daily().find_by_id("20001010/site-1/apache_pb.gif").expect("read");
    let daily = daily.expect("the day's document");
    let names: Vec<_> = daily.iter().map(|field| field.expect("BSON").0.as_str()).collect();
    assert_eq!(names, ["_id", "metadata", "hourly", "minute"]);
    let metadata = rawdoc! {
        "date": day("2000-10-10").date(), "site": "site-1", "page": "/apache_pb.gif",
    };
    assert_eq!(daily.get_document("metadata").ok(), Some(&*metadata));
    let minute = daily.get_document("minute").expect("minutes");
    assert_eq!(minute.iter().count(), 24);
    let hour = minute.get_document("13").expect("an hour");
    assert_eq!((hour.iter().count(), hour.get_i32("37").ok()), (60, Some(1)));
    assert_eq!(daily.get_document("hourly").expect("hours").get_i32("13").ok(), Some(1));
    let monthly = views.monthly().find_by_id("200010/site-1/apache_pb.gif").expect("read");
    let monthly = monthly.expect("the month's document");
    let metadata = rawdoc! {
        "date": day("2000-10-01").date(), "site": "site-1", "page": "/apache_pb.gif",
    };
    assert_eq!(monthly.get_document("metadata").ok(), Some(&*metadata));
    let days = monthly.get_document("daily").expect("days");
    assert_eq!(days.iter().count(), 31);
    assert_eq!((days.get_i32("1").ok(), days.get_i32("10").ok()), (Some(0), Some(1)));
}

#[test]
fn the_metadata_index_holds_one_entry_per_document_in_order_of_site_page_date() {
    let (_dir, engine) = engine();
    let views = PageViews::open(&engine, "stats").expect("opens");
    let hits = random_hits(31, at("2001-01-30", 0, 0)..at("2001-02-03", 0, 0), 200);
    for &(minute, site, page) in &hits {
        views.log_hit(minute, site, page).expect("counted");
    }
    let name = "metadata.site_1_metadata.page_1_metadata.date_1";
    for collection in [views.daily(), views.monthly()] {
        let entries = collection.index_scan(name, tallymap::Direction::Forward).expect("scans");
        let mut before = None;
        let mut met = 0;
        for entry in entries {
            let entry = entry.expect("an entry");
            let document = collection.read_at(entry.loc).expect("its document");
            let metadata = document.get_document("metadata").expect("metadata");
            let values: Vec<_> = entry.key.iter().map(|field| field.expect("BSON").1).collect();
            let key = (
                values[0].as_str().expect("a site").to_owned(),
                values[1].as_str().expect("a page").to_owned(),
                values[2].as_datetime().expect("a date"),
            );
            assert_eq!(metadata.get_str("site").ok(), Some(key.0.as_str()));
            assert_eq!(metadata.get_str("page").ok(), Some(key.1.as_str()));
            assert_eq!(metadata.get_datetime("date").ok(), Some(key.2));
            assert!(before.as_ref() < Some(&key), "{before:?} before {key:?}");
            before = Some(key);
            met += 1;
        }
        assert_eq!(met, collection.count().expect("counts"));
    }
}
