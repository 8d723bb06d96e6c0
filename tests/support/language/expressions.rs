//! Random aggregation expressions, mostly of the types that their operators want.

use bson::{Bson, Document, doc};

use super::values::Gen;

/// What an expression should come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Truth,
    Date,
    Array,
    Any,
}

const KINDS: [Kind; 6] =
    [Kind::Number, Kind::Text, Kind::Truth, Kind::Date, Kind::Array, Kind::Any];

impl Gen {
    /// An expression of any type.
    pub fn expression(&mut self, depth: u32) -> Bson {
        let kind = self.pick(&KINDS);
        self.expression_of(kind, depth)
    }

    /// An expression that comes to a number.
    pub fn numeric(&mut self, depth: u32) -> Bson {
        self.expression_of(Kind::Number, depth)
    }

    fn expression_of(&mut self, kind: Kind, depth: u32) -> Bson {
        let kind = if self.one_in(30) { Kind::Any } else { kind };
        if depth == 0 || self.one_in(4) {
            return self.leaf(kind);
        }
        if self.one_in(6) {
            return self.conditional(kind, depth - 1);
        }
        match kind {
            Kind::Number => self.number_expression(depth - 1),
            Kind::Text => self.text_expression(depth - 1),
            Kind::Truth => self.truth_expression(depth - 1),
            Kind::Date => self.leaf(Kind::Date),
            Kind::Array => self.list_expression(depth - 1),
            Kind::Any => self.any_expression(depth - 1),
        }
    }

    fn leaf(&mut self, kind: Kind) -> Bson {
        if self.tame && self.one_in(3) {
            match kind {
                Kind::Number => return self.number(),
                Kind::Text => return self.text().into(),
                Kind::Truth => return self.pick(&[true, false]).into(),
                Kind::Date => return self.date(),
                Kind::Array => {
                    // As it stands it could be taken for a list of operands.
                    let items: Vec<Bson> = (0..self.below(4)).map(|_| self.number()).collect();
                    return doc! { "$literal": items }.into();
                }
                Kind::Any => return doc! { "$literal": self.value(1) }.into(),
            }
        }
        let path = match (self.tame, kind) {
            (true, Kind::Number) => self.pick(&["n", "m", "o.x", "_id"]),
            (true, Kind::Text) => self.pick(&["s", "t", "o.y"]),
            (true, Kind::Truth) => self.pick(&["f", "f", "n"]),
            (true, Kind::Date) => "d",
            (true, Kind::Array) => self.pick(&["l", "l", "p", "p.v"]),
            _ => self.path(),
        };
        match self.below(20) {
            0 => format!("$$ROOT.{path}").into(),
            1 => format!("$$CURRENT.{path}").into(),
            2 if kind == Kind::Any => {
                self.pick(&["$$ROOT", "$$REMOVE", "$a..b", "$$nothing"]).into()
            }
            _ => format!("${path}").into(),
        }
    }

    fn conditional(&mut self, kind: Kind, depth: u32) -> Bson {
        let (yes, no) = (self.expression_of(kind, depth), self.expression_of(kind, depth));
        match self.below(5) {
            0 => doc! { "$cond": [self.expression_of(Kind::Truth, depth), yes, no] }.into(),
            1 => {
                let test = self.expression_of(Kind::Truth, depth);
                doc! { "$cond": { "if": test, "then": yes, "else": no } }.into()
            }
            2 => doc! { "$ifNull": [yes, no] }.into(),
            3 => {
                let case = self.expression_of(Kind::Truth, depth);
                let mut switch = doc! { "branches": [{ "case": case, "then": yes }] };
                if !self.one_in(5) {
                    switch.insert("default", no);
                }
                doc! { "$switch": switch }.into()
            }
            _ => {
                let inside = doc! { "$ifNull": ["$$v", yes] };
                doc! { "$let": { "vars": { "v": no }, "in": inside } }.into()
            }
        }
    }

    fn several(&mut self, kind: Kind, depth: u32, most: u32) -> Bson {
        let len = self.below(most + 1);
        Bson::Array((0..len).map(|_| self.expression_of(kind, depth)).collect())
    }

    fn number_expression(&mut self, depth: u32) -> Bson {
        let (a, b) = (Kind::Number, Kind::Number);
        match self.below(20) {
            0..4 => {
                let name = self.pick(&["$add", "$multiply"]);
                doc! { name: self.several(Kind::Number, depth, 3) }.into()
            }
            4..8 => {
                let name = self.pick(&["$subtract", "$divide", "$mod", "$subtract", "$pow"]);
                doc! { name: [self.expression_of(a, depth), self.expression_of(b, depth)] }.into()
            }
            8..11 => {
                let name = self.pick(&["$abs", "$ceil", "$floor", "$trunc", "$round", "$sqrt"]);
                doc! { name: self.expression_of(a, depth) }.into()
            }
            11 => {
                let name = self.pick(&["$exp", "$ln", "$log10"]);
                doc! { name: self.expression_of(a, depth) }.into()
            }
            12 => {
                let name = self.pick(&["$round", "$trunc"]);
                let place = self.pick(&[0, 1, -1]);
                doc! { name: [self.expression_of(a, depth), place] }.into()
            }
            13 => doc! { "$size": self.expression_of(Kind::Array, depth) }.into(),
            14 => {
                let name = self.pick(&["$strLenBytes", "$strLenCP"]);
                doc! { name: self.expression_of(Kind::Text, depth) }.into()
            }
            15 => {
                let name = self.pick(&["$sum", "$avg", "$max", "$min", "$stdDevPop"]);
                doc! { name: self.expression_of(Kind::Array, depth) }.into()
            }
            16 => {
                let (x, y) = (self.leaf(Kind::Any), self.leaf(Kind::Any));
                doc! { "$cmp": [x, y] }.into()
            }
            17 => {
                let name = self.pick(&["$indexOfBytes", "$indexOfCP"]);
                let text = self.expression_of(Kind::Text, depth);
                doc! { name: [text, self.pick(&["a", "b", ""])] }.into()
            }
            18 => self.date_part(depth),
            _ => {
                let name = self.pick(&["$toInt", "$toLong", "$toDouble"]);
                doc! { name: self.leaf(Kind::Number) }.into()
            }
        }
    }

    fn date_part(&mut self, depth: u32) -> Bson {
        let name = self.pick(&[
            "$year",
            "$month",
            "$dayOfMonth",
            "$hour",
            "$minute",
            "$second",
            "$millisecond",
            "$dayOfWeek",
            "$dayOfYear",
            "$week",
            "$isoWeek",
            "$isoWeekYear",
            "$isoDayOfWeek",
        ]);
        let date = self.expression_of(Kind::Date, depth);
        match self.one_in(3) {
            true => doc! { name: { "date": date, "timezone": self.zone() } }.into(),
            false => doc! { name: date }.into(),
        }
    }

    fn zone(&mut self) -> &'static str {
        self.pick(&["UTC", "+05:30", "-0200", "+03", "Europe/Berlin", "America/New_York"])
    }

    fn text_expression(&mut self, depth: u32) -> Bson {
        match self.below(10) {
            0..2 => doc! { "$concat": self.several(Kind::Text, depth, 3) }.into(),
            2..4 => {
                let name = self.pick(&["$toLower", "$toUpper"]);
                doc! { name: self.expression_of(Kind::Text, depth) }.into()
            }
            4 => {
                let name = self.pick(&["$substr", "$substrBytes", "$substrCP"]);
                let (at, len) = (self.pick(&[0, 1, 2]), self.pick(&[0, 1, 2, -1]));
                doc! { name: [self.expression_of(Kind::Text, depth), at, len] }.into()
            }
            5 => {
                let name = self.pick(&["$trim", "$ltrim", "$rtrim"]);
                let mut options = doc! { "input": self.expression_of(Kind::Text, depth) };
                if self.one_in(2) {
                    options.insert("chars", "ab");
                }
                doc! { name: options }.into()
            }
            6 | 7 => {
                let format = self.pick(&[
                    "%Y-%m-%d",
                    "%Y-%m-%dT%H:%M:%S.%LZ",
                    "%H:%M",
                    "%j %u %V %G %U %w",
                    "%z %Z %%",
                ]);
                let date = self.expression_of(Kind::Date, depth);
                let mut options = doc! { "format": format, "date": date };
                if self.one_in(3) {
                    options.insert("timezone", self.zone());
                }
                if self.one_in(4) {
                    options.insert("onNull", "none");
                }
                doc! { "$dateToString": options }.into()
            }
            8 => doc! { "$type": self.leaf(Kind::Any) }.into(),
            _ => doc! { "$toString": self.leaf(Kind::Number) }.into(),
        }
    }

    fn truth_expression(&mut self, depth: u32) -> Bson {
        match self.below(12) {
            0..5 => {
                let name = self.pick(&["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]);
                let kind = self.pick(&KINDS);
                let (a, b) = (self.expression_of(kind, depth), self.expression_of(kind, depth));
                doc! { name: [a, b] }.into()
            }
            5..8 => {
                let name = self.pick(&["$and", "$or"]);
                doc! { name: self.several(Kind::Truth, depth, 3) }.into()
            }
            8 => doc! { "$not": [self.expression_of(Kind::Truth, depth)] }.into(),
            9 => {
                let array = self.expression_of(Kind::Array, depth);
                doc! { "$in": [self.leaf(Kind::Number), array] }.into()
            }
            10 => {
                let name = self.pick(&["$anyElementTrue", "$allElementsTrue"]);
                doc! { name: [self.expression_of(Kind::Array, depth)] }.into()
            }
            _ => {
                let name = self.pick(&["$isArray", "$isNumber", "$toBool"]);
                doc! { name: self.leaf(Kind::Any) }.into()
            }
        }
    }

    fn list_expression(&mut self, depth: u32) -> Bson {
        let array = self.expression_of(Kind::Array, depth);
        match self.below(14) {
            0 => doc! { "$concatArrays": self.several(Kind::Array, depth, 2) }.into(),
            1 => doc! { "$slice": [array, self.pick(&[1, 2, -1, 0])] }.into(),
            2 => {
                let at = self.pick(&[0, 1, -1, -5, 5]);
                doc! { "$slice": [array, at, self.pick(&[1, 2])] }.into()
            }
            3 | 4 => {
                let test = doc! { "$gt": ["$$x", self.leaf(Kind::Number)] };
                let mut options = doc! { "input": array, "cond": test };
                options.insert("as", "x");
                doc! { "$filter": options }.into()
            }
            5 | 6 => {
                let inside: Bson = match self.below(3) {
                    0 => doc! { "$ifNull": ["$$this", self.leaf(Kind::Any)] }.into(),
                    1 => doc! { "$eq": ["$$this", self.leaf(Kind::Any)] }.into(),
                    _ => vec![Bson::from("$$this"), self.leaf(Kind::Number)].into(),
                };
                doc! { "$map": { "input": array, "in": inside } }.into()
            }
            7 => doc! { "$reverseArray": array }.into(),
            8 => {
                let (from, to) = (self.below(3) as i32, self.below(5) as i32);
                doc! { "$range": [from, to, self.pick(&[1, 2, -1])] }.into()
            }
            9 => {
                let name = self.pick(&["$setUnion", "$setIntersection", "$setDifference"]);
                doc! { name: [array, self.expression_of(Kind::Array, depth)] }.into()
            }
            10 => {
                let object = if self.tame { "$o" } else { "$a" };
                doc! { "$objectToArray": object }.into()
            }
            11 => doc! { "$split": [self.expression_of(Kind::Text, depth), "b"] }.into(),
            12 => doc! { "$zip": { "inputs": [array, [1, 2]] } }.into(),
            _ => {
                let one: Bson = vec![self.expression(depth)].into();
                doc! { "$concatArrays": [one, self.leaf(Kind::Array)] }.into()
            }
        }
    }

    fn any_expression(&mut self, depth: u32) -> Bson {
        match self.below(12) {
            0 | 1 => {
                let array = self.expression_of(Kind::Array, depth);
                doc! { "$arrayElemAt": [array, self.pick(&[0, 1, -1, 9])] }.into()
            }
            2 => {
                let inside = doc! { "$add": ["$$value", "$$this"] };
                let input = if self.tame { "$l".into() } else { self.leaf(Kind::Array) };
                doc! { "$reduce": { "input": input, "initialValue": 0, "in": inside } }.into()
            }
            3 => doc! { "$mergeObjects": ["$o", { "z": self.leaf(Kind::Any) }] }.into(),
            4 | 5 => {
                let mut out = Document::new();
                for _ in 0..1 + self.below(2) {
                    let name = self.pick(&["x", "y", "z"]);
                    out.insert(name, self.expression(depth));
                }
                out.into()
            }
            6 => doc! { "$arrayToObject": [[["k", self.leaf(Kind::Any)]]] }.into(),
            7 => {
                let object = if self.tame { "$o" } else { "$a" };
                doc! { "$arrayToObject": { "$objectToArray": object } }.into()
            }
            8 if self.one_in(4) => doc! { "$nonsense": 1 }.into(),
            8 if self.one_in(3) => doc! { "$add": 1, "$subtract": [1, 2] }.into(),
            8 => doc! { "$literal": self.value(2) }.into(),
            9 => {
                let name = self.pick(&["$first", "$last"]);
                doc! { name: self.expression_of(Kind::Array, depth) }.into()
            }
            _ => {
                let kind = self.pick(&KINDS[..5]);
                self.expression_of(kind, depth)
            }
        }
    }
}
