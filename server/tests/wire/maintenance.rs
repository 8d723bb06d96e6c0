//! Commands of maintenance, those of MMAPv1 that 5.0 has no more, and what the profiler tells.

use std::path::Path;
use std::sync::Arc;

use bson::{Document, RawDocumentBuf, doc};
use tallymap::Engine;
use tallymap::disk::{Access, Disk, HeapDisk};
use tallymap_server::dispatch::Dispatcher;

use crate::support::{Running, dispatcher};

struct Asked(Dispatcher);

impl Asked {
    fn ask(&self, mut command: Document) -> Document {
        if !command.contains_key("$db") {
            command.insert("$db", "d");
        }
        let command = RawDocumentBuf::try_from(&command).expect("a command");
        Document::try_from(&*self.0.run(&command)).expect("a reply")
    }

    fn done(&self, command: Document) -> Document {
        let reply = self.ask(command);
        assert_eq!(reply.get_f64("ok").ok(), Some(1.0), "{reply}");
        reply
    }

    fn code(&self, command: Document) -> i32 {
        self.ask(command).get_i32("code").expect("a refusal")
    }
}

/// A collection with an index, and holes; and how many documents are left in it.
fn filled() -> (Asked, usize) {
    let asked = Asked(dispatcher());
    let documents: Vec<_> =
        (0..500).map(|n| doc! { "_id": n, "a": n % 7, "s": "x".repeat(200) }).collect();
    let left = (0..500).filter(|n| n % 7 >= 5).count();
    asked.done(doc! { "insert": "c", "documents": documents });
    let index = doc! { "key": { "a": 1 }, "name": "a_1" };
    asked.done(doc! { "createIndexes": "c", "indexes": [index] });
    asked.done(doc! { "delete": "c", "deletes": [{ "q": { "a": { "$lt": 5 } }, "limit": 0 }] });
    (asked, left)
}

fn documents(asked: &Asked) -> Vec<bson::Bson> {
    let find = doc! { "find": "c", "hint": { "a": 1 }, "sort": { "_id": 1 }, "batchSize": 1000 };
    let found = asked.done(find);
    let cursor = found.get_document("cursor").expect("a cursor");
    cursor.get_array("firstBatch").expect("a batch").clone()
}

#[test]
fn compacting_and_building_anew_keep_every_document() {
    let (asked, left) = filled();
    let before = documents(&asked);
    assert_eq!(before.len(), left);
    let compacted = asked.done(doc! { "compact": "c", "paddingFactor": 1.5 });
    assert!(compacted.get_i32("bytesFreed").is_ok_and(|bytes| bytes >= 0), "{compacted}");
    assert_eq!(documents(&asked), before);
    assert_eq!(asked.done(doc! { "reIndex": "c" }).get_i32("nIndexes").ok(), Some(2));
    assert_eq!(documents(&asked), before);
    asked.done(doc! { "repairDatabase": 1 });
    assert_eq!(documents(&asked), before);
    let valid = asked.done(doc! { "validate": "c", "full": true });
    assert_eq!(valid.get_bool("valid").ok(), Some(true), "{valid}");
    let repaired = asked.done(doc! { "validate": "c", "repair": true });
    assert_eq!(repaired.get_bool("valid").ok(), Some(true), "{repaired}");
    assert_eq!(repaired.get_bool("repaired").ok(), Some(false), "nothing was wrong");
    assert_eq!(asked.code(doc! { "compact": "c", "preservePadding": true, "paddingBytes": 1 }), 2);
    assert_eq!(asked.code(doc! { "compact": "c", "paddingFactor": 9 }), 2);
    assert_eq!(asked.code(doc! { "compact": "c", "paddingFactor": "x" }), 14);
    assert_eq!(asked.code(doc! { "repairDatabase": 1, "foo": 1 }), 40415);
}

#[test]
fn an_index_that_is_wrong_is_built_anew_if_asked() {
    let disk = HeapDisk::new();
    let open = || {
        let engine = Engine::builder("heap").disk(Arc::new(disk.clone())).ns_size_mib(1);
        Asked(Dispatcher::new(engine.open().expect("opens")))
    };
    let is = |reply: &Document, name| reply.get_bool(name).expect("told");
    let asked = open();
    let documents: Vec<_> = (0..9).map(|n| doc! { "_id": n, "a": format!("key {n}") }).collect();
    asked.done(doc! { "insert": "c", "documents": documents });
    let index = doc! { "key": { "a": 1 }, "name": "a_1" };
    asked.done(doc! { "createIndexes": "c", "indexes": [index] });
    asked.0.engine().clone().close().expect("closes");
    change_key(&disk, b"key 4", b"key x");

    let asked = open();
    let by_key = || {
        let count = doc! { "count": "c", "query": { "a": "key 4" }, "hint": { "a": 1 } };
        asked.done(count).get_i32("n").expect("a count")
    };
    assert_eq!(by_key(), 0, "the index does not lead there");
    let found = asked.done(doc! { "validate": "c" });
    assert!(!is(&found, "valid") && !is(&found, "repaired"), "{found}");
    assert_eq!(by_key(), 0, "nobody asked for a repair");
    let found = asked.done(doc! { "validate": "c", "repair": true });
    assert!(is(&found, "valid") && is(&found, "repaired"), "{found}");
    assert_eq!(by_key(), 1);
    let all = asked.done(doc! { "count": "c", "query": { "a": { "$gte": "" } } });
    assert_eq!(all.get_i32("n").ok(), Some(9));
}

/// Changes a key where it stands in an index, which is not behind a document's length of it.
fn change_key(disk: &HeapDisk, from: &[u8], to: &[u8]) {
    let file = disk.open(Path::new("d.0"), Access::Write).expect("there");
    let mut bytes = vec![0; file.len().expect("a length") as usize];
    file.read_at(0, &mut bytes).expect("read");
    let is_key = |at: &usize| {
        bytes[*at..].starts_with(from)
            && bytes[at - 4..*at] != (from.len() as i32 + 1).to_le_bytes()
    };
    let places: Vec<usize> = (4..bytes.len() - from.len()).filter(is_key).collect();
    assert_eq!(places.len(), 1, "in one index");
    file.write_at(places[0] as u64, to).expect("written");
}

#[test]
fn touching_reads_what_is_asked_for() {
    let (asked, _) = filled();
    let touched = asked.done(doc! { "touch": "c", "data": true, "index": true });
    let ranges = touched.get_document("data").and_then(|data| data.get_i32("numRanges"));
    assert!(ranges.is_ok_and(|ranges| ranges > 0), "{touched}");
    let indexes = touched.get_document("indexes").and_then(|it| it.get_i32("num"));
    assert_eq!(indexes.ok(), Some(2));
    assert!(!asked.done(doc! { "touch": "c", "index": true }).contains_key("data"));
    assert_eq!(asked.ask(doc! { "touch": "c" }).get_f64("ok").ok(), Some(0.0));
    assert_eq!(asked.code(doc! { "touch": "none", "data": true }), 26);
}

#[test]
fn every_command_is_listed_with_what_it_does() {
    let asked = Asked(dispatcher());
    let listed = asked.done(doc! { "listCommands": 1 });
    let commands = listed.get_document("commands").expect("commands");
    assert!(commands.len() > 90);
    for (name, command) in commands {
        let command = command.as_document().expect("a document");
        assert!(command.get_str("help").is_ok_and(|help| !help.is_empty()), "{name}");
        for flag in ["requiresAuth", "secondaryOk", "adminOnly"] {
            assert!(command.get_bool(flag).is_ok(), "{name} {flag}");
        }
    }
}

/// The one entry that a command makes: its plan, and what it looked at.
fn profiled(asked: &Asked, command: Document) -> (String, i64, i64) {
    asked.done(doc! { "profile": 2 });
    asked.done(command);
    asked.done(doc! { "profile": 0 });
    let found = asked.done(doc! { "find": "system.profile", "filter": {} });
    asked.done(doc! { "drop": "system.profile" });
    let batch = found.get_document("cursor").and_then(|it| it.get_array("firstBatch"));
    let batch = batch.expect("a batch");
    assert_eq!(batch.len(), 1, "{batch:?}");
    let entry = batch[0].as_document().expect("an entry");
    let looked = |name: &str| entry.get_i64(name).unwrap_or(-1);
    let plan = entry.get_str("planSummary").unwrap_or("none").to_owned();
    (plan, looked("keysExamined"), looked("docsExamined"))
}

#[test]
fn the_profiler_tells_how_documents_were_found() {
    let (asked, left) = filled();
    let update = |q: Document| {
        let one = doc! { "q": q, "u": { "$inc": { "b": 1 } }, "multi": true };
        doc! { "update": "c", "updates": [one] }
    };
    let group = doc! { "$group": { "_id": "$a" } };
    let aggregate =
        doc! { "aggregate": "c", "pipeline": [{ "$match": { "s": 1 } }, group], "cursor": {} };
    let delete = doc! { "delete": "c", "deletes": [{ "q": { "s": 1 }, "limit": 0 }] };
    let documents: Vec<_> = (0..10).map(|n| doc! { "_id": 1000 + n }).collect();
    let all = left as i64;
    for (command, plan, keys, docs) in [
        (doc! { "count": "c" }, "RECORD_STORE_FAST_COUNT", 0, 0),
        (doc! { "count": "c", "query": { "s": 1 } }, "COLLSCAN", 0, all),
        (doc! { "count": "no", "query": { "s": 1 } }, "EOF", 0, 0),
        (doc! { "distinct": "c", "key": "s" }, "COLLSCAN", 0, all),
        (aggregate, "COLLSCAN", 0, all),
        (update(doc! { "_id": 5 }), "IDHACK", 1, 1),
        (update(doc! { "_id": 5000 }), "IDHACK", 0, 0),
        (update(doc! { "s": 1 }), "COLLSCAN", 0, all),
        (delete, "COLLSCAN", 0, all),
        (doc! { "insert": "c", "documents": documents }, "none", -1, -1),
    ] {
        let shown = command.to_string();
        assert_eq!(profiled(&asked, command), (plan.to_owned(), keys, docs), "{shown}");
    }
    assert_eq!(profiled(&asked, update(doc! { "a": 5 })).0, "IXSCAN { a: 1 }");
}

#[test]
fn what_becomes_capped_keeps_its_rules_and_is_no_view() {
    let asked = Asked(dispatcher());
    let options = doc! { "validator": { "a": { "$gt": 0 } }, "collation": { "locale": "fr" } };
    let mut create = doc! { "create": "c" };
    create.extend(options);
    asked.done(create);
    let documents = vec![doc! { "_id": 1, "a": 1 }, doc! { "_id": 2, "a": -1 }];
    let insert = doc! { "insert": "c", "documents": documents, "bypassDocumentValidation": true };
    asked.done(insert);
    asked.done(doc! { "cloneCollectionAsCapped": "c", "toCollection": "clone", "size": 9000 });
    asked.done(doc! { "convertToCapped": "c", "size": 9000 });
    for name in ["c", "clone"] {
        let count = asked.done(doc! { "count": name });
        assert_eq!(count.get_i32("n").ok(), Some(2), "what was there is not validated anew");
        let listed = asked.done(doc! { "listCollections": 1, "filter": { "name": name } });
        let batch = listed.get_document("cursor").and_then(|it| it.get_array("firstBatch"));
        let entry = batch.expect("a batch")[0].as_document().expect("an entry");
        let options = entry.get_document("options").expect("options");
        assert_eq!(options.get_bool("capped").ok(), Some(true), "{options}");
        let locale = options.get_document("collation").and_then(|it| it.get_str("locale"));
        assert_eq!(locale.ok(), Some("fr"), "{options}");
        let wrong = asked.done(doc! { "insert": name, "documents": [{ "a": -1 }] });
        assert_eq!(wrong.get_i32("n").ok(), Some(0), "{wrong}");
    }
    let left_over = doc! { "name": { "$regex": "^tmp" } };
    let listed = asked.done(doc! { "listCollections": 1, "filter": left_over });
    let batch = listed.get_document("cursor").and_then(|it| it.get_array("firstBatch"));
    assert_eq!(batch.map(Vec::len).ok(), Some(0));
    asked.done(doc! { "create": "v", "viewOn": "c", "pipeline": [] });
    assert_eq!(asked.code(doc! { "convertToCapped": "v", "size": 9000 }), 166);
    let clone = doc! { "cloneCollectionAsCapped": "v", "toCollection": "w", "size": 9000 };
    assert_eq!(asked.code(clone), 166);
    let clone = doc! { "cloneCollectionAsCapped": "c", "toCollection": "v", "size": 9000 };
    assert_eq!(asked.code(clone), 48);
}

#[test]
fn of_several_changes_none_is_made_if_one_is_refused() {
    let asked = Asked(dispatcher());
    let index = doc! { "key": { "at": 1 }, "name": "at_1", "expireAfterSeconds": 5 };
    asked.done(doc! { "createIndexes": "c", "indexes": [index] });
    let seconds = |seconds: i32| doc! { "name": "at_1", "expireAfterSeconds": seconds };
    let modify = doc! { "collMod": "c", "index": seconds(9), "validator": { "$foo": 1 } };
    assert_eq!(asked.code(modify), 2);
    let modified = asked.done(doc! { "collMod": "c", "index": seconds(7) });
    assert_eq!(modified.get_i32("expireAfterSeconds_old").ok(), Some(5), "{modified}");
}

#[test]
fn nothing_is_made_capped_while_the_files_are_locked() {
    let (asked, left) = filled();
    let convert = doc! { "convertToCapped": "c", "size": 1 << 20, "maxTimeMS": 20 };
    asked.done(doc! { "fsync": 1, "lock": true, "$db": "admin" });
    assert_eq!(asked.code(convert.clone()), 50);
    assert_eq!(documents(&asked).len(), left);
    let unlocked = asked.done(doc! { "fsyncUnlock": 1, "$db": "admin" });
    assert_eq!(unlocked.get_i64("lockCount").ok(), Some(0));
    let mut convert = convert;
    convert.remove("maxTimeMS");
    asked.done(convert);
    let count = asked.done(doc! { "count": "c" });
    assert_eq!(count.get_i32("n").ok(), Some(left as i32));
}

#[test]
fn who_fetches_from_what_was_dropped_is_told() {
    let (asked, _) = filled();
    let found = asked.done(doc! { "find": "c", "batchSize": 1 });
    let id = found.get_document("cursor").and_then(|it| it.get_i64("id")).expect("a cursor");
    asked.done(doc! { "drop": "c" });
    asked.done(doc! { "insert": "c", "documents": [{ "_id": 1 }] });
    let more = asked.ask(doc! { "getMore": id, "collection": "c" });
    assert_eq!(more.get_i32("code").ok(), Some(175), "{more}");
    assert_eq!(more.get_str("errmsg").ok(), Some("collection dropped"));
}

#[test]
fn what_has_another_name_is_not_counted_by_the_old_one() {
    let (asked, _) = filled();
    let names = || {
        let top = asked.done(doc! { "top": 1, "$db": "admin" });
        let totals = top.get_document("totals").expect("totals");
        totals.keys().filter(|name| name.contains('.')).cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(), ["d.c"]);
    asked.done(doc! { "renameCollection": "d.c", "to": "e.c", "$db": "admin" });
    assert!(names().is_empty(), "{:?}", names());
}

#[test]
fn shutting_down_ends_the_server() {
    let server = Running::start();
    let command = doc! { "shutdown": 1, "$db": "admin" };
    let mut client = server.connect();
    let reply = client.run(&RawDocumentBuf::try_from(&command).expect("a command"));
    assert_eq!(reply.get_f64("ok").ok(), Some(1.0), "{reply:?}");
    assert!(client.receive().is_none(), "the connection ends");
    server.stop();
}
