//! The fields of a command, taken strictly: an unknown one, one of another type or one that is
//! there twice is refused, with the numbers and texts of 5.0.
//!
//! A command is one `match` over [`Fields`]. Which accessor a field has is MongoDB's choice:
//! its older commands have rules of their own, and other texts.

use tallymap::Reason;
use tallymap::bson::element::{Element, Elements, Value};
use tallymap::bson::ty;

use super::failure::{Failure, Outcome};
use super::names::Names;

/// Fields that any command may have. They are looked at before it is run.
const GENERIC: [&str; 19] = [
    "$db",
    "$clusterTime",
    "$readPreference",
    "$audit",
    "$client",
    "$configServerState",
    "$queryOptions",
    "apiDeprecationErrors",
    "apiStrict",
    "apiVersion",
    "autocommit",
    "comment",
    "databaseVersion",
    "lsid",
    "maxTimeMS",
    "readConcern",
    "shardVersion",
    "startTransaction",
    "txnNumber",
];

const NUMBERS: &str = "[long, int, decimal, double']";
const BOOLS: &str = "[bool, long, int, decimal, double']";

/// The fields of a document that a command has, or is.
#[derive(Debug)]
pub struct Fields<'a> {
    path: &'static str,
    elements: Elements<'a>,
    is_command: bool,
    seen: Names<'a>,
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    path: &'static str,
    /// Its name.
    pub name: &'a str,
    /// Its value.
    pub value: Value<'a>,
}

impl<'a> Fields<'a> {
    /// The fields of a command, but for its name and those that any command may have.
    pub fn of_command(path: &'static str, body: &'a [u8]) -> Outcome<Fields<'a>> {
        let mut elements = Elements::new(body)?;
        elements.next().transpose()?;
        Ok(Fields { path, elements, is_command: true, seen: Names::default() })
    }

    /// The fields of a document that errors call `path`.
    pub fn of(path: &'static str, document: &'a [u8]) -> Outcome<Fields<'a>> {
        Ok(Fields {
            path,
            elements: Elements::new(document)?,
            is_command: false,
            seen: Names::default(),
        })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Outcome<Field<'a>>;

    fn next(&mut self) -> Option<Outcome<Field<'a>>> {
        loop {
            let element = match self.elements.next()? {
                Ok(element) => element,
                Err(error) => return Some(Err(error.into())),
            };
            let field = match Field::new(self.path, element) {
                Ok(field) => field,
                Err(failure) => return Some(Err(failure)),
            };
            let name = field.name;
            if self.is_command && is_generic(name) {
                continue;
            }
            if !self.seen.add(name) {
                let message = format!("BSON field '{}.{name}' is a duplicate field", self.path);
                return Some(Err(Failure::new(Reason::Location(40413), message)));
            }
            return Some(Ok(field));
        }
    }
}

/// Is it a field that any command may have?
pub fn is_generic(name: &str) -> bool {
    GENERIC.contains(&name) || name == "writeConcern"
}

/// The refusal of a command that lacks a field.
pub fn missing(path: &str, name: &str) -> Failure {
    let message = format!("BSON field '{path}.{name}' is missing but a required field");
    Failure::new(Reason::Location(40414), message)
}

/// The refusal of a value below zero.
pub fn negative(name: &str, value: i64) -> Failure {
    let message = format!("BSON field '{name}' value must be >= 0, actual value '{value}'");
    Failure::new(Reason::Location(51024), message)
}

impl<'a> Field<'a> {
    /// The field that `element` is, of what errors call `path`.
    ///
    /// # Errors
    /// If its name is not UTF-8.
    pub fn new(path: &'static str, element: Element<'a>) -> Outcome<Field<'a>> {
        match str::from_utf8(element.name) {
            Ok(name) => Ok(Field { path, name, value: element.val() }),
            Err(_) => Err(Failure::new(Reason::InvalidBSON, "a name is UTF-8")),
        }
    }

    /// The first field of a command, whose value counts.
    pub fn of_target(path: &'static str, name: &'static str, value: Value<'a>) -> Field<'a> {
        Field { path, name, value }
    }

    /// The refusal of a field that the command does not know.
    pub fn unknown<T>(&self) -> Outcome<T> {
        let message = format!("BSON field '{}.{}' is an unknown field.", self.path, self.name);
        Err(Failure::new(Reason::Location(40415), message))
    }

    /// The refusal of one of several texts.
    pub fn not_one_of_them<T>(&self) -> Outcome<T> {
        let value = self.value.as_str().unwrap_or_default();
        let message = format!(
            "Enumeration value '{value}' for field '{}.{}' is not a valid value.",
            self.path, self.name
        );
        Err(Failure::new(Reason::BadValue, message))
    }

    /// The refusal of a value of another type than `expected` says.
    pub fn wrong_type<T>(&self, expected: &str) -> Outcome<T> {
        let (path, name, found) = (self.path, self.name, ty::name(self.value.ty));
        let message =
            format!("BSON field '{path}.{name}' is the wrong type '{found}', expected {expected}");
        Err(Failure::new(Reason::TypeMismatch, message))
    }

    /// Null is as if it was not there.
    pub fn is_null(&self) -> bool {
        matches!(self.value.ty, ty::NULL | ty::UNDEFINED)
    }

    /// A document; null is as if it was not there.
    pub fn object(&self) -> Outcome<Option<&'a [u8]>> {
        match self.value.ty {
            ty::DOCUMENT => Ok(Some(self.value.bytes)),
            _ if self.is_null() => Ok(None),
            _ => self.wrong_type("type 'object'"),
        }
    }

    /// A document, by the rule and the text of old find fields.
    pub fn old_object(&self) -> Outcome<&'a [u8]> {
        if self.value.ty == ty::DOCUMENT {
            return Ok(self.value.bytes);
        }
        // Without a space, as the server says it.
        let message = format!("Expected field {}to be of type object", self.name);
        Err(Failure::new(Reason::TypeMismatch, message))
    }

    /// An array's elements.
    pub fn array(&self) -> Outcome<&'a [u8]> {
        match self.value.ty {
            ty::ARRAY => Ok(self.value.bytes),
            _ if self.is_null() => {
                let message = format!("invalid parameter: expected an object ({})", self.name);
                Err(Failure::new(Reason::Location(10065), message))
            }
            _ => self.wrong_type("type 'array'"),
        }
    }

    /// The documents of an array.
    pub fn documents(&self) -> Outcome<Vec<&'a [u8]>> {
        let mut documents = Vec::new();
        for element in Elements::new(self.array()?)? {
            let element = element?;
            if element.ty != ty::DOCUMENT {
                let (path, name, found) = (self.path, self.name, ty::name(element.ty));
                let index = element.name_lossy();
                let message = format!(
                    "BSON field '{path}.{name}.{index}' is the wrong type '{found}', \
                     expected type 'object'"
                );
                return Err(Failure::new(Reason::TypeMismatch, message));
            }
            documents.push(element.value);
        }
        Ok(documents)
    }

    /// A text; null is as if it was not there.
    pub fn string(&self) -> Outcome<Option<&'a str>> {
        match self.value.as_str() {
            Some(text) => Ok(Some(text)),
            None if self.is_null() => Ok(None),
            None => self.wrong_type("type 'string'"),
        }
    }

    /// One of these texts; null is as if it was not there.
    pub fn one_of(&self, texts: &[&str]) -> Outcome<Option<&'a str>> {
        match self.string()? {
            Some(text) if !texts.contains(&text) => self.not_one_of_them(),
            other => Ok(other),
        }
    }

    /// A boolean; null is as if it was not there.
    pub fn bool(&self) -> Outcome<Option<bool>> {
        match self.value.ty {
            ty::BOOL => Ok(Some(self.value.is_true())),
            _ if self.is_null() => Ok(None),
            _ => self.wrong_type("type 'bool'"),
        }
    }

    /// A boolean, by the rule and the text of old find fields.
    pub fn old_bool(&self) -> Outcome<bool> {
        if self.value.ty == ty::BOOL {
            return Ok(self.value.is_true());
        }
        let (name, found) = (self.name, ty::name(self.value.ty));
        let message = format!("Field '{name}' should be a boolean value, but found: {found}");
        Err(Failure::new(Reason::TypeMismatch, message))
    }

    /// A boolean, or a number that stands for one.
    pub fn number_or_bool(&self) -> Outcome<Option<bool>> {
        match self.value.ty {
            ty::BOOL | ty::INT32 | ty::INT64 | ty::DOUBLE => Ok(Some(self.value.is_true())),
            ty::DECIMAL128 => Ok(Some(truncated(self.value) != Some(0))),
            _ if self.is_null() => Ok(None),
            _ => self.wrong_type(&format!("types '{BOOLS}")),
        }
    }

    /// A number, of which the integer counts.
    pub fn integer(&self) -> Outcome<Option<i64>> {
        match truncated(self.value) {
            Some(number) => Ok(Some(number)),
            None if self.is_null() => Ok(None),
            None => self.wrong_type(&format!("types '{NUMBERS}")),
        }
    }

    /// A number that is not below zero.
    pub fn non_negative(&self) -> Outcome<Option<u64>> {
        match self.integer()? {
            None => Ok(None),
            Some(number) => match u64::try_from(number) {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(negative(self.name, number)),
            },
        }
    }

    /// A hint: the name or the fields of an index, as a value.
    pub fn hint(&self) -> Outcome<Value<'a>> {
        match self.value.ty {
            ty::STRING | ty::DOCUMENT => Ok(self.value),
            _ => Err(Failure::new(Reason::FailedToParse, "Hint must be a string or an object")),
        }
    }
}

/// The integer part of a number, kept within its bounds; 0 for what is none.
pub fn truncated(value: Value<'_>) -> Option<i64> {
    use tallymap::bson::number::Number;
    match value.as_number() {
        Some(Number::Int32(number)) => Some(i64::from(number)),
        Some(Number::Int64(number)) => Some(number),
        Some(Number::Double(number)) => Some(number as i64),
        // Decimals are rounded, half to even.
        None => as_f64(value).map(|number| number.round_ties_even() as i64),
    }
}

/// The double that is nearest to a number of any type.
pub fn as_f64(value: Value<'_>) -> Option<f64> {
    if value.ty != ty::DECIMAL128 {
        return value.as_number().map(|number| number.to_f64());
    }
    let bytes: [u8; 16] = value.bytes.try_into().ok()?;
    // The texts of decimals are those of doubles: digits, `E`, `Infinity`, `NaN`.
    Some(bson::Decimal128::from_bytes(bytes).to_string().parse().unwrap_or(f64::NAN))
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    /// What each accessor says of the field `x`; texts are those of the server.
    fn refusal<T: std::fmt::Debug>(
        doc: RawDocumentBuf,
        accessor: impl Fn(Field<'_>) -> Outcome<T>,
    ) -> (i32, String) {
        let mut fields = Fields::of("find", doc.as_bytes()).expect("fields");
        let failure = accessor(fields.next().expect("one").expect("sound")).unwrap_err();
        (failure.code(), failure.message().to_owned())
    }

    #[test]
    fn texts_of_wrong_types() {
        let text = |code: i32, text: &str| (code, text.to_owned());
        assert_eq!(
            refusal(rawdoc! { "limit": "x" }, |field| field.non_negative()),
            text(
                14,
                "BSON field 'find.limit' is the wrong type 'string', \
                 expected types '[long, int, decimal, double']"
            )
        );
        assert_eq!(
            refusal(rawdoc! { "limit": -1 }, |field| field.non_negative()),
            text(51024, "BSON field 'limit' value must be >= 0, actual value '-1'")
        );
        assert_eq!(
            refusal(rawdoc! { "let": 1 }, |field| field.object().map(drop)),
            text(14, "BSON field 'find.let' is the wrong type 'int', expected type 'object'")
        );
        assert_eq!(
            refusal(rawdoc! { "filter": 1 }, |field| field.old_object().map(drop)),
            text(14, "Expected field filterto be of type object")
        );
        assert_eq!(
            refusal(rawdoc! { "tailable": 1 }, |field| field.old_bool()),
            text(14, "Field 'tailable' should be a boolean value, but found: int")
        );
        assert_eq!(
            refusal(rawdoc! { "foo": 1 }, |field| field.unknown::<()>()),
            text(40415, "BSON field 'find.foo' is an unknown field.")
        );
    }

    #[test]
    fn null_is_as_if_it_was_not_there() {
        let doc = rawdoc! { "x": null };
        let field = Fields::of("find", doc.as_bytes()).unwrap().next().unwrap().unwrap();
        assert_eq!(field.non_negative(), Ok(None));
        assert_eq!(field.object(), Ok(None));
        assert_eq!(field.bool(), Ok(None));
        assert_eq!(field.string(), Ok(None));
        assert_eq!(field.array().unwrap_err().code(), 10065);
    }

    #[test]
    fn numbers_of_every_type() {
        let decimal: bson::Decimal128 = "7.9".parse().expect("a decimal");
        for (doc, expected) in [
            (rawdoc! { "x": 7 }, 7),
            (rawdoc! { "x": 7_i64 }, 7),
            (rawdoc! { "x": 7.9 }, 7),
            (rawdoc! { "x": decimal }, 8),
            (rawdoc! { "x": f64::NAN }, 0),
            (rawdoc! { "x": 1e300 }, i64::MAX),
        ] {
            let field = Fields::of("find", doc.as_bytes()).unwrap().next().unwrap().unwrap();
            assert_eq!(field.integer(), Ok(Some(expected)), "{doc:?}");
        }
    }

    #[test]
    fn a_field_is_there_once_and_generic_ones_are_passed_over() {
        let body = rawdoc! { "find": "c", "$db": "d", "lsid": {}, "a": 1, "comment": 2, "a": 3 };
        let mut fields = Fields::of_command("find", body.as_bytes()).expect("fields");
        assert_eq!(fields.next().unwrap().unwrap().name, "a");
        assert_eq!(fields.next().unwrap().unwrap_err().code(), 40413);
    }
}
