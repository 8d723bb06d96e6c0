//! The articles' `preallocate`, in the form that works: counters that are there stay.

use bson::RawDocumentBuf;
use tallymap::reports::{Growth, MinuteLayout, PageViews};

use crate::hits::{assert_valid, at, day, engine};

fn documents(views: &PageViews) -> Vec<RawDocumentBuf> {
    let of = |collection: &tallymap::Collection| -> Vec<_> {
        let scan = collection.scan(tallymap::Direction::Forward).expect("scans");
        scan.map(|located| located.expect("a document").document).collect()
    };
    [of(views.daily()), of(views.monthly())].concat()
}

#[test]
fn fresh_untouched_and_counted_documents() {
    let layouts = [MinuteLayout::Hierarchical, MinuteLayout::Flat];
    let growths = [Growth::Grow, Growth::Template];
    for (layout, growth) in layouts.into_iter().flat_map(|l| growths.map(|g| (l, g))) {
        let (_dir, engine) = engine();
        let builder = PageViews::builder(&engine, "stats").growth(growth);
        let views = builder.layout(layout).open().expect("opens");
        let date = day("2000-10-10");
        views.preallocate(date, "site-1", "/").expect("fresh");
        let fresh = documents(&views);
        assert_eq!(fresh.len(), 2);
        let daily = bson::Document::try_from(&*fresh[0]).expect("BSON");
        assert_eq!(daily.keys().collect::<Vec<_>>(), ["_id", "metadata", "hourly", "minute"]);
        assert_eq!(daily.get_document("hourly").expect("hours").len(), 24);
        views.preallocate(date, "site-1", "/").expect("untouched");
        assert_eq!(documents(&views), fresh);

        let report = views.log_hit(at("2000-10-10", 23, 59), "site-1", "/").expect("counted");
        assert!(report.daily.in_place && report.monthly.in_place);
        let counted = documents(&views);
        assert_ne!(counted, fresh);
        views.preallocate(date, "site-1", "/").expect("counted already");
        assert_eq!(documents(&views), counted);
        // Another day of the same month makes its own document and leaves the month's alone.
        views.preallocate(date.plus(1), "site-1", "/").expect("the day after");
        assert_eq!(views.daily().count().expect("counts"), 2);
        assert_eq!(views.monthly().count().expect("counts"), 1);
        assert_eq!(engine.counters().moves.get(), 0);
        assert_valid(&views);
    }
}

#[test]
fn a_document_that_began_to_grow_is_left_as_it_is() {
    let (_dir, engine) = engine();
    let views = PageViews::builder(&engine, "stats").growth(Growth::Grow).open().expect("opens");
    views.log_hit(at("2000-10-10", 5, 6), "site-1", "/").expect("counted");
    let grown = documents(&views);
    views.preallocate(day("2000-10-10"), "site-1", "/").expect("nothing to do");
    assert_eq!(documents(&views), grown);
}
