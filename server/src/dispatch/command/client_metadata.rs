//! What a client says of itself in its first hello: its driver, its system, its program. It is
//! kept as long as the connection, so that it has to be short.

use std::sync::Arc;

use tallymap::Reason;
use tallymap::bson::element::{Element, Elements};

use crate::dispatch::failure::{Failure, Outcome};

/// Longest document, bytes.
const LEN_MAX: usize = 1024;
/// Longest name of a program, bytes.
const APP_NAME_LEN_MAX: usize = 128;

/// Checks what a client says, and answers with what its program calls itself.
///
/// # Errors
/// If something is missing, too long or of another type.
pub fn check(metadata: &[u8]) -> Outcome<Option<Arc<str>>> {
    if metadata.len() > LEN_MAX {
        let message =
            format!("The client metadata document must be less then or equal to {LEN_MAX}bytes");
        return Err(Failure::numbered(185, "ClientMetadataDocumentTooLarge", message));
    }
    let (mut app_name, mut has_driver, mut has_os) = (None, false, false);
    for element in Elements::new(metadata)? {
        let element = element?;
        match element.name {
            b"application" => {
                let [name] = texts("application", &element, ["name"])?;
                if name.is_some_and(|name| name.len() > APP_NAME_LEN_MAX) {
                    let message = format!(
                        "The 'application.name' field must be less then or equal to \
                         {APP_NAME_LEN_MAX} bytes in the client metadata document"
                    );
                    return Err(Failure::numbered(184, "ClientMetadataAppNameTooLarge", message));
                }
                app_name = name.map(Arc::from);
            }
            b"driver" => {
                let names = ["name", "version"];
                check_there("driver", names, texts("driver", &element, names)?)?;
                has_driver = true;
            }
            b"os" => {
                check_there("os", ["type"], texts("os", &element, ["type"])?)?;
                has_os = true;
            }
            // The rest is theirs.
            _ => {}
        }
    }
    match (has_driver, has_os) {
        (true, true) => Ok(app_name),
        (false, _) => Err(missing("sub-document 'driver'")),
        (true, false) => Err(missing("sub-document 'os'")),
    }
}

/// The texts by these names in the document that `element` is.
fn texts<'a, const N: usize>(
    path: &str,
    element: &Element<'a>,
    names: [&str; N],
) -> Outcome<[Option<&'a str>; N]> {
    let refused = |message| Err(Failure::new(Reason::TypeMismatch, message));
    let Some(document) = element.val().as_document() else {
        return refused(format!(
            "The '{path}' field is required to be a BSON document in the client metadata document"
        ));
    };
    let mut found = [None; N];
    for element in Elements::new(document)? {
        let element = element?;
        let Some(at) = names.iter().position(|name| name.as_bytes() == element.name) else {
            continue;
        };
        let Some(text) = element.val().as_str() else {
            let name = names[at];
            return refused(format!(
                "The '{path}.{name}' field must be a string in the client metadata document"
            ));
        };
        found[at] = Some(text);
    }
    Ok(found)
}

fn check_there<const N: usize>(
    path: &str,
    names: [&str; N],
    found: [Option<&str>; N],
) -> Outcome<()> {
    match found.iter().position(Option::is_none) {
        Some(at) => Err(missing(&format!("field '{path}.{}'", names[at]))),
        None => Ok(()),
    }
}

fn missing(what: &str) -> Failure {
    let message = format!("Missing required {what} in the client metadata document");
    Failure::numbered(183, "ClientMetadataMissingField", message)
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn of(document: &RawDocumentBuf) -> Result<Option<Arc<str>>, i32> {
        check(document.as_bytes()).map_err(|failure| failure.code())
    }

    #[test]
    fn what_is_needed_is_there_and_short() {
        let driver = rawdoc! { "name": "n", "version": "1" };
        let os = rawdoc! { "type": "Linux" };
        let sound = rawdoc! {
            "application": { "name": "app" }, "driver": driver.clone(), "os": os.clone(), "x": 1,
        };
        assert_eq!(of(&sound), Ok(Some("app".into())));
        assert_eq!(of(&rawdoc! { "driver": driver.clone(), "os": os.clone() }), Ok(None));
        for (document, code) in [
            (rawdoc! {}, 183),
            (rawdoc! { "driver": driver.clone() }, 183),
            (rawdoc! { "os": os.clone() }, 183),
            (rawdoc! { "driver": { "name": "n" }, "os": os.clone() }, 183),
            (rawdoc! { "driver": driver.clone(), "os": {} }, 183),
            (rawdoc! { "driver": 1, "os": os.clone() }, 14),
            (rawdoc! { "driver": { "name": 1, "version": "1" }, "os": os.clone() }, 14),
            (rawdoc! { "application": { "name": 1 }, "driver": driver.clone() }, 14),
            (rawdoc! { "application": { "name": "x".repeat(129) } }, 184),
            (rawdoc! { "x": "y".repeat(1024) }, 185),
        ] {
            assert_eq!(of(&document), Err(code), "{document:?}");
        }
    }
}
