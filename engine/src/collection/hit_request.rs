//! The update that is a hit, told by its bytes: `{_id: value}` and `{$inc: {path: int32, …}}`.
//!
//! It is done as [`Collection::increment`](super::Collection::increment) does it, without being
//! parsed. What is anything else, or unusual in any way, is no hit and takes the general path,
//! which also says what is wrong with it.
//!
//! - H1. What is told to be a hit would be parsed without an error: lengths, types, terminators and
//!   UTF-8 are right, the paths are valid and exclude each other.
//! - H2. It does what the general path would: an int32 is the narrowest type that holds it, and a
//!   value of these types as `_id` stands for itself.

use std::hash::BuildHasher;
use std::sync::OnceLock;

use bson::RawDocument;
use foldhash::fast::FixedState;

use super::id_key::{IdKey, VALUE_OFS};
use crate::bson::document::doc_len;
use crate::bson::element::{read_i32, value_len};
use crate::bson::field_path::FieldPath;
use crate::bson::ty;
use crate::update::increment::COUNTERS_MAX;

/// Sets of a memo, and entries of a set: a day's 1464 paths find room.
const SETS: usize = 1024;
const WAYS: usize = 4;

/// The paths that hits have named, prepared. It is bounded, and keeps what came first.
#[derive(Debug, Default)]
pub struct PathMemo {
    sets: OnceLock<Box<[[OnceLock<FieldPath>; WAYS]]>>,
}

/// Where a memo has a path.
type PathNo = u16;

impl PathMemo {
    /// The number of the path with this text; `None` if it is no plain path, or there is no room.
    fn number_of(&self, text: &[u8]) -> Option<PathNo> {
        let sets = self.sets.get_or_init(|| (0..SETS).map(|_| Default::default()).collect());
        let set = FixedState::with_seed(0).hash_one(text) as usize % SETS;
        for (way, path) in sets[set].iter().enumerate() {
            let known = path.get().map(|path| path.as_str().as_bytes());
            if known == Some(text) || known.is_none() && remember(path, text)? {
                return Some((set * WAYS + way) as PathNo);
            }
        }
        None
    }

    /// The path of this number.
    fn path(&self, number: PathNo) -> Option<&FieldPath> {
        let number = usize::from(number);
        self.sets.get()?.get(number / WAYS)?[number % WAYS].get()
    }
}

/// Prepares a path in an empty place; `None` if it is none. Says whether the place is its now:
/// another thread may have been there first.
#[cold]
fn remember(place: &OnceLock<FieldPath>, text: &[u8]) -> Option<bool> {
    // `$` stands for elements of arrays.
    let text = std::str::from_utf8(text).ok().filter(|text| !text.contains('$'))?;
    let path = FieldPath::parse(text).ok()?;
    Some(place.get_or_init(|| path).as_str() == text)
}

/// A hit, its filter and its update kept for the general path.
#[derive(Debug)]
pub struct HitRequest {
    /// The filter, then the update.
    bytes: Vec<u8>,
    filter_len: usize,
    amounts: [(PathNo, i32); COUNTERS_MAX],
    count: usize,
}

impl HitRequest {
    /// The hit that these say, if they say one.
    pub fn of(paths: &PathMemo, filter: &[u8], update: &[u8]) -> Option<HitRequest> {
        id_value(filter)?;
        let mut amounts = [(0, 0); COUNTERS_MAX];
        let mut count = 0;
        let mut rest = increments(update)?;
        while let Some((&element_type, element)) = rest.split_first() {
            let end = element.iter().position(|&byte| byte == 0)?;
            let number = paths.number_of(&element[..end])?;
            let path = paths.path(number)?;
            let earlier = amounts[..count].iter().filter_map(|(number, _)| paths.path(*number));
            if element_type != ty::INT32 || earlier.into_iter().any(|other| other.overlaps(path)) {
                return None;
            }
            *amounts.get_mut(count)? = (number, read_i32(&element[end + 1..])?);
            count += 1;
            rest = &element[end + 1 + 4..];
        }
        let bytes = [filter, update].concat();
        (count > 0).then_some(HitRequest { bytes, filter_len: filter.len(), amounts, count })
    }

    /// The `_id` of the document that is hit.
    pub fn id(&self) -> Option<IdKey<'_>> {
        let (element_type, value) = id_value(&self.bytes[..self.filter_len])?;
        Some(IdKey::from_raw(element_type, value))
    }

    /// How many counters it adds to.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What is added to which path, [`HitRequest::count`] of them. The memo is the one that it
    /// was made with.
    pub fn amounts<'m>(&self, paths: &'m PathMemo) -> Option<[(&'m FieldPath, i64); COUNTERS_MAX]> {
        let mut amounts = [(paths.path(self.amounts[0].0)?, 0); COUNTERS_MAX];
        for (amount, (number, by)) in amounts.iter_mut().zip(&self.amounts[..self.count]) {
            *amount = (paths.path(*number)?, i64::from(*by));
        }
        Some(amounts)
    }

    /// Filter and update, as they were given; both are documents.
    pub fn documents(&self) -> Option<(&RawDocument, &RawDocument)> {
        let (filter, update) = self.bytes.split_at(self.filter_len);
        Some((RawDocument::from_bytes(filter).ok()?, RawDocument::from_bytes(update).ok()?))
    }
}

/// The only element of a document: its type, name and what follows up to the document's end.
fn only_element<'d>(document: &'d [u8], name: &[u8]) -> Option<(u8, &'d [u8])> {
    if doc_len(document).ok()? != document.len() {
        return None;
    }
    let (0, elements) = document[4..].split_last()? else { return None };
    let (&element_type, rest) = elements.split_first()?;
    Some((element_type, rest.strip_prefix(name)?))
}

/// Type and value of `{_id: value}`, where the value stands for nothing but itself.
fn id_value(filter: &[u8]) -> Option<(u8, &[u8])> {
    let (element_type, value) = only_element(filter, b"_id\0")?;
    let is_plain = match element_type {
        ty::INT32 | ty::INT64 | ty::OBJECT_ID | ty::DATE => true,
        ty::STRING => {
            let (0, text) = value.get(4..)?.split_last()? else { return None };
            std::str::from_utf8(text).is_ok()
        }
        _ => false,
    };
    let whole = value_len(element_type, value) == Some(value.len());
    (is_plain && whole && filter.len() > VALUE_OFS).then_some((element_type, value))
}

/// The elements of the document in `{$inc: {…}}`.
fn increments(update: &[u8]) -> Option<&[u8]> {
    let (ty::DOCUMENT, inner) = only_element(update, b"$inc\0")? else { return None };
    if doc_len(inner).ok()? != inner.len() {
        return None;
    }
    let (0, elements) = inner[4..].split_last()? else { return None };
    Some(elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{Bson, doc, oid::ObjectId};

    fn raw(document: &bson::Document) -> Vec<u8> {
        bson::RawDocumentBuf::try_from(document).expect("valid").into_bytes()
    }

    fn is_hit(filter: &bson::Document, update: &bson::Document) -> bool {
        HitRequest::of(&PathMemo::default(), &raw(filter), &raw(update)).is_some()
    }

    #[test]
    fn only_plain_hits_are_hits() {
        let one = doc! { "$inc": { "a.b": 1, "c": -2 } };
        let ids: [Bson; 5] = [
            "x".into(),
            7.into(),
            7_i64.into(),
            ObjectId::from_bytes([1; 12]).into(),
            bson::DateTime::from_millis(5).into(),
        ];
        for id in ids {
            assert!(is_hit(&doc! { "_id": id.clone() }, &one), "{id}");
            assert!(!is_hit(&doc! { "_id": { "$eq": id } }, &one));
        }
        let others = [
            doc! {},
            doc! { "_id": 1, "a": 1 },
            doc! { "a": 1 },
            doc! { "_id": 1.5 },
            doc! { "_id": null },
            doc! { "_id": [1] },
        ];
        for filter in others {
            assert!(!is_hit(&filter, &one), "{filter}");
        }
        let updates = [
            doc! { "$inc": {} },
            doc! { "$set": { "a": 1 } },
            doc! { "$inc": { "a": 1 }, "$set": { "b": 1 } },
            doc! { "$inc": { "a": 1_i64 } },
            doc! { "$inc": { "a": 1.0 } },
            doc! { "$inc": { "a": 1, "a.b": 1 } },
            doc! { "$inc": { "a..b": 1 } },
            doc! { "$inc": { "": 1 } },
            doc! { "$inc": { "a.$": 1 } },
            doc! { "$inc": (0..9).map(|n| (n.to_string(), 1.into())).collect::<bson::Document>() },
            doc! { "a": 1 },
            doc! { "$inc": 5 },
        ];
        for update in updates {
            assert!(!is_hit(&doc! { "_id": 1 }, &update), "{update}");
        }
    }

    #[test]
    fn it_keeps_what_it_was_told() {
        let paths = PathMemo::default();
        let filter = raw(&doc! { "_id": "page" });
        let update = raw(&doc! { "$inc": { "hourly.3": 1, "minute.3.5": i32::MIN } });
        let hit = HitRequest::of(&paths, &filter, &update).expect("a hit");
        assert_eq!(&*hit.id().expect("an _id").value(), b"\x05\0\0\0page\0");
        let amounts = hit.amounts(&paths).expect("known");
        let amounts = amounts[..hit.count()].iter().map(|(path, by)| (path.to_string(), *by));
        let expected = [("hourly.3".to_owned(), 1), ("minute.3.5".into(), i64::from(i32::MIN))];
        assert_eq!(amounts.collect::<Vec<_>>(), expected);
        let (same_filter, same_update) = hit.documents().expect("documents");
        assert_eq!((same_filter.as_bytes(), same_update.as_bytes()), (&filter[..], &update[..]));
    }

    /// Every byte of a filter and an update, changed to anything: what is taken for a hit is
    /// valid.
    #[test]
    fn what_is_broken_is_no_hit() {
        let filter = raw(&doc! { "_id": "page" });
        let update = raw(&doc! { "$inc": { "h": 1, "m.2": 2 } });
        let paths = PathMemo::default();
        let mut hits = 0;
        for at in 0..filter.len() + update.len() {
            for value in 0..=255 {
                let mut both = [&filter[..], &update[..]].concat();
                both[at] = value;
                let (filter, update) = both.split_at(filter.len());
                if HitRequest::of(&paths, filter, update).is_some() {
                    hits += 1;
                    for document in [filter, update] {
                        crate::bson::document::check(document).expect("valid");
                    }
                    crate::update::Update::parse(update).expect("an update");
                }
            }
        }
        assert!(hits > 1000, "{hits}");
        for cut in 0..update.len() {
            assert!(HitRequest::of(&paths, &filter, &update[..cut]).is_none());
        }
    }

    #[test]
    fn a_full_memo_takes_no_more_and_numbers_stay() {
        let paths = PathMemo::default();
        let texts: Vec<String> = (0..20_000).map(|n| format!("path-{n}")).collect();
        let numbers: Vec<_> = texts.iter().map(|text| paths.number_of(text.as_bytes())).collect();
        assert!(numbers.iter().flatten().count() <= SETS * WAYS);
        assert!(numbers.iter().any(Option::is_none));
        for (text, number) in texts.iter().zip(numbers) {
            assert_eq!(paths.number_of(text.as_bytes()), number);
            if let Some(number) = number {
                assert_eq!(paths.path(number).map(FieldPath::as_str), Some(&text[..]));
            }
        }
    }
}
