//! However documents come to their counters, the counts are the same; what it costs is not.

use tallymap::SizingPolicy;
use tallymap::reports::{Growth, MinuteLayout, PageViews};

use crate::hits::{Hit, NaiveCount, assert_counts, assert_valid, at, day, engine, random_hits};

const GROWTHS: [Growth; 3] = [Growth::Template, Growth::Preallocate, Growth::Grow];
const LAYOUTS: [MinuteLayout; 2] = [MinuteLayout::Hierarchical, MinuteLayout::Flat];
const POLICIES: [SizingPolicy; 5] = [
    SizingPolicy::PowerOf2,
    SizingPolicy::Exact,
    SizingPolicy::PaddingFactor { quantized: true },
    SizingPolicy::PaddingFactor { quantized: false },
    SizingPolicy::PowerOf2V2_4,
];

/// Moves that counting these hits took.
fn count(growth: Growth, layout: MinuteLayout, policy: SizingPolicy, hits: &[Hit]) -> u64 {
    let (_dir, engine) = engine();
    let builder = PageViews::builder(&engine, "stats");
    let views = builder.layout(layout).growth(growth).policy(policy).open().expect("opens");
    let mut seen = std::collections::HashSet::new();
    for &(minute, site, page) in hits {
        let report = views.log_hit(minute, site, page).expect("counted");
        let first = seen.insert((minute.day(), site, page));
        if growth == Growth::Template {
            assert_eq!(report.daily.upserted.is_some(), first, "{report:?}");
        }
        if growth != Growth::Grow {
            assert_eq!(report.daily.moved, None);
            assert!(report.daily.in_place || report.daily.upserted.is_some(), "{report:?}");
        }
        if !first {
            assert_eq!((report.daily.matched, report.daily.modified), (1, 1));
        }
    }
    let context = format!("{growth:?} {layout:?} {policy:?}");
    println!("{context}: {} moves", engine.counters().moves.get());
    assert_counts(&views, &NaiveCount::of(hits), day("2000-02-28")..day("2000-03-02"));
    assert_valid(&views);
    engine.counters().moves.get()
}

#[test]
fn every_growth_layout_and_policy_counts_alike() {
    let hits = random_hits(41, at("2000-02-28", 22, 0)..at("2000-03-01", 2, 0), 400);
    for layout in LAYOUTS {
        for policy in POLICIES {
            for growth in GROWTHS {
                let moves = count(growth, layout, policy, &hits);
                assert_eq!(moves > 0, growth == Growth::Grow, "{growth:?} {layout:?} {policy:?}");
            }
        }
    }
}

#[test]
fn a_day_of_one_hit_a_minute_moves_often_without_padding_and_seldom_with_powers_of_two() {
    let midnight = at("2000-10-10", 0, 0);
    let hits: Vec<Hit> = (0..1440).map(|m| (midnight.plus(m), "site-1", "/")).collect();
    let moves = |policy| {
        let (_dir, engine) = engine();
        let builder = PageViews::builder(&engine, "stats").growth(Growth::Grow);
        let views = builder.policy(policy).layout(MinuteLayout::Flat).open().expect("opens");
        let mut moves = 0;
        for &(minute, site, page) in &hits {
            let report = views.log_hit(minute, site, page).expect("counted").daily;
            if let Some(moved) = report.moved {
                assert_ne!(moved.from, moved.to);
                assert!(!report.in_place);
                moves += 1;
            }
        }
        moves
    };
    // Without padding a document grows out of its record whenever it needs four bytes more.
    assert_eq!(moves(SizingPolicy::Exact), 1439);
    // From 128 bytes to 16 KiB: seven doublings at most.
    let doubled = moves(SizingPolicy::PowerOf2);
    assert!((5..=7).contains(&doubled), "{doubled} moves");
    let adaptive = moves(SizingPolicy::PaddingFactor { quantized: false });
    assert!((1..500).contains(&adaptive), "{adaptive} moves");
}

#[test]
fn the_layout_that_is_there_stays_whoever_opens_it() {
    for growth in GROWTHS {
        let (_dir, engine) = engine();
        let flat = PageViews::builder(&engine, "stats").layout(MinuteLayout::Flat).growth(growth);
        let views = flat.open().expect("opens");
        assert_eq!(views.layout(), MinuteLayout::Flat);
        let hits = random_hits(43, at("2000-10-10", 0, 0)..at("2000-10-10", 1, 0), 20);
        for &(minute, site, page) in &hits {
            views.log_hit(minute, site, page).expect("counted");
        }
        // In hierarchical documents `minute.13` is an hour, in these it is a minute.
        let other = PageViews::builder(&engine, "stats").growth(growth).open().expect("opens");
        assert_eq!(other.layout(), MinuteLayout::Flat);
        for &(minute, site, page) in &hits {
            other.log_hit(minute, site, page).expect("counted");
        }
        let count = NaiveCount::of(&[hits.clone(), hits].concat());
        assert_counts(&other, &count, day("2000-10-09")..day("2000-10-12"));
    }
}
