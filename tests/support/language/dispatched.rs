//! The engine as a target, through the server's commands, in memory.

use std::sync::Arc;

use bson::Document;
use tallymap::disk::HeapDisk;
use tallymap::{CollectionOptions, Database, Engine, FieldOrder};
use tallymap_server::dispatch::Dispatcher;

use super::target::{Target, refusal};
use crate::order::raw;

/// A database of a server that nobody connects to.
pub struct Dispatched {
    dispatcher: Dispatcher,
    database: Database,
}

impl Dispatched {
    /// One on a disk of memory.
    ///
    /// # Panics
    /// If the engine cannot be opened.
    #[expect(clippy::new_without_default, reason = "it opens an engine")]
    pub fn new() -> Dispatched {
        let builder = Engine::builder("language").disk(Arc::new(HeapDisk::new()));
        let engine = builder.ns_size_mib(1).background(false).open().expect("opens");
        let database = engine.database("test").expect("a name");
        Dispatched { dispatcher: Dispatcher::new(engine), database }
    }
}

impl Target for Dispatched {
    fn name(&self) -> &'static str {
        "tallymap"
    }

    fn run(&mut self, command: &Document) -> Document {
        let mut command = command.clone();
        command.insert("$db", "test");
        let reply = self.dispatcher.run(&raw(&command));
        match Document::try_from(reply.as_ref()) {
            Ok(reply) => reply,
            Err(error) => refusal(-1, format!("a reply that is not BSON: {error}")),
        }
    }

    fn reset(&mut self) {
        for collection in ["c", "other", "out"] {
            self.database.drop_collection(collection).expect("drops");
        }
        // As 5.0 orders the fields that an update makes.
        let options = CollectionOptions::default().field_order(FieldOrder::Numeric);
        self.database.create_collection("c", options).expect("creates");
    }
}
