//! Documents as canonical extended JSON, straight from their bytes.
//!
//! E1: fields keep their order, and a name that occurs twice is written twice: a map in between
//! would lose both. E2: a document that cannot be written whole is not written at all.
//! Values that hold no others are converted by the `bson` crate.

use bson::{Bson, RawArray, RawBsonRef, RawDocument};
use serde_json::json;

/// Deepest nesting that is written, levels. Deeper than any server stored.
const NESTING_MAX: usize = 256;

/// Why a document cannot be written as JSON.
#[derive(Debug)]
pub enum NotJson {
    /// Its bytes are not BSON, or a text in it is not UTF-8.
    Bson(bson::error::Error),
    /// It nests deeper than 180 levels.
    TooDeep,
}

impl std::fmt::Display for NotJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotJson::Bson(error) => write!(f, "{error}"),
            NotJson::TooDeep => write!(f, "nested deeper than {NESTING_MAX} levels"),
        }
    }
}

impl std::error::Error for NotJson {}

impl From<bson::error::Error> for NotJson {
    fn from(error: bson::error::Error) -> NotJson {
        NotJson::Bson(error)
    }
}

/// `document` as one line of canonical extended JSON, without a line feed.
///
/// # Errors
/// What makes it impossible.
pub fn canonical(document: &RawDocument) -> Result<String, NotJson> {
    let mut text = String::with_capacity(2 * document.as_bytes().len());
    push_document(&mut text, document, NESTING_MAX)?;
    Ok(text)
}

/// As [`canonical`], wrapped with the place of its record: `{"loc":"0:5000","doc":{…}}`.
///
/// # Errors
/// As [`canonical`].
pub fn canonical_at(loc: &str, document: &RawDocument) -> Result<String, NotJson> {
    let document = canonical(document)?;
    Ok(format!("{{\"loc\":{},\"doc\":{document}}}", json!(loc)))
}

fn push_document(text: &mut String, document: &RawDocument, depth: usize) -> Result<(), NotJson> {
    let depth = depth.checked_sub(1).ok_or(NotJson::TooDeep)?;
    text.push('{');
    for (index, field) in document.iter().enumerate() {
        let (name, value) = field?;
        if index > 0 {
            text.push(',');
        }
        push_string(text, name.as_str());
        text.push(':');
        push_value(text, value, depth)?;
    }
    text.push('}');
    Ok(())
}

fn push_array(text: &mut String, array: &RawArray, depth: usize) -> Result<(), NotJson> {
    let depth = depth.checked_sub(1).ok_or(NotJson::TooDeep)?;
    text.push('[');
    for (index, value) in array.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_value(text, value?, depth)?;
    }
    text.push(']');
    Ok(())
}

fn push_value(text: &mut String, value: RawBsonRef<'_>, depth: usize) -> Result<(), NotJson> {
    match value {
        RawBsonRef::Document(document) => push_document(text, document, depth),
        RawBsonRef::Array(array) => push_array(text, array, depth),
        RawBsonRef::JavaScriptCodeWithScope(code) => {
            text.push_str("{\"$code\":");
            push_string(text, code.code);
            text.push_str(",\"$scope\":");
            push_document(text, code.scope, depth)?;
            text.push('}');
            Ok(())
        }
        RawBsonRef::Double(number) if number.is_subnormal() => {
            // The crate writes these as bare numbers, which is the relaxed form.
            text.push_str(&json!({ "$numberDouble": number.to_string() }).to_string());
            Ok(())
        }
        value => {
            text.push_str(&Bson::try_from(value)?.into_canonical_extjson().to_string());
            Ok(())
        }
    }
}

fn push_string(text: &mut String, string: &str) {
    text.push_str(&json!(string).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::raw::RawDocumentBuf;
    use bson::{doc, rawdoc};

    fn of(document: bson::Document) -> String {
        canonical(&RawDocumentBuf::try_from(&document).expect("valid")).expect("JSON")
    }

    #[test]
    fn every_type_in_its_canonical_form() {
        let oid = bson::oid::ObjectId::from_bytes([7; 12]);
        let document = doc! {
            "b": 1, "a": 2_i64, "d": 1.0, "n": Bson::Null, "t": true, "s": "\"ü\"\n",
            "nan": f64::NAN, "inf": f64::NEG_INFINITY, "tiny": 5e-324, "zero": -0.0,
            "date": bson::DateTime::from_millis(-1), "oid": oid,
            "ts": bson::Timestamp { time: 1, increment: 2 },
            "bin": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![1] },
            "min": Bson::MinKey, "max": Bson::MaxKey, "undefined": Bson::Undefined,
            "symbol": Bson::Symbol("x".into()), "code": Bson::JavaScriptCode("f()".into()),
            "array": [1, { "z": 1, "y": [] }], "empty": {},
        };
        let expected = concat!(
            r#"{"b":{"$numberInt":"1"},"a":{"$numberLong":"2"},"d":{"$numberDouble":"1.0"},"#,
            r#""n":null,"t":true,"s":"\"ü\"\n","nan":{"$numberDouble":"NaN"},"#,
            r#""inf":{"$numberDouble":"-Infinity"},"tiny":{"$numberDouble":"0."#,
        );
        let text = of(document);
        assert!(text.starts_with(expected), "{text}");
        let tail = concat!(
            r#""zero":{"$numberDouble":"-0.0"},"date":{"$date":{"$numberLong":"-1"}},"#,
            r#""oid":{"$oid":"070707070707070707070707"},"ts":{"$timestamp":{"t":1,"i":2}},"#,
            r#""bin":{"$binary":{"base64":"AQ==","subType":"00"}},"min":{"$minKey":1},"#,
            r#""max":{"$maxKey":1},"undefined":{"$undefined":true},"symbol":{"$symbol":"x"},"#,
            r#""code":{"$code":"f()"},"array":[{"$numberInt":"1"},{"z":{"$numberInt":"1"},"#,
            r#""y":[]}],"empty":{}}"#,
        );
        assert!(text.ends_with(tail), "{text}");
        assert!(!text.contains('\n'), "one line");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let code =
            bson::JavaScriptCodeWithScope { code: "f".into(), scope: doc! { "b": 1, "a": 2 } };
        let pattern =
            bson::Regex { pattern: bson::cstr!("a").into(), options: bson::cstr!("i").into() };
        let document = doc! { "code": code, "re": pattern, "x": { "y": [1.5, { "z": "é" }] } };
        let json: serde_json::Value = serde_json::from_str(&of(document.clone())).expect("JSON");
        let back = Bson::try_from(json).expect("extended JSON");
        assert_eq!(back, Bson::Document(document));
    }

    #[test]
    fn a_name_that_occurs_twice_is_written_twice() {
        let mut document = rawdoc! { "a": 1 };
        document.append(bson::cstr!("a"), 2);
        let text = canonical(&document).expect("JSON");
        assert_eq!(text, r#"{"a":{"$numberInt":"1"},"a":{"$numberInt":"2"}}"#);
        let text = canonical_at("0:5000", &rawdoc! {}).expect("JSON");
        assert_eq!(text, r#"{"loc":"0:5000","doc":{}}"#);
    }

    #[test]
    fn bad_bytes_and_depth_are_errors() {
        let mut bytes = rawdoc! { "a": "xyz" }.into_bytes();
        bytes[11] = 0xff;
        let document = RawDocument::from_bytes(&bytes).expect("the frame is right");
        assert!(matches!(canonical(document), Err(NotJson::Bson(_))));
        let mut deep = rawdoc! {};
        for _ in 0..NESTING_MAX {
            deep = rawdoc! { "a": deep };
        }
        assert!(matches!(canonical(&deep), Err(NotJson::TooDeep)));
        let RawBsonRef::Document(shallower) = deep.iter().next().expect("one").expect("a").1 else {
            panic!("a document")
        };
        assert!(canonical(shallower).is_ok());
    }
}
