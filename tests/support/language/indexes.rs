//! Random indexes, and writes that they may refuse.

use bson::{Bson, Document, doc};

use super::values::Gen;

impl Gen {
    /// A createIndexes command of one index.
    pub fn create_index(&mut self) -> Document {
        let spec = self.index_spec();
        doc! { "createIndexes": "c", "indexes": [spec] }
    }

    fn index_spec(&mut self) -> Document {
        let mut key = Document::new();
        for _ in 0..1 + self.below(3) {
            let path = self.path();
            key.insert(path, self.pick(&[1, 1, -1]));
        }
        if self.one_in(8) {
            key = doc! { self.path(): "hashed" };
        }
        let name = key.iter().map(|(name, kind)| match kind {
            Bson::String(kind) => format!("{name}_{kind}"),
            kind => format!("{name}_{kind}"),
        });
        let name = name.collect::<Vec<_>>().join("_");
        let mut out = doc! { "key": key, "name": name };
        if self.one_in(5) {
            out.insert("unique", true);
        }
        if self.one_in(6) {
            out.insert("sparse", true);
        } else if self.one_in(6) {
            let path = self.path();
            let filter = match self.below(3) {
                0 => doc! { path: { "$exists": true } },
                1 => doc! { path: { "$gt": self.number() } },
                _ => doc! { path: self.scalar() },
            };
            out.insert("partialFilterExpression", filter);
        }
        if self.one_in(20) {
            let (name, value): (&str, Bson) = self.pick(&[
                ("key", Bson::Int32(1)),
                ("key", doc! {}.into()),
                ("key", doc! { "a": 0 }.into()),
                ("key", doc! { "a": "x" }.into()),
                ("key", doc! { "": 1 }.into()),
                ("key", doc! { "a.": 1 }.into()),
                ("key", doc! { "a": "hashed", "b": "hashed" }.into()),
                ("key", doc! { "$a": 1 }.into()),
                ("name", "x".into()),
                ("name", "".into()),
                ("name", Bson::Int32(1)),
                ("unique", "x".into()),
                ("partialFilterExpression", Bson::Int32(1)),
                ("partialFilterExpression", doc! { "a": { "$ne": 1 } }.into()),
                ("expireAfterSeconds", Bson::Int32(100)),
                ("expireAfterSeconds", Bson::Int32(-1)),
                ("expireAfterSeconds", "x".into()),
                ("nonsense", Bson::Int32(1)),
            ]);
            out.insert(name, value);
        }
        out
    }

    /// Something that may need the index, or find it in its way.
    pub fn with_indexes(&mut self, created: &Document) -> Document {
        match self.below(12) {
            0 => {
                let ids = [20, 21, 22].map(|id| Bson::from(self.document(id)));
                doc! { "insert": "c", "documents": ids.to_vec(), "ordered": self.one_in(2) }
            }
            1 | 2 => {
                let mut statement = self.statement();
                // Which of several is found first is up to the plan.
                if !statement.get_bool("multi").unwrap_or(false) {
                    statement.insert("q", doc! { "_id": self.below(6) as i32 });
                }
                doc! { "update": "c", "updates": [statement] }
            }
            3 => {
                let filter = self.filter(1);
                doc! { "delete": "c", "deletes": [{ "q": filter, "limit": 0 }] }
            }
            4 => self.count(),
            5 => self.distinct(),
            6 => {
                let mut find = self.find();
                if let Ok(index) = created.get_array("indexes")
                    && let Some(Bson::Document(index)) = index.first()
                {
                    let by_name = self.one_in(2);
                    let hint = if by_name { index.get("name") } else { index.get("key") };
                    find.insert("hint", hint.cloned().unwrap_or(Bson::Null));
                }
                find
            }
            7 => self.create_index(),
            8 => {
                let stages = [doc! { "$match": self.filter(1) }, doc! { "$sort": self.sort(true) }];
                let stages = stages.map(Bson::from).to_vec();
                doc! { "aggregate": "c", "pipeline": stages, "cursor": {} }
            }
            _ => self.find(),
        }
    }
}
