//! What an index orders by: its fields and their directions, checked (format, §5.5).
//!
//! P1. A pattern has a field; no path has an empty component or one that begins with `$`, but
//!     for those of references. At most one value is text: the kind of a plugin.

use crate::bson::element::Elements;
use crate::bson::field_path::REFERENCE_PARTS;
use crate::bson::number::Number;
use crate::bson::ty;
use crate::index::key::KeyOrder;

/// Longest pattern, bytes.
const LEN_MAX: usize = 2048;
/// Most fields that a stored pattern has ever had.
const FIELDS_MAX: usize = 32;
/// Kinds of indexes that are not plain b-trees of their documents' values.
pub const PLUGINS: [&str; 5] = ["2d", "geoHaystack", "2dsphere", "text", "hashed"];

/// The fields of an index, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// The pattern as it stands in the specification.
    bson: Vec<u8>,
    paths: Vec<String>,
    order: KeyOrder,
    plugin: Option<String>,
}

impl KeyPattern {
    /// Reads a pattern from BSON. The error is the rule that it breaks (P1).
    pub fn parse(bson: &[u8]) -> Result<KeyPattern, &'static str> {
        let mut plugin: Option<String> = None;
        let (mut paths, mut descending) = (Vec::new(), Vec::new());
        if bson.len() > LEN_MAX {
            return Err("key pattern has at most 2048 bytes");
        }
        for element in Elements::new(bson).map_err(|_| "key pattern is an object")? {
            let element = element.map_err(|_| "key pattern is an object")?;
            let path = str::from_utf8(element.name).map_err(|_| "field names are UTF-8")?;
            let value = element.val();
            if ty::is_container(value.ty) {
                return Err("directions are not objects");
            }
            if value.ty == ty::STRING {
                let name = value.as_str().filter(|name| PLUGINS.contains(name));
                let name = name.ok_or("plugin is a known one")?;
                if plugin.as_deref().is_some_and(|other| other != name) {
                    return Err("there is at most one plugin");
                }
                plugin = Some(name.to_owned());
            }
            let is_text_field = plugin.as_deref() == Some("text") && path.starts_with('_');
            if !is_text_field {
                check_path(path)?;
            }
            paths.push(path.to_owned());
            descending.push(value.as_number().is_some_and(is_negative));
        }
        match paths.len() {
            0 => return Err("key pattern has a field"),
            1..=FIELDS_MAX => {}
            _ => return Err("key pattern has at most 32 fields"),
        }
        let order = KeyOrder::new(descending);
        Ok(KeyPattern { bson: bson.to_vec(), paths, order, plugin })
    }

    /// The pattern as BSON.
    pub fn as_bson(&self) -> &[u8] {
        &self.bson
    }

    /// Dotted paths of the fields.
    pub fn paths(&self) -> &[String] {
        &self.paths
    }

    /// Directions of the fields.
    pub fn order(&self) -> KeyOrder {
        self.order
    }

    /// The kind of plugin, if the index is not a plain one.
    pub fn plugin(&self) -> Option<&str> {
        self.plugin.as_deref()
    }

    /// The path of the one field that is hashed, if that is what the index is.
    pub fn hashed_path(&self) -> Option<&str> {
        match &*self.paths {
            [path] if self.plugin() == Some("hashed") => Some(path),
            _ => None,
        }
    }

    /// Is it that of the index on `_id`, ascending or descending?
    pub fn is_id(&self) -> bool {
        self.paths == ["_id"] && self.values().next().is_some_and(|value| value.abs() == 1.0)
    }

    /// The name that drivers give to such an index: `site_1_day_-1`.
    pub fn default_name(&self) -> String {
        let texts = Elements::new(&self.bson).into_iter().flatten().flatten().map(|element| {
            let value = element.val();
            let direction = match (value.as_number(), value.as_str()) {
                (Some(number), _) => number.to_f64().to_string(),
                (_, Some(text)) => text.to_owned(),
                _ => String::new(),
            };
            format!("{}_{direction}", element.name_lossy())
        });
        texts.collect::<Vec<_>>().join("_")
    }

    /// The directions that are numbers.
    fn values(&self) -> impl Iterator<Item = f64> {
        let elements = Elements::new(&self.bson).into_iter().flatten().flatten();
        elements.filter_map(|element| Some(element.val().as_number()?.to_f64()))
    }
}

fn is_negative(number: Number) -> bool {
    number.to_f64() < 0.0
}

fn check_path(path: &str) -> Result<(), &'static str> {
    for (i, component) in path.split('.').enumerate() {
        if component.is_empty() {
            return Err("path components are not empty");
        }
        let in_reference = i > 0 && REFERENCE_PARTS.contains(&component);
        if component.starts_with('$') && !in_reference {
            return Err("path components do not begin with $");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bson::{RawBson, RawDocumentBuf, rawdoc};

    fn parse(doc: RawDocumentBuf) -> Result<KeyPattern, &'static str> {
        KeyPattern::parse(doc.as_bytes())
    }

    #[test]
    fn directions_are_signs_of_numbers() {
        let doc = rawdoc! { "a": 1, "b": -1, "c": -0.5, "d": 0, "e": -3_i64, "f": true };
        let pattern = parse(doc).unwrap();
        assert_eq!(pattern.order().bits(), 0b010110);
        assert_eq!(pattern.paths()[1], "b");
        assert_eq!(pattern.default_name(), "a_1_b_-1_c_-0.5_d_0_e_-3_f_");
    }

    #[test]
    fn knows_plugins_and_the_id() {
        let pattern = parse(rawdoc! { "a": "hashed" }).unwrap();
        assert_eq!((pattern.plugin(), pattern.order().bits()), (Some("hashed"), 0));
        assert_eq!(pattern.default_name(), "a_hashed");
        assert!(parse(rawdoc! { "_fts": "text", "_ftsx": 1 }).is_ok());
        for id in [rawdoc! { "_id": 1 }, rawdoc! { "_id": -1 }, rawdoc! { "_id": 1.0 }] {
            assert!(parse(id).unwrap().is_id());
        }
        for other in [rawdoc! { "_id": "hashed" }, rawdoc! { "_id": 1, "a": 1 }] {
            assert!(!parse(other).unwrap().is_id());
        }
    }

    #[test]
    fn refuses_what_no_index_can_be_made_of() {
        for (doc, rule) in [
            (rawdoc! {}, "key pattern has a field"),
            (rawdoc! { "": 1 }, "path components are not empty"),
            (rawdoc! { "a..b": 1 }, "path components are not empty"),
            (rawdoc! { "a.": 1 }, "path components are not empty"),
            (rawdoc! { "$a": 1 }, "path components do not begin with $"),
            (rawdoc! { "$id": 1 }, "path components do not begin with $"),
            (rawdoc! { "a.$b": 1 }, "path components do not begin with $"),
            (rawdoc! { "a": { "b": 1 } }, "directions are not objects"),
            (rawdoc! { "a": [1] }, "directions are not objects"),
            (rawdoc! { "a": "3d" }, "plugin is a known one"),
            (rawdoc! { "a": "2d", "b": "text" }, "there is at most one plugin"),
        ] {
            assert_eq!(parse(doc).unwrap_err(), rule);
        }
        assert_eq!(
            KeyPattern::parse(&[0; 2049]).unwrap_err(),
            "key pattern has at most 2048 bytes"
        );
        assert!(parse(rawdoc! { "ref.$id": 1, "a.b": RawBson::Null }).is_ok());
    }
}
