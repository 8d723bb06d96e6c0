//! A MongoDB server as a target, through its driver.

use bson::{Document, doc};
use mongodb::error::ErrorKind;
use mongodb::sync::{Client, ClientSession, Database};

use super::target::{Target, refusal};

/// A database of a server.
pub struct Reference {
    database: Database,
    /// A cursor is read on in the session that it was opened in.
    session: ClientSession,
    is_tallymap: bool,
}

impl Reference {
    /// The database of this name of the server at `uri`.
    ///
    /// # Errors
    /// The driver's, if there is no such server.
    pub fn new(uri: &str, database: &str) -> mongodb::error::Result<Reference> {
        let client = Client::with_uri_str(uri)?;
        let (database, session) = (client.database(database), client.start_session().run()?);
        let info = database.run_command(doc! { "buildInfo": 1 }).run()?;
        let is_tallymap = info.get_str("gitVersion").is_ok_and(|name| name.contains("tallymap"));
        database.drop().run()?;
        Ok(Reference { database, session, is_tallymap })
    }
}

impl Target for Reference {
    fn name(&self) -> &'static str {
        if self.is_tallymap { "tallymap, by the wire" } else { "reference" }
    }

    fn run(&mut self, command: &Document) -> Document {
        let command = self.database.run_command(command.clone());
        let error = match command.session(&mut self.session).run() {
            Ok(reply) => return reply,
            Err(error) => error,
        };
        if let Some(reply) = error.server_response() {
            return Document::try_from(reply.as_ref())
                .unwrap_or_else(|error| refusal(-1, error.to_string()));
        }
        match error.kind.as_ref() {
            ErrorKind::Command(error) => refusal(error.code, error.message.clone()),
            other => refusal(-1, format!("the driver: {other}")),
        }
    }

    fn reset(&mut self) {
        if self.is_tallymap {
            // Where documents were, others would come, in another order.
            for collection in ["c", "other", "out"] {
                self.run(&doc! { "drop": collection });
            }
            self.run(&doc! { "create": "c" });
            return;
        }
        // Much faster than to drop collections.
        for collection in ["c", "other", "out"] {
            let all = doc! { "q": {}, "limit": 0 };
            self.run(&doc! { "dropIndexes": collection, "index": "*" });
            self.run(&doc! { "delete": collection, "deletes": [all] });
        }
    }
}
