//! A MongoDB server as a target, through its driver.

use bson::{Document, doc};
use mongodb::error::ErrorKind;
use mongodb::sync::{Client, Database};

use super::target::{Target, refusal};

/// A database of a server.
pub struct Reference {
    database: Database,
}

impl Reference {
    /// The database of this name of the server at `uri`.
    ///
    /// # Errors
    /// The driver's, if there is no such server.
    pub fn new(uri: &str, database: &str) -> mongodb::error::Result<Reference> {
        let database = Client::with_uri_str(uri)?.database(database);
        database.run_command(doc! { "ping": 1 }).run()?;
        database.drop().run()?;
        Ok(Reference { database })
    }
}

impl Target for Reference {
    fn name(&self) -> &'static str {
        "reference"
    }

    fn run(&mut self, command: &Document) -> Document {
        let error = match self.database.run_command(command.clone()).run() {
            Ok(reply) => return reply,
            Err(error) => error,
        };
        match error.kind.as_ref() {
            ErrorKind::Command(error) => refusal(error.code, error.message.clone()),
            other => refusal(-1, format!("the driver: {other}")),
        }
    }

    fn reset(&mut self) {
        // Much faster than to drop collections.
        for collection in ["c", "other", "out"] {
            let all = doc! { "q": {}, "limit": 0 };
            self.run(&doc! { "dropIndexes": collection, "index": "*" });
            self.run(&doc! { "delete": collection, "deletes": [all] });
        }
    }
}
