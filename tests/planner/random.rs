//! Random documents, indexes and queries: what a plan finds is what reading the collection finds.

use bson::{Bson, Document, RawDocumentBuf, doc, rawdoc};
use tallymap::{Collection, Find, Hint};
use tallymap_tests::dbpath::{self, Dbpath};
use tallymap_tests::order::raw;
use tallymap_tests::seed::Seed;

use super::found;

const FIELDS: [&str; 6] = ["a", "b", "c", "d.x", "d.y", "e"];

fn scalar(seed: &mut Seed) -> Bson {
    match seed.below(12) {
        0 => Bson::Null,
        1 => Bson::Double(f64::from(seed.below(16)) / 2.0),
        2 => Bson::String(seed.pick(&["", "a", "ab", "b"]).into()),
        3 => Bson::Boolean(seed.one_in(2)),
        4 => Bson::Int64(i64::from(seed.below(8))),
        5 => doc! { "x": seed.below(3) as i32 }.into(),
        6 => seed.pick(&[f64::NAN, f64::INFINITY, -1.0]).into(),
        _ => Bson::Int32(seed.below(8) as i32),
    }
}

fn value(seed: &mut Seed) -> Bson {
    if !seed.one_in(8) {
        return scalar(seed);
    }
    let count = seed.below(4);
    Bson::Array((0..count).map(|_| scalar(seed)).collect())
}

fn document(seed: &mut Seed, id: i32, arrays: &[&str]) -> Document {
    let mut doc = doc! { "_id": id };
    for name in ["a", "b", "c", "e"] {
        if !seed.one_in(6) {
            let value = if arrays.contains(&name) { value(seed) } else { scalar(seed) };
            doc.insert(name, value);
        }
    }
    let inner = |seed: &mut Seed| {
        let mut inner = Document::new();
        for name in ["x", "y"] {
            if !seed.one_in(5) {
                inner.insert(name, scalar(seed));
            }
        }
        inner
    };
    if seed.one_in(6) && arrays.contains(&"d") {
        let count = seed.below(3);
        let all: Vec<Bson> = (0..count).map(|_| inner(seed).into()).collect();
        doc.insert("d", all);
    } else {
        doc.insert("d", inner(seed));
    }
    doc
}

fn condition(seed: &mut Seed) -> Bson {
    match seed.below(22) {
        0 => doc! { "$in": [value(seed), scalar(seed), scalar(seed)] }.into(),
        1 => doc! { "$exists": seed.one_in(2) }.into(),
        2 => doc! { "$gt": scalar(seed) }.into(),
        3 => doc! { "$lte": scalar(seed) }.into(),
        4 => doc! { "$gte": scalar(seed), "$lt": scalar(seed) }.into(),
        5 => doc! { "$gte": 2, "$lt": 6 }.into(),
        6 | 7 => value(seed),
        8 => doc! { "$ne": value(seed) }.into(),
        9 => doc! { "$nin": [value(seed), scalar(seed)] }.into(),
        10 => doc! { "$not": { "$gt": scalar(seed) } }.into(),
        11 => doc! { "$regex": seed.pick(&["^a", "b", "^(a|b)", "^ab$"]) }.into(),
        12 => doc! { "$all": [scalar(seed), scalar(seed)] }.into(),
        13 => doc! { "$elemMatch": { "$gte": 1, "$lt": 5 } }.into(),
        14 => doc! { "$type": seed.pick(&["int", "string", "null", "number", "object", "array"]) }
            .into(),
        15 => doc! { "$mod": [3, seed.below(3) as i32] }.into(),
        16 => doc! { "$size": seed.below(3) as i32 }.into(),
        _ => Bson::Int32(seed.below(8) as i32),
    }
}

/// Conditions that not every field can have.
fn clause(seed: &mut Seed, filter: &mut Document) {
    let some = |seed: &mut Seed| doc! { seed.pick(&FIELDS): condition(seed) };
    match seed.below(8) {
        0 => {
            let branches: Vec<Bson> = (0..2).map(|_| some(seed).into()).collect();
            filter.insert("$or", branches);
        }
        1 => {
            filter.insert("$nor", vec![some(seed)]);
        }
        2 => {
            let inner = doc! { "x": condition(seed), "y": seed.below(8) as i32 };
            filter.insert("d", doc! { "$elemMatch": inner });
        }
        3 => {
            let both: Vec<Bson> = (0..2).map(|_| some(seed).into()).collect();
            filter.insert("$and", both);
        }
        _ => {}
    }
}

fn filter(seed: &mut Seed) -> Document {
    let mut filter = Document::new();
    for _ in 0..seed.below(4) {
        filter.insert(seed.pick(&FIELDS), condition(seed));
    }
    clause(seed, &mut filter);
    filter
}

fn keys(seed: &mut Seed) -> Document {
    let mut keys = Document::new();
    for _ in 0..1 + seed.below(3) {
        keys.insert(seed.pick(&FIELDS), if seed.one_in(2) { 1 } else { -1 });
    }
    keys
}

fn indexed(collection: &Collection, seed: &mut Seed) {
    for _ in 0..1 + seed.below(4) {
        let mut spec = doc! { "key": keys(seed) };
        match seed.below(12) {
            0 | 1 => drop(spec.insert("sparse", true)),
            2 | 3 => drop(spec.insert("partialFilterExpression", doc! { "b": { "$gte": 2 } })),
            4 => drop(spec.insert("key", doc! { seed.pick(&["b", "e"]): "hashed" })),
            _ => {}
        }
        // Some indexes these documents do not allow.
        let _ = collection.create_index_from(raw(&spec));
    }
}

fn ids(documents: &[RawDocumentBuf]) -> Vec<i32> {
    documents.iter().map(|doc| doc.get_i32("_id").expect("an int32")).collect()
}

/// The keys that documents are sorted by, as text.
fn sorted_by(documents: &[RawDocumentBuf], sort: &Document) -> Vec<String> {
    let values = |doc: &RawDocumentBuf| {
        let doc = Document::try_from(&**doc).expect("sound");
        let value = |path: &str| {
            let mut parts = path.split('.');
            let first = parts.next().and_then(|part| doc.get(part)).cloned();
            parts.fold(first, |value, part| value?.as_document()?.get(part).cloned())
        };
        let shown = |path| match value(path) {
            None | Some(Bson::Null) => "null".to_owned(),
            Some(Bson::Int32(n)) => f64::from(n).to_string(),
            Some(Bson::Int64(n)) => (n as f64).to_string(),
            Some(Bson::Double(n)) => n.to_string(),
            Some(other) => other.to_string(),
        };
        sort.keys().map(|path| shown(path)).collect::<Vec<_>>().join(" ")
    };
    documents.iter().map(values).collect()
}

fn check(collection: &Collection, seed: &mut Seed, with_arrays: bool) {
    let filter = filter(seed);
    let natural = || Hint::Keys(rawdoc! { "$natural": 1 }.into_bytes());
    let find = || collection.find(raw(&filter));
    let mut expected = ids(&found(find().hint(natural())));
    let mut met = ids(&found(find()));
    let indexes = || {
        let indexes = collection.indexes().expect("listed");
        indexes.into_iter().map(|index| index.specification).collect::<Vec<_>>()
    };
    met.sort_unstable();
    expected.sort_unstable();
    assert_eq!(met, expected, "{filter} {:?}", indexes());
    if with_arrays {
        return;
    }
    let sort = keys(seed);
    let (skip, limit) = (u64::from(seed.below(5)), u64::from(seed.below(20)));
    let cut = |find: Find| find.sort(raw(&sort)).skip(skip).limit(limit);
    let by_plan = found(cut(find()));
    let by_scan = found(cut(find().hint(natural())));
    let (by_plan, by_scan) = (sorted_by(&by_plan, &sort), sorted_by(&by_scan, &sort));
    assert_eq!(by_plan, by_scan, "{filter} by {sort} {skip}+{limit} {:?}", indexes());
    let count = collection.count_documents(raw(&filter)).run().expect("counted");
    assert_eq!(count, expected.len() as u64, "{filter} {:?}", indexes());
}

#[test]
fn plans_find_what_a_scan_finds() {
    let mut seed = Seed::new("plans and scans", 7_100);
    for round in 0..40 {
        let dbpath = Dbpath::new();
        let engine = dbpath.open();
        let collection = engine.collection("d.c").expect("valid");
        let arrays: &[&str] = if round % 2 == 0 { &[] } else { &["a", "c", "d"] };
        for id in 0..120 {
            collection.insert_one(raw(&document(&mut seed, id, arrays))).expect("inserted");
        }
        indexed(&collection, &mut seed);
        for _ in 0..60 {
            check(&collection, &mut seed, !arrays.is_empty());
        }
        drop(collection);
        dbpath::close(engine);
    }
}
