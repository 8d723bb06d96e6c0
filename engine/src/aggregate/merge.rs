//! `$merge` as it is specified, and what it makes of a document: the fields by which it finds the
//! document's like, and the variables that a pipeline of its has. Who runs the pipeline writes.

use super::out::Out;
use crate::bson::element::{Element, Elements, OwnedValue, Value};
use crate::bson::{field::FieldPath, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::{
    Computed, Expression, Scope, Variables, check_variable, location, lookup, name_of, parse_path,
};

/// The variable that holds the document, unless told otherwise.
const NEW: &str = "new";

/// A `$merge`.
#[derive(Debug, Clone)]
pub(crate) struct Merge {
    /// Where the documents go.
    pub into: Out,
    /// Fields that a document has in common with the one that it meets; none means its `_id`.
    pub on: Option<Vec<FieldPath>>,
    /// Variables of the pipeline, of the document.
    variables: Vec<(Box<str>, Expression)>,
    pub when_matched: WhenMatched,
    pub when_not_matched: WhenNotMatched,
}

/// What becomes of a document of the target that is met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum WhenMatched {
    Replace,
    KeepExisting,
    Merge,
    Fail,
    /// It goes through these stages.
    Pipeline(Vec<Box<[u8]>>),
}

/// What is done with a document that meets none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenNotMatched {
    Insert,
    Discard,
    Fail,
}

impl WhenMatched {
    fn parse(value: Value<'_>) -> Result<WhenMatched> {
        if value.ty == ty::ARRAY {
            return Ok(WhenMatched::Pipeline(stages(value)?));
        }
        Ok(match value.as_str() {
            Some("replace") => WhenMatched::Replace,
            Some("keepExisting") => WhenMatched::KeepExisting,
            Some("merge") => WhenMatched::Merge,
            Some("fail") => WhenMatched::Fail,
            Some(other) => return Err(not_one_of_them(other, "whenMatched")),
            None => return Err(wrong_type(51191, "whenMatched", "an array", value)),
        })
    }

    fn name(&self) -> &'static str {
        match self {
            WhenMatched::Replace => "replace",
            WhenMatched::KeepExisting => "keepExisting",
            WhenMatched::Merge => "merge",
            WhenMatched::Fail => "fail",
            WhenMatched::Pipeline(_) => "pipeline",
        }
    }
}

impl WhenNotMatched {
    fn parse(value: Value<'_>) -> Result<WhenNotMatched> {
        Ok(match value.as_str() {
            Some("insert") => WhenNotMatched::Insert,
            Some("discard") => WhenNotMatched::Discard,
            Some("fail") => WhenNotMatched::Fail,
            Some(other) => return Err(not_one_of_them(other, "$merge.whenNotMatched")),
            None => return Err(idl_type("whenNotMatched", value, "string")),
        })
    }

    fn name(self) -> &'static str {
        match self {
            WhenNotMatched::Insert => "insert",
            WhenNotMatched::Discard => "discard",
            WhenNotMatched::Fail => "fail",
        }
    }
}

impl Merge {
    pub fn parse(value: Value<'_>, scope: &Scope) -> Result<Merge> {
        let mut merge = Merge {
            into: Out { database: None, collection: "".into() },
            on: None,
            variables: vec![],
            when_matched: WhenMatched::Merge,
            when_not_matched: WhenNotMatched::Insert,
        };
        if let Some(collection) = value.as_str() {
            merge.into.collection = collection.into();
            return Ok(merge);
        }
        if value.ty != ty::DOCUMENT {
            let found = ty::name(value.ty);
            let message = format!("$merge requires a string or object argument, but found {found}");
            return Err(Error::refused(Reason::TypeMismatch, message));
        }
        let (mut into, mut variables) = (None, None);
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let value = element.val();
            match element.name {
                b"into" => into = Some(parse_into(value)?),
                b"on" => merge.on = Some(parse_on(value)?),
                b"let" | b"whenNotMatched" if value.ty == ty::NULL => {}
                b"let" if value.ty == ty::DOCUMENT => variables = Some(value.bytes),
                b"let" => return Err(idl_type("let", value, "object")),
                b"whenMatched" => merge.when_matched = WhenMatched::parse(value)?,
                b"whenNotMatched" => merge.when_not_matched = WhenNotMatched::parse(value)?,
                _ => return Err(unknown("$merge", &element)),
            }
        }
        merge.into = into.ok_or_else(|| {
            location(40414, "BSON field '$merge.into' is missing but a required field")
        })?;
        merge.check(variables.is_some())?;
        if matches!(merge.when_matched, WhenMatched::Pipeline(_)) {
            merge.variables = parse_variables(variables, scope)?;
        }
        Ok(merge)
    }

    /// Refuses what contradicts itself.
    fn check(&self, has_variables: bool) -> Result<()> {
        let (matched, not_matched) = (self.when_matched.name(), self.when_not_matched);
        if has_variables && !matches!(self.when_matched, WhenMatched::Pipeline(_)) {
            let message = format!("Cannot use 'let' variables with 'whenMatched: {matched}' mode");
            return Err(location(51199, message));
        }
        let keeps = matches!(self.when_matched, WhenMatched::KeepExisting | WhenMatched::Fail);
        if keeps && not_matched != WhenNotMatched::Insert {
            let message = format!(
                "Combination of $merge modes 'whenMatched: {matched}' and 'whenNotMatched: {}' is \
                 not supported",
                not_matched.name()
            );
            return Err(location(51181, message));
        }
        Ok(())
    }

    /// The values by which `doc` finds its like.
    ///
    /// # Errors
    /// 51132, 51185 for those that no one document could have.
    pub fn key<'d>(&self, path: &'d FieldPath, doc: &'d [u8]) -> Result<Value<'d>> {
        let found = match lookup(doc, path, 0)? {
            Computed::Borrowed(found) if !matches!(found.ty, ty::NULL | ty::UNDEFINED) => found,
            _ => {
                let message = format!(
                    "$merge write error: 'on' field '{path}' cannot be missing, null, undefined \
                     or an array"
                );
                return Err(location(51132, message));
            }
        };
        if found.ty == ty::ARRAY {
            let message = format!("$merge write error: 'on' field '{path}' is an array");
            return Err(location(51185, message));
        }
        Ok(found)
    }

    /// The variables of the pipeline for `doc`, those that have a value.
    ///
    /// # Errors
    /// Those of the expressions.
    pub fn variables(
        &self,
        doc: &[u8],
        outer: &Variables<'_>,
    ) -> Result<Vec<(String, OwnedValue)>> {
        let mut out = vec![];
        for (name, expression) in &self.variables {
            let value = expression.evaluate(doc, outer)?;
            if let Some(value) = value.as_value() {
                out.push((name.to_string(), value.to_owned()));
            }
        }
        Ok(out)
    }
}

fn parse_into(value: Value<'_>) -> Result<Out> {
    if let Some(collection) = value.as_str() {
        return Ok(Out { database: None, collection: collection.into() });
    }
    if value.ty != ty::DOCUMENT {
        return Err(wrong_type(51178, "into", "an object", value));
    }
    let mut out = Out { database: None, collection: "".into() };
    for element in Elements::new(value.bytes)? {
        let element = element?;
        let text = element.val().as_str();
        match (element.name, text) {
            (b"db", Some(name)) => out.database = Some(name.into()),
            (b"coll", Some(name)) => out.collection = name.into(),
            (b"db" | b"coll", None) => {
                let (name, found) = (element.name_lossy(), ty::name(element.ty));
                let message = format!(
                    "BSON field 'into.{name}' is the wrong type '{found}', expected type 'string'"
                );
                return Err(Error::refused(Reason::TypeMismatch, message));
            }
            _ => return Err(unknown("into", &element)),
        }
    }
    Ok(out)
}

fn parse_on(value: Value<'_>) -> Result<Vec<FieldPath>> {
    let mut names = vec![];
    if let Some(name) = value.as_str() {
        names.push(name.to_owned());
    } else if value.ty == ty::ARRAY {
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let Some(name) = element.val().as_str() else {
                let found = ty::name(element.ty);
                let message =
                    format!("$merge 'on' array elements must be strings, but found {found}");
                return Err(location(51134, message));
            };
            if names.iter().any(|known| known == name) {
                return Err(location(31465, format!("Found a duplicate field '{name}'")));
            }
            names.push(name.to_owned());
        }
    } else {
        return Err(wrong_type(51186, "on", "an array of strings", value));
    }
    if names.is_empty() {
        let message = "If explicitly specifying $merge 'on', must include at least one field";
        return Err(location(51187, message));
    }
    let path = |name: &String| match name.is_empty() {
        true => Err(location(40352, "FieldPath cannot be constructed with empty string")),
        false => parse_path(name),
    };
    names.iter().map(path).collect()
}

/// The variables as they are given, and `new` beside them.
fn parse_variables(given: Option<&[u8]>, scope: &Scope) -> Result<Vec<(Box<str>, Expression)>> {
    let root = Value { ty: ty::STRING, bytes: b"\x07\0\0\0$$ROOT\0" };
    let mut variables = vec![(NEW.into(), Expression::parse(root, scope)?)];
    for element in given.map(Elements::new).transpose()?.into_iter().flatten() {
        let element = element?;
        let name = name_of(&element)?;
        if name == NEW {
            if element.val().as_str() == Some("$$ROOT") {
                continue;
            }
            let message =
                "'let' may not define a value for the reserved 'new' variable other than '$$ROOT'";
            return Err(location(51273, message));
        }
        check_variable(name, true)?;
        variables.push((name.into(), Expression::parse(element.val(), scope)?));
    }
    Ok(variables)
}

fn stages(value: Value<'_>) -> Result<Vec<Box<[u8]>>> {
    let stage = |element: Result<Element<'_>>| {
        let element = element?;
        if element.ty != ty::DOCUMENT {
            let message = "Each element of the 'pipeline' array must be an object";
            return Err(Error::refused(Reason::TypeMismatch, message));
        }
        Ok(element.value.into())
    };
    Elements::new(value.bytes)?.map(stage).collect()
}

fn wrong_type(code: i32, name: &str, other: &str, value: Value<'_>) -> Error {
    // Two spaces, as the server says it.
    let found = ty::name(value.ty);
    let message =
        format!("$merge '{name}' field  must be either a string or {other}, but found {found}");
    location(code, message)
}

fn idl_type(name: &str, value: Value<'_>, expected: &str) -> Error {
    let found = ty::name(value.ty);
    let message = format!(
        "BSON field '$merge.{name}' is the wrong type '{found}', expected type '{expected}'"
    );
    Error::refused(Reason::TypeMismatch, message)
}

fn not_one_of_them(value: &str, name: &str) -> Error {
    let message = format!("Enumeration value '{value}' for field '{name}' is not a valid value.");
    Error::refused(Reason::BadValue, message)
}

fn unknown(path: &str, element: &Element<'_>) -> Error {
    let name = element.name_lossy();
    location(40415, format!("BSON field '{path}.{name}' is an unknown field."))
}
