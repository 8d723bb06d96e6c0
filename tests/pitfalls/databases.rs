//! Databases to look at: made by the public interface, each with something of its own.

use bson::{Bson, doc};
use tallymap::{Collection, CollectionOptions, Database, Engine, IndexSpec, SizingPolicy};
use tallymap_tests::order::raw;
use tallymap_tests::seed::Seed;

pub const POLICIES: [(&str, SizingPolicy); 5] = [
    ("power_of_2", SizingPolicy::PowerOf2),
    ("exact", SizingPolicy::Exact),
    ("factor", SizingPolicy::PaddingFactor { quantized: true }),
    ("factor.v2_2", SizingPolicy::PaddingFactor { quantized: false }),
    ("power_of_2.v2_4", SizingPolicy::PowerOf2V2_4),
];

fn database(engine: &Engine, name: &str) -> Database {
    engine.database(name).expect("valid")
}

/// Inserts, moves and deletes documents, with secondary indexes.
pub fn churn(collection: &Collection, seed: &mut Seed, steps: u32) {
    for spec in [
        IndexSpec::new(&[("site", 1), ("n", -1)]),
        IndexSpec::new(&[("tags", 1)]),
        IndexSpec::new(&[("maybe", -1)]).sparse(true),
        IndexSpec::new(&[("own", 1)]).unique(true),
    ] {
        collection.create_index(spec).expect("an index");
    }
    for step in 0..steps {
        let id = raw(&doc! { "_id": seed.below(steps) as i32 });
        match seed.below(10) {
            0..6 => {
                let update = doc! {
                    "$set": {
                        "site": format!("site-{}", seed.below(7)),
                        "tags": (0..seed.below(4) as i32).collect::<Vec<_>>(),
                        "pad": "x".repeat(seed.below(900) as usize),
                        "own": format!("{step} {}", seed.below(1 << 30)),
                    },
                    "$inc": { "n": 1 },
                };
                let request = collection.update_one(id, raw(&update)).expect("valid");
                request.upsert(true).run().expect("updates");
            }
            6 => {
                let update = raw(&doc! { "$set": { "maybe": seed.below(50) as i32 } });
                collection.update_one(id, update).expect("valid").run().expect("updates");
            }
            _ => drop(collection.delete_one(id).expect("deletes")),
        }
    }
}

/// Every policy, with records that grow and move.
pub fn policies(engine: &Engine) {
    let mut seed = Seed::new("pitfalls: policies", 1);
    for (name, policy) in POLICIES {
        let options = CollectionOptions::default().policy(policy);
        let collection = database(engine, "p").create_collection(name, options).expect("creates");
        churn(&collection, &mut seed, 1500);
    }
}

/// Capped collections: never written to, part full, wrapped, limited, emptied.
pub fn capped(engine: &Engine) {
    let db = database(engine, "k");
    let options = |size| CollectionOptions::default().capped(size);
    let mut seed = Seed::new("pitfalls: capped", 2);
    let mut fill = |name: &str, options: CollectionOptions, count: i32| {
        let collection = db.create_collection(name, options).expect("creates");
        for n in 0..count {
            let doc = doc! { "_id": n, "pad": "x".repeat(seed.below(200) as usize) };
            collection.insert_one(raw(&doc)).expect("inserts");
        }
        collection
    };
    fill("new", options(9000), 0);
    fill("part", options(30_000), 20);
    fill("wrapped", options(30_000), 1000);
    fill("tiny", options(1), 300);
    fill("max", options(30_000).max_documents(13), 200);
    fill("emptied", options(30_000), 1000).truncate().expect("truncates");
    let again = fill("again", options(8192), 500);
    again.truncate().expect("truncates");
    for n in 0..300 {
        again.insert_one(raw(&doc! { "_id": n })).expect("inserts");
    }
}

/// More than 10 and more than 40 indexes, some dropped, the collection renamed.
pub fn many_indexes(engine: &Engine) {
    let db = database(engine, "i");
    for (name, count) in [("twelve", 12), ("many", 45), ("é", 11), ("most", 63)] {
        let collection = db.collection(name).expect("valid");
        for n in 0..20 {
            let doc = doc! { "_id": n, "f3": n, "f11": [n, n + 1], "f44": n % 2 };
            collection.insert_one(raw(&doc)).expect("inserts");
        }
        for n in 0..count {
            let field = format!("f{n}");
            collection.create_index(IndexSpec::new(&[(&field, 1)])).expect("an index");
        }
        let refused = collection.create_index(IndexSpec::new(&[("more", 1)]));
        assert_eq!(refused.is_ok(), count < 63, "64 indexes with that on _id");
    }
    db.rename_collection("many", "many.renamed").expect("renames");
    let collection = db.collection("many.renamed").expect("valid");
    for field in ["f0", "f11", "f39", "f40"] {
        collection.drop_index(&format!("{field}_1")).expect("drops");
    }
    let collection = db.collection("twelve").expect("valid");
    for field in ["f2", "f3", "f4"] {
        collection.drop_index(&format!("{field}_1")).expect("drops");
    }
}

/// Collections that come and go, so that extents are used again; one is emptied, one renamed.
pub fn drops(engine: &Engine) {
    let db = database(engine, "r");
    let mut seed = Seed::new("pitfalls: drops", 3);
    for round in 0..6 {
        for n in 0..4 {
            let name = format!("c{n}");
            if seed.one_in(3) {
                db.drop_collection(&name).expect("drops");
            }
            churn(&db.collection(&name).expect("valid"), &mut seed, 200);
        }
        db.collection("c2").expect("valid").truncate().expect("truncates");
        if round == 3 {
            db.drop_collection("c0").expect("drops");
            db.rename_collection("c1", "c0").expect("renames");
        }
    }
}

/// As [`drops`], with holes that compacting closes.
pub fn compacted(engine: &Engine) {
    let db = database(engine, "z");
    let mut seed = Seed::new("pitfalls: compaction", 4);
    for (name, policy) in POLICIES {
        let options = CollectionOptions::default().policy(policy);
        let collection = db.create_collection(name, options).expect("creates");
        churn(&collection, &mut seed, 800);
        assert!(collection.compact().expect("compacts").extents_freed > 0);
        churn(&collection, &mut seed, 100);
    }
    let empty = db.collection("empty").expect("valid");
    empty.insert_one(raw(&doc! { "_id": 1 })).expect("inserts");
    empty.delete_one(raw(&doc! { "_id": 1 })).expect("deletes");
    empty.compact().expect("compacts");
}

/// Keys of every type, in trees that have grown and shrunk.
pub fn keys(engine: &Engine) {
    let collection = database(engine, "b").collection("c").expect("valid");
    for spec in [
        IndexSpec::new(&[("v", 1)]),
        IndexSpec::new(&[("v", -1), ("n", 1)]),
        IndexSpec::new(&[("list.v", -1)]),
    ] {
        collection.create_index(spec).expect("an index");
    }
    let mut seed = Seed::new("pitfalls: keys", 5);
    const COUNT: u32 = 2500;
    for n in 0..COUNT {
        let list = (0..seed.below(3)).map(|_| Bson::from(doc! { "v": key_value(&mut seed) }));
        let list: Vec<Bson> = list.collect();
        let doc = doc! { "_id": n as i32, "v": key_value(&mut seed), "n": n as i32, "list": list };
        collection.insert_one(raw(&doc)).expect("inserts");
    }
    for _ in 0..2 * COUNT {
        let id = raw(&doc! { "_id": seed.below(COUNT - 200) as i32 });
        collection.delete_one(id).expect("deletes");
    }
    collection.create_index(IndexSpec::new(&[("n", -1)])).expect("an index");
    collection.create_index(IndexSpec::new(&[("n", 1), ("list.v", 1)])).expect("an index");
}

fn key_value(seed: &mut Seed) -> Bson {
    let n = i64::from(seed.below(1000)) - 500;
    let len = seed.pick(&[0, 1, 3, 9, 16, 33]);
    let subtype = seed.pick(&[0_u8, 2, 5, 0x80, 0x90]);
    match seed.below(16) {
        0 => Bson::Int32(n as i32),
        1 => Bson::Int64(n),
        2 => Bson::Int64((1 << 53) + n),
        3 => Bson::Double(n as f64 / 4.0),
        4 => Bson::Double(f64::NAN),
        5 => Bson::Double(f64::INFINITY),
        6 => "k".repeat(seed.pick(&[0, 1, 254, 255, 256, 700])).into(),
        7 => format!("{n} häuser").into(),
        8 => bson::DateTime::from_millis(n * 1_000_000_007).into(),
        9 => bson::oid::ObjectId::from_bytes([n as u8; 12]).into(),
        10 => Bson::Binary(bson::Binary { subtype: subtype.into(), bytes: vec![n as u8; len] }),
        11 => Bson::Timestamp(bson::Timestamp { time: n as u32, increment: 1 }),
        12 => seed.pick(&[Bson::MinKey, Bson::MaxKey, Bson::Null, true.into(), false.into()]),
        13 => doc! { "x": n, "y": "z" }.into(),
        14 => Bson::RegularExpression(bson::Regex {
            pattern: format!("^{n}").try_into().expect("no NUL"),
            options: "i".to_owned().try_into().expect("no NUL"),
        }),
        _ => Bson::Array(vec![n.into(), doc! { "a": n }.into(), Bson::Array(vec![n.into()])]),
    }
}
