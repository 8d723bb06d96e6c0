//! What commands say, beside what the engine does: replies as a MongoDB 5.0.4 words them.

use bson::{Document, RawDocumentBuf, doc, rawdoc};
use tallymap_server::dispatch::Dispatcher;

use crate::support::dispatcher;

/// Commands of the database `d`.
struct Commands(Dispatcher);

impl Commands {
    /// A database with a collection of texts in both cases.
    fn new() -> Commands {
        let commands = Commands(dispatcher());
        let texts: Vec<_> =
            ["x", "X", "y"].iter().zip(1..).map(|(a, id)| doc! { "_id": id, "a": *a }).collect();
        commands.done(doc! { "insert": "c", "documents": texts });
        commands
    }

    fn reply(&self, mut command: Document) -> Document {
        command.insert("$db", "d");
        let request = RawDocumentBuf::try_from(&command).expect("a document");
        Document::try_from(self.0.run(&request)).expect("a document")
    }

    fn done(&self, command: Document) -> Document {
        let reply = self.reply(command);
        assert_eq!(reply.get_f64("ok").ok(), Some(1.0), "{reply}");
        assert!(!reply.contains_key("writeErrors"), "{reply}");
        reply
    }

    fn code(&self, command: Document) -> i32 {
        self.reply(command).get_i32("code").expect("a refusal")
    }
}

fn caseless() -> Document {
    doc! { "locale": "en", "strength": 2 }
}

#[test]
fn collations_reach_every_verb() {
    let commands = Commands::new();
    let x = || doc! { "a": "x" };
    let counted = commands.done(doc! { "count": "c", "query": x(), "collation": caseless() });
    assert_eq!(counted.get_i32("n").ok(), Some(2));
    let found = commands.done(doc! { "find": "c", "filter": x(), "collation": caseless() });
    let first = found.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    assert_eq!(first.expect("a batch").len(), 2);
    let distinct = commands.done(doc! { "distinct": "c", "key": "a", "collation": caseless() });
    assert_eq!(distinct.get_array("values").expect("values").len(), 2);
    let group = doc! { "$group": { "_id": "$a" } };
    let grouped = commands.done(doc! {
        "aggregate": "c", "pipeline": [group], "cursor": {}, "collation": caseless(),
    });
    let first = grouped.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    assert_eq!(first.expect("a batch").len(), 2);
    let update = doc! { "q": x(), "u": { "$set": { "b": 1 } }, "multi": true,
    "collation": caseless() };
    let updated = commands.done(doc! { "update": "c", "updates": [update] });
    assert_eq!(updated.get_i32("nModified").ok(), Some(2));
    let changed = commands.done(doc! {
        "findAndModify": "c", "query": { "a": "Y" }, "remove": true, "collation": caseless(),
    });
    assert!(changed.get_document("value").is_ok());
    let delete = doc! { "q": x(), "limit": 0, "collation": caseless() };
    let deleted = commands.done(doc! { "delete": "c", "deletes": [delete] });
    assert_eq!(deleted.get_i32("n").ok(), Some(2));
}

#[test]
fn collations_that_are_refused() {
    let commands = Commands::new();
    let nowhere = || doc! { "locale": "zz" };
    assert_eq!(commands.code(doc! { "find": "c", "collation": nowhere() }), 2);
    assert_eq!(commands.code(doc! { "find": "c", "collation": { "strength": 2 } }), 40414);
    assert_eq!(commands.code(doc! { "create": "other", "collation": nowhere() }), 2);
    // 5.0 has no variables there.
    assert_eq!(commands.code(doc! { "count": "c", "let": {} }), 40415);
    let update = doc! { "q": {}, "u": { "$set": { "b": 1 } }, "collation": nowhere() };
    let reply = commands.reply(doc! { "update": "c", "updates": [update] });
    let errors = reply.get_array("writeErrors").expect("a refused statement");
    assert_eq!(errors[0].as_document().and_then(|error| error.get_i32("code").ok()), Some(2));
}

#[test]
fn writes_are_explained_as_they_would_be_done() {
    let commands = Commands::new();
    let explain = |command: Document| commands.done(doc! { "explain": command });
    let stats = |explained: &Document| {
        let stats = explained.get_document("executionStats").expect("ran");
        stats.get_document("executionStages").expect("stages").clone()
    };
    let pipeline = [doc! { "$set": { "b": "$$v" } }];
    let update = doc! { "q": { "$expr": { "$eq": ["$a", "$$v"] } }, "u": pipeline.to_vec(),
    "multi": true };
    let explained = explain(doc! { "update": "c", "updates": [update], "let": { "v": "x" } });
    assert_eq!(stats(&explained).get_i32("nWouldModify").ok(), Some(1));
    let explained = explain(doc! {
        "findAndModify": "c", "query": { "a": "Y" }, "update": pipeline.to_vec(),
        "let": { "v": 1 }, "collation": caseless(),
    });
    assert_eq!(stats(&explained).get_i32("nMatched").ok(), Some(1));
    let planner = explained.get_document("queryPlanner").expect("a plan");
    let collation = planner.get_document("collation").expect("a collation");
    assert_eq!(collation.get_str("version").ok(), Some("57.1"));
    let delete = doc! { "q": { "a": "x" }, "limit": 0, "collation": caseless() };
    let explained = explain(doc! { "delete": "c", "deletes": [delete] });
    assert_eq!(stats(&explained).get_i32("nWouldDelete").ok(), Some(2));
    let count = commands.done(doc! { "count": "c", "query": { "b": { "$exists": true } } });
    assert_eq!(count.get_i32("n").ok(), Some(0));
}

#[test]
fn a_scan_is_explained_with_what_it_looks_for() {
    let commands = Commands::new();
    let explain = |command: Document| commands.done(doc! { "explain": command });
    let q = doc! { "a": "x" };
    let update = doc! { "q": q.clone(), "u": { "$set": { "b": 1 } }, "multi": true };
    for command in [
        doc! { "count": "c", "query": q.clone() },
        doc! { "update": "c", "updates": [update] },
        doc! { "delete": "c", "deletes": [{ "q": q, "limit": 0 }] },
    ] {
        let explained = explain(command);
        let winner = winner(&explained).get_document("inputStage").expect("a stage below");
        let shown =
            doc! { "stage": "COLLSCAN", "filter": { "a": { "$eq": "x" } }, "direction": "forward" };
        assert_eq!(*winner, shown);
        let stats = explained.get_document("executionStats").expect("ran");
        let verb = stats.get_document("executionStages").expect("stages");
        let number = |name| verb.get_i32(name).expect("an int32");
        assert_eq!(number("advanced"), 0, "{verb}");
        assert_eq!(number("needTime"), number("works") - 1, "{verb}");
        let scan = verb.get_document("inputStage").expect("a stage below");
        let names: Vec<_> = scan.keys().take(3).map(String::as_str).collect();
        assert_eq!(names, ["stage", "filter", "nReturned"]);
    }
    let all = explain(doc! { "find": "c" });
    assert_eq!(*winner(&all), doc! { "stage": "COLLSCAN", "direction": "forward" });
}

/// The plan that an explanation says is taken.
fn winner(explained: &Document) -> &Document {
    let planner = explained.get_document("queryPlanner").expect("planned");
    planner.get_document("winningPlan").expect("a winner")
}

#[test]
fn cursors_are_told_once_that_their_collection_is_gone() {
    let gone = |open: Document, go: Document| {
        let commands = Commands::new();
        let opened = commands.done(open);
        let id = opened.get_document("cursor").expect("a cursor").get_i64("id").expect("open");
        assert_ne!(id, 0);
        commands.done(go);
        let more = || commands.reply(doc! { "getMore": id, "collection": "c" });
        [more(), more()].map(|reply| reply.get_i32("code").unwrap_or_default())
    };
    let find = || doc! { "find": "c", "batchSize": 1 };
    let aggregate = |stage: Document| {
        doc! { "aggregate": "c", "pipeline": [stage], "cursor": { "batchSize": 1 } }
    };
    assert_eq!(gone(find(), doc! { "drop": "c" }), [175, 43]);
    assert_eq!(gone(find(), doc! { "dropDatabase": 1 }), [175, 43]);
    assert_eq!(gone(aggregate(doc! { "$project": { "a": 1 } }), doc! { "drop": "c" }), [175, 43]);
    // What was collected is still there.
    assert_eq!(gone(aggregate(doc! { "$group": { "_id": "$a" } }), doc! { "drop": "c" }), [0, 43]);
    assert_eq!(gone(find(), doc! { "ping": 1 }), [0, 43]);
}

#[test]
fn the_profiler_is_told_and_asked() {
    let commands = Commands::new();
    let profile = |command: Document| {
        let mut reply = commands.done(command);
        reply.remove("ok");
        reply
    };
    let is = |was: i32, slowms: i32, rate: f64| {
        doc! { "was": was, "slowms": slowms, "sampleRate": rate }
    };
    assert_eq!(profile(doc! { "profile": 2, "slowms": 7 }), is(0, 100, 1.0));
    assert_eq!(profile(doc! { "profile": -1, "slowms": 8 }), is(2, 7, 1.0));
    commands.done(doc! { "find": "c", "batchSize": 1 });
    assert_eq!(profile(doc! { "profile": 0, "sampleRate": 0.5 }), is(2, 8, 1.0));
    assert_eq!(profile(doc! { "profile": 3, "filter": "unset" }), is(0, 8, 0.5));
    assert_eq!(commands.code(doc! { "profile": "x" }), 14);
    assert_eq!(commands.code(doc! { "profile": 0, "sampleRate": 1 }), 14);
    assert_eq!(commands.code(doc! { "profile": 0, "filter": { "nonsense": 1 } }), 4_910_200);
    // Thresholds are the server's, levels the databases'.
    let other = commands.0.run(&rawdoc! { "profile": -1, "$db": "other" });
    assert_eq!(other.get_i32("slowms").ok(), Some(8));
    let entries = commands.done(doc! { "find": "system.profile" });
    let entries = entries.get_document("cursor").and_then(|cursor| cursor.get_array("firstBatch"));
    let entry = entries.expect("a batch").first().and_then(|entry| entry.as_document());
    let entry = entry.expect("an entry");
    assert_eq!(
        (entry.get_str("op").ok(), entry.get_i64("nreturned").ok()),
        (Some("query"), Some(1))
    );
}
