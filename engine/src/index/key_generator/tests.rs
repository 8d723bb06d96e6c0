//! The keys of documents of every shape.

use bson::{RawBson, RawDocumentBuf, rawdoc};

use super::*;
use crate::rounds::rounds;

fn generator(pattern: RawDocumentBuf) -> KeyGenerator {
    let pattern = KeyPattern::parse(pattern.as_bytes()).unwrap();
    let name = pattern.default_name();
    KeyGenerator { pattern, version: IndexVersion::V1, sparse: false, name }
}

/// The keys as objects.
fn keys(generator: &KeyGenerator, doc: RawDocumentBuf) -> Vec<RawDocumentBuf> {
    let keys = generator.keys(doc.as_bytes()).unwrap();
    let decode = |key| key::decode(generator.version, key);
    keys.set.iter().map(|key| RawDocumentBuf::from_bytes(decode(key)).unwrap()).collect()
}

#[track_caller]
fn assert_keys(pattern: RawDocumentBuf, doc: RawDocumentBuf, expected: &[RawDocumentBuf]) {
    assert_eq!(keys(&generator(pattern), doc), expected);
}

#[test]
fn scalars_objects_and_what_is_missing() {
    let null = || rawdoc! { "": null };
    assert_keys(rawdoc! { "a": 1 }, rawdoc! { "b": 4, "a": 5 }, &[rawdoc! { "": 5 }]);
    assert_keys(rawdoc! { "a": 1 }, rawdoc! { "b": 4 }, &[null()]);
    assert_keys(rawdoc! { "a.b": 1 }, rawdoc! { "a": 4 }, &[null()]);
    assert_keys(rawdoc! { "a.b": 1 }, rawdoc! { "a": { "b": 4 } }, &[rawdoc! { "": 4 }]);
    let object = rawdoc! { "": { "b": 4 } };
    assert_keys(rawdoc! { "a": 1 }, rawdoc! { "a": { "b": 4 } }, &[object]);
    let both = [rawdoc! { "": 1, "": null }];
    assert_keys(rawdoc! { "a": 1, "b": 1 }, rawdoc! { "a": 1 }, &both);
    let undefined = rawdoc! { "": RawBson::Undefined };
    assert_keys(rawdoc! { "a": 1 }, rawdoc! { "a": RawBson::Undefined }, &[undefined]);
}

#[test]
fn arrays_are_expanded_into_a_sorted_set() {
    let one = rawdoc! { "a": 1 };
    let expected = [rawdoc! { "": 1 }, rawdoc! { "": 2 }, rawdoc! { "": 3 }];
    assert_keys(one.clone(), rawdoc! { "a": [3, 1, 2, 1.0, 3] }, &expected);
    assert_keys(one.clone(), rawdoc! { "a": [] }, &[rawdoc! { "": RawBson::Undefined }]);
    let nested = [rawdoc! { "": 1 }, rawdoc! { "": [2, 3] }];
    assert_keys(one, rawdoc! { "a": [[2, 3], 1] }, &nested);
    let pairs = [rawdoc! { "": 5, "": 1 }, rawdoc! { "": 5, "": 2 }];
    assert_keys(rawdoc! { "b": 1, "a": 1 }, rawdoc! { "a": [1, 2], "b": 5 }, &pairs);
}

#[test]
fn an_array_is_met_however_many_keys_it_makes() {
    let met =
        |pattern, doc: RawDocumentBuf| generator(pattern).keys(doc.as_bytes()).unwrap().met_array;
    let a = || rawdoc! { "a": 1 };
    for doc in [rawdoc! { "a": [5] }, rawdoc! { "a": [] }, rawdoc! { "a": [1, 2] }] {
        assert!(met(a(), doc.clone()), "{doc:?}");
        assert!(met(rawdoc! { "a.b": 1 }, doc.clone()), "{doc:?}");
        assert!(met(rawdoc! { "b": 1, "a": -1 }, doc.clone()), "{doc:?}");
        assert!(met(rawdoc! { "a.0": 1 }, doc.clone()), "{doc:?}");
        assert!(met(rawdoc! { "x.a": 1 }, rawdoc! { "x": doc.clone() }), "{doc:?}");
        assert!(!met(rawdoc! { "b": 1 }, doc.clone()), "{doc:?}");
        assert!(!met(a(), rawdoc! { "a": { "a": doc } }));
    }
    assert!(!met(rawdoc! { "_id": 1 }, rawdoc! { "_id": [5] }));
    assert!(!met(a(), rawdoc! { "b": 1 }));
}

#[test]
fn paths_go_on_inside_of_elements() {
    let path = || rawdoc! { "a.b": 1 };
    let doc = rawdoc! { "a": [{ "b": 1 }, { "c": 4 }, { "b": [2, 3] }, 7] };
    let expected = [rawdoc! { "": null }, rawdoc! { "": 1 }, rawdoc! { "": 2 }, rawdoc! { "": 3 }];
    assert_keys(path(), doc, &expected);
    assert_keys(path(), rawdoc! { "a": [] }, &[rawdoc! { "": null }]);
    // Two paths through one array follow its elements together.
    let doc = rawdoc! { "a": [{ "b": 1, "c": 2 }, { "b": 3, "c": 4 }] };
    let expected = [rawdoc! { "": 1, "": 2 }, rawdoc! { "": 3, "": 4 }];
    assert_keys(rawdoc! { "a.b": 1, "a.c": -1 }, doc, &expected);
    let expected = [rawdoc! { "": RawBson::Undefined, "": null, "": 5 }];
    let pattern = rawdoc! { "a": 1, "a.b": 1, "c": 1 };
    assert_keys(pattern, rawdoc! { "a": [], "c": 5 }, &expected);
    let doc = rawdoc! { "a": [[{ "b": 1 }]] };
    assert_keys(path(), doc, &[rawdoc! { "": null }]);
}

#[test]
fn positions_are_looked_up_in_the_array() {
    let doc = || rawdoc! { "a": [{ "b": [7, 8] }, { "b": 2 }] };
    assert_keys(rawdoc! { "a.1.b": 1 }, doc(), &[rawdoc! { "": 2 }]);
    assert_keys(rawdoc! { "a.0.b": 1 }, doc(), &[rawdoc! { "": 7 }, rawdoc! { "": 8 }]);
    assert_keys(rawdoc! { "a.0.c": 1 }, doc(), &[rawdoc! { "": null }]);
    assert_keys(rawdoc! { "a.5.b": 1 }, doc(), &[rawdoc! { "": null }]);
    let pairs = [rawdoc! { "": 2, "": 2 }, rawdoc! { "": 2, "": 7 }, rawdoc! { "": 2, "": 8 }];
    assert_keys(rawdoc! { "a.1.b": 1, "a.b": 1 }, doc(), &pairs);
    // A field with a number for its name, where the array has no such position.
    let doc = rawdoc! { "a": [{ "5": 1 }] };
    assert_keys(rawdoc! { "a.5": 1 }, doc, &[rawdoc! { "": 1 }]);
    // A nested array that is named by its position is one value.
    let doc = || rawdoc! { "a": [[1, { "b": 2 }], 3] };
    assert_keys(rawdoc! { "a.0": 1 }, doc(), &[rawdoc! { "": [1, { "b": 2 }] }]);
    assert_keys(rawdoc! { "a.0.0": 1 }, doc(), &[rawdoc! { "": 1 }]);
    assert_keys(rawdoc! { "a.0.b": 1 }, doc(), &[rawdoc! { "": null }, rawdoc! { "": 2 }]);
}

#[test]
fn refuses_parallel_arrays_and_ambiguous_paths() {
    let keys = |pattern, doc: RawDocumentBuf| generator(pattern).keys(doc.as_bytes());
    let error = keys(rawdoc! { "a": 1, "b": 1 }, rawdoc! { "a": [1], "b": [2] });
    let Err(Error::Refused { reason, message }) = error else { panic!("{error:?}") };
    assert_eq!(reason, Reason::CannotIndexParallelArrays);
    assert_eq!(message, "cannot index parallel arrays [b] [a]");
    // Equal bytes in two places are two arrays.
    let doc = rawdoc! { "a": [{ "b": [1] }, { "b": [1] }] };
    assert!(keys(rawdoc! { "a.0.b": 1, "a.b": 1 }, doc).is_err());
    for pattern in [rawdoc! { "a.0": 1 }, rawdoc! { "a.0.b": 1, "a.c": 1 }] {
        let error = keys(pattern, rawdoc! { "a": [{ "0": 1 }, 2] });
        assert!(matches!(error, Err(Error::Refused { reason: Reason::Location(16746), .. })));
    }
}

#[test]
fn sparse_indexes_leave_out_documents_without_any_field() {
    let mut sparse = generator(rawdoc! { "a": 1, "b.c": 1 });
    sparse.sparse = true;
    assert_eq!(keys(&sparse, rawdoc! { "b": 1 }), []);
    assert_eq!(keys(&sparse, rawdoc! { "a": null }), [rawdoc! { "": null, "": null }]);
    assert_eq!(keys(&sparse, rawdoc! { "b": [{ "c": 1 }, 5] }), [rawdoc! { "": null, "": 1 }]);
}

#[test]
fn the_id_is_never_expanded() {
    assert_keys(rawdoc! { "_id": 1 }, rawdoc! { "a": 1 }, &[rawdoc! { "": null }]);
    let doc = rawdoc! { "_id": { "a": [1] } };
    assert_keys(rawdoc! { "_id": 1 }, doc, &[rawdoc! { "": { "a": [1] } }]);
}

#[test]
fn v0_knows_no_positions() {
    let mut v0 = generator(rawdoc! { "a.0": 1 });
    v0.version = IndexVersion::V0;
    assert_eq!(keys(&v0, rawdoc! { "a": [4] }), [rawdoc! { "": null }]);
    let mut v0 = generator(rawdoc! { "a": 1 });
    v0.version = IndexVersion::V0;
    assert_eq!(keys(&v0, rawdoc! { "a": [] }), [rawdoc! { "": null }]);
    assert_eq!(keys(&v0, rawdoc! { "a": [2, 1] }), [rawdoc! { "": 1 }, rawdoc! { "": 2 }]);
}

#[test]
fn long_keys_name_their_index() {
    let long = "x".repeat(1100);
    let error = generator(rawdoc! { "a": 1 }).keys(rawdoc! { "a": long }.as_bytes());
    let Err(Error::KeyTooLong { index, len: 1113, max: 1024 }) = error else { panic!("{error:?}") };
    assert_eq!(index, "a_1");
}

#[test]
fn damaged_documents_are_errors() {
    let generator = generator(rawdoc! { "a.b": 1, "a.c": 1, "d": 1 });
    let doc = rawdoc! { "a": [{ "b": 1, "c": [1, 2] }, { "b": 2 }], "d": { "x": 1 } };
    let mut rng = oorandom::Rand32::new(10);
    for _ in 0..rounds(20_000) {
        let mut bytes = doc.as_bytes().to_vec();
        for _ in 0..rng.rand_range(1..4) {
            let at = rng.rand_range(0..bytes.len() as u32) as usize;
            bytes[at] = rng.rand_u32() as u8;
        }
        let _ = generator.keys(&bytes);
    }
}
