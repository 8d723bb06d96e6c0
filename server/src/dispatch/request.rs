//! A command as it came: its document, and the documents that came beside it.

use tallymap::Reason;
use tallymap::bson::document::{checked_command_len, doc_len};
use tallymap::bson::element::{Element, Elements, Value};
use tallymap::bson::{element, ty};

use super::failure::{Failure, Outcome};
use super::names::Names;

/// A command, borrowed from the message that brought it.
#[derive(Clone)]
pub struct Request<'a> {
    body: &'a [u8],
    sequences: Vec<Sequence<'a>>,
}

/// Documents that came beside a command: what could have been an array in it.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// The name of the array.
    pub name: &'a str,
    /// The documents, back to back.
    pub documents: &'a [u8],
}

/// Documents of a batch, in an array or back to back.
#[derive(Debug, Clone)]
pub enum Documents<'a> {
    /// Elements of an array in the command, with the name by which errors call it.
    Array(&'static str, Elements<'a>, usize),
    /// The rest of a sequence.
    Sequence(&'a [u8]),
}

/// Only its name: there may be a password in it.
impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.command().map(|first| first.name_lossy().into_owned());
        f.debug_struct("Request").field("command", &name).finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    /// A command whose document is `body`.
    ///
    /// # Errors
    /// [`Reason::InvalidBSON`] if it is none; a sequence by the name of one of its fields, or
    /// the same twice.
    pub fn new(body: &'a [u8], sequences: Vec<Sequence<'a>>) -> Outcome<Request<'a>> {
        if checked_command_len(body)? != body.len() {
            return Err(Failure::new(Reason::InvalidBSON, "bytes follow the document"));
        }
        if !sequences.is_empty() {
            check_names(body, &sequences)?;
        }
        Ok(Request { body, sequences })
    }

    /// Its document.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The first field: the command's name, and what it is about.
    pub fn command(&self) -> Option<Element<'a>> {
        Elements::new(self.body).ok()?.next()?.ok()
    }

    /// A field of its document.
    pub fn field(&self, name: &str) -> Option<Value<'a>> {
        element::get(self.body, name).ok().flatten().map(|field| field.val())
    }

    /// The names of its document's fields.
    pub fn body_names(&self) -> impl Iterator<Item = &'a str> {
        let elements = Elements::new(self.body).into_iter().flatten().flatten();
        elements.filter_map(|element| std::str::from_utf8(element.name).ok())
    }

    /// The documents of a batch: a sequence, or an array of the command's.
    ///
    /// # Errors
    /// [`Reason::TypeMismatch`] if it is another type; 40414 if there is none.
    pub fn batch(&self, path: &'static str) -> Outcome<Documents<'a>> {
        let name = path.rsplit('.').next().unwrap_or(path);
        if let Some(sequence) = self.sequences.iter().find(|sequence| sequence.name == name) {
            return Ok(Documents::Sequence(sequence.documents));
        }
        match self.field(name) {
            Some(value) if value.ty == ty::ARRAY => {
                Ok(Documents::Array(path, Elements::new(value.bytes)?, 0))
            }
            Some(value) if value.ty != ty::NULL => {
                let found = ty::name(value.ty);
                let message = format!(
                    "BSON field '{path}' is the wrong type '{found}', expected type 'array'"
                );
                Err(Failure::new(Reason::TypeMismatch, message))
            }
            _ => {
                let message = format!("BSON field '{path}' is missing but a required field");
                Err(Failure::new(Reason::Location(40414), message))
            }
        }
    }

    /// How many documents came in a sequence.
    pub fn sequence_len(&self, name: &str) -> usize {
        let sequence = self.sequences.iter().find(|sequence| sequence.name == name);
        let documents = sequence.map_or(&[][..], |sequence| sequence.documents);
        Documents::Sequence(documents).take_while(Result::is_ok).count()
    }

    /// The names of the sequences that came with it.
    pub fn sequence_names(&self) -> impl Iterator<Item = &'a str> {
        self.sequences.iter().map(|sequence| sequence.name)
    }
}

/// Refuses a sequence that is there twice, or by the name of a field of `body`.
fn check_names(body: &[u8], sequences: &[Sequence<'_>]) -> Outcome<()> {
    let refused = |code, message| Err(Failure::new(Reason::Location(code), message));
    let mut names = Names::default();
    for Sequence { name, .. } in sequences {
        if !names.add(name) {
            return refused(40431, format!("Duplicate document sequence: {name}"));
        }
    }
    for element in Elements::new(body)? {
        let name = element?.name;
        // A name that is no text is no sequence's.
        if let Some(name) = str::from_utf8(name).ok().filter(|name| names.contains(name)) {
            let message = format!("Duplicate field between body and document sequence {name}");
            return refused(40433, message);
        }
    }
    Ok(())
}

impl<'a> Iterator for Documents<'a> {
    type Item = Outcome<&'a [u8]>;

    fn next(&mut self) -> Option<Outcome<&'a [u8]>> {
        match self {
            Documents::Array(path, elements, at) => {
                let index = *at;
                *at += 1;
                let element = match elements.next()? {
                    Ok(element) => element,
                    Err(error) => return Some(Err(error.into())),
                };
                if element.ty == ty::DOCUMENT {
                    return Some(Ok(element.value));
                }
                let found = ty::name(element.ty);
                let message = format!(
                    "BSON field '{path}.{index}' is the wrong type '{found}', \
                     expected type 'object'"
                );
                Some(Err(Failure::new(Reason::TypeMismatch, message)))
            }
            Documents::Sequence(rest) => {
                if rest.is_empty() {
                    return None;
                }
                match doc_len(rest) {
                    Ok(len) => {
                        let (document, after) = rest.split_at(len);
                        *rest = after;
                        Some(Ok(document))
                    }
                    Err(error) => {
                        *rest = &[];
                        Some(Err(error.into()))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    #[test]
    fn a_batch_is_an_array_or_a_sequence() {
        let body = rawdoc! { "insert": "c", "documents": [{ "a": 1 }, { "a": 2 }] };
        let request = Request::new(body.as_bytes(), vec![]).expect("a request");
        let of_array: Vec<_> =
            request.batch("insert.documents").unwrap().map(Result::unwrap).collect();
        let body = rawdoc! { "insert": "c" };
        let documents = [rawdoc! { "a": 1 }.into_bytes(), rawdoc! { "a": 2 }.into_bytes()].concat();
        let sequence = Sequence { name: "documents", documents: &documents };
        let request = Request::new(body.as_bytes(), vec![sequence]).expect("a request");
        let of_sequence: Vec<_> =
            request.batch("insert.documents").unwrap().map(Result::unwrap).collect();
        assert_eq!(of_array, of_sequence);
        assert_eq!(of_array.len(), 2);
    }

    #[test]
    fn names_are_there_once() {
        let body = rawdoc! { "insert": "c", "documents": [] };
        let sequence = Sequence { name: "documents", documents: &[] };
        let code = |body: &[u8], sequences| Request::new(body, sequences).unwrap_err().code();
        assert_eq!(code(body.as_bytes(), vec![sequence]), 40433);
        let body = rawdoc! { "insert": "c" };
        assert_eq!(code(body.as_bytes(), vec![sequence, sequence]), 40431);
        assert_eq!(code(&body.as_bytes()[..5], vec![]), 22);
    }

    #[test]
    fn what_is_no_document_is_named() {
        let body = rawdoc! { "insert": "c", "documents": [{}, 1] };
        let request = Request::new(body.as_bytes(), vec![]).expect("a request");
        let failure = request.batch("insert.documents").unwrap().nth(1).unwrap().unwrap_err();
        assert_eq!(
            failure.message(),
            "BSON field 'insert.documents.1' is the wrong type 'int', expected type 'object'"
        );
        let body = rawdoc! { "insert": "c", "documents": 1 };
        let request = Request::new(body.as_bytes(), vec![]).expect("a request");
        assert_eq!(request.batch("insert.documents").unwrap_err().code(), 14);
        assert_eq!(request.batch("insert.nothing").unwrap_err().code(), 40414);
        let torn = Documents::Sequence(&[9, 0, 0, 0, 0]);
        assert_eq!(torn.map(|document| document.unwrap_err().code()).collect::<Vec<_>>(), [22]);
    }
}
