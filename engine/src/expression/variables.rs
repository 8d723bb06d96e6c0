//! Variables of expressions: the names that are known while one is parsed, the values that they
//! have while it is evaluated.

use std::borrow::Cow;
use std::sync::Arc;

use parking_lot::Mutex;

use super::computed::Computed;
use crate::bson::builder::Builder;
use crate::bson::collation::Collation;
use crate::bson::element::OwnedValue;
use crate::bson::ty;
use crate::error::{Error, Result};

/// Names of variables that an expression may use, beside `ROOT`, `CURRENT`, `NOW` and `REMOVE`;
/// and how texts are compared.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    names: Vec<String>,
    collation: Option<Arc<Collation>>,
    /// Where what is wrong with a constant is kept until the rest is parsed.
    late: Option<Arc<Mutex<Option<Error>>>>,
}

/// Values of variables.
#[derive(Debug, Clone)]
pub struct Variables<'a> {
    /// `$$NOW`, milliseconds since the Unix epoch.
    pub now_ms: i64,
    values: Vec<(Cow<'a, str>, OwnedValue)>,
}

impl Scope {
    /// One that knows these names, such as those of `let`.
    pub fn new(names: impl IntoIterator<Item = String>) -> Scope {
        Scope { names: names.into_iter().collect(), ..Scope::default() }
    }

    /// Is there such a variable?
    pub fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| known == name)
    }

    /// The same with more names.
    pub fn with(&self, names: impl IntoIterator<Item = String>) -> Scope {
        let names = self.names.iter().cloned().chain(names).collect();
        Scope { names, ..self.clone() }
    }

    /// The same where texts are compared by a collation.
    pub fn under(self, collation: Option<Arc<Collation>>) -> Scope {
        Scope { collation, ..self }
    }

    /// The collation, if texts are not compared by their bytes.
    pub fn collation(&self) -> Option<&Arc<Collation>> {
        self.collation.as_ref()
    }

    /// The same where what is wrong with a constant is told at once.
    pub(crate) fn at_once(&self) -> Scope {
        Scope { late: None, ..self.clone() }
    }

    /// What `parse` makes; what is wrong with constants is told only if all else is right, behind
    /// the words `told`.
    pub(crate) fn constants_last<T>(
        &self,
        told: &str,
        parse: impl FnOnce(&Scope) -> Result<T>,
    ) -> Result<T> {
        let late = Arc::new(Mutex::new(None));
        let parsed = parse(&Scope { late: Some(late.clone()), ..self.clone() })?;
        let wrong = late.lock().take();
        match wrong {
            Some(error) if told.is_empty() => self.constant_is_wrong(error)?,
            Some(error) => self.constant_is_wrong(error.caused(told))?,
            None => {}
        }
        Ok(parsed)
    }

    /// Tells of a constant what is wrong with it, now or later.
    pub(crate) fn constant_is_wrong(&self, error: Error) -> Result<()> {
        match &self.late {
            Some(late) => {
                late.lock().get_or_insert(error);
                Ok(())
            }
            None => Err(error),
        }
    }
}

impl<'a> Variables<'a> {
    /// Those that an operation at this time has.
    pub fn new(now_ms: i64) -> Variables<'a> {
        Variables { now_ms, values: Vec::new() }
    }

    /// Gives a variable a value.
    pub fn set(&mut self, name: impl Into<Cow<'a, str>>, value: OwnedValue) {
        let name = name.into();
        self.values.retain(|(known, _)| *known != name);
        self.values.push((name, value));
    }

    /// All of them as a document of expressions.
    pub fn to_document(&self) -> Vec<u8> {
        let mut out = Builder::new();
        for (name, value) in &self.values {
            match value.ty {
                NO_VALUE => out.value(name.as_bytes(), Computed::string("$$REMOVE").or_null()),
                _ => {
                    out.begin(ty::DOCUMENT, name.as_bytes());
                    out.value("$literal", value.as_ref()).end()
                }
            };
        }
        out.finish()
    }

    /// The value of a variable, if it has one.
    pub fn get(&self, name: &str) -> Option<&OwnedValue> {
        let found = self.values.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value).filter(|value| value.ty != NO_VALUE)
    }
}

/// The type of a variable that is known and has no value. No element has it.
const NO_VALUE: u8 = 0;

/// What a variable is set to that is to have the value that was computed, or none.
pub(crate) fn variable_of(computed: Computed<'_>) -> OwnedValue {
    match computed {
        Computed::Missing => OwnedValue { ty: NO_VALUE, bytes: [].into() },
        value => value.into_owned(),
    }
}
