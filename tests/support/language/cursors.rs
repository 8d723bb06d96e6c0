//! Random cursors: opened, read on in batches, killed. Their numbers are each server's own; in a
//! case stands [`LAST`], and whoever runs it puts there what the server said last.

use bson::{Bson, Document, doc};

use super::values::Gen;

/// Stands for the number of the cursor that was opened last.
pub const LAST: i64 = -7_777;

impl Gen {
    /// A cursor, and what is done with it.
    pub fn opened_and_read(&mut self) -> Vec<Document> {
        let mut out = vec![self.opened()];
        for _ in 0..self.below(5) {
            out.push(match self.below(12) {
                0 => doc! { "killCursors": "c", "cursors": [LAST] },
                1 => self.getting_more_wrongly(),
                _ => self.getting_more(),
            });
        }
        out
    }

    fn opened(&mut self) -> Document {
        let size = self.pick(&[0, 1, 2, 3, 7, 20, 39, 40, 41, 100]);
        let filter = match self.below(3) {
            0 => doc! {},
            1 => doc! { "n": self.below(8) as i32 },
            _ => doc! { "_id": { "$gte": self.below(41) as i32 } },
        };
        match self.below(8) {
            0 => doc! { "listIndexes": "c", "cursor": { "batchSize": size } },
            1 | 2 => {
                let mut stages = vec![Bson::from(doc! { "$match": filter })];
                if self.one_in(2) {
                    stages.push(doc! { "$sort": { "_id": self.pick(&[1, -1]) } }.into());
                }
                if self.one_in(3) {
                    stages.push(doc! { "$limit": 1 + self.below(20) as i32 }.into());
                }
                let cursor = if self.one_in(6) {
                    doc! {}
                } else {
                    doc! { "batchSize": size }
                };
                doc! { "aggregate": "c", "pipeline": stages, "cursor": cursor }
            }
            _ => {
                let mut out = doc! { "find": "c", "filter": filter };
                if !self.one_in(6) {
                    out.insert("batchSize", size);
                }
                if self.one_in(2) {
                    out.insert("sort", doc! { "_id": self.pick(&[1, -1]) });
                }
                if self.one_in(3) {
                    out.insert("limit", self.pick(&[0, 1, 2, 5, 20, 40, 41]));
                }
                if self.one_in(4) {
                    out.insert("skip", self.pick(&[0, 1, 5, 39, 40, 50]));
                }
                if self.one_in(8) {
                    out.insert("singleBatch", true);
                }
                out
            }
        }
    }

    fn getting_more(&mut self) -> Document {
        let mut out = doc! { "getMore": LAST, "collection": "c" };
        if !self.one_in(3) {
            out.insert("batchSize", self.pick(&[0, 1, 2, 5, 30, 40, 50]));
        }
        out
    }

    fn getting_more_wrongly(&mut self) -> Document {
        let wrong = [
            doc! { "getMore": LAST, "collection": "other" },
            doc! { "getMore": LAST },
            doc! { "getMore": LAST, "collection": "" },
            doc! { "getMore": LAST, "collection": 1 },
            doc! { "getMore": LAST, "collection": "c", "batchSize": -1 },
            doc! { "getMore": LAST, "collection": "c", "batchSize": "x" },
            doc! { "getMore": LAST, "collection": "c", "nonsense": 1 },
            doc! { "getMore": LAST, "collection": "c", "maxTimeMS": 1000 },
            doc! { "getMore": 1_234_567_i64, "collection": "c" },
            doc! { "getMore": 5, "collection": "c" },
            doc! { "killCursors": "c", "cursors": [LAST, 1_234_567_i64] },
            doc! { "killCursors": "other", "cursors": [LAST] },
            doc! { "killCursors": "c", "cursors": [1] },
            doc! { "killCursors": "c", "cursors": [] },
            doc! { "killCursors": "c" },
            doc! { "killCursors": "c", "cursors": 1 },
        ];
        self.pick(&wrong)
    }
}

/// The command with a cursor's number in the place of [`LAST`].
pub fn told(command: &Document, last: i64) -> Document {
    let one = |value: &Bson| match value {
        Bson::Int64(LAST) => Bson::Int64(last),
        other => other.clone(),
    };
    let told = command.iter().map(|(name, value)| {
        let value = match value {
            Bson::Array(list) if name == "cursors" => Bson::Array(list.iter().map(one).collect()),
            other => one(other),
        };
        (name.clone(), value)
    });
    told.collect()
}

/// The number of the cursor that a reply leaves open.
pub fn opened(reply: &Document) -> Option<i64> {
    let id = reply.get_document("cursor").ok()?.get_i64("id").ok()?;
    (id != 0).then_some(id)
}

/// Is the command about a cursor, and not only about its documents?
pub fn is_about(command: &Document) -> bool {
    let asks = |name| command.contains_key(name);
    let cursor = command.get_document("cursor");
    // Cases about other things ask for all at once, by 1000.
    let size =
        cursor.is_ok_and(|cursor| cursor.get_i32("batchSize").is_ok_and(|size| size != 1000));
    asks("getMore") || asks("killCursors") || asks("batchSize") || asks("singleBatch") || size
}

/// What counts of a reply about a cursor.
pub fn shape(reply: &Document) -> Document {
    let mut out = Document::new();
    if let Ok(cursor) = reply.get_document("cursor") {
        for (name, value) in cursor {
            let value = match (name.as_str(), value) {
                ("id", Bson::Int64(id)) => Bson::from(if *id == 0 { "ended" } else { "open" }),
                ("ns", Bson::String(ns)) => ns.split_once('.').map_or("", |(_, rest)| rest).into(),
                (_, value) => without_namespace(value),
            };
            out.insert(name, value);
        }
    }
    for (name, value) in reply.iter().filter(|(name, _)| name.starts_with("cursors")) {
        let count = value.as_array().map_or(-1, |list| list.len() as i32);
        out.insert(name, count);
    }
    out
}

/// A batch; indexes without the name of their collection, which older servers tell.
fn without_namespace(batch: &Bson) -> Bson {
    let Some(list) = batch.as_array() else { return batch.clone() };
    let plain = |doc: &Bson| match doc {
        Bson::Document(doc) => {
            let kept = doc.iter().filter(|(name, _)| name.as_str() != "ns");
            kept.map(|(name, value)| (name.clone(), value.clone())).collect::<Document>().into()
        }
        other => other.clone(),
    };
    list.iter().map(plain).collect::<Vec<_>>().into()
}
