//! The book's lesson on the order of a compound index: by `(time, host)` 1,296 keys are looked at
//! for the 11 events of a host on a day, by `(host, time)` 11.

use std::collections::HashSet;

use bson::{DateTime, Document, RawDocumentBuf, doc, rawdoc};
use tallymap::{Collection, Hint};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;
use tallymap_tests::seed::Seed;

use super::{explained, index, looked, stages};

/// 2000-10-10.
const DAY_MS: i64 = 971_136_000_000;
const LEN_MS: i64 = 86_400_000;
/// Events of the day, and those of the host.
const EVENTS: usize = 1_296;
const OURS: usize = 11;

/// Events of three days, each at a moment of its own: [`EVENTS`] on the last one, of which
/// [`OURS`] are the host's.
fn generate(events: &Collection) {
    let mut seed = Seed::new("the book's events", 524);
    for (day, count, ours) in [(-2, 900, 7), (-1, 1_100, 9), (0, EVENTS, OURS)] {
        let mut moments = HashSet::new();
        while moments.len() < count {
            moments.insert(seed.below(LEN_MS as u32));
        }
        let mut moments: Vec<_> = moments.into_iter().collect();
        moments.sort_unstable();
        let mut hosts: Vec<String> = (0..count)
            .map(|n| match n < ours {
                true => "127.0.0.1".to_owned(),
                false => format!("10.0.{}.{}", seed.below(4), seed.below(250)),
            })
            .collect();
        for n in (1..count).rev() {
            hosts.swap(n, seed.below(n as u32 + 1) as usize);
        }
        for (moment, host) in moments.iter().zip(hosts) {
            let time = DateTime::from_millis(DAY_MS + day * LEN_MS + i64::from(*moment));
            let event = doc! { "host": host, "time": time, "path": "/apache_pb.gif" };
            events.insert_one(raw(&event)).expect("inserted");
        }
    }
}

fn query() -> RawDocumentBuf {
    rawdoc! { "host": "127.0.0.1", "time": { "$gte": day(0), "$lt": day(1) } }
}

fn day(number: i64) -> DateTime {
    DateTime::from_millis(DAY_MS + number * LEN_MS)
}

/// What 2.4 would have printed: `(cursor, n, nscanned, nscannedObjects)` and the rest.
fn as_2_4(events: &Collection, name: &str) -> (String, [i32; 3], Document) {
    let find = events.find(query()).hint(Hint::Name(name.into()));
    let shown = Document::try_from(&*find.explain_as_2_4().expect("explained")).expect("sound");
    let counts = ["n", "nscanned", "nscannedObjects"].map(|name| shown.get_i32(name).expect(name));
    (shown.get_str("cursor").expect("named").to_owned(), counts, shown)
}

#[test]
fn equality_first_then_the_range() {
    let dbpath = Dbpath::new();
    let engine = dbpath.open();
    let events = engine.collection("logs.events").expect("valid");
    generate(&events);
    let unindexed = explained(events.find(query()));
    assert_eq!((stages(&unindexed), looked(&unindexed).2), (vec!["COLLSCAN".into()], 11));

    index(&events, rawdoc! { "time": 1, "host": 1 });
    let (cursor, counts, shown) = as_2_4(&events, "time_1_host_1");
    assert_eq!((&*cursor, counts), ("BtreeCursor time_1_host_1", [11, 1_296, 11]));
    let bounds = doc! {
        "time": [[day(0), day(1)]], "host": [["127.0.0.1", "127.0.0.1"]],
    };
    assert_eq!(shown.get_document("indexBounds").expect("shown"), &bounds);
    assert!(!shown.get_bool("isMultiKey").expect("shown"));
    assert!(!shown.get_bool("scanAndOrder").expect("shown"));
    assert!(!shown.get_bool("indexOnly").expect("shown"));

    index(&events, rawdoc! { "host": 1, "time": 1 });
    let (cursor, counts, _) = as_2_4(&events, "host_1_time_1");
    assert_eq!((&*cursor, counts), ("BtreeCursor host_1_time_1", [11, 11, 11]));

    // Left to itself the planner finds which one is better, and says what the other one did.
    let chosen = explained(events.find(query()));
    assert_eq!(
        (stages(&chosen), looked(&chosen)),
        (vec!["FETCH".into(), "IXSCAN".into()], (11, 11, 11))
    );
    let planner = chosen.get_document("queryPlanner").expect("planned");
    let plan = planner.get_document("winningPlan").expect("one");
    let scan = plan.get_document("inputStage").expect("a scan");
    assert_eq!(scan.get_str("indexName").expect("named"), "host_1_time_1");
    let bounds = doc! {
        "host": ["[\"127.0.0.1\", \"127.0.0.1\"]"],
        "time": ["[new Date(971136000000), new Date(971222400000))"],
    };
    assert_eq!(scan.get_document("indexBounds").expect("shown"), &bounds);
    assert_eq!(planner.get_array("rejectedPlans").expect("listed").len(), 1);
    drop(events);
    dbpath::close(engine);
}
