//! Random filters.

use bson::{Bson, Document, doc};

use super::values::Gen;

impl Gen {
    /// A filter; mostly valid.
    pub fn filter(&mut self, depth: u32) -> Document {
        let mut out = Document::new();
        for _ in 0..1 + self.below(2) {
            if depth > 0 && self.one_in(5) {
                let (name, value) = self.logical(depth - 1);
                out.insert(name, value);
            } else {
                let path = self.path();
                let predicate = self.predicate(path, depth);
                out.insert(path, predicate);
            }
        }
        if self.one_in(60) {
            out.insert("$comment", "a comment");
        }
        out
    }

    fn logical(&mut self, depth: u32) -> (&'static str, Bson) {
        match self.below(12) {
            0 | 1 => ("$expr", self.expression(2)),
            2 if self.one_in(6) => ("$and", Bson::Array(vec![])),
            2 if self.one_in(6) => ("$or", Bson::Int32(1)),
            2 if self.one_in(6) => ("$nonsense", Bson::Int32(1)),
            n => {
                let name = ["$and", "$or", "$nor"][n as usize % 3];
                let len = 1 + self.below(3);
                (name, (0..len).map(|_| self.filter(depth)).collect::<Vec<_>>().into())
            }
        }
    }

    /// What is asked of a field: a value, or operators.
    pub fn predicate(&mut self, path: &str, depth: u32) -> Bson {
        match self.below(10) {
            0..3 => self.value_for(path),
            3 if self.one_in(3) => self.regex(),
            _ => {
                let mut out = Document::new();
                for _ in 0..1 + u32::from(self.one_in(4)) {
                    self.operator(path, depth, &mut out);
                }
                out.into()
            }
        }
    }

    fn operator(&mut self, path: &str, depth: u32, out: &mut Document) {
        if self.one_in(40) {
            return self.wrong_operator(out);
        }
        match self.below(34) {
            0..4 => {
                let name = self.pick(&["$eq", "$ne"]);
                out.insert(name, self.value_for(path));
            }
            4..12 => {
                let name = self.pick(&["$gt", "$gte", "$lt", "$lte"]);
                out.insert(name, self.value_for(path));
            }
            12..15 => {
                let name = self.pick(&["$in", "$nin"]);
                let len = self.below(4);
                let regex = self.one_in(8).then(|| self.regex());
                let values = (0..len).map(|_| self.value_for(path)).chain(regex);
                out.insert(name, Bson::Array(values.collect()));
            }
            15..17 => drop(out.insert("$exists", self.pick(&[true, false]))),
            17..19 => drop(out.insert("$type", self.type_name())),
            19 => {
                let (by, rest) = (self.pick(&[2, 3, -2]), self.pick(&[0, 1, -1]));
                out.insert("$mod", vec![Bson::Int32(by), Bson::Int32(rest)]);
            }
            20 => {
                let pattern = self.pick(&["a", "^a", "B", "b$", ""]);
                out.insert("$regex", pattern);
                if self.one_in(2) {
                    out.insert("$options", self.pick(&["i", "m", "s", ""]));
                }
            }
            21..23 => {
                let len = self.below(3);
                let all: Vec<Bson> = match self.one_in(4) && depth > 0 {
                    true => {
                        let element = self.elements(depth - 1);
                        vec![doc! { "$elemMatch": element }.into()]
                    }
                    false => (0..len).map(|_| self.value_for(path)).collect(),
                };
                out.insert("$all", all);
            }
            23..26 if depth > 0 => drop(out.insert("$elemMatch", self.elements(depth - 1))),
            26 => drop(out.insert("$size", self.below(4) as i32)),
            27 | 28 => {
                let name =
                    self.pick(&["$bitsAllSet", "$bitsAnySet", "$bitsAllClear", "$bitsAnyClear"]);
                let mask = match self.one_in(2) {
                    true => Bson::Int32(self.below(6) as i32),
                    false => vec![Bson::Int32(0), Bson::Int32(self.below(4) as i32)].into(),
                };
                out.insert(name, mask);
            }
            29..32 if depth > 0 => {
                let mut inner = Document::new();
                self.operator(path, depth - 1, &mut inner);
                out.insert("$not", inner);
            }
            32 => drop(out.insert("$not", self.regex())),
            _ => drop(out.insert("$gte", self.value_for(path))),
        }
    }

    /// What `$elemMatch` asks of elements: a filter of documents or operators on values.
    pub fn elements(&mut self, depth: u32) -> Document {
        if self.one_in(2) {
            let mut out = Document::new();
            self.operator("l.0", depth, &mut out);
            return out;
        }
        let names: &[&str] = if self.tame { &["k", "v"] } else { &["a", "b", "c", "b.c", "0"] };
        let mut out = Document::new();
        for _ in 0..1 + self.below(2) {
            let name = self.pick(names);
            let path = if name == "k" { "p.k" } else { "p.v" };
            out.insert(name, self.predicate(path, depth));
        }
        out
    }

    fn type_name(&mut self) -> Bson {
        match self.below(6) {
            0 => Bson::Int32(self.pick(&[1, 2, 3, 4, 8, 10, 16, 18, -1, 127])),
            1 => vec![Bson::from("string"), Bson::Int32(4), "null".into()].into(),
            _ => self
                .pick(&[
                    "double",
                    "string",
                    "object",
                    "array",
                    "bool",
                    "date",
                    "null",
                    "int",
                    "long",
                    "number",
                    "minKey",
                    "objectId",
                    "binData",
                    "regex",
                    "timestamp",
                    "decimal",
                ])
                .into(),
        }
    }

    fn wrong_operator(&mut self, out: &mut Document) {
        let (name, value): (&str, Bson) = self.pick(&[
            ("$in", Bson::Int32(1)),
            ("$mod", vec![Bson::Int32(0), Bson::Int32(1)].into()),
            ("$mod", vec![Bson::Int32(2)].into()),
            ("$mod", Bson::Int32(2)),
            ("$size", Bson::Int32(-1)),
            ("$size", "a".into()),
            ("$all", Bson::Int32(1)),
            ("$elemMatch", Bson::Int32(1)),
            ("$type", "nonsense".into()),
            ("$type", Bson::Int32(99)),
            ("$not", Bson::Int32(1)),
            ("$not", doc! {}.into()),
            ("$nonsense", Bson::Int32(1)),
            ("$regex", Bson::Int32(1)),
            ("$regex", "(".into()),
            ("$options", "i".into()),
            ("$bitsAllSet", Bson::Int32(-1)),
            ("$bitsAllSet", "a".into()),
            ("$in", vec![Bson::from(doc! { "$gt": 1 })].into()),
            ("$exists", Bson::Int32(0)),
        ]);
        out.insert(name, value);
    }
}
