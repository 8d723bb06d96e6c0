//! Random updates.

use bson::{Bson, Document, doc};

use super::values::Gen;

impl Gen {
    /// An update command of one statement, or a findAndModify.
    pub fn update(&mut self) -> Document {
        match self.below(8) {
            0 => self.find_and_modify(),
            _ => doc! { "update": "c", "updates": [self.statement()] },
        }
    }

    /// One statement: what to look for, what to do with it.
    pub fn statement(&mut self) -> Document {
        if self.one_in(5) {
            return self.positional();
        }
        let query = self.update_filter();
        let mut out = doc! { "q": query };
        if self.one_in(8) {
            let mut replacement = {
                let id = self.below(8) as i32;
                self.document(id)
            };
            if !self.one_in(3) {
                replacement.remove("_id");
            }
            out.insert("u", replacement);
        } else {
            let (update, filters) = self.operators();
            out.insert("u", update);
            if !filters.is_empty() {
                out.insert("arrayFilters", filters);
            }
        }
        out.insert("multi", self.one_in(3));
        out.insert("upsert", self.one_in(3));
        out
    }

    fn update_filter(&mut self) -> Document {
        match self.below(10) {
            0..4 => doc! { "_id": self.below(8) as i32 },
            4 => doc! {},
            5 => {
                // What an upsert takes its fields from.
                let mut out = Document::new();
                for _ in 0..1 + self.below(2) {
                    let path = self.path();
                    out.insert(path, self.value_for(path));
                }
                out
            }
            6 => {
                let (a, b) = (self.path(), self.path());
                doc! { "$and": [{ a: self.scalar() }, { b: { "$eq": self.scalar() } }] }
            }
            _ => self.filter(1),
        }
    }

    /// Operators, and the filters of array elements that they name.
    fn operators(&mut self) -> (Document, Vec<Bson>) {
        let (mut out, mut filters) = (Document::new(), vec![]);
        for _ in 0..1 + self.below(2) {
            let (name, path, value) = self.operation(&mut filters);
            let fields = out.entry(name.to_owned()).or_insert_with(|| Document::new().into());
            if let Bson::Document(fields) = fields {
                fields.insert(path, value);
            }
        }
        if self.one_in(60) {
            out = self.pick(&[
                doc! { "$nonsense": { "a": 1 } },
                doc! { "$set": 1 },
                doc! { "$set": {} },
                doc! { "$set": { "a": 1 }, "b": 1 },
                doc! { "$inc": { "": 1 } },
                doc! { "$inc": { "a..b": 1 } },
                doc! { "$inc": { "a.": 1 } },
                doc! { "$set": { "$a": 1 } },
                doc! { "$set": { "a.$b": 1 } },
                doc! { "$rename": { "a": "a" } },
                doc! { "$rename": { "a": 1 } },
                doc! { "$rename": { "a": "a.b" } },
                doc! { "$set": { "a.$[x]": 1 } },
                doc! { "$set": { "$[]": 1 } },
            ]);
        }
        (out, filters)
    }

    fn operation(&mut self, filters: &mut Vec<Bson>) -> (&'static str, String, Bson) {
        let mut path = self.update_path();
        if self.one_in(10) {
            path = self.all_positions(filters);
        }
        let end = path.clone();
        let (name, value): (&'static str, Bson) = match self.below(30) {
            0..4 => ("$inc", self.amount()),
            4 | 5 => ("$mul", self.amount()),
            6..10 => ("$set", self.value_for(&end)),
            10 => ("$setOnInsert", self.value_for(&end)),
            11..13 => ("$unset", self.pick(&[Bson::from(""), Bson::Int32(1)])),
            13 => ("$rename", self.pick(&["x", "b", "x.y", "n", "s", "o.z"]).into()),
            14 | 15 => (self.pick(&["$min", "$max"]), self.value_for(&end)),
            16 => {
                let kind: Bson = self.pick(&[
                    Bson::Boolean(true),
                    doc! { "$type": "date" }.into(),
                    doc! { "$type": "timestamp" }.into(),
                    doc! { "$type": "x" }.into(),
                ]);
                ("$currentDate", kind)
            }
            17 => {
                let name = self.pick(&["and", "or", "xor", "nand"]);
                let mask = self.pick(&[Bson::Int32(5), Bson::Int64(3), Bson::Int32(0), 1.5.into()]);
                ("$bit", doc! { name: mask }.into())
            }
            18..22 => {
                path = self.array_path(path);
                ("$push", self.pushed())
            }
            22..24 => {
                path = self.array_path(path);
                let value = match self.one_in(2) {
                    true => doc! { "$each": self.some_values() }.into(),
                    false => self.element(),
                };
                ("$addToSet", value)
            }
            24..27 => {
                path = self.array_path(path);
                let value = match self.below(3) {
                    0 => self.element(),
                    1 => self.predicate("l.0", 1),
                    _ => self.elements(1).into(),
                };
                ("$pull", value)
            }
            27 => {
                path = self.array_path(path);
                ("$pullAll", self.some_values().into())
            }
            _ => {
                path = self.array_path(path);
                ("$pop", self.pick(&[1, -1, 1, -1, 1, -1, 2]).into())
            }
        };
        (name, path, value)
    }

    fn update_path(&mut self) -> String {
        match self.below(12) {
            0 => self.pick(&["x", "x.y", "x.10", "x.9", "l.7", "a.3", "a.b.d"]).to_owned(),
            1 if self.one_in(6) => "_id".to_owned(),
            _ => match self.path() {
                "_id" => "n".to_owned(),
                path => path.to_owned(),
            },
        }
    }

    fn array_path(&mut self, other: String) -> String {
        match self.tame && !self.one_in(8) {
            true => self.pick(&["l", "l", "p"]).to_owned(),
            false => other,
        }
    }

    fn amount(&mut self) -> Bson {
        match self.below(12) {
            0 => self.scalar(),
            1 => self.pick(&[Bson::Int64(i64::MAX), Bson::Int32(i32::MAX), Bson::Int64(1 << 40)]),
            _ => self.number(),
        }
    }

    fn element(&mut self) -> Bson {
        let path = self.pick(&["l.0", "p"]);
        self.value_for(path)
    }

    fn some_values(&mut self) -> Vec<Bson> {
        (0..self.below(4)).map(|_| self.element()).collect()
    }

    /// What `$push` adds, with its modifiers.
    fn pushed(&mut self) -> Bson {
        if self.one_in(3) {
            return self.element();
        }
        let mut out = doc! { "$each": self.some_values() };
        if self.one_in(3) {
            out.insert("$position", self.pick(&[0, 1, -1, 9]));
        }
        if self.one_in(3) {
            out.insert("$slice", self.pick(&[0, 2, -2, 9]));
        }
        if self.one_in(3) {
            let sort: Bson = self.pick(&[
                Bson::Int32(1),
                Bson::Int32(-1),
                doc! { "v": 1 }.into(),
                doc! { "k": -1, "v": 1 }.into(),
                doc! { "b": 1 }.into(),
            ]);
            out.insert("$sort", sort);
        }
        if self.one_in(40) {
            let (name, value) = self.pick(&[
                ("$each", Bson::Int32(1)),
                ("$slice", "x".into()),
                ("$sort", Bson::Int32(2)),
                ("$position", "x".into()),
                ("$nonsense", Bson::Int32(1)),
            ]);
            out.insert(name, value);
        }
        out.into()
    }

    /// A path through all elements, or through those that a filter chooses.
    fn all_positions(&mut self, filters: &mut Vec<Bson>) -> String {
        let (array, below) = match self.tame {
            true => self.pick(&[("l", ""), ("p", ".v"), ("p", ".w")]),
            false => self.pick(&[("a", ""), ("a", ".b"), ("b", ""), ("a.b", "")]),
        };
        if self.one_in(2) {
            return format!("{array}.$[]{below}");
        }
        let name = if below.is_empty() { "e" } else { "e.v" };
        if filters.is_empty() && !self.one_in(30) {
            filters.push(doc! { name: self.predicate("l.0", 0) }.into());
        }
        format!("{array}.$[e]{below}")
    }

    /// An update of the element that the filter found.
    fn positional(&mut self) -> Document {
        let (field, path) = match self.tame {
            true => self.pick(&[("l", "l.$"), ("p.k", "p.$.v"), ("p.v", "p.$"), ("p.k", "p.$.w")]),
            false => self.pick(&[("a", "a.$"), ("a.b", "a.$.b"), ("b", "b.$"), ("a", "a.$.b")]),
        };
        let predicate = match self.one_in(3) {
            true if field.starts_with('p') => {
                return doc! {
                    "q": { "p": { "$elemMatch": self.elements(0) } },
                    "u": { "$set": { path: self.number() } },
                };
            }
            _ => self.predicate(field, 1),
        };
        let (name, value) = match self.below(4) {
            0 => ("$inc", self.amount()),
            1 => ("$unset", Bson::Int32(1)),
            _ => ("$set", self.value_for("l.0")),
        };
        let mut query = doc! { field: predicate };
        if self.one_in(3) {
            query.insert("_id", self.below(6) as i32);
        }
        let multi = self.one_in(2);
        doc! { "q": query, "u": { name: { path: value } }, "multi": multi }
    }

    fn find_and_modify(&mut self) -> Document {
        let mut out = doc! { "findAndModify": "c", "query": self.update_filter() };
        if self.one_in(2) {
            out.insert("sort", self.sort(true));
        }
        if self.one_in(4) {
            out.insert("remove", true);
        } else {
            let (update, filters) = self.operators();
            out.insert("update", update);
            if !filters.is_empty() {
                out.insert("arrayFilters", filters);
            }
            out.insert("new", self.one_in(2));
            out.insert("upsert", self.one_in(3));
        }
        if self.one_in(3) {
            out.insert("fields", self.projection());
        }
        out
    }
}
