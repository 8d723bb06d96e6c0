//! Random sorts, projections, finds, counts and distincts.

use bson::{Bson, Document, doc};

use super::values::Gen;

impl Gen {
    /// A sort. One that is `total` decides the place of every document.
    pub fn sort(&mut self, total: bool) -> Document {
        let mut out = Document::new();
        for _ in 0..1 + self.below(2) {
            let path = self.path();
            out.insert(path, self.pick(&[1, -1]));
        }
        if total {
            out.insert("_id", self.pick(&[1, -1]));
        } else {
            out.remove("_id");
            if out.is_empty() {
                out.insert(self.field(), 1);
            }
        }
        out
    }

    /// A find with what belongs to one.
    pub fn find(&mut self) -> Document {
        let filter = if self.one_in(3) { Document::new() } else { self.filter(2) };
        let mut out = doc! { "find": "c", "filter": filter };
        let total = self.one_in(2);
        if total || self.one_in(3) {
            out.insert("sort", self.sort(total));
        }
        if self.one_in(2) {
            out.insert("projection", self.projection());
        }
        if total && self.one_in(3) {
            out.insert("skip", self.below(4) as i32);
        }
        if total && self.one_in(3) {
            out.insert("limit", self.below(5) as i32);
        }
        if self.one_in(80) {
            let (name, value): (&str, Bson) = self.pick(&[
                ("sort", doc! { "a": 2 }.into()),
                ("sort", doc! { "a": "x" }.into()),
                ("sort", doc! { "": 1 }.into()),
                ("sort", doc! { "$a": 1 }.into()),
                ("skip", Bson::Int32(-1)),
                ("limit", Bson::Int32(-1)),
                ("hint", "nonsense".into()),
                ("nonsense", Bson::Int32(1)),
                ("filter", Bson::Int32(1)),
            ]);
            out.insert(name, value);
        }
        out
    }

    /// A projection of a find.
    pub fn projection(&mut self) -> Document {
        if self.one_in(40) {
            return self.pick(&[
                doc! { "a": 1, "b": 0 },
                doc! { "a": 1, "a.b": 1 },
                doc! { "a.b": 1, "a": 1 },
                doc! { "a.$": 1 },
                doc! { "a.$.b": 1 },
                doc! { "a": { "$slice": "x" } },
                doc! { "a": { "$slice": [1, -1] } },
                doc! { "a": { "$elemMatch": 1 } },
                doc! { "$a": 1 },
                doc! { "": 1 },
                doc! { "a..b": 1 },
            ]);
        }
        let include = self.one_in(2);
        let mut out = Document::new();
        if self.one_in(4) {
            out.insert("_id", self.pick(&[Bson::Int32(0), Bson::Int32(1), Bson::Boolean(false)]));
        }
        for _ in 0..self.below(4) {
            let path = self.path();
            if path == "_id" {
                continue;
            }
            let value: Bson = match self.below(12) {
                0 => {
                    let count = self.pick(&[0, 1, 2, -1, -2]);
                    doc! { "$slice": count }.into()
                }
                1 => {
                    let (skip, limit) = (self.pick(&[0, 1, -1, -2, 5]), self.pick(&[1, 2]));
                    doc! { "$slice": [skip, limit] }.into()
                }
                2 if !path.contains('.') => doc! { "$elemMatch": self.elements(1) }.into(),
                3 if include => self.expression(1),
                _ if include => self.pick(&[Bson::Int32(1), Bson::Boolean(true), 2.5.into()]),
                _ => self.pick(&[Bson::Int32(0), Bson::Boolean(false)]),
            };
            out.insert(path, value);
        }
        out
    }

    /// A find whose projection is positional.
    pub fn positional_find(&mut self) -> Document {
        let field = if self.tame { self.pick(&["l", "p.v", "p.k"]) } else { self.field() };
        let predicate = self.predicate(field, 1);
        let path = format!("{}.$", field.split('.').next().unwrap_or_default());
        doc! { "find": "c", "filter": { field: predicate }, "projection": { path: 1 } }
    }

    /// How many.
    pub fn count(&mut self) -> Document {
        let mut out = doc! { "count": "c", "query": self.filter(2) };
        if self.one_in(3) {
            out.insert("skip", self.below(3) as i32);
        }
        if self.one_in(3) {
            out.insert("limit", self.below(3) as i32);
        }
        out
    }

    /// Which values.
    pub fn distinct(&mut self) -> Document {
        let key = self.path();
        doc! { "distinct": "c", "key": key, "query": self.filter(1) }
    }
}
