//! `$lookup`: to each document the matching ones of another collection, by equal fields, by a
//! pipeline that knows some of the document's values, or by both.

use std::sync::Arc;

use super::chain::{Run, Sink};
use super::set_path::set_path;
use super::{Context, Pipeline};
use crate::bson::builder::{Builder, Index};
use crate::bson::document::{check_depth, check_len};
use crate::bson::element::{Elements, Value, get};
use crate::bson::field::FieldPath;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::{Expression, Scope, location, name_of, parse_path, variable_of};

/// A `$lookup` as it is specified.
#[derive(Debug)]
pub(crate) struct Lookup {
    from: Box<str>,
    /// A field of the document and one of the other collection that is to equal it.
    fields: Option<(FieldPath, Box<str>)>,
    variables: Vec<(Box<str>, Expression)>,
    pipeline: Pipeline,
    /// The field that is given what was found.
    result: Box<str>,
}

fn failed(message: impl Into<String>) -> Error {
    Error::refused(Reason::FailedToParse, message)
}

/// What is wrong with a `from` that is no name: collections of other databases cannot be had.
pub(super) fn no_name(stage: &str, from: Value<'_>) -> Result<Error> {
    if from.ty != ty::DOCUMENT {
        let found = ty::name(from.ty);
        return Ok(failed(format!("{stage} 'from' field must be a string, but found {found}")));
    }
    let (mut database, mut collection) = ("", "");
    for field in Elements::new(from.bytes)? {
        let field = field?;
        let name = field.name_lossy();
        let place = match field.name {
            b"db" => &mut database,
            b"coll" => &mut collection,
            _ => {
                return Ok(location(
                    40415,
                    format!("BSON field 'from.{name}' is an unknown field."),
                ));
            }
        };
        let Some(text) = field.val().as_str() else {
            let found = ty::name(field.ty);
            let message = format!(
                "BSON field 'from.{name}' is the wrong type '{found}', expected type 'string'"
            );
            return Ok(Error::refused(Reason::TypeMismatch, message));
        };
        *place = text;
    }
    Ok(failed(format!(
        "{stage} with syntax {{from: {{db:<>, coll:<>}},..}} is not supported for db: {database} \
         and coll: {collection}"
    )))
}

/// The arguments as they were given.
#[derive(Default)]
struct Arguments<'v> {
    from: Option<&'v str>,
    local: Option<&'v str>,
    foreign: Option<&'v str>,
    result: Option<&'v str>,
    variables: Option<Value<'v>>,
    pipeline: Option<Value<'v>>,
}

impl<'v> Arguments<'v> {
    fn parse(value: Value<'v>) -> Result<Arguments<'v>> {
        if value.ty != ty::DOCUMENT {
            let name = ty::name(value.ty);
            return Err(failed(format!(
                "the $lookup stage specification must be an object, but found {name}"
            )));
        }
        let mut out = Arguments::default();
        for element in Elements::new(value.bytes)? {
            let element = element?;
            let (value, found) = (element.val(), ty::name(element.ty));
            match element.name {
                b"let" if element.ty == ty::DOCUMENT => out.variables = Some(value),
                b"let" => {
                    let shown = text::value(value);
                    return Err(failed(format!(
                        "$lookup argument 'let: {shown}' must be an object, is type {found}"
                    )));
                }
                b"pipeline" if element.ty == ty::ARRAY => out.pipeline = Some(value),
                b"pipeline" => {
                    let message = "'pipeline' option must be specified as an array";
                    return Err(Error::refused(Reason::TypeMismatch, message));
                }
                b"from" if element.ty != ty::STRING => return Err(no_name("$lookup", value)?),
                name => {
                    let Some(text) = value.as_str() else {
                        let name = element.name_lossy();
                        return Err(failed(format!(
                            "$lookup argument '{name}' must be a string, found {}: {found}",
                            text::named(element.name, value)
                        )));
                    };
                    match name {
                        b"from" => out.from = Some(text),
                        // An empty one is none.
                        b"localField" => out.local = Some(text).filter(|it| !it.is_empty()),
                        b"foreignField" => out.foreign = Some(text).filter(|it| !it.is_empty()),
                        b"as" => out.result = Some(text).filter(|it| !it.is_empty()),
                        _ => {
                            let name = element.name_lossy();
                            return Err(failed(format!("unknown argument to $lookup: {name}")));
                        }
                    }
                }
            }
        }
        Ok(out)
    }
}

impl Lookup {
    pub fn parse(value: Value<'_>, scope: &Scope, depth: usize) -> Result<Lookup> {
        let given = Arguments::parse(value)?;
        let Some(result) = given.result else {
            return Err(failed("must specify 'as' field for a $lookup"));
        };
        if given.pipeline.is_some() && given.local.is_some() != given.foreign.is_some() {
            return Err(failed(
                "$lookup requires both or neither of 'localField' and 'foreignField' to be \
                 specified",
            ));
        }
        if given.pipeline.is_none() && (given.local.is_none() || given.foreign.is_none()) {
            return Err(failed(
                "$lookup requires either 'pipeline' or both 'localField' and 'foreignField' to be \
                 specified",
            ));
        }
        if given.pipeline.is_none() && given.variables.is_some() {
            return Err(failed("$lookup with a 'let' argument must also specify 'pipeline'"));
        }
        let Some(from) = given.from else {
            let shown = text::value(value);
            return Err(failed(format!(
                "missing 'from' option to $lookup stage specification: {shown}"
            )));
        };
        let mut variables = vec![];
        let given_variables = given.variables.map(|value| value.bytes);
        for element in given_variables.map(Elements::new).transpose()?.into_iter().flatten() {
            let element = element?;
            let name = name_of(&element)?;
            crate::expression::check_variable(name, true)?;
            variables.push((name.into(), Expression::parse(element.val(), scope)?));
        }
        let inner = scope.with(variables.iter().map(|(name, _): &(Box<str>, _)| name.to_string()));
        let pipeline = match given.pipeline {
            Some(pipeline) => Pipeline::parse_nested(pipeline, &inner, depth)?,
            None => Pipeline::default(),
        };
        if let Some(stage) = pipeline.stages().iter().find(|stage| stage.writes()) {
            let stage = stage.name();
            let message = format!("{stage} is not allowed within a $lookup's sub-pipeline");
            return Err(location(51047, message));
        }
        let fields = match (given.local, given.foreign) {
            (Some(local), Some(foreign)) => {
                parse_path(foreign)?;
                Some((parse_path(local)?, foreign.into()))
            }
            _ => None,
        };
        parse_path(result)?;
        Ok(Lookup { from: from.into(), fields, variables, pipeline, result: result.into() })
    }

    pub fn start(self: &Arc<Self>, context: &Context) -> Box<dyn Run> {
        Box::new(LookupRun { spec: self.clone(), context: context.clone() })
    }

    /// What the other documents must match.
    fn filter(&self, doc: &[u8]) -> Result<Vec<u8>> {
        let mut filter = Builder::new();
        let Some((local, foreign)) = &self.fields else { return Ok(filter.finish()) };
        let mut values = vec![];
        let doc = Value { ty: ty::DOCUMENT, bytes: doc };
        collect(doc, local, 0, &mut values)?;
        if values.is_empty() {
            values.push(NULL);
        }
        filter.begin(ty::ARRAY, "$or");
        for (i, value) in values.iter().enumerate() {
            filter.begin(ty::DOCUMENT, Index::new(i)).begin(ty::DOCUMENT, foreign.as_bytes());
            filter.value("$eq", *value).end().end();
        }
        filter.end();
        // One equality needs no branches.
        if let [value] = &values[..] {
            let mut one = Builder::new();
            one.begin(ty::DOCUMENT, foreign.as_bytes()).value("$eq", *value).end();
            return Ok(one.finish());
        }
        Ok(filter.finish())
    }
}

/// The values that a field of the other collection may equal: what the path leads to from
/// component `depth` on, of an array each element. A number names a place in an array; another
/// name is looked for in each document of it.
fn collect<'d>(
    value: Value<'d>,
    path: &FieldPath,
    depth: usize,
    out: &mut Vec<Value<'d>>,
) -> Result<()> {
    if depth == path.depth() {
        match value.ty {
            ty::ARRAY => {
                for element in Elements::new(value.bytes)? {
                    out.push(or_null(element?.val()));
                }
            }
            _ => out.push(or_null(value)),
        }
        return Ok(());
    }
    let name = path.component(depth);
    match value.ty {
        ty::DOCUMENT => match get(value.bytes, name)? {
            Some(field) => collect(field.val(), path, depth + 1, out),
            None => Ok(()),
        },
        ty::ARRAY if is_place(name) => {
            let place = name.parse().unwrap_or(usize::MAX);
            match Elements::new(value.bytes)?.nth(place).transpose()? {
                Some(element) => collect(element.val(), path, depth + 1, out),
                None => Ok(()),
            }
        }
        ty::ARRAY => {
            for element in Elements::new(value.bytes)? {
                let element = element?;
                if element.ty == ty::DOCUMENT {
                    collect(element.val(), path, depth, out)?;
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

const NULL: Value<'_> = Value { ty: ty::NULL, bytes: &[] };

fn or_null(value: Value<'_>) -> Value<'_> {
    if value.ty == ty::UNDEFINED { NULL } else { value }
}

fn is_place(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(Debug)]
struct LookupRun {
    spec: Arc<Lookup>,
    context: Context,
}

impl Run for LookupRun {
    fn push(&mut self, doc: Vec<u8>, out: &mut dyn Sink) -> Result<()> {
        let spec = &*self.spec;
        let mut vars = (*self.context.vars).clone();
        for (name, expression) in &spec.variables {
            let value = expression.evaluate(&doc, &self.context.vars)?;
            check_depth(0, value.or_null())?;
            vars.set(name.to_string(), variable_of(value));
        }
        let filter = spec.filter(&doc)?;
        let vars = Arc::new(vars);
        let found = self.context.world.documents(&spec.from, &filter, &spec.pipeline, vars)?;
        let mut array = Builder::new();
        for (i, other) in found.enumerate() {
            let other = other?;
            if check_len(doc.len() + array.len() + other.len()).is_err() {
                let message = format!(
                    "Total size of documents in {} matching pipeline's $lookup stage exceeds \
                     maximum document size",
                    spec.from
                );
                return Err(location(4568, message));
            }
            array.document(Index::new(i), &other);
        }
        let array = array.finish();
        let found = Value { ty: ty::ARRAY, bytes: &array };
        out.accept(set_path(&doc, &spec.result, found)?)
    }
}
