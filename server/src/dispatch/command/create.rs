//! `create`: a collection with options.

use tallymap::bson::builder::Builder;
use tallymap::{CollectionOptions, Reason, SizingPolicy};

use super::index_spec;
use crate::dispatch::call::{Call, check_collation, document};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::fields::Field;

/// Largest collection of a fixed size, bytes.
const SIZE_MAX: i64 = 1 << 50;

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
}

/// Creates.
pub fn run(call: &Call<'_>) -> Outcome<Builder> {
    let options = Options::parse(call)?;
    let collection = call.writable_collection()?;
    let ns = collection.namespace().to_string();
    let created = call
        .database()?
        .create_collection(collection.namespace().collection(), options.to_engine()?);
    match created {
        Err(tallymap::Error::NamespaceExists { .. }) => {
            let message = format!("Collection already exists. NS: {ns}");
            Err(Failure::new(Reason::NamespaceExists, message))
        }
        other => other.map(|_| Builder::new()).map_err(Failure::from),
    }
}

impl<'a> Options<'a> {
    fn parse(call: &Call<'a>) -> Outcome<Options<'a>> {
        let mut options = Options::default();
        for field in call.fields("create")? {
            let field = field?;
            match field.name {
                "capped" => options.is_capped = field.number_or_bool()?.unwrap_or(false),
                "size" => options.size = field.integer()?,
                "max" => options.max = field.integer()?,
                "flags" => options.flags = field.integer()?,
                "template" => options.template = field.object()?,
                "policy" => options.policy = policy(&field)?,
                "autoIndexId" => check_auto_index(&field)?,
                "collation" => check_collation(field.object()?)?,
                "idIndex" => check_id_index(&field)?,
                "storageEngine" | "indexOptionDefaults" => drop(field.object()?),
                "validationLevel" => drop(field.one_of(&VALIDATION_LEVELS)?),
                "validationAction" => drop(field.one_of(&VALIDATION_ACTIONS)?),
                "validator" => refuse_unless_empty("validator", field.object()?)?,
                "viewOn" => refuse_if_there("viewOn", field.string()?.is_some())?,
                "pipeline" => drop(field.array()?),
                "timeseries" => refuse_if_there("timeseries", field.object()?.is_some())?,
                "expireAfterSeconds" => {
                    if field.integer()?.is_some() {
                        let message =
                            "'expireAfterSeconds' is only supported on time-series collections";
                        return Err(invalid(message));
                    }
                }
                "temp" => {
                    if field.number_or_bool()?.is_some() {
                        return Err(invalid("the 'temp' field is an invalid option"));
                    }
                }
                _ => return field.unknown(),
            }
        }
        match (options.is_capped, options.size, options.max) {
            (true, None, _) => Err(invalid("the 'size' field is required when 'capped' is true")),
            (false, Some(_), _) | (false, _, Some(_)) => Err(invalid(
                "the 'capped' field needs to be true when either the 'size' or 'max' fields are \
                 present",
            )),
            _ => Ok(options),
        }
    }

    fn to_engine(&self) -> Outcome<CollectionOptions> {
        let mut out = CollectionOptions::default();
        if let Some(template) = self.template {
            out = out.template(document(template)?);
        }
        if let Some(policy) = self.policy {
            out = out.policy(policy);
        } else if self.flags.is_some_and(|flags| flags & NO_PADDING != 0) {
            out = out.policy(SizingPolicy::Exact);
        }
        if self.is_capped {
            let size = self.size.unwrap_or_default();
            if !(1..=SIZE_MAX).contains(&size) {
                let message = format!(
                    "BSON field 'size' value must be >= 1 and <= {SIZE_MAX}, actual value '{size}'"
                );
                return Err(Failure::new(Reason::Location(51024), message));
            }
            out = out.capped(size);
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

/// Every collection has its index on `_id`.
fn check_auto_index(field: &Field<'_>) -> Outcome<()> {
    match field.number_or_bool()? {
        Some(false) => Err(invalid("autoIndexId: false is not supported")),
        _ => Ok(()),
    }
}

/// The index on `_id`, as a dump describes it: it says nothing new.
fn check_id_index(field: &Field<'_>) -> Outcome<()> {
    let Some(spec) = field.object()? else { return Ok(()) };
    match index_spec::is_on_id(spec) {
        true => Ok(()),
        false => {
            let message = "The field 'key' for an _id index must be {_id: 1}";
            Err(Failure::new(Reason::BadValue, message))
        }
    }
}

fn refuse_unless_empty(name: &str, value: Option<&[u8]>) -> Outcome<()> {
    refuse_if_there(name, value.is_some_and(|value| value.len() > 5))
}

fn refuse_if_there(name: &str, is_there: bool) -> Outcome<()> {
    if is_there {
        let message = format!("'{name}' is not supported");
        return Err(Failure::new(Reason::CommandNotSupported, message));
    }
    Ok(())
}
