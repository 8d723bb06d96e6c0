//! Values as the tables write them: JSON with bare names, `5L`, `dec("1.5")`, `date(ms)`,
//! `oid("…")`, `ts(seconds, increment)`, `regex("pattern", "flags")`, `bin("hex")`, `code("…")`.

use bson::RawBson;
use bson::raw::RawDocumentBuf;

use crate::bson::element::{self, OwnedValue};

pub(crate) struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    pub fn new(text: &'t str) -> Reader<'t> {
        Reader { rest: text.trim() }
    }

    /// The one value of the text.
    pub fn value(mut self) -> OwnedValue {
        let value = self.read();
        assert!(self.rest.trim().is_empty(), "{} is left", self.rest);
        let mut doc = RawDocumentBuf::new();
        doc.append(bson::raw::cstr!("v"), value);
        element::get(doc.as_bytes(), "v").unwrap().unwrap().val().to_owned()
    }

    fn take(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let is_sign = |c: char| !c.is_alphanumeric() && !"$_.+-".contains(c);
        let (word, rest) = self.rest.split_at(self.rest.find(is_sign).unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    fn string(&mut self) -> String {
        assert!(self.take("\""), "a string at {}", self.rest);
        let mut out = String::new();
        let mut chars = self.rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return out;
                }
                '\\' => match chars.next().unwrap().1 {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'u' => {
                        let code: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&code, 16).unwrap();
                        out.push(char::from_u32(code).unwrap());
                    }
                    other => out.push(other),
                },
                c => out.push(c),
            }
        }
        panic!("a string has no end: {}", self.rest);
    }

    fn read(&mut self) -> RawBson {
        self.rest = self.rest.trim_start();
        match self.rest.chars().next().expect("a value") {
            '{' => self.document(),
            '[' => self.array(),
            '"' => self.string().into(),
            _ => self.scalar(),
        }
    }

    fn document(&mut self) -> RawBson {
        let mut doc = RawDocumentBuf::new();
        self.take("{");
        while !self.take("}") {
            let is_quoted = self.rest.trim_start().starts_with('"');
            let name = if is_quoted { self.string() } else { self.word().to_owned() };
            assert!(self.take(":"), "a colon at {}", self.rest);
            let value = self.read();
            doc.append(bson::raw::CString::try_from(name).unwrap(), value);
            self.take(",");
        }
        doc.into()
    }

    fn array(&mut self) -> RawBson {
        let mut array = bson::RawArrayBuf::new();
        self.take("[");
        while !self.take("]") {
            array.push(self.read());
            self.take(",");
        }
        array.into()
    }

    fn scalar(&mut self) -> RawBson {
        let word = self.word();
        let is_call = self.take("(");
        let value = match word {
            "null" => RawBson::Null,
            "true" => true.into(),
            "false" => false.into(),
            "NaN" => f64::NAN.into(),
            "Infinity" => f64::INFINITY.into(),
            "-Infinity" => f64::NEG_INFINITY.into(),
            "minKey" => RawBson::MinKey,
            "maxKey" => RawBson::MaxKey,
            "dec" => self.string().parse::<bson::Decimal128>().unwrap().into(),
            "date" => bson::DateTime::from_millis(self.word().parse().unwrap()).into(),
            "oid" => bson::oid::ObjectId::parse_str(self.string()).unwrap().into(),
            "code" => RawBson::JavaScriptCode(self.string()),
            "bin" => {
                let digits = self.string();
                let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
                let bytes = (0..digits.len()).step_by(2).map(byte).collect();
                RawBson::Binary(bson::Binary { subtype: 0.into(), bytes })
            }
            "ts" => {
                let time = self.word().parse().unwrap();
                self.take(",");
                bson::Timestamp { time, increment: self.word().parse().unwrap() }.into()
            }
            "regex" => {
                let pattern = self.string();
                self.take(",");
                let options = self.string();
                RawBson::RegularExpression(bson::Regex {
                    pattern: pattern.try_into().unwrap(),
                    options: options.try_into().unwrap(),
                })
            }
            number => match number.strip_suffix('L') {
                Some(long) => long.parse::<i64>().unwrap().into(),
                None => match number.parse::<i32>() {
                    Ok(int) => int.into(),
                    Err(_) => number.parse::<f64>().expect(number).into(),
                },
            },
        };
        assert!(!is_call || self.take(")"), "a call's end at {}", self.rest);
        value
    }
}
