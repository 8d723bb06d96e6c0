//! Whether bytes are BSON, by the word of the `bson` crate: it has to walk them to their end, and
//! to write the same bytes again.

use bson::{RawBsonRef, RawDocument, RawDocumentBuf};

/// An element: its type, its name, the bytes of its value.
pub type Item = (u8, Vec<u8>, Vec<u8>);

/// Every element at every level, as the crate finds them and writes them again.
///
/// # Errors
/// What is wrong with the bytes.
pub fn walk(bytes: &[u8]) -> Result<Vec<Item>, String> {
    let text = |error: bson::error::Error| error.to_string();
    let whole = RawDocument::from_bytes(bytes).map_err(text)?;
    let (mut items, mut rest) = (Vec::new(), vec![whole.to_owned()]);
    while let Some(doc) = rest.pop() {
        let mut again = RawDocumentBuf::new();
        for element in doc.iter() {
            let (name, value) = element.map_err(text)?;
            let value_at = again.as_bytes().len() + name.as_str().len() + 1;
            again.append(name, value);
            let value_bytes = again.as_bytes()[value_at..again.as_bytes().len() - 1].to_vec();
            items.push((value.element_type() as u8, name.as_str().into(), value_bytes));
            match value {
                RawBsonRef::Document(doc) => rest.push(doc.to_owned()),
                RawBsonRef::Array(array) => {
                    let bytes = array.as_bytes().to_vec();
                    rest.push(RawDocumentBuf::from_bytes(bytes).map_err(text)?);
                }
                RawBsonRef::JavaScriptCodeWithScope(code) => rest.push(code.scope.to_owned()),
                _ => {}
            }
        }
        if again != doc {
            return Err("written again it is another".to_owned());
        }
    }
    Ok(items)
}
