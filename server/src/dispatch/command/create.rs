//! `create`: a collection with options, or a view.

use bson::RawDocumentBuf;
use tallymap::bson::builder::Builder;
use tallymap::bson::collation::OPTIONS as COLLATION_OPTIONS;
use tallymap::bson::element::{Elements, get};
use tallymap::bson::text;
use tallymap::{
    CollectionOptions, Reason, SizingPolicy, ValidationAction, ValidationLevel, ValidationRules,
    View,
};

use crate::dispatch::call::{Call, collection_name, document, namespace};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::{Field, Fields, missing};

/// Largest collection of a fixed size, bytes.
const SIZE_MAX: i64 = 1 << 50;
/// A capped collection has fewer documents than this.
const MAX_MAX: i64 = 1 << 31;

/// How strictly documents may be validated.
pub const VALIDATION_LEVELS: [&str; 3] = ["off", "moderate", "strict"];
/// What may become of a document that is not valid.
pub const VALIDATION_ACTIONS: [&str; 2] = ["error", "warn"];

/// What is asked for.
#[derive(Debug, Default)]
struct Options<'a> {
    is_capped: bool,
    size: Option<i64>,
    max: Option<i64>,
    flags: Option<i64>,
    template: Option<&'a [u8]>,
    policy: Option<SizingPolicy>,
    auto_index_id: Option<bool>,
    collation: Option<&'a [u8]>,
    id_index: Option<&'a [u8]>,
    storage_engine: Option<&'a [u8]>,
    index_defaults: Option<&'a [u8]>,
    rules: Rules<'a>,
    view_on: Option<&'a str>,
    pipeline: Option<Vec<&'a [u8]>>,
    time_series: Option<&'a [u8]>,
    has_expiry: bool,
}

/// What is said of a validator.
#[derive(Debug, Default)]
pub struct Rules<'a> {
    validator: Option<&'a [u8]>,
    level: Option<&'a str>,
    action: Option<&'a str>,
}

impl<'a> Rules<'a> {
    /// Takes a field, if it is about validation.
    ///
    /// # Errors
    /// For another type, or another name than those that there are.
    pub fn take(&mut self, field: &Field<'a>) -> Outcome<bool> {
        match field.name {
            "validator" => self.validator = field.object()?,
            "validationLevel" => self.level = field.one_of(&VALIDATION_LEVELS)?,
            "validationAction" => self.action = field.one_of(&VALIDATION_ACTIONS)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Is nothing said?
    pub fn is_empty(&self) -> bool {
        self.validator.is_none() && self.level.is_none() && self.action.is_none()
    }

    /// Was a validator given?
    pub fn has_validator(&self) -> bool {
        self.validator.is_some()
    }

    /// The same for the engine.
    ///
    /// # Errors
    /// Never: the validator was checked with the message.
    pub fn to_engine(&self) -> Outcome<ValidationRules> {
        let validator = self.validator.map(document).transpose()?;
        Ok(ValidationRules {
            validator: validator.map(ToOwned::to_owned),
            level: self.level.and_then(ValidationLevel::named),
            action: self.action.and_then(ValidationAction::named),
        })
    }
}

/// Creates.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let options = Options::parse(call)?;
    let name = collection_name(call.target())?;
    options.check(call.common.database, name)?;
    let collection = call.writable_collection()?;
    let mut out = Builder::new();
    if options.auto_index_id.is_some() {
        out.str(
            "note",
            "The autoIndexId option is deprecated and will be removed in a future release",
        );
    }
    let database = call.database()?;
    if let Some(on) = options.view_on {
        database.create_view(options.view(collection.namespace().collection(), on)?)?;
        return Ok(out);
    }
    let created =
        database.create_collection(collection.namespace().collection(), options.to_engine()?);
    match created {
        Err(tallymap::Error::NamespaceExists { .. }) => {
            let message = format!("Collection already exists. NS: {}", collection.namespace());
            Err(Failure::new(Reason::NamespaceExists, message))
        }
        other => other.map(|_| out).map_err(Failure::from),
    }
}

impl<'a> Options<'a> {
    fn parse(call: &Call<'a>) -> Outcome<Options<'a>> {
        let mut options = Options::default();
        for field in call.fields("create")? {
            let field = field?;
            if options.rules.take(&field)? {
                continue;
            }
            match field.name {
                "capped" => options.is_capped = field.number_or_bool()?.unwrap_or(false),
                "size" => options.size = size(&field)?,
                "max" => options.max = max(&field)?,
                "flags" => options.flags = field.integer()?,
                "template" => options.template = field.object()?,
                "policy" => options.policy = policy(&field)?,
                "autoIndexId" => options.auto_index_id = field.number_or_bool()?,
                "collation" => options.collation = collation(&field)?,
                "idIndex" => options.id_index = field.object()?,
                "storageEngine" => options.storage_engine = field.object()?,
                "indexOptionDefaults" => options.index_defaults = index_options(&field)?,
                "viewOn" => options.view_on = field.string()?,
                "pipeline" => options.pipeline = Some(field.documents()?),
                "timeseries" => options.time_series = field.object()?,
                "expireAfterSeconds" => options.has_expiry = field.integer()?.is_some(),
                // There is no replication that it could be of use to.
                "recordPreImages" => drop(field.number_or_bool()?),
                "clusteredIndex" => refuse_clustered(&field)?,
                "temp" => {
                    if field.number_or_bool()?.is_some() {
                        return Err(invalid("the 'temp' field is an invalid option"));
                    }
                }
                _ => return field.unknown(),
            }
        }
        Ok(options)
    }

    /// Refuses what contradicts itself, or cannot be had.
    fn check(&self, database: &str, name: &str) -> Outcome<()> {
        let ns = namespace(database, name);
        if let Some(time_series) = self.time_series {
            return Err(self.refused_time_series(&ns, time_series));
        }
        if self.has_expiry {
            let message = "'expireAfterSeconds' is only supported on time-series collections";
            return Err(invalid(message));
        }
        match (self.is_capped, self.size, self.max) {
            (true, None, _) => {
                return Err(invalid("the 'size' field is required when 'capped' is true"));
            }
            (false, Some(_), _) | (false, _, Some(_)) => {
                return Err(invalid(
                    "the 'capped' field needs to be true when either the 'size' or 'max' fields \
                     are present",
                ));
            }
            _ => {}
        }
        if self.pipeline.is_some() && self.view_on.is_none() {
            return Err(invalid("'pipeline' requires 'viewOn' to also be specified"));
        }
        self.check_id_index()?;
        if self.auto_index_id == Some(false) && database != "local" {
            let message = format!(
                "autoIndexId:false is not allowed for collection {ns} because it can be replicated"
            );
            return Err(Failure::new(Reason::Location(50001), message));
        }
        Ok(())
    }

    /// May it be said what the index on `_id` is?
    fn check_id_index(&self) -> Outcome<()> {
        let Some(spec) = self.id_index else { return Ok(()) };
        if self.view_on.is_some() {
            let shown = text::document(spec);
            return Err(invalid(&format!("'idIndex' is not allowed with 'viewOn': {shown}")));
        }
        if self.auto_index_id.is_some() {
            let shown = text::document(spec);
            return Err(invalid(&format!("'idIndex' is not allowed with 'autoIndexId': {shown}")));
        }
        Ok(())
    }

    fn refused_time_series(&self, ns: &str, options: &[u8]) -> Failure {
        match get(options, "timeField") {
            Ok(None) => missing("create.timeseries", "timeField"),
            _ if self.is_capped => {
                invalid(&format!("{ns}: 'timeseries' is not allowed with 'capped'"))
            }
            _ => {
                let message = "time-series collections are not supported";
                Failure::new(Reason::CommandNotSupported, message)
            }
        }
    }

    fn view(&self, name: &str, on: &str) -> Outcome<View> {
        let stages = self.pipeline.iter().flatten();
        let pipeline: Vec<RawDocumentBuf> =
            stages.map(|stage| document(stage).map(ToOwned::to_owned)).collect::<Outcome<_>>()?;
        let collation = self.collation.map(document).transpose()?.map(ToOwned::to_owned);
        Ok(View { name: name.to_owned(), on: on.to_owned(), pipeline, collation })
    }

    fn to_engine(&self) -> Outcome<CollectionOptions> {
        let mut out = CollectionOptions::default().validation(self.rules.to_engine()?);
        if let Some(template) = self.template {
            out = out.template(document(template)?);
        }
        if let Some(collation) = self.collation {
            out = out.collation(document(collation)?);
        }
        if let Some(spec) = self.id_index {
            out.check_id_index(document(spec)?)?;
        }
        let is_said = |options: &&[u8]| *options != EMPTY;
        if let Some(engine) = self.storage_engine.filter(is_said) {
            out = out.storage_engine(document(engine)?);
        }
        if let Some(defaults) = self.index_defaults.filter(is_said) {
            out = out.index_option_defaults(document(defaults)?);
        }
        if self.auto_index_id == Some(false) {
            out = out.auto_index_id(false);
        }
        if let Some(policy) = self.policy {
            out = out.policy(policy);
        } else if self.flags.is_some_and(|flags| flags & NO_PADDING != 0) {
            out = out.policy(SizingPolicy::Exact);
        }
        if self.is_capped {
            out = out.capped(self.size.unwrap_or_default());
            if let Some(max) = self.max.filter(|max| *max > 0) {
                out = out.max_documents(max);
            }
        }
        Ok(out)
    }
}

/// The user flag of records that are as long as their documents.
const NO_PADDING: i64 = 2;

fn invalid(message: &str) -> Failure {
    Failure::new(Reason::InvalidOptions, message)
}

fn out_of_bounds(name: &str, bound: &str, value: i64) -> Failure {
    let message = format!("BSON field '{name}' value must be {bound}, actual value '{value}'");
    Failure::new(Reason::Location(51024), message)
}

fn size(field: &Field<'_>) -> Outcome<Option<i64>> {
    match field.integer()? {
        Some(size) if size < 1 => Err(out_of_bounds("size", ">= 1", size)),
        Some(size) if size > SIZE_MAX => {
            Err(out_of_bounds("size", &format!("<= {SIZE_MAX}"), size))
        }
        size => Ok(size),
    }
}

fn max(field: &Field<'_>) -> Outcome<Option<i64>> {
    match field.integer()? {
        Some(max) if max >= MAX_MAX => Err(out_of_bounds("max", &format!("< {MAX_MAX}"), max)),
        max => Ok(max),
    }
}

fn collation<'a>(field: &Field<'a>) -> Outcome<Option<&'a [u8]>> {
    let collation = field.object()?;
    for option in collation.map(Elements::new).transpose()?.into_iter().flatten() {
        let option = option?;
        if !COLLATION_OPTIONS.contains(&option.name) {
            let name = option.name_lossy();
            let message = format!("BSON field 'create.collation.{name}' is an unknown field.");
            return Err(Failure::new(Reason::Location(40415), message));
        }
    }
    if let Some(collation) = collation
        && get(collation, "locale")?.is_none()
    {
        return Err(missing("create.collation", "locale"));
    }
    Ok(collation)
}

/// How records get their length: tallymap's own option.
fn policy(field: &Field<'_>) -> Outcome<Option<SizingPolicy>> {
    Ok(Some(match field.string()? {
        None => return Ok(None),
        Some("power_of_2") => SizingPolicy::PowerOf2,
        Some("exact") => SizingPolicy::Exact,
        Some("padding_factor") => SizingPolicy::PaddingFactor { quantized: true },
        Some("power_of_2_v2_4") => SizingPolicy::PowerOf2V2_4,
        Some(_) => return field.not_one_of_them(),
    }))
}

fn index_options<'a>(field: &Field<'a>) -> Outcome<Option<&'a [u8]>> {
    let options = field.object()?;
    for option in Fields::of("create.indexOptionDefaults", options.unwrap_or(EMPTY))? {
        let option = option?;
        match option.name {
            "storageEngine" => drop(option.object()?),
            _ => return option.unknown(),
        }
    }
    Ok(options)
}

fn refuse_clustered(field: &Field<'_>) -> Outcome<()> {
    match field.number_or_bool()? {
        Some(true) => {
            let message = "clustered collections are not supported";
            Err(Failure::new(Reason::CommandNotSupported, message))
        }
        _ => Ok(()),
    }
}

/// An empty document.
const EMPTY: &[u8] = &[5, 0, 0, 0, 0];
