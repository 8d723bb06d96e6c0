//! The pre-aggregated reports' index serves their range query and its sort.

use bson::{DateTime, doc, rawdoc};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;

use super::{explained, found, index, looked, stages};

const DAY_MS: i64 = 86_400_000;
/// 2000-10-01.
const BEGIN_MS: i64 = 970_358_400_000;

fn day(number: i64) -> DateTime {
    DateTime::from_millis(BEGIN_MS + number * DAY_MS)
}

#[test]
fn a_week_of_a_page_takes_seven_keys() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let daily = engine.collection("stats.daily").expect("valid");
    for site in ["site-1", "site-2"] {
        for page in ["/apache_pb.gif", "/index.html", "/z"] {
            for number in (0..31).rev() {
                let metadata = doc! { "date": day(number), "site": site, "page": page };
                let doc = doc! { "metadata": metadata, "daily": number };
                daily.insert_one(raw(&doc)).expect("inserted");
            }
        }
    }
    index(&daily, rawdoc! { "metadata.site": 1, "metadata.page": 1, "metadata.date": 1 });
    let query = || {
        let filter = rawdoc! {
            "metadata.site": "site-1", "metadata.page": "/index.html",
            "metadata.date": { "$gte": day(9), "$lte": day(15) },
        };
        daily.find(filter)
    };
    for (sort, expected) in [(1, [9, 10, 11, 12, 13, 14, 15]), (-1, [15, 14, 13, 12, 11, 10, 9])] {
        let sorted = || query().sort(rawdoc! { "metadata.date": sort });
        let explained = explained(sorted());
        assert_eq!(stages(&explained), ["FETCH", "IXSCAN"]);
        assert_eq!(looked(&explained), (7, 7, 7));
        let days: Vec<_> =
            found(sorted()).iter().map(|doc| doc.get_i64("daily").expect("int64")).collect();
        assert_eq!(days, expected);
    }
    // The whole sub-document is another question, which that index cannot answer.
    let metadata = rawdoc! { "date": day(9), "site": "site-1", "page": "/z" };
    let explained = explained(daily.find(rawdoc! { "metadata": metadata }));
    assert_eq!(stages(&explained), ["COLLSCAN"]);
    assert_eq!(looked(&explained), (0, 186, 1));
    drop(daily);
    dbpath::close(engine);
}
