//! Random pipelines.
//!
//! Where the order of documents is not decided (after a group), no stage and no accumulator
//! follows whose result depends on it.

use bson::{Bson, Document, doc};

use super::values::Gen;

impl Gen {
    /// An aggregation.
    pub fn aggregate(&mut self) -> Document {
        let mut stages = self.stages(4, true, true);
        if self.one_in(40) {
            let out = if self.one_in(2) {
                doc! { "$out": "out" }
            } else {
                doc! { "$out": 1 }
            };
            stages.push(out);
        }
        let stages: Vec<Bson> = stages.into_iter().map(Bson::from).collect();
        doc! { "aggregate": "c", "pipeline": stages, "cursor": { "batchSize": 1000 } }
    }

    fn stages(&mut self, most: u32, top: bool, ordered: bool) -> Vec<Document> {
        let mut ordered = ordered;
        let len = self.below(most) + 1;
        (0..len).map(|_| self.stage(&mut ordered, top)).collect()
    }

    fn stage(&mut self, ordered: &mut bool, top: bool) -> Document {
        match self.below(40) {
            0..6 => doc! { "$match": self.filter(2) },
            6..12 => doc! { "$project": self.project() },
            12..16 => {
                let name = self.pick(&["$addFields", "$addFields", "$set"]);
                doc! { name: self.computed_fields() }
            }
            16..22 => self.group(ordered),
            22..26 => doc! { "$sort": self.sort(true) },
            26 | 27 if *ordered => {
                let name = self.pick(&["$limit", "$skip"]);
                doc! { name: self.pick(&[1, 2, 3, 5, 2, 3]) }
            }
            28..31 => {
                // Documents with one _id: a sort leaves open which comes first.
                *ordered = false;
                self.unwind()
            }
            31 => doc! { "$count": self.pick(&["n", "count", "n", "", "$n"]) },
            32 => {
                *ordered = false;
                doc! { "$sortByCount": format!("${}", self.path()) }
            }
            33 | 34 if top => {
                let one = self.stages(2, false, *ordered);
                let two = self.stages(2, false, *ordered);
                doc! { "$facet": { "one": one, "two": two } }
            }
            35 => self.bucket(),
            36 => {
                let root = match self.below(4) {
                    0 => Bson::from(format!("${}", self.field())),
                    1 => doc! { "$mergeObjects": ["$$ROOT", { "z": self.expression(1) }] }.into(),
                    _ => doc! { "_id": "$_id", "z": self.expression(2) }.into(),
                };
                match self.one_in(2) {
                    true => doc! { "$replaceRoot": { "newRoot": root } },
                    false => doc! { "$replaceWith": root },
                }
            }
            37 => self.lookup(),
            38 => doc! { "$unset": self.pick(&["n", "a", "o.x", "a.b", "l"]) },
            39 if self.one_in(4) => self.wrong_stage(),
            _ => doc! { "$match": self.filter(1) },
        }
    }

    fn project(&mut self) -> Document {
        let mut out = Document::new();
        let include = self.one_in(2);
        if self.one_in(4) {
            out.insert("_id", 0);
        }
        for _ in 0..1 + self.below(3) {
            let path = self.path();
            if path == "_id" {
                continue;
            }
            let value: Bson = match self.below(6) {
                _ if !include => self.pick(&[Bson::Int32(0), Bson::Boolean(false)]),
                0..3 => self.pick(&[Bson::Int32(1), Bson::Boolean(true)]),
                _ => self.expression(2),
            };
            let path = if self.one_in(3) { self.pick(&["x", "y", "x.z"]) } else { path };
            out.insert(path, value);
        }
        out
    }

    fn computed_fields(&mut self) -> Document {
        let mut out = Document::new();
        for _ in 0..1 + self.below(2) {
            let path = if self.one_in(3) { self.path() } else { self.pick(&["x", "y", "x.z"]) };
            if path != "_id" {
                out.insert(path, self.expression(3));
            }
        }
        out
    }

    fn group(&mut self, ordered: &mut bool) -> Document {
        let id = match self.below(6) {
            0 => Bson::Null,
            1 => doc! { "x": self.expression(1), "y": format!("${}", self.path()) }.into(),
            2 => self.expression(2),
            _ => format!("${}", self.path()).into(),
        };
        let mut out = doc! { "_id": id };
        for name in ["x", "y", "z"] {
            if self.one_in(2) {
                continue;
            }
            let (accumulator, argument): (&str, Bson) = match self.below(10) {
                0 => ("$sum", Bson::Int32(1)),
                1..3 => ("$sum", self.numeric(1)),
                3 => ("$avg", self.numeric(1)),
                4 => (self.pick(&["$min", "$max"]), self.expression(1)),
                5 | 6 if *ordered => (self.pick(&["$first", "$last", "$push"]), self.expression(1)),
                7 => ("$addToSet", self.expression(1)),
                8 => (self.pick(&["$stdDevPop", "$stdDevSamp"]), self.numeric(0)),
                9 if self.one_in(8) => ("$nonsense", Bson::Int32(1)),
                _ => ("$max", self.numeric(1)),
            };
            out.insert(name, doc! { accumulator: argument });
        }
        *ordered = false;
        doc! { "$group": out }
    }

    fn unwind(&mut self) -> Document {
        let path = if self.tame { self.pick(&["l", "p", "o", "n"]) } else { self.path() };
        let path = format!("${path}");
        if self.one_in(2) {
            return doc! { "$unwind": path };
        }
        let mut out = doc! { "path": path };
        if self.one_in(2) {
            out.insert("preserveNullAndEmptyArrays", self.pick(&[true, false]));
        }
        if self.one_in(2) {
            out.insert("includeArrayIndex", self.pick(&["i", "x.i", "i"]));
        }
        doc! { "$unwind": out }
    }

    fn bucket(&mut self) -> Document {
        let mut out = doc! { "groupBy": self.numeric(1), "boundaries": [0, 2, 5] };
        if !self.one_in(4) {
            out.insert("default", self.pick(&[Bson::from("other"), Bson::Int32(-9)]));
        }
        if self.one_in(3) {
            out.insert("output", doc! { "n": { "$sum": 1 }, "x": { "$max": self.numeric(1) } });
        }
        doc! { "$bucket": out }
    }

    fn lookup(&mut self) -> Document {
        let (local, foreign) = (self.path(), self.path());
        let mut out = doc! { "from": self.pick(&["c", "other", "nothing"]) };
        if self.one_in(4) {
            let same = doc! { "$expr": { "$eq": ["$$v", format!("${foreign}")] } };
            out.insert("let", doc! { "v": format!("${local}") });
            out.insert("pipeline", vec![Bson::from(doc! { "$match": same })]);
        } else {
            out.insert("localField", local);
            out.insert("foreignField", foreign);
        }
        out.insert("as", self.pick(&["x", "x.y"]));
        doc! { "$lookup": out }
    }

    fn wrong_stage(&mut self) -> Document {
        self.pick(&[
            doc! { "$nonsense": 1 },
            doc! { "$match": 1 },
            doc! { "$limit": 0 },
            doc! { "$limit": -1 },
            doc! { "$skip": -1 },
            doc! { "$limit": "x" },
            doc! { "$sort": 1 },
            doc! { "$sort": {} },
            doc! { "$sort": { "a": 2 } },
            doc! { "$group": 1 },
            doc! { "$group": { "x": { "$sum": 1 } } },
            doc! { "$group": { "_id": 1, "x": 1 } },
            doc! { "$group": { "_id": 1, "x.y": { "$sum": 1 } } },
            doc! { "$project": {} },
            doc! { "$project": 1 },
            doc! { "$project": { "a": 1, "b": 0 } },
            doc! { "$project": { "a": { "b": 1 }, "a.b": 1 } },
            doc! { "$unwind": "a" },
            doc! { "$unwind": 1 },
            doc! { "$unwind": { "path": "$a", "nonsense": 1 } },
            doc! { "$count": 1 },
            doc! { "$count": "a.b" },
            doc! { "$replaceRoot": 1 },
            doc! { "$replaceRoot": {} },
            doc! { "$bucket": { "groupBy": "$a", "boundaries": [1] } },
            doc! { "$bucket": { "groupBy": "$a", "boundaries": [2, 1] } },
            doc! { "$sample": { "size": -1 } },
            doc! { "$facet": {} },
            doc! { "$facet": { "a": [{ "$out": "x" }] } },
            doc! { "$lookup": { "from": "c", "as": "x" } },
            doc! { "$sortByCount": 1 },
            doc! { "$sortByCount": "a" },
            doc! { "$addFields": 1 },
            doc! { "$match": {}, "$limit": 1 },
            doc! {},
        ])
    }
}
