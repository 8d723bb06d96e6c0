//! Random commands of many writes, ordered or not, some of which fail.

use bson::{Bson, Document, doc};

use super::values::Gen;

impl Gen {
    /// An index in whose way the writes may be.
    pub fn unique_index(&mut self) -> Document {
        let path = self.path();
        let index = doc! { "key": { path: 1 }, "name": "u", "unique": true };
        doc! { "createIndexes": "c", "indexes": [index] }
    }

    /// Some writes in one command.
    pub fn batch(&mut self) -> Document {
        let count = 1 + self.below(5);
        let ordered = self.one_in(2);
        match self.below(5) {
            0 => {
                let documents = (0..count).map(|_| {
                    let id = self.below(18) as i32;
                    Bson::from(self.document(id))
                });
                let documents: Vec<Bson> = documents.collect();
                doc! { "insert": "c", "documents": documents, "ordered": ordered }
            }
            1 => {
                let deletes = (0..count).map(|_| {
                    // Which of several goes is up to the plan.
                    let (filter, limit) = match self.one_in(2) {
                        true => (doc! { "_id": self.below(18) as i32 }, self.below(2) as i32),
                        false => (self.filter(1), 0),
                    };
                    Bson::from(doc! { "q": filter, "limit": limit })
                });
                let deletes: Vec<Bson> = deletes.collect();
                doc! { "delete": "c", "deletes": deletes, "ordered": ordered }
            }
            2 => self.one_found_and_modified(),
            _ => {
                let updates = (0..count).map(|_| {
                    let mut one = self.statement();
                    if !one.get_bool("multi").unwrap_or(false) {
                        one.insert("q", doc! { "_id": self.below(18) as i32 });
                    }
                    Bson::from(one)
                });
                let updates: Vec<Bson> = updates.collect();
                doc! { "update": "c", "updates": updates, "ordered": ordered }
            }
        }
    }

    fn one_found_and_modified(&mut self) -> Document {
        let mut out = doc! { "findAndModify": "c", "query": { "_id": self.below(18) as i32 } };
        if self.one_in(4) {
            out.insert("remove", true);
        } else {
            let statement = self.statement();
            for (from, to) in [("u", "update"), ("arrayFilters", "arrayFilters")] {
                if let Some(value) = statement.get(from) {
                    out.insert(to, value.clone());
                }
            }
            out.insert("new", self.one_in(2));
            out.insert("upsert", self.one_in(2));
        }
        if self.one_in(3) {
            out.insert("fields", self.projection());
        }
        out
    }
}
