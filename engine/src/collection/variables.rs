//! `let` and `collation` of a request: what its filters and expressions may refer to, and how they
//! compare texts. A variable is the value of an expression that reads no document.

use std::sync::Arc;

use bson::RawDocument;

use crate::bson::collation::Collation;
use crate::bson::document;
use crate::bson::element::{Elements, OwnedValue};
use crate::error::{Error, Reason, Result};
use crate::expression::{Expression, Scope, Variables, check_variable, name_of, variable_of};

/// The variables by name, none if none are given. Each may use those before it, and `$$NOW`.
///
/// # Errors
/// [`Error::Refused`] for an expression that is none, or reads fields.
pub fn named_variables(
    variables: Option<&RawDocument>,
    now_ms: i64,
) -> Result<Vec<(String, OwnedValue)>> {
    const NOTHING: &[u8] = &[5, 0, 0, 0, 0];
    let Some(variables) = variables else { return Ok(vec![]) };
    document::check(variables.as_bytes())?;
    let mut named: Vec<(String, OwnedValue)> = vec![];
    for element in Elements::new(variables.as_bytes())? {
        let element = element?;
        let name = name_of(&element)?;
        check_variable(name, true)?;
        let expression = Expression::parse(element.val(), &scope_of(&named))?;
        if expression.fields().is_none_or(|fields| !fields.is_empty()) {
            let message = "Command let Expression tried to access a field, but this is not allowed \
                           because Command let Expressions run before the query examines any \
                           documents.";
            return Err(Error::refused(Reason::Location(4890500), message));
        }
        let mut known = Variables::new(now_ms);
        named.iter().for_each(|(name, value)| known.set(name.as_str(), value.clone()));
        let value = variable_of(expression.evaluate(NOTHING, &known)?);
        named.push((name.to_owned(), value));
    }
    Ok(named)
}

/// The names of variables.
pub fn scope_of(variables: &[(String, OwnedValue)]) -> Scope {
    Scope::new(variables.iter().map(|(name, _)| name.clone()))
}

/// The collation that a request asks for, if it asks for one that is not the order of bytes.
///
/// # Errors
/// MongoDB's, with its numbers.
pub fn collation_of(spec: Option<&RawDocument>) -> Result<Option<Arc<Collation>>> {
    let Some(spec) = spec else { return Ok(None) };
    document::check(spec.as_bytes())?;
    Ok(Collation::parse(spec.as_bytes())?.map(Arc::new))
}
