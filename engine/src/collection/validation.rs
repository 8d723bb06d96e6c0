//! Validators: what documents of a collection have to match to be written.
//!
//! They stand among the collection's options in `system.namespaces`, as 3.2 has them there; those
//! that 3.2 could not read are stored among our own. One that is switched off, or only to be
//! warned of, is kept and not asked.

use std::sync::Arc;

use bson::{RawDocument, RawDocumentBuf, cstr};

use super::handle::Collection;
use super::locked::OpenCollection;
use super::stored_options::StoredOptions;
use crate::bson::builder::Builder;
use crate::bson::collation::Collation;
use crate::bson::element::{Elements, Value, get};
use crate::bson::{document, ty};
use crate::error::{Error, Reason, Result};
use crate::expression::{Scope, Variables};
use crate::query::{Filter, mismatch};

/// Which documents are validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ValidationLevel {
    /// None.
    Off,
    /// New ones, and those that were valid before they are changed.
    Moderate,
    /// All.
    #[default]
    Strict,
}

/// What becomes of a document that is not valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ValidationAction {
    /// It is refused.
    #[default]
    Error,
    /// It is written.
    Warn,
}

impl ValidationLevel {
    /// The level of this name.
    pub fn named(name: &str) -> Option<ValidationLevel> {
        [ValidationLevel::Off, ValidationLevel::Moderate, ValidationLevel::Strict]
            .into_iter()
            .find(|level| level.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ValidationLevel::Off => "off",
            ValidationLevel::Moderate => "moderate",
            ValidationLevel::Strict => "strict",
        }
    }
}

impl ValidationAction {
    /// The action of this name.
    pub fn named(name: &str) -> Option<ValidationAction> {
        [ValidationAction::Error, ValidationAction::Warn]
            .into_iter()
            .find(|action| action.name() == name)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ValidationAction::Error => "error",
            ValidationAction::Warn => "warn",
        }
    }
}

/// What is asked of the documents of a collection, as far as something was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ValidationRules {
    /// A filter that they have to match; an empty one for any.
    pub validator: Option<RawDocumentBuf>,
    /// Which of them.
    pub level: Option<ValidationLevel>,
    /// What becomes of others.
    pub action: Option<ValidationAction>,
}

impl ValidationRules {
    /// Is nothing said?
    pub fn is_empty(&self) -> bool {
        self.validator.is_none() && self.level.is_none() && self.action.is_none()
    }

    /// Refuses a validator that is none.
    pub(super) fn check(&self) -> Result<()> {
        Validator::new(self, None).map(|_| ())
    }

    /// The same of rules that are to replace others.
    ///
    /// # Errors
    /// Those of a filter, and of one that no validator may be.
    pub fn check_change(&self) -> Result<()> {
        self.check().map_err(|error| match error {
            Error::Refused { reason, message } => {
                let message =
                    format!("Parsing of collection validator failed :: caused by :: {message}");
                Error::refused(reason, message)
            }
            error => error,
        })
    }

    /// What the catalogue says, and what is stored beside it.
    pub fn read(options: Option<&RawDocument>, stored: &StoredOptions) -> ValidationRules {
        let text = |name| options.and_then(|options| options.get_str(name).ok());
        let native = options.and_then(|options| options.get_document("validator").ok());
        ValidationRules {
            validator: stored.validator.clone().or(native.map(ToOwned::to_owned)),
            level: text("validationLevel").and_then(ValidationLevel::named),
            action: text("validationAction").and_then(ValidationAction::named),
        }
    }

    /// Is the validator one that 3.2 reads?
    pub fn is_native(&self) -> bool {
        self.validator.as_ref().is_none_or(|validator| is_native(validator.as_bytes()))
    }

    /// Appends them as the catalogue has them.
    pub fn append_to(&self, options: &mut RawDocumentBuf) {
        let native = self.validator.as_ref().filter(|it| self.is_native() && !it.is_empty());
        if let Some(validator) = native {
            options.append(cstr!("validator"), validator.clone());
        }
        if let Some(level) = self.level {
            options.append(cstr!("validationLevel"), level.name());
        }
        if let Some(action) = self.action {
            options.append(cstr!("validationAction"), action.name());
        }
    }
}

/// The operators that a validator of 3.2 may have.
const NATIVE: [&[u8]; 24] = [
    b"$and",
    b"$or",
    b"$nor",
    b"$not",
    b"$eq",
    b"$ne",
    b"$gt",
    b"$gte",
    b"$lt",
    b"$lte",
    b"$in",
    b"$nin",
    b"$exists",
    b"$type",
    b"$mod",
    b"$regex",
    b"$options",
    b"$all",
    b"$elemMatch",
    b"$size",
    b"$bitsAllSet",
    b"$bitsAnySet",
    b"$bitsAllClear",
    b"$bitsAnyClear",
];

/// Would 3.2 read a filter like this? The nesting of documents was bounded before.
fn is_native(filter: &[u8]) -> bool {
    let elements = Elements::new(filter).into_iter().flatten().flatten();
    elements.into_iter().all(|element| {
        let is_known = !element.name.starts_with(b"$") || NATIVE.contains(&element.name);
        let is_newer = element.name == b"$type" && element.ty == ty::ARRAY;
        let is_container = matches!(element.ty, ty::DOCUMENT | ty::ARRAY);
        is_known && !is_newer && (!is_container || is_native(element.value))
    })
}

/// A validator that is asked.
#[derive(Debug)]
pub struct Validator {
    filter: Filter,
    source: RawDocumentBuf,
    scope: Scope,
    is_moderate: bool,
}

impl Validator {
    /// The validator of these rules; none if there is nothing to ask.
    ///
    /// # Errors
    /// Those of a filter, and of one that no validator may be.
    pub fn new(
        rules: &ValidationRules,
        collation: Option<Arc<Collation>>,
    ) -> Result<Option<Validator>> {
        let Some(source) = rules.validator.as_ref().filter(|source| !source.is_empty()) else {
            return Ok(None);
        };
        document::check(source.as_bytes())?;
        check_operators(source.as_bytes())?;
        let scope = Scope::default().under(collation);
        let filter = Filter::parse_in(source.as_bytes(), &scope)?;
        let level = rules.level.unwrap_or_default();
        let is_asked = level != ValidationLevel::Off
            && rules.action.unwrap_or_default() == ValidationAction::Error;
        let is_moderate = level == ValidationLevel::Moderate;
        let source = source.clone();
        Ok(is_asked.then_some(Validator { filter, source, scope, is_moderate }))
    }

    /// Refuses a document that does not match. `old` is what it was before.
    fn check(&self, document: &[u8], old: Option<&[u8]>, now_ms: i64) -> Result<()> {
        let vars = Variables::new(now_ms);
        if self.filter.matches_with(document, &vars)? {
            return Ok(());
        }
        if let Some(old) = old.filter(|_| self.is_moderate)
            && !self.filter.matches_with(old, &vars)?
        {
            return Ok(());
        }
        let mut info = Builder::new();
        let null = Value { ty: ty::NULL, bytes: &[] };
        let id = get(document, "_id")?.map_or(null, |id| id.val());
        info.value("failingDocumentId", id);
        let source = self.source.as_bytes();
        mismatch::put_details(&mut info, source, document, &self.scope, &vars)?;
        Err(Error::DocumentInvalid { info: info.finish().into() })
    }
}

/// Refuses what looks at more than a document.
fn check_operators(filter: &[u8]) -> Result<()> {
    for element in Elements::new(filter)? {
        let element = element?;
        let refused = match element.name {
            b"$where" => "$where is",
            b"$text" => "$text is",
            b"$near" | b"$nearSphere" | b"$geoNear" => "$geoNear, $near, and $nearSphere are",
            _ => {
                if matches!(element.ty, ty::DOCUMENT | ty::ARRAY) {
                    check_operators(element.value)?;
                }
                continue;
            }
        };
        let message = format!("{refused} not allowed in this context");
        return Err(Error::refused(Reason::BadValue, message));
    }
    Ok(())
}

impl OpenCollection {
    /// Refuses a document that the validator does not let in; `old` is what it was before. Who
    /// `collection` is for may have asked not to be validated.
    #[inline]
    pub fn validate(
        &self,
        collection: &Collection,
        document: &[u8],
        old: Option<&[u8]>,
    ) -> Result<()> {
        match &self.validator {
            Some(validator) if !collection.bypasses_validation => {
                validator.check(document, old, collection.database.shared.clock.unix_ms())
            }
            _ => Ok(()),
        }
    }
}

impl Collection {
    /// The same collection, whose validator is not asked about what is written by this handle.
    pub fn bypassing_validation(mut self, bypass: bool) -> Collection {
        self.bypasses_validation = bypass;
        self
    }

    /// What is asked of its documents.
    ///
    /// # Errors
    /// `Corrupt` only.
    pub fn validation(&self) -> Result<ValidationRules> {
        let options = self.options()?;
        self.read(ValidationRules::default(), |_, open| {
            Ok(ValidationRules::read(options.as_deref(), &open.stored()))
        })
    }

    /// Says anew what is asked of its documents, as far as something is said. Those that are there
    /// are not looked at.
    ///
    /// # Errors
    /// [`Error::NotFound`]; those of a filter.
    pub fn set_validation(&self, change: ValidationRules) -> Result<()> {
        change.check_change()?;
        let mut held = self.database.hold(&self.core)?;
        let Some(open) = held.collection.open()? else { return Err(self.core.missing()) };
        let mut stored = open.stored();
        let ns = self.core.ns.clone();
        let old = held.options_of_collection()?;
        let mut rules = ValidationRules::read(old.as_deref(), &stored);
        if let Some(validator) = change.validator {
            rules.validator = Some(validator).filter(|validator| !validator.is_empty());
        }
        rules.level = change.level.or(rules.level);
        rules.action = change.action.or(rules.action);
        stored.validator = rules.validator.clone().filter(|_| !rules.is_native());
        let mut options = RawDocumentBuf::new();
        for (name, value) in old.iter().flat_map(|options| options.iter().flatten()) {
            if !matches!(name.as_str(), "validator" | "validationLevel" | "validationAction") {
                options.append(name, value);
            }
        }
        rules.append_to(&mut options);
        let to_store = Some(&stored).filter(|stored| !stored.is_empty());
        held.unit_with_options(&[(ns.collection(), to_store)], |open, unit| {
            let options = (!options.is_empty()).then_some(&*options);
            open.catalog.replace_entry(unit, ns.as_str(), options)
        })?;
        held.reopen_as(stored)
    }
}
