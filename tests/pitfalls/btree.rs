//! Items 35 to 44: b-trees, key for key, against the keys that the documents should have.

use std::collections::BTreeSet;

use bson::{Bson, Document};
use tallymap_tests::keys::ModelIndex;
use tallymap_tests::order::compare_keys;

use crate::key;
use crate::reader::{Db, Loc, Node, Numbers};

const BODY: usize = 22;
const BODY_LEN: usize = 8154;
const BUCKET_LEN: usize = 8176;

/// A bucket of version 1.
struct Bucket<'d> {
    loc: Loc,
    data: &'d [u8],
}

/// A location of 7 bytes; `None` if it is null, which has one form only.
fn loc56(data: &[u8], at: usize) -> Option<Loc> {
    let ofs = data.i32_at(at);
    let file = i32::from_le_bytes([data[at + 4], data[at + 5], data[at + 6], 0]);
    if ofs < 0 {
        assert_eq!((ofs, file), (-2, 0), "item 38: the form of a null location");
        return None;
    }
    Some(Loc { file, ofs })
}

impl<'d> Bucket<'d> {
    fn read(db: &'d Db, loc: Loc) -> Bucket<'d> {
        assert_eq!(db.record(loc).len, 8192, "item 43: length of bucket {loc}");
        Bucket { loc, data: &db.at(loc)[16..16 + BUCKET_LEN] }
    }

    fn len(&self) -> usize {
        usize::from(self.data.u16_at(20))
    }

    fn parent(&self) -> Option<Loc> {
        loc56(self.data, 0)
    }

    fn child(&self, i: usize) -> Option<Loc> {
        loc56(self.data, if i < self.len() { BODY + 16 * i } else { 7 })
    }

    fn record(&self, i: usize) -> Loc {
        let loc = loc56(self.data, BODY + 16 * i + 7).expect("an entry leads to a record");
        assert_eq!(loc.ofs & 1, 0, "item 38: entry {i} of {} is in use", self.loc);
        loc
    }

    fn key(&self, i: usize) -> &'d [u8] {
        let ofs = usize::from(self.data.u16_at(BODY + 16 * i + 14));
        let at = BODY + ofs;
        let len = key::len(&self.data[at..]);
        let first = BODY_LEN - usize::from(self.data.u16_at(18));
        assert!(ofs >= first && ofs + len <= BODY_LEN, "item 37: key {i} of {}", self.loc);
        &self.data[at..at + len]
    }

    fn check(&self) {
        let at = self.loc;
        let [flags, empty, top, n] = [14, 16, 18, 20].map(|at| usize::from(self.data.u16_at(at)));
        assert_eq!(empty + top + 16 * n, BODY_LEN, "item 35: bucket {at}");
        assert!(flags <= 1, "flags of {at}");
        if flags == 1 {
            let keys: usize = (0..n).map(|i| self.key(i).len()).sum();
            assert_eq!(keys, top, "item 36: packed bucket {at} has no garbage");
        }
    }
}

/// Checks every index of every collection.
pub fn check(db: &Db) {
    for node in db.nodes().iter().filter(|node| !node.name().contains('$')) {
        let specs = db.documents(&format!("{}.system.indexes", db.name));
        for slot in 0..db.details(node).indexes() as usize {
            let (head, info) = db.index_slot(node, slot);
            let (_, spec) = specs.iter().find(|(loc, _)| *loc == info).expect("item 16");
            let spec = Document::try_from(&**spec).expect("a document");
            check_index(db, node, slot, head, &spec);
        }
    }
}

fn model(spec: &Document) -> ModelIndex {
    let fields = spec.get_document("key").expect("a key").iter();
    let flag = |name| spec.get_bool(name).unwrap_or(false);
    ModelIndex {
        name: spec.get_str("name").expect("a name").to_owned(),
        fields: fields.map(|(path, way)| (path.clone(), way.as_i32().expect("int32"))).collect(),
        unique: flag("unique"),
        sparse: flag("sparse"),
        multikey: false,
    }
}

fn check_index(db: &Db, node: &Node, slot: usize, head: Loc, spec: &Document) {
    let index = model(spec);
    let directions = index.directions();
    let name = format!("{}.${}", node.name(), index.name);
    let mut walk = Walk { db, name: &name, buckets: BTreeSet::new(), entries: Vec::new() };
    walk.bucket(head, None);
    let Walk { buckets, entries, .. } = walk;

    let records: BTreeSet<Loc> = {
        let node = db.node(&name).expect("its namespace");
        let extents = db.extents_from(db.details(&node).first_extent());
        extents.iter().flat_map(|e| db.records(e)).map(|record| record.loc).collect()
    };
    assert_eq!(buckets, records, "every bucket of {name} is in its tree");
    for pair in entries.windows(2) {
        let order = compare_keys(&pair[0].0, &pair[1].0, &directions);
        assert!(order.then(pair[0].1.cmp(&pair[1].1)).is_lt(), "item 39: {pair:?} in {name}");
        assert!(!index.unique || order.is_lt(), "{name} is unique");
    }

    let mut expected: Vec<(Vec<Bson>, Loc)> = Vec::new();
    let mut multikey = false;
    for (loc, document) in db.documents(node.name()) {
        let document = Document::try_from(&*document).expect("a document");
        let keys = match index.name.as_str() {
            "_id_" => vec![vec![document.get("_id").cloned().unwrap_or(Bson::Null)]],
            _ => index.keys(&document).expect("could be indexed"),
        };
        multikey |= keys.len() > 1;
        expected.extend(keys.into_iter().map(|key| (key, loc)));
    }
    expected.sort_by(|a, b| compare_keys(&a.0, &b.0, &directions).then(a.1.cmp(&b.1)));
    assert_eq!(entries.len(), expected.len(), "item 44: entries of {name}");
    for (found, expected) in entries.iter().zip(&expected) {
        let equal = compare_keys(&found.0, &expected.0, &directions).is_eq();
        assert!(equal && found.1 == expected.1, "item 44: {found:?} for {expected:?} in {name}");
    }
    let bit = db.details(node).multikey_bits() >> slot & 1 == 1;
    assert!(bit || !multikey, "item 18: {name} has several keys of one document");
}

/// A walk through a tree in order.
struct Walk<'d> {
    db: &'d Db,
    name: &'d str,
    buckets: BTreeSet<Loc>,
    entries: Vec<(Vec<Bson>, Loc)>,
}

impl Walk<'_> {
    fn bucket(&mut self, loc: Loc, parent: Option<Loc>) {
        assert!(self.buckets.insert(loc), "bucket {loc} of {} is met once", self.name);
        let bucket = Bucket::read(self.db, loc);
        bucket.check();
        assert_eq!(bucket.parent(), parent, "items 41, 42: parent of {loc} of {}", self.name);
        let n = bucket.len();
        let is_root_leaf = parent.is_none() && bucket.child(0).is_none();
        assert!(n > 0 || is_root_leaf, "item 42: {loc} of {} has no keys", self.name);
        for i in 0..=n {
            if let Some(child) = bucket.child(i) {
                self.bucket(child, Some(loc));
            }
            if i < n {
                let bytes = bucket.key(i);
                let values = key::decode(bytes);
                assert_eq!(key::encode(&values), bytes, "item 40: {values:?} of {}", self.name);
                assert!(bytes.len() <= 1024, "a key of {} bytes", bytes.len());
                self.entries.push((values, bucket.record(i)));
            }
        }
    }
}
