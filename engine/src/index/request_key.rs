//! The key pattern and the name of a request for an index: what 5.0 takes, and what of it
//! MMAPv1 can build.

use crate::bson::element::{Elements, Value, get};
use crate::bson::field_path::REFERENCE_PARTS;
use crate::bson::{text, ty};
use crate::error::{Error, Reason, Result};
use crate::index::index_definition::ID_INDEX;
use crate::index::key_pattern::{KeyPattern, PLUGINS};
use crate::limits::KEY_FIELDS_MAX;

/// Longest pattern, bytes.
const LEN_MAX: usize = 2048;

/// Checks a key pattern as 5.0 does.
///
/// # Errors
/// [`Reason::CannotCreateIndex`]; 13103 for too many fields.
pub fn check(key: &[u8]) -> Result<()> {
    let refused = |message: &str| Err(Error::refused(Reason::CannotCreateIndex, message));
    if key.len() > LEN_MAX {
        return refused("Index key pattern too large.");
    }
    let (mut count, mut plugin) = (0, None);
    for element in Elements::new(key)? {
        let element = element?;
        count += 1;
        check_value(element.val(), &mut plugin)
            .map_err(|message| Error::refused(Reason::CannotCreateIndex, message))?;
        let path = str::from_utf8(element.name)
            .map_err(|_| Error::invalid_bson(element.ofs + 1, "text is UTF-8"))?;
        if let Err(message) = check_path(path) {
            return refused(message);
        }
    }
    match count {
        0 => refused("Index keys cannot be empty."),
        1..=KEY_FIELDS_MAX => Ok(()),
        _ => Err(Error::refused(Reason::Location(13103), "too many compound keys")),
    }
}

fn check_value<'k>(value: Value<'k>, plugin: &mut Option<&'k str>) -> Result<(), String> {
    if let Some(number) = value.as_number().map(|number| number.to_f64()) {
        return match number {
            0.0 => Err("Values in the index key pattern cannot be 0.".to_owned()),
            _ if number.is_nan() => {
                Err("Values in the index key pattern cannot be NaN.".to_owned())
            }
            _ => Ok(()),
        };
    }
    let Some(name) = value.as_str() else {
        return Err(format!(
            "Values in v:2 index key pattern cannot be of type {}. Only numbers > 0, numbers < 0, \
             and strings are allowed.",
            ty::name(value.ty)
        ));
    };
    match name {
        "" => Err("Values in the index key pattern cannot be empty strings".to_owned()),
        "geoHaystack" => {
            Err("GeoHaystack indexes cannot be created in version 4.9 and above".to_owned())
        }
        "wildcard" => Err("The key pattern value for an 'wildcard' index must be a non-zero \
                           number, not a string."
            .to_owned()),
        _ if !PLUGINS.contains(&name) => Err(format!("Unknown index plugin '{name}'")),
        _ if plugin.is_some_and(|other| other != name) => {
            Err("Can't use more than one index plugin for a single index.".to_owned())
        }
        _ => {
            *plugin = Some(name);
            Ok(())
        }
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    if path.is_empty() {
        return Err("Index keys cannot be an empty field.");
    }
    for (i, component) in path.split('.').enumerate() {
        if component.is_empty() {
            return Err("Index keys cannot contain an empty field.");
        }
        let in_reference = i > 0 && REFERENCE_PARTS.contains(&component);
        if component == "$**" {
            return Err("wildcard indexes cannot be built here");
        }
        if component.starts_with('$') && !in_reference {
            return Err("Index key contains an illegal field name: field name starts with '$'.");
        }
    }
    Ok(())
}

/// The name that is asked for, or the one that drivers give.
///
/// # Errors
/// Of a damaged request.
pub fn name(request: &[u8], key: &[u8]) -> Result<String> {
    match get(request, "name")?.and_then(|name| name.val().as_str()) {
        Some(name) => Ok(name.to_owned()),
        None => Ok(KeyPattern::parse(key).map(|key| key.default_name()).unwrap_or_default()),
    }
}

/// Is it on `_id` alone, in whichever direction?
pub fn is_id(key: &[u8]) -> bool {
    let mut elements = Elements::new(key).into_iter().flatten().flatten();
    let first = elements.next();
    let is_number = |value: Value<'_>| value.as_str().is_none();
    first.is_some_and(|first| first.name == b"_id" && is_number(first.val()))
        && elements.next().is_none()
}

/// Is it `{_id: 1}`?
pub fn is_ascending_id(key: &[u8]) -> bool {
    let direction = get(key, "_id").ok().flatten().map(|id| id.val());
    direction.and_then(Value::as_number).is_some_and(|number| number.to_f64() == 1.0)
}

/// Refuses names that mean something else.
///
/// # Errors
/// [`Reason::BadValue`].
pub fn check_name(name: &str, key: &[u8]) -> Result<()> {
    let message = match name {
        "*" => "The index name '*' is not valid.".to_owned(),
        ID_INDEX => format!(
            "The index name '_id_' is reserved for the _id index, which must have key pattern \
             {{_id: 1}}, found key: {}",
            text::document(key)
        ),
        _ => return Ok(()),
    };
    Err(Error::refused(Reason::BadValue, message))
}

/// Why no unique index is hashed; known when it would be built.
pub(crate) const UNIQUE_HASHED: &str =
    "Currently hashed indexes cannot guarantee uniqueness. Use a regular index.";

/// Refuses what is an index of 5.0 and none of MMAPv1, or cannot be built here.
///
/// # Errors
/// [`Reason::CannotCreateIndex`], or the number of what is wrong with a hashed index.
pub fn check_kind(key: &[u8], name: &str, unique: bool) -> Result<()> {
    let (mut fields, mut hashed) = (0, 0);
    for element in Elements::new(key)? {
        fields += 1;
        match element?.val().as_str() {
            None => {}
            Some("hashed") => hashed += 1,
            Some(plugin) => {
                let message = format!("{plugin} index '{name}' cannot be built here");
                return Err(Error::refused(Reason::CannotCreateIndex, message));
            }
        }
    }
    let (code, message) = match hashed {
        0 => return Ok(()),
        _ if unique && fields > 1 => (16764, UNIQUE_HASHED.to_owned()),
        1 if fields > 1 => {
            let message = "Currently only single field hashed index supported: compound hashed \
                           indexes came after MMAPv1.";
            (16763, message.to_owned())
        }
        1 => return Ok(()),
        _ => {
            let message =
                format!("A maximum of one index field is allowed to be hashed but found {hashed}");
            (31303, message)
        }
    };
    Err(Error::refused(Reason::Location(code), message))
}
