//! Collations: text ordered as a language orders it, and not byte by byte.
//!
//! A collation makes of each text a key whose bytes are in the text's order. So it has no
//! comparison of its own: values are *folded*, every string in them replaced by its key, and
//! then compared, sorted and grouped as all others are. Names of fields are left alone.
//!
//! The order is Unicode's (CLDR) as ICU4X has it, a later version than the 57.1 of MongoDB 5.0.

use icu_collator::options::{AlternateHandling, CaseLevel, CollatorOptions, MaxVariable, Strength};
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};
use icu_locale_core::Locale;

use super::builder::Builder;
use super::element::{Element, Elements, OwnedValue, Value, get};
use super::number::Number;
use super::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::limits::NESTING_MAX;

/// What a collation may say.
pub const OPTIONS: [&[u8]; 10] = [
    b"locale",
    b"caseLevel",
    b"caseFirst",
    b"strength",
    b"numericOrdering",
    b"alternate",
    b"maxVariable",
    b"normalization",
    b"backwards",
    b"version",
];
/// Languages that MongoDB 5.0 collates.
const LANGUAGES: &str = "af am ar as az be bg bn bo bs ca chr cs cy da de dsb dz ee el en eo es et \
    fa fi fil fo fr ga gl gu ha haw he hi hr hsb hu hy id ig is it ja ka kk kl km kn ko kok ky lb \
    lkt ln lo lt lv mk ml mn mr ms mt my nb ne nl nn om or pa pl ps pt ro ru se si sk sl smn sq sr \
    sv sw ta te th to tr ug uk ur vi wae yi yo zh zu";
/// Its variants of them.
const VARIANTS: &str = "bs_Cyrl de_AT en_US en_US_POSIX fa_AF fr_CA sr_Latn zh_Hant";
/// Orders that a locale may ask for, by the names of ICU and of BCP 47.
const ORDERS: [(&str, &str); 15] = [
    ("big5han", "big5han"),
    ("compat", "compat"),
    ("dictionary", "dict"),
    ("eor", "eor"),
    ("gb2312han", "gb2312"),
    ("phonebook", "phonebk"),
    ("phonetic", "phonetic"),
    ("pinyin", "pinyin"),
    ("search", "search"),
    ("searchjl", "searchjl"),
    ("standard", "standard"),
    ("stroke", "stroke"),
    ("traditional", "trad"),
    ("unihan", "unihan"),
    ("zhuyin", "zhuyin"),
];

/// An order of texts.
pub struct Collation {
    collator: CollatorBorrowed<'static>,
    spec: Spec,
}

/// What a collation was asked to be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spec {
    locale: String,
    case_level: bool,
    case_first: &'static str,
    strength: i32,
    numeric_ordering: bool,
    alternate: &'static str,
    max_variable: &'static str,
    normalization: bool,
    backwards: bool,
}

impl Collation {
    /// Reads `{ locale, strength, … }`; none for `simple`, which is the order of bytes.
    ///
    /// # Errors
    /// MongoDB's, with its numbers; [`Reason::BadValue`] for `backwards`, which is not built in
    /// but for Canadian French.
    pub fn parse(spec: &[u8]) -> Result<Option<Collation>> {
        let Some(first) = Elements::new(spec)?.next() else { return Ok(None) };
        first?;
        let parsed = Spec::parse(spec)?;
        if parsed.locale == "simple" {
            return Ok(None);
        }
        let invalid = || bad(format!("Field 'locale' is invalid in: {}", text::document(spec)));
        let locale: Locale = parsed.bcp_47().ok_or_else(invalid)?.parse().map_err(|_| invalid())?;
        if parsed.backwards && parsed.locale != "fr_CA" {
            return Err(bad("collation option 'backwards' is supported for fr_CA only".into()));
        }
        let goes_back = get(spec, "backwards")?.is_none_or(|backwards| backwards.value == [1]);
        if parsed.locale == "fr_CA" && parsed.strength == 1 && goes_back {
            let shown = text::document(spec);
            return Err(bad(format!("'backwards' is invalid with 'strength' of 1 in: {shown}")));
        }
        let preferences = CollatorPreferences::from(&locale);
        let collator = Collator::try_new(preferences, parsed.options()).map_err(|_| invalid())?;
        Ok(Some(Collation { collator, spec: parsed }))
    }

    /// All that it was asked to be, what was left out included, as BSON.
    pub fn to_bson(&self) -> Vec<u8> {
        let spec = &self.spec;
        let mut out = Builder::new();
        let flag = |set| Value { ty: ty::BOOL, bytes: if set { &[1] } else { &[0] } };
        out.str("locale", &spec.locale)
            .value("caseLevel", flag(spec.case_level))
            .str("caseFirst", spec.case_first)
            .number("strength", Number::Int32(spec.strength))
            .value("numericOrdering", flag(spec.numeric_ordering))
            .str("alternate", spec.alternate)
            .str("maxVariable", spec.max_variable)
            .value("normalization", flag(spec.normalization))
            .value("backwards", flag(spec.backwards))
            .str("version", "57.1");
        out.finish()
    }

    /// The value with every string replaced by its key: what is compared.
    pub fn fold(&self, value: Value<'_>) -> OwnedValue {
        self.folded(value, NESTING_MAX).unwrap_or_else(|| value.to_owned())
    }

    /// Does folding change such values? Of others, comparing them as they are saves time.
    pub fn concerns(value: Value<'_>) -> bool {
        matches!(value.ty, ty::STRING | ty::DOCUMENT | ty::ARRAY)
    }

    fn folded(&self, value: Value<'_>, depth: usize) -> Option<OwnedValue> {
        let bytes = match value.ty {
            ty::STRING => self.key(value)?,
            ty::DOCUMENT | ty::ARRAY => self.folded_document(value.bytes, depth)?,
            _ => return None,
        };
        Some(OwnedValue { ty: value.ty, bytes: bytes.into() })
    }

    fn folded_document(&self, doc: &[u8], depth: usize) -> Option<Vec<u8>> {
        let depth = depth.checked_sub(1)?;
        let mut out = Builder::with_capacity(doc.len() * 2);
        for element in Elements::new(doc).ok()? {
            let element: Element<'_> = element.ok()?;
            match self.folded(element.val(), depth) {
                Some(folded) => out.value(element.name, folded.as_ref()),
                None => out.element(&element),
            };
        }
        Some(out.finish())
    }

    /// The bytes of a string whose text is the key of this one. They are no UTF-8.
    fn key(&self, string: Value<'_>) -> Option<Vec<u8>> {
        let text = string.bytes.get(4..string.bytes.len().checked_sub(1)?)?;
        let mut out = vec![0; 4];
        let Ok(()) = self.collator.write_sort_key_utf8_to(text, &mut out);
        out.push(0);
        let len = (out.len() - 4) as u32;
        out[..4].copy_from_slice(&len.to_le_bytes());
        Some(out)
    }
}

impl Spec {
    fn parse(spec: &[u8]) -> Result<Spec> {
        let mut parsed = Spec {
            locale: String::new(),
            case_level: false,
            case_first: "off",
            strength: 3,
            numeric_ordering: false,
            alternate: "non-ignorable",
            max_variable: "punct",
            normalization: false,
            backwards: false,
        };
        for element in Elements::new(spec)? {
            let element = element?;
            match element.name {
                b"locale" => parsed.locale = string(&element)?.to_owned(),
                b"caseLevel" => parsed.case_level = boolean(&element)?,
                b"caseFirst" => {
                    parsed.case_first = one_of(&element, &["upper", "lower", "off"])?;
                }
                b"strength" => parsed.strength = strength(&element)?,
                b"numericOrdering" => parsed.numeric_ordering = boolean(&element)?,
                b"alternate" => {
                    parsed.alternate = one_of(&element, &["non-ignorable", "shifted"])?;
                }
                b"maxVariable" => {
                    parsed.max_variable = one_of(&element, &["punct", "space"])?;
                }
                b"normalization" => parsed.normalization = boolean(&element)?,
                b"backwards" => parsed.backwards = boolean(&element)?,
                b"version" => drop(string(&element)?),
                _ => {
                    let name = element.name_lossy();
                    let message = format!("BSON field 'collation.{name}' is an unknown field.");
                    return Err(Error::refused(Reason::Location(40415), message));
                }
            }
        }
        if parsed.locale.is_empty() {
            let message = "BSON field 'collation.locale' is missing but a required field";
            return Err(Error::refused(Reason::Location(40414), message));
        }
        Ok(parsed)
    }

    /// The locale as BCP 47 writes it; none if it is not one that MongoDB knows.
    fn bcp_47(&self) -> Option<String> {
        let (locale, order) = match self.locale.split_once("@collation=") {
            Some((locale, order)) => {
                (locale, Some(ORDERS.iter().find(|(name, _)| *name == order)?.1))
            }
            None => (self.locale.as_str(), None),
        };
        let mut known = LANGUAGES.split_whitespace().chain(VARIANTS.split_whitespace());
        known.find(|known| *known == locale)?;
        let mut tag = match locale {
            "en_US_POSIX" => "en-US-u-va-posix".to_owned(),
            _ => format!("{}-u", locale.replace('_', "-")),
        };
        if let Some(order) = order {
            tag += &format!("-co-{order}");
        }
        match self.case_first {
            "off" => {}
            first => tag += &format!("-kf-{first}"),
        }
        if self.numeric_ordering {
            tag += "-kn";
        }
        Some(tag.strip_suffix("-u").map(str::to_owned).unwrap_or(tag))
    }

    fn options(&self) -> CollatorOptions {
        let mut options = CollatorOptions::default();
        options.strength = Some(match self.strength {
            1 => Strength::Primary,
            2 => Strength::Secondary,
            3 => Strength::Tertiary,
            4 => Strength::Quaternary,
            _ => Strength::Identical,
        });
        options.case_level = Some(if self.case_level { CaseLevel::On } else { CaseLevel::Off });
        options.alternate_handling = Some(match self.alternate {
            "shifted" => AlternateHandling::Shifted,
            _ => AlternateHandling::NonIgnorable,
        });
        options.max_variable = Some(match self.max_variable {
            "space" => MaxVariable::Space,
            _ => MaxVariable::Punctuation,
        });
        options
    }
}

fn bad(message: String) -> Error {
    Error::refused(Reason::BadValue, message)
}

fn wrong_type(element: &Element<'_>, expected: &str) -> Error {
    let (name, found) = (element.name_lossy(), ty::name(element.ty));
    let message =
        format!("BSON field 'collation.{name}' is the wrong type '{found}', expected {expected}");
    Error::refused(Reason::TypeMismatch, message)
}

fn string<'e>(element: &Element<'e>) -> Result<&'e str> {
    element.val().as_str().ok_or_else(|| wrong_type(element, "type 'string'"))
}

fn boolean(element: &Element<'_>) -> Result<bool> {
    match element.ty {
        ty::BOOL => Ok(element.val().is_true()),
        _ => Err(wrong_type(element, "type 'bool'")),
    }
}

fn one_of(element: &Element<'_>, known: &[&'static str]) -> Result<&'static str> {
    let value = string(element)?;
    known.iter().find(|known| **known == value).copied().ok_or_else(|| {
        let name = element.name_lossy();
        bad(format!(
            "Enumeration value '{value}' for field 'collation.{name}' is not a valid value."
        ))
    })
}

fn strength(element: &Element<'_>) -> Result<i32> {
    let wrong = || wrong_type(element, "types '[long, int, decimal, double']");
    let strength = element.val().as_number().ok_or_else(wrong)?.to_f64() as i64;
    let out = |sign: &str, limit| {
        let message = format!(
            "BSON field 'strength' value must be {sign} {limit}, actual value '{strength}'"
        );
        Err(Error::refused(Reason::Location(51024), message))
    };
    match strength {
        1..=5 => Ok(strength as i32),
        ..1 => out(">=", 1),
        _ => out("<=", 5),
    }
}

impl PartialEq for Collation {
    fn eq(&self, other: &Collation) -> bool {
        self.spec == other.spec
    }
}

impl std::fmt::Debug for Collation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.spec.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;
    use crate::bson::compare::compare_values;
    use ::bson::{RawDocumentBuf, rawdoc};

    fn collation(spec: RawDocumentBuf) -> Collation {
        Collation::parse(spec.as_bytes()).expect("valid").expect("not simple")
    }

    fn compare(spec: RawDocumentBuf, doc: RawDocumentBuf) -> Ordering {
        let collation = collation(spec);
        let mut values = Elements::new(doc.as_bytes()).unwrap().map(|e| e.unwrap().val());
        let (a, b) = (values.next().unwrap(), values.next().unwrap());
        compare_values(collation.fold(a).as_ref(), collation.fold(b).as_ref())
    }

    #[test]
    fn strengths() {
        let two = rawdoc! { "locale": "en_US", "strength": 2 };
        assert!(compare(two.clone(), rawdoc! { "a": "ping", "b": "PING" }).is_eq());
        assert!(compare(two.clone(), rawdoc! { "a": "peché", "b": "peche" }).is_gt());
        let nested = rawdoc! { "a": { "x": ["Q", 1] }, "b": { "x": ["q", 1.0] } };
        assert!(compare(two, nested).is_eq());
        let one = rawdoc! { "locale": "fr", "strength": 1 };
        assert!(compare(one, rawdoc! { "a": "peché", "b": "PECHE" }).is_eq());
        let three = rawdoc! { "locale": "en" };
        assert!(compare(three.clone(), rawdoc! { "a": "ping", "b": "PING" }).is_lt());
        assert!(compare(three.clone(), rawdoc! { "a": "Z", "b": "a" }).is_gt());
        assert!(compare(three, rawdoc! { "a": 2, "b": "a" }).is_lt());
    }

    #[test]
    fn numbers_cases_and_orders() {
        let numeric = rawdoc! { "locale": "en", "numericOrdering": true };
        assert!(compare(numeric, rawdoc! { "a": "a10", "b": "a9" }).is_gt());
        let upper = rawdoc! { "locale": "en", "caseFirst": "upper" };
        assert!(compare(upper, rawdoc! { "a": "a", "b": "A" }).is_gt());
        let phonebook = rawdoc! { "locale": "de@collation=phonebook" };
        assert!(compare(phonebook, rawdoc! { "a": "Ä", "b": "Ad" }).is_gt());
        let shifted = rawdoc! { "locale": "en", "alternate": "shifted" };
        assert!(compare(shifted, rawdoc! { "a": "black-bird", "b": "blackbird" }).is_eq());
    }

    #[test]
    fn simple_is_none() {
        assert!(Collation::parse(rawdoc! {}.as_bytes()).unwrap().is_none());
        let simple = rawdoc! { "locale": "simple", "strength": 2 };
        assert!(Collation::parse(simple.as_bytes()).unwrap().is_none());
    }

    #[test]
    fn refusals() {
        for (spec, code) in [
            (rawdoc! { "locale": 5 }, 14),
            (rawdoc! { "locale": "xx" }, 2),
            (rawdoc! { "locale": "en_GB" }, 2),
            (rawdoc! { "locale": "de@collation=none" }, 2),
            (rawdoc! { "locale": "en_US", "strength": 6 }, 51024),
            (rawdoc! { "locale": "en_US", "strength": 0 }, 51024),
            (rawdoc! { "locale": "en_US", "strength": "2" }, 14),
            (rawdoc! { "locale": "en", "foo": 1 }, 40415),
            (rawdoc! { "strength": 2 }, 40414),
            (rawdoc! { "locale": "fr", "backwards": true }, 2),
            (rawdoc! { "locale": "fr_CA", "strength": 1 }, 2),
            (rawdoc! { "locale": "en", "caseFirst": "x" }, 2),
            (rawdoc! { "locale": "en", "numericOrdering": 1 }, 14),
        ] {
            let refused = Collation::parse(spec.as_bytes()).expect_err("refused");
            assert_eq!(refused.code(), code, "{spec:?}: {refused}");
        }
    }

    #[test]
    fn every_locale_is_there() {
        for locale in LANGUAGES.split_whitespace().chain(VARIANTS.split_whitespace()) {
            let found = collation(rawdoc! { "locale": locale });
            let spec = RawDocumentBuf::from_bytes(found.to_bson()).unwrap();
            assert_eq!(spec.get_str("locale").unwrap(), locale);
        }
    }
}
