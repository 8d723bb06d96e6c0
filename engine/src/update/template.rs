//! Templates: the zeroed document that a collection starts new ones from, written briefly.
//!
//! `{hourly: {$grid: [24]}, minute: {$grid: [24, 60]}}` stands for counters "0" to "23" in
//! `hourly`, and for documents "0" to "23" of counters "0" to "59" in `minute`. `from` moves
//! the first number, of every level or of each (`{$grid: [31], from: 1}`); `type` is `"int32"`
//! (the default), `"int64"` or `"double"`.
//!
//! T1. [`Template::with_id`] gives what [`super::upsert::Upsert`] makes of the template and
//!     an `_id`, byte for byte.

use super::replacement::is_empty_timestamp;
use crate::bson::builder::{Builder, Index};
use crate::bson::document;
use crate::bson::element::{Element, Elements, Value};
use crate::bson::number::Number;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// Most counters of one grid.
const COUNTERS_MAX: i64 = 100_000;
/// Most levels of one grid.
const LEVELS_MAX: usize = 8;

/// An expanded template.
#[derive(Debug)]
pub struct Template {
    document: Vec<u8>,
    /// Has it timestamps that are filled when it is inserted?
    is_stamped: bool,
}

impl Template {
    /// What the checked document `template` abbreviates.
    pub fn new(template: &[u8]) -> Result<Template> {
        let document = expand(template)?;
        let mut is_stamped = false;
        for element in Elements::new(&document)? {
            is_stamped |= is_empty_timestamp(&element?);
        }
        Ok(Template { document, is_stamped })
    }

    /// Itself, ready for [`super::upsert::Upsert::template`].
    pub fn as_bytes(&self) -> &[u8] {
        &self.document
    }

    /// A new document of this `_id` and the template (T1). None where that takes more than to
    /// copy them: an `_id` that may be refused, a timestamp that is to be filled.
    pub fn with_id(&self, id: Value<'_>) -> Option<Vec<u8>> {
        let is_plain =
            matches!(id.ty, ty::STRING | ty::INT32 | ty::INT64 | ty::OBJECT_ID | ty::DATE);
        if !is_plain || self.is_stamped {
            return None;
        }
        let mut out = Builder::with_capacity(self.document.len() + id.bytes.len() + 5);
        out.value("_id", id).raw(&self.document[4..self.document.len() - 1]);
        Some(out.finish())
    }
}

/// The template that the checked document `template` abbreviates, ready for
/// [`super::upsert::Upsert::template`].
pub fn expand(template: &[u8]) -> Result<Vec<u8>> {
    let mut out = Builder::with_capacity(template.len());
    for element in Elements::new(template)? {
        let element = element?;
        let name = element.name_lossy();
        if element.name == b"_id" {
            return Err(bad("a template must not have an _id".to_owned()));
        }
        super::storage_names::check_name(element.name, &name)?;
        value(&element, &mut out)?;
    }
    let template = out.finish();
    for element in Elements::new(&template)? {
        let element = element?;
        super::storage_names::check_value(element.val(), &element.name_lossy())?;
    }
    document::check_len(template.len())?;
    Ok(template)
}

fn too_deep() -> Error {
    let message = format!("a template nests at most {NESTING_MAX} levels");
    Error::refused(Reason::Overflow, message)
}

fn bad(message: String) -> Error {
    Error::refused(Reason::BadValue, message)
}

/// Appends `element`, grids in it expanded.
fn value(element: &Element<'_>, out: &mut Builder) -> Result<()> {
    document::check_len(out.len())?;
    if !ty::is_container(element.ty) {
        out.element(element);
        return Ok(());
    }
    if out.depth() >= NESTING_MAX {
        return Err(too_deep());
    }
    let first = Elements::new(element.value)?.next().transpose()?;
    if element.ty == ty::DOCUMENT && first.is_some_and(|first| first.name == b"$grid") {
        let grid = Grid::parse(element.value)?;
        if out.depth() + grid.levels.len() > NESTING_MAX {
            return Err(too_deep());
        }
        grid.append(element.name, 0, out);
        return Ok(());
    }
    out.begin(element.ty, element.name);
    for inner in Elements::new(element.value)? {
        value(&inner?, out)?;
    }
    out.end();
    Ok(())
}

/// Counters in nested documents.
struct Grid {
    levels: Vec<Level>,
    zero: Number,
}

/// One level: numbers `from` to `from + count - 1`.
#[derive(Clone, Copy)]
struct Level {
    count: usize,
    from: usize,
}

impl Grid {
    fn parse(spec: &[u8]) -> Result<Grid> {
        let mut grid = Grid { levels: vec![], zero: Number::Int32(0) };
        for option in Elements::new(spec)? {
            let option = option?;
            match option.name {
                b"$grid" => grid.set_counts(&option)?,
                b"from" => grid.set_from(&option)?,
                b"type" => grid.zero = zero(&option)?,
                _ => return Err(bad(format!("unknown option of $grid: {}", option.name_lossy()))),
            }
        }
        Ok(grid)
    }

    fn set_counts(&mut self, counts: &Element<'_>) -> Result<()> {
        let refused = || {
            bad(format!(
                "$grid is an array of 1 to {LEVELS_MAX} counts, {COUNTERS_MAX} counters in all, \
                 not {}",
                text::value(counts.val())
            ))
        };
        if !self.levels.is_empty() {
            return Err(bad("$grid is given twice".to_owned()));
        }
        let mut product = 1;
        for count in integers(counts.val())?.ok_or_else(refused)? {
            product = i64::saturating_mul(product, count);
            if count < 1 || product > COUNTERS_MAX || self.levels.len() == LEVELS_MAX {
                return Err(refused());
            }
            self.levels.push(Level { count: count as usize, from: 0 });
        }
        if self.levels.is_empty() { Err(refused()) } else { Ok(()) }
    }

    fn set_from(&mut self, from: &Element<'_>) -> Result<()> {
        let firsts = match from.val().as_number().and_then(Number::to_i64) {
            Some(first) => Some(vec![first; self.levels.len()]),
            None => integers(from.val())?,
        };
        let firsts = firsts.filter(|firsts| {
            firsts.len() == self.levels.len() && firsts.iter().all(|n| (0..=1 << 31).contains(n))
        });
        let Some(firsts) = firsts else {
            let from = text::value(from.val());
            return Err(bad(format!("from is a number, or one for each level, not {from}")));
        };
        for (level, first) in self.levels.iter_mut().zip(firsts) {
            level.from = first as usize;
        }
        Ok(())
    }

    /// Appends the documents of `level` and below as the field `name`.
    fn append(&self, name: &[u8], level: usize, out: &mut Builder) {
        let Level { count, from } = self.levels[level];
        out.begin(ty::DOCUMENT, name);
        for number in from..from + count {
            let name = Index::new(number);
            if level + 1 < self.levels.len() {
                self.append(name.as_ref(), level + 1, out);
            } else {
                out.number(name, self.zero);
            }
        }
        out.end();
    }
}

/// The integers of an array, if it is one and holds nothing else.
fn integers(array: Value<'_>) -> Result<Option<Vec<i64>>> {
    if array.ty != ty::ARRAY {
        return Ok(None);
    }
    let mut all = vec![];
    for element in Elements::new(array.bytes)? {
        match element?.val().as_number().and_then(Number::to_i64) {
            Some(number) if all.len() <= LEVELS_MAX => all.push(number),
            _ => return Ok(None),
        }
    }
    Ok(Some(all))
}

fn zero(option: &Element<'_>) -> Result<Number> {
    match option.val().as_str() {
        Some("int32" | "int") => Ok(Number::Int32(0)),
        Some("int64" | "long") => Ok(Number::Int64(0)),
        Some("double") => Ok(Number::Double(0.0)),
        _ => {
            let given = text::value(option.val());
            Err(bad(format!("type is \"int32\", \"int64\" or \"double\", not {given}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bson::field::FieldPath;
    use crate::bson::test_documents::hierarchical_day;
    use crate::update::Update;
    use crate::update::upsert::Upsert;
    use ::bson::{DateTime, RawDocumentBuf, Timestamp, oid::ObjectId, rawdoc};

    fn expanded(template: RawDocumentBuf) -> RawDocumentBuf {
        RawDocumentBuf::from_bytes(expand(template.as_bytes()).unwrap()).unwrap()
    }

    /// T1.
    #[test]
    fn an_instance_is_what_an_upsert_makes() {
        let day = rawdoc! { "hourly": { "$grid": [24] }, "minute": { "$grid": [24, 60] } };
        let texts = rawdoc! { "t": "text", "at": { "ts": Timestamp { time: 0, increment: 0 } } };
        let stamped = rawdoc! { "ts": Timestamp { time: 0, increment: 0 } };
        let ids = [
            (rawdoc! { "_id": "20001010/site-1/apache_pb.gif" }, true),
            (rawdoc! { "_id": "" }, true),
            (rawdoc! { "_id": 7 }, true),
            (rawdoc! { "_id": 7_i64 }, true),
            (rawdoc! { "_id": DateTime::from_millis(7) }, true),
            (rawdoc! { "_id": ObjectId::from_bytes([7; 12]) }, true),
            (rawdoc! { "_id": 7.0 }, false),
            (rawdoc! { "_id": { "$x": 1 } }, false),
            (rawdoc! { "_id": [1] }, false),
        ];
        let path = FieldPath::parse("_id").unwrap();
        let update = Update::increments(&[]).unwrap();
        for (template, is_plain) in [(day, true), (texts, true), (stamped, false)] {
            let template = Template::new(template.as_bytes()).unwrap();
            for (id, is_simple) in &ids {
                let id = Elements::new(id.as_bytes()).unwrap().next().unwrap().unwrap().val();
                let made = template.with_id(id);
                assert_eq!(made.is_some(), is_plain && *is_simple);
                let upsert = Upsert {
                    equalities: &[(&path, id)],
                    update: &update,
                    template: Some(template.as_bytes()),
                    new_id: [0; 12],
                    timestamp: 1,
                    now_ms: 0,
                    field_order: Default::default(),
                    variables: &[],
                };
                assert!(made.is_none_or(|made| made == upsert.document().unwrap()));
            }
        }
    }

    #[test]
    fn a_day_in_one_line() {
        let day =
            expanded(rawdoc! { "hourly": { "$grid": [24] }, "minute": { "$grid": [24, 60] } });
        // `_id` and `metadata` precede the grids of the pre-allocated day.
        assert!(hierarchical_day().ends_with(&day.as_bytes()[4..]));
    }

    #[test]
    fn options() {
        let month = rawdoc! { "m": { "daily": { "$grid": [3], "from": 1, "type": "int64" } } };
        let daily = rawdoc! { "1": 0_i64, "2": 0_i64, "3": 0_i64 };
        assert_eq!(expanded(month), rawdoc! { "m": { "daily": daily } });
        let each = rawdoc! { "g": { "$grid": [1, 2], "from": [5, 8.0], "type": "double" } };
        assert_eq!(expanded(each), rawdoc! { "g": { "5": { "8": 0.0, "9": 0.0 } } });
        let plain = rawdoc! { "a": 1, "b": { "c": [{ "x": 0 }] }, "t": "text" };
        assert_eq!(expanded(plain.clone()), plain);
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn refusals() {
        for template in [
            rawdoc! { "g": { "$grid": [] } },
            rawdoc! { "g": { "$grid": [0] } },
            rawdoc! { "g": { "$grid": [-1, -1] } },
            rawdoc! { "g": { "$grid": 24 } },
            rawdoc! { "g": { "$grid": [1.5] } },
            rawdoc! { "g": { "$grid": [1000, 101] } },
            rawdoc! { "g": { "$grid": [i64::MAX, i64::MAX] } },
            rawdoc! { "g": { "$grid": [1, 1, 1, 1, 1, 1, 1, 1, 1] } },
            rawdoc! { "g": { "$grid": [2], "from": -1 } },
            rawdoc! { "g": { "$grid": [2], "from": [1, 2] } },
            rawdoc! { "g": { "$grid": [2], "type": "decimal" } },
            rawdoc! { "g": { "$grid": [2], "step": 2 } },
            rawdoc! { "g": { "$grid": [100_000], "$grid": [100_000] } },
            rawdoc! { "g": { "x": { "$inc": 2 } } },
            rawdoc! { "_id": 1 },
            rawdoc! { "a.b": 1 },
        ] {
            let refused = expand(template.as_bytes());
            assert!(matches!(refused, Err(Error::Refused { .. })), "{template:?}: {refused:?}");
        }
        assert!(expand(rawdoc! { "g": { "$grid": [1000, 100] } }.as_bytes()).is_ok());
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn many_grids_are_bounded_by_the_longest_document() {
        let mut template = Builder::new();
        for i in 0..200 {
            let grid = rawdoc! { "$grid": [1000, 100] };
            template.document(Index::new(i), grid.as_bytes());
        }
        assert!(matches!(expand(&template.finish()), Err(Error::DocumentTooLarge { .. })));
    }
}
