//! Updates and filters: on documents and operators made of the input, the engine and the naive
//! evaluator end alike, in the same bytes or the same refusal. On raw bytes, whatever is
//! accepted leaves documents that are BSON and indexes that are right.

use std::sync::Arc;

use bson::{Bson, Document, RawDocumentBuf, doc};
use tallymap::bson::document;
use tallymap::disk::HeapDisk;
use tallymap::{Class, Collection, Durability, Engine, Error, IndexSpec};

use super::image::builder;
use super::input::Input;
use crate::evaluate::{Op, apply, to_update};
use crate::model::{Refusal, matches};
use crate::order::raw;

const OPERATORS: [&str; 7] = ["$inc", "$mul", "$set", "$unset", "$min", "$max", "$setOnInsert"];

/// Runs one input: what to do, then the documents of it.
pub fn run(input: &[u8]) {
    // One engine per thread: the inputs clean up after themselves.
    thread_local! {
        static ENGINES: [Engine; 2] = [true, false].map(engine);
    }
    let mut input = Input::new(input);
    let how = input.u8();
    ENGINES.with(|engines| {
        let engine = &engines[usize::from(how & 1)];
        match how >> 1 & 3 {
            0 | 1 => operators(&collection(engine, "d.o"), &mut input),
            2 => filter(&collection(engine, "d.f"), &mut input),
            _ => bytes(&collection(engine, "d.b"), &mut input),
        }
    });
}

fn engine(memos: bool) -> Engine {
    let disk = Arc::new(HeapDisk::new());
    let engine = builder(disk).memos(memos).durability(Durability::None).open().expect("opens");
    collection(&engine, "d.b").create_index(IndexSpec::new(&[("a", 1)])).expect("an index");
    engine
}

fn collection(engine: &Engine, name: &str) -> Collection {
    engine.collection(name).expect("a name")
}

fn empty(collection: &Collection) {
    collection.delete_many(raw(&doc! {})).expect("deletes");
}

fn operators(collection: &Collection, input: &mut Input<'_>) {
    let mut document = doc! { "_id": 1 };
    document.extend(input.document());
    let mut ops: Vec<Op> = (0..1 + input.below(4)).map(|_| operator(input)).collect();
    let mut seen = std::collections::HashSet::new();
    ops.retain(|op| seen.insert((op.operator, op.path.clone())));
    let update = to_update(&mut ops);
    collection.insert_one(raw(&document)).expect("inserts");
    let what = format!("{update} on {document}");
    // The second time often finds the field where it is remembered.
    let mut expected = Ok(document);
    for _ in 0..2 {
        let Ok(before) = expected else { break };
        let request = collection.update_one(raw(&doc! { "_id": 1 }), raw(&update));
        let found = request.and_then(|request| request.run());
        let found = found.map(|_| ()).map_err(|error| Refusal::of(&error));
        let stored = collection.find_by_id(1).expect("read").expect("there");
        expected = apply(&before, &ops, false).map(|(doc, _)| doc).map_err(Refusal::Refused);
        match &expected {
            Ok(after) => {
                assert_eq!(found, Ok(()), "{what}");
                assert_eq!(stored, raw(after), "{what}");
            }
            Err(refusal) => {
                assert_eq!(found, Err(*refusal), "{what}");
                assert_eq!(stored, raw(&before), "{what}: refused");
            }
        }
    }
    empty(collection);
}

fn operator(input: &mut Input<'_>) -> Op {
    let operator = input.pick(&OPERATORS);
    let operand = match operator {
        "$inc" | "$mul" => input.number(),
        _ => input.value(),
    };
    Op { operator, path: input.path(), operand }
}

fn filter(collection: &Collection, input: &mut Input<'_>) {
    let documents: Vec<Document> = (0..3)
        .map(|n| {
            let mut document = doc! { "_id": n };
            document.extend(input.document());
            document
        })
        .collect();
    for document in &documents {
        collection.insert_one(raw(document)).expect("inserts");
    }
    let (field, wanted) = (input.name(), input.value());
    // To compare with undefined is refused.
    if wanted != Bson::Undefined {
        let found = collection.find(raw(&doc! { field: wanted.clone() })).run().expect("a filter");
        let id = |document: &RawDocumentBuf| document.get_i32("_id").expect("an _id");
        // Where a document lies depends on the inputs before.
        let mut found: Vec<_> = found.map(|found| found.expect("read")).collect();
        found.sort_by_key(id);
        let expected = documents.iter().filter(|document| matches(document, field, &wanted));
        assert_eq!(found, expected.map(raw).collect::<Vec<_>>(), "{field}: {wanted}");
    }
    empty(collection);
}

/// A document, a filter, an update and the specification of an index, as they come.
fn bytes(collection: &Collection, input: &mut Input<'_>) {
    let upsert = input.u8() & 1 == 1;
    let mut next = || {
        let len = usize::from(input.u16());
        RawDocumentBuf::from_bytes(input.take(len).to_vec()).ok()
    };
    let documents = [next(), next(), next(), next()];
    let [document, filter, update, spec] = &documents;
    if let Some(document) = document {
        typed(collection.insert_one(document));
    }
    if let Some(filter) = filter {
        let found = typed(collection.find(filter).run());
        for found in found.into_iter().flatten() {
            found.expect("readable");
        }
        if let Some(update) = update {
            let request = typed(collection.update_one(filter, update));
            request.map(|request| typed(request.upsert(upsert).run()));
        }
    }
    let index = spec.as_ref().and_then(|spec| typed(collection.create_index_from(spec)));
    for found in collection.scan(tallymap::Direction::Forward).expect("a scan") {
        document::check(found.expect("readable").document.as_bytes()).expect("BSON is stored");
    }
    let validation = collection.validate(true).expect("exists");
    assert!(validation.is_valid(), "{:#?}", validation.findings());
    empty(collection);
    if let Some(index) = index.filter(|name| name != "a_1" && name != "_id_") {
        collection.drop_index(&index).expect("was made");
    }
}

/// What came of a request: its refusal is the caller's fault.
fn typed<T>(done: Result<T, Error>) -> Option<T> {
    done.inspect_err(|error| assert_eq!(error.class(), Class::Caller, "{error:?}")).ok()
}
