//! `dataSize` and `dbHash`: how much there is of documents, and whether it is the same elsewhere.

use std::time::Instant;

use md5::{Digest, Md5};
use tallymap::bson::builder::Builder;
use tallymap::bson::element::Elements;
use tallymap::bson::ty;
use tallymap::{Collection, Direction, Hint, NamespaceString, Reason, interrupt};

use super::host_info::host;
use crate::dispatch::call::{Call, collection_name, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::truncated;
use crate::dispatch::put::Put;

/// Sums the documents of a collection, or of a range of one of its indexes.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let began = Instant::now();
    let ns = collection_name(call.target())?;
    let refused = || {
        let message = format!("Invalid namespace specified '{ns}'");
        Failure::new(Reason::InvalidNamespace, message)
    };
    NamespaceString::parse(ns).map_err(|_| refused())?;
    let collection = call.engine().collection(ns).map_err(|_| refused())?;
    collection.check_no_view()?;
    let number = |name| call.request.field(name).and_then(truncated).filter(|n| *n > 0);
    let is_estimate = call.request.field("estimate").is_some_and(|it| it.is_true());
    let ends = ["min", "max"].map(|name| {
        let end = call.request.field(name).and_then(|value| value.as_document());
        end.filter(|end| end.len() > 5)
    });
    let mut out = Builder::new();
    let (size, objects) = match (collection.exists(), ends) {
        (false, _) => (0, 0),
        (true, [Some(_), None] | [None, Some(_)]) => {
            return Err(Failure::unnumbered("only one of min or max specified"));
        }
        (true, [None, None]) if collection.stats()?.count == 0 => (0, 0),
        (true, [None, None]) => {
            out.put_bool("estimate", is_estimate);
            sum(&collection, None, &mut out, (number("maxSize"), number("maxObjects")))?
        }
        (true, [Some(min), Some(max)]) => {
            out.put_bool("estimate", is_estimate);
            let keys = match call.request.field("keyPattern").and_then(|it| it.as_document()) {
                Some(keys) if keys.len() > 5 => keys.to_vec(),
                _ => names_of(min)?,
            };
            let limits = (number("maxSize"), number("maxObjects"));
            sum(&collection, Some((&keys, min, max)), &mut out, limits)?
        }
    };
    out.put_integer("size", size);
    out.put_integer("numObjects", objects);
    out.put_integer("millis", began.elapsed().as_millis() as i64);
    Ok(out)
}

/// A key pattern of the fields of a bound.
fn names_of(bound: &[u8]) -> Outcome<Vec<u8>> {
    let mut keys = Builder::new();
    for field in Elements::new(bound)? {
        keys.put_i32(&field?.name_lossy(), 1);
    }
    Ok(keys.finish())
}

/// Keys of an index, where to begin, and where to end.
type Range<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// Bytes and documents, until there are more than a limit.
fn sum(
    collection: &Collection,
    range: Option<Range<'_>>,
    out: &mut Builder,
    (size_max, objects_max): (Option<i64>, Option<i64>),
) -> Outcome<(i64, i64)> {
    let mut find = collection.find(bson::rawdoc! {});
    if let Some((keys, min, max)) = range {
        let indexes = collection.indexes()?;
        let has = indexes.iter().any(|index| {
            let key = index.specification.get_document("key").ok();
            let key = key.and_then(|key| bson::RawDocumentBuf::try_from(key).ok());
            key.is_some_and(|key| key.as_bytes() == keys)
        });
        if !has {
            return Err(Failure::unnumbered("couldn't find valid index containing key pattern"));
        }
        find = find.min(document(min)?).max(document(max)?).hint(Hint::Keys(keys.to_vec()));
    }
    let (mut size, mut objects) = (0, 0);
    for found in find.run()? {
        size += found?.as_bytes().len() as i64;
        objects += 1;
        if size_max.is_some_and(|max| size > max) || objects_max.is_some_and(|max| objects > max) {
            out.put_bool("maxReached", true);
            break;
        }
    }
    Ok((size, objects))
}

/// Hashes the documents of each collection in the order of their `_id`, those of capped ones in
/// their natural order.
pub fn hash(call: &Call<'_>) -> Outcome<Builder> {
    let began = Instant::now();
    let mut wanted = Vec::new();
    if let Some(list) = call.request.field("collections").filter(|list| list.ty == ty::ARRAY) {
        for name in Elements::new(list.bytes)? {
            let name = name?;
            let Some(name) = name.val().as_str() else {
                let message = "collections entries have to be strings";
                return Err(Failure::unnumbered(message));
            };
            wanted.push(name.to_owned());
        }
    }
    let database = call.database()?;
    let (mut hashes, mut capped, mut all) = (Builder::new(), Vec::new(), Md5::new());
    for name in database.collection_names()? {
        let is_wanted = wanted.is_empty() || wanted.contains(&name);
        if !is_wanted || name.starts_with("system.") {
            continue;
        }
        let collection = database.collection(&name)?;
        let is_capped = collection.stats()?.capped.is_some();
        let hash = hash_of(&collection, is_capped)?;
        all.update(hash.as_bytes());
        hashes.str(&name, &hash);
        if is_capped {
            capped.push(name);
        }
    }
    let mut out = Builder::new();
    out.str("host", &host(call));
    out.document("collections", &hashes.finish());
    out.put_array("capped", |out| {
        for (at, name) in capped.iter().enumerate() {
            out.str(tallymap::bson::builder::Index::new(at), name);
        }
    });
    out.put_document("uuids", |_| {});
    out.str("md5", &hex(&all.finalize()));
    out.put_integer("timeMillis", began.elapsed().as_millis() as i64);
    Ok(out)
}

fn hash_of(collection: &Collection, is_capped: bool) -> Outcome<String> {
    let mut hash = Md5::new();
    let has_id = collection.indexes()?.iter().any(|index| index.name == "_id_");
    if has_id && !is_capped {
        let by_id = Hint::Keys(bson::rawdoc! { "_id": 1 }.into_bytes());
        let find = collection.find(bson::rawdoc! {}).hint(by_id).sort(bson::rawdoc! { "_id": 1 });
        for found in find.run()? {
            hash.update(found?.as_bytes());
        }
    } else {
        for found in collection.scan(Direction::Forward)? {
            interrupt::check()?;
            hash.update(found?.document.as_bytes());
        }
    }
    Ok(hex(&hash.finalize()))
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
