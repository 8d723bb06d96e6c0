//! What of a schema a document does not keep to, in MongoDB's words.

use super::check::{first_unlike, held, missing, repeated};
use super::{Additional, Dependency, Keyword, Rule, Schema, document};
use crate::bson::builder::Index;
use crate::bson::element::{Elements, Value, get};
use crate::bson::number::Number;
use crate::bson::ty;
use crate::error::Result;
use crate::query::telling::Telling;

impl Schema {
    /// Writes the array `name` of the rules that the document breaks.
    ///
    /// # Errors
    /// A pattern that takes too long.
    pub fn tell(&self, out: &mut Telling, name: &str, doc: &[u8]) -> Result<()> {
        self.tell_of(out, name, document(doc))
    }

    fn tell_of(&self, out: &mut Telling, name: &str, value: Value<'_>) -> Result<()> {
        out.begin(ty::ARRAY, name);
        let mut at = 0;
        for rule in &self.rules {
            if !rule.holds_for(value)? {
                out.begin(ty::DOCUMENT, Index::new(at));
                rule.tell(out, value)?;
                out.end();
                at += 1;
            }
        }
        out.end();
        Ok(())
    }
}

/// Why a value does not keep to the rule.
fn reason(keyword: &Keyword) -> &'static str {
    match keyword {
        Keyword::Enum(_) => "value was not found in enum",
        Keyword::Minimum { .. } | Keyword::Maximum { .. } => "comparison failed",
        Keyword::MultipleOf(_) => "considered value is not a multiple of the specified value",
        Keyword::MinLength(_) | Keyword::MaxLength(_) => {
            "specified string length was not satisfied"
        }
        Keyword::Pattern(_) => "regular expression did not match",
        Keyword::MinItems(_) | Keyword::MaxItems(_) => "array did not match specified length",
        Keyword::UniqueItems => "found a duplicate item",
        Keyword::Type(_) => "type did not match",
        _ => "specified number of properties was not satisfied",
    }
}

impl Rule {
    fn tell(&self, out: &mut Telling, value: Value<'_>) -> Result<()> {
        out.check()?;
        let first = Elements::new(&self.source)?.next().transpose()?;
        let name = first.map(|first| first.name_lossy().into_owned()).unwrap_or_default();
        out.str("operatorName", &name);
        match &self.keyword {
            Keyword::AllOf(schemas) | Keyword::AnyOf(schemas) => {
                return not_satisfied(out, schemas, value);
            }
            Keyword::OneOf(schemas) => return self.tell_one_of(out, schemas, value),
            Keyword::Not(_) => {
                out.str("reason", "child expression matched");
                return Ok(());
            }
            Keyword::Items(schema) => {
                let why = "At least one item did not match the sub-schema";
                return item(out, schema, value, 0, why);
            }
            Keyword::AdditionalItems(from, Additional::Like(schema)) => {
                let why = "At least one additional item did not match the sub-schema";
                return item(out, schema, value, *from, why);
            }
            Keyword::ItemsEach(schemas) => return items(out, schemas, value),
            Keyword::Properties(properties) => return tell_properties(out, properties, value),
            Keyword::PatternProperties(_)
            | Keyword::AdditionalProperties(_)
            | Keyword::Dependencies(_) => return self.tell_names(out, value.bytes),
            _ => out.specified_as(&self.source),
        }
        match &self.keyword {
            Keyword::Required(names) => {
                put_names(out, "missingProperties", &missing(names, value.bytes)?);
                return Ok(());
            }
            Keyword::AdditionalItems(from, _) => {
                out.str("reason", "found additional items");
                out.begin(ty::ARRAY, "additionalItems");
                for (at, element) in Elements::new(value.bytes)?.skip(*from).enumerate() {
                    out.value(Index::new(at), element?.val());
                }
                out.end();
                return Ok(());
            }
            _ => drop(out.str("reason", reason(&self.keyword))),
        }
        let count = || Elements::new(value.bytes).map(|elements| elements.count() as i64);
        match &self.keyword {
            Keyword::MinProperties(_) | Keyword::MaxProperties(_) => {
                out.number("numberOfProperties", Number::integer(count()?));
                return Ok(());
            }
            // What the two of them looked at is told always, as by 5.0.
            Keyword::MinItems(_) | Keyword::MaxItems(_) => {
                out.value("consideredValue", value);
                out.number("numberOfItems", Number::integer(count()?));
            }
            Keyword::UniqueItems => {
                out.value("consideredValue", value);
                if let Some(twice) = repeated(value.bytes)? {
                    out.value("duplicatedValue", twice.as_ref());
                }
            }
            Keyword::Type(_) => {
                out.considered(value);
                out.str("consideredType", ty::name(value.ty));
            }
            _ => out.considered(value),
        }
        Ok(())
    }

    fn tell_one_of(&self, out: &mut Telling, schemas: &[Schema], value: Value<'_>) -> Result<()> {
        let held = held(schemas, value)?;
        if held.is_empty() {
            return not_satisfied(out, schemas, value);
        }
        out.str("reason", "more than one subschema matched");
        out.begin(ty::ARRAY, "matchingSchemaIndexes");
        for (at, index) in held.iter().enumerate() {
            out.number(Index::new(at), Number::integer(*index as i64));
        }
        out.end();
        Ok(())
    }

    /// Of what is about names of properties.
    fn tell_names(&self, out: &mut Telling, doc: &[u8]) -> Result<()> {
        match &self.keyword {
            Keyword::PatternProperties(patterns) => {
                out.begin(ty::ARRAY, "details");
                let mut at = 0;
                for element in Elements::new(doc)? {
                    let element = element?;
                    let name = element.name_lossy();
                    for (pattern, schema) in patterns {
                        if pattern.holds_text(&name)? && !schema.holds_for(element.val())? {
                            out.begin(ty::DOCUMENT, Index::new(at)).str("propertyName", &name);
                            out.str("regexMatched", pattern.pattern());
                            schema.tell_of(out, "details", element.val())?;
                            out.end();
                            at += 1;
                        }
                    }
                }
                out.end();
            }
            Keyword::Dependencies(dependencies) => {
                out.begin(ty::ARRAY, "failingDependencies");
                let mut at = 0;
                for (name, dependency) in dependencies {
                    if get(doc, name)?.is_none() || dependency.holds_for(doc)? {
                        continue;
                    }
                    out.begin(ty::DOCUMENT, Index::new(at)).str("conditionalProperty", name);
                    match dependency {
                        Dependency::Properties(names) => {
                            put_names(out, "missingProperties", &missing(names, doc)?);
                        }
                        Dependency::Schema(schema) => schema.tell(out, "details", doc)?,
                    }
                    out.end();
                    at += 1;
                }
                out.end();
            }
            Keyword::AdditionalProperties(others) => {
                let mut names = Vec::new();
                for element in Elements::new(doc)? {
                    let element = element?;
                    let name = element.name_lossy();
                    if !others.has(&name)? {
                        continue;
                    }
                    match &others.allowed {
                        Additional::Refused => names.push(name),
                        Additional::Like(schema) if schema.holds_for(element.val())? => {}
                        Additional::Like(schema) => {
                            let why =
                                "at least one additional property did not match the subschema";
                            out.str("reason", why).str("failingProperty", &name);
                            return schema.tell_of(out, "details", element.val());
                        }
                    }
                }
                out.document("specifiedAs", &self.source);
                let names: Vec<&str> = names.iter().map(|name| &**name).collect();
                put_names(out, "additionalProperties", &names);
            }
            _ => {}
        }
        Ok(())
    }
}

fn put_names(out: &mut Telling, name: &str, names: &[&str]) {
    out.begin(ty::ARRAY, name);
    for (at, name) in names.iter().enumerate() {
        out.str(Index::new(at), name);
    }
    out.end();
}

fn not_satisfied(out: &mut Telling, schemas: &[Schema], value: Value<'_>) -> Result<()> {
    out.begin(ty::ARRAY, "schemasNotSatisfied");
    let mut at = 0;
    for (index, schema) in schemas.iter().enumerate() {
        if !schema.holds_for(value)? {
            out.begin(ty::DOCUMENT, Index::new(at));
            out.number("index", Number::integer(index as i64));
            schema.tell_of(out, "details", value)?;
            out.end();
            at += 1;
        }
    }
    out.end();
    Ok(())
}

fn item(
    out: &mut Telling,
    schema: &Schema,
    array: Value<'_>,
    from: usize,
    why: &str,
) -> Result<()> {
    let Some((at, value)) = first_unlike(schema, array.bytes, from)? else { return Ok(()) };
    out.str("reason", why).number("itemIndex", Number::integer(at as i64));
    schema.tell_of(out, "details", value)
}

fn items(out: &mut Telling, schemas: &[Schema], array: Value<'_>) -> Result<()> {
    out.begin(ty::ARRAY, "details");
    let mut at = 0;
    for (index, (schema, element)) in schemas.iter().zip(Elements::new(array.bytes)?).enumerate() {
        let value = element?.val();
        if !schema.holds_for(value)? {
            out.begin(ty::DOCUMENT, Index::new(at));
            // A long, other than that of one schema for all.
            out.number("itemIndex", Number::Int64(index as i64));
            schema.tell_of(out, "details", value)?;
            out.end();
            at += 1;
        }
    }
    out.end();
    Ok(())
}

fn tell_properties(
    out: &mut Telling,
    properties: &[(Box<str>, Schema)],
    value: Value<'_>,
) -> Result<()> {
    out.begin(ty::ARRAY, "propertiesNotSatisfied");
    let mut at = 0;
    for (name, schema) in properties {
        let Some(property) = get(value.bytes, name)? else { continue };
        if !schema.holds_for(property.val())? {
            out.begin(ty::DOCUMENT, Index::new(at)).str("propertyName", name);
            schema.tell_of(out, "details", property.val())?;
            out.end();
            at += 1;
        }
    }
    out.end();
    Ok(())
}
