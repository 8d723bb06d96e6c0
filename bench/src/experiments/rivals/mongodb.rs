//! A MongoDB server: `$inc` in the same pre-allocated documents, acknowledged before the journal
//! is synced, which the server does each 100 ms.

use bson::{Document, RawArrayBuf, RawDocumentBuf, doc, rawdoc};
use mongodb::sync::{Client, Collection, Database};

use super::{failed, local_process};
use crate::daily::{self, Hit, MINUTES};
use crate::error::{Error, Result};
use crate::experiments::hit::store::Store;
use crate::experiments::hit::tallymap::{counters_of, update};

const NAME: &str = "MongoDB";

/// The server's database, dropped before and after.
const DATABASE: &str = "tallymap_lab";

/// One collection of a server.
pub struct MongoDb {
    database: Database,
    collection: Collection<RawDocumentBuf>,
    server: u32,
    pages: Vec<String>,
    /// The update of each minute.
    updates: Vec<Document>,
}

impl MongoDb {
    /// With a document for each page.
    ///
    /// # Errors
    /// The server's.
    pub fn create(uri: &str, pages: Vec<String>) -> Result<MongoDb> {
        let client = Client::with_uri_str(uri).map_err(failed(NAME))?;
        let database = client.database(DATABASE);
        database.drop().run().map_err(failed(NAME))?;
        let status =
            database.run_command(doc! { "serverStatus": 1 }).run().map_err(failed(NAME))?;
        let server = local_process(NAME, status.get_i64("pid").unwrap_or(0), "mongo")?;
        let collection: Collection<RawDocumentBuf> = database.collection("daily");
        collection.insert_many(daily::documents(&pages)).run().map_err(failed(NAME))?;
        let updates = (0..MINUTES).map(update).collect();
        let mongo = MongoDb { database, collection, server, pages, updates };
        mongo.sync()?;
        Ok(mongo)
    }

    /// Waits for the journal.
    fn sync(&self) -> Result<()> {
        let concern = doc! { "update": "synced", "writeConcern": { "w": 1, "j": true },
        "updates": [{ "q": { "_id": 1 }, "u": { "$inc": { "n": 1 } }, "upsert": true }] };
        self.database.run_command(concern).run().map(drop).map_err(failed(NAME))
    }
}

impl Store for MongoDb {
    fn hit(&mut self, view: Hit) -> Result<()> {
        let filter = doc! { "_id": &self.pages[view.page as usize] };
        let update = self.updates[view.minute as usize].clone();
        let updated = self.collection.update_one(filter, update).run().map_err(failed(NAME))?;
        match updated.modified_count {
            1 => Ok(()),
            _ => Err(Error::WrongSum("a hit on no document".to_owned())),
        }
    }

    /// One `update` command with a statement for each.
    fn hits(&mut self, views: &[Hit]) -> Result<()> {
        let mut updates = RawArrayBuf::new();
        for view in views {
            let page = self.pages[view.page as usize].as_str();
            let update = RawDocumentBuf::try_from(&self.updates[view.minute as usize]);
            let update = update.map_err(failed(NAME))?;
            updates.push(rawdoc! { "q": { "_id": page }, "u": update });
        }
        let command = rawdoc! { "update": "daily", "ordered": false, "updates": updates };
        let answer = self.database.run_raw_command(command).run().map_err(failed(NAME))?;
        match answer.get_i32("nModified") {
            Ok(count) if count as usize == views.len() => Ok(()),
            _ => Err(Error::WrongSum(format!("not {} updates: {answer}", views.len()))),
        }
    }

    fn settle(&mut self) -> Result<()> {
        self.sync()
    }

    fn read(&mut self, page: usize, counters: &mut [i64]) -> Result<()> {
        let filter = doc! { "_id": &self.pages[page] };
        match self.collection.find_one(filter).run().map_err(failed(NAME))? {
            Some(document) => counters_of(&document, counters),
            None => Err(Error::WrongSum(format!("there is no {}", self.pages[page]))),
        }
    }

    fn server(&self) -> Option<u32> {
        Some(self.server)
    }

    fn close(self) -> Result<()> {
        self.database.drop().run().map_err(failed(NAME))
    }
}
