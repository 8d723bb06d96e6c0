//! `OP_QUERY`, by which many clients say their first hello, and `OP_REPLY`, its answer.

use tallymap::bson::builder::Builder;
use tallymap::bson::document::{checked_command_len, doc_len};
use tallymap::bson::element::get;
use tallymap::bson::ty;

use super::frame::{self, HEADER_LEN, Opcode, c_string};
use crate::dispatch::put::Put;

/// The flag of an answer of a server that can wait for data: always set.
const AWAIT_CAPABLE: i32 = 8;

/// The command in a message, header included, as it would be in an `OP_MSG`: with `$db`. None if
/// the connection is to be closed: it is no command, or no sound message.
pub fn command(message: &[u8]) -> Option<Vec<u8>> {
    // Flags, namespace, how many to pass over, how many to answer, the command.
    let (ns, at) = c_string(message, HEADER_LEN + 4)?;
    let database = ns.strip_suffix(".$cmd")?;
    let document = message.get(at + 8..)?;
    let document = &document[..doc_len(document).ok()?];
    checked_command_len(document).ok()?;
    // Some wrap it, to say a read preference beside it.
    let wrapped = get(document, "$query").ok()?.filter(|query| query.ty == ty::DOCUMENT);
    let document = wrapped.map_or(document, |query| query.value);
    let mut out = Builder::with_capacity(document.len() + 64);
    out.put_fields_of(document);
    if get(document, "$db").ok()?.is_none() {
        out.str("$db", database);
    }
    Some(out.finish())
}

/// The answer `document` to request `to`.
pub fn reply(number: i32, to: i32, document: &[u8]) -> Vec<u8> {
    let mut out = frame::begin(number, to, Opcode::Reply, document.len() + 20);
    out.extend_from_slice(&AWAIT_CAPABLE.to_le_bytes());
    // No cursor, from the first document on.
    out.extend_from_slice(&[0; 12]);
    out.extend_from_slice(&1_i32.to_le_bytes());
    out.extend_from_slice(document);
    frame::finish(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn query(ns: &str, document: &RawDocumentBuf) -> Vec<u8> {
        let mut out = frame::begin(5, 0, Opcode::Query, 0);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(ns.as_bytes());
        out.extend_from_slice(&[0, 0, 0, 0, 0, 255, 255, 255, 255]);
        out.extend_from_slice(document.as_bytes());
        frame::finish(&mut out);
        out
    }

    #[test]
    fn a_hello_is_a_command() {
        let hello = rawdoc! { "ismaster": 1, "helloOk": true };
        let command_of = |message: &[u8]| RawDocumentBuf::from_bytes(command(message)?).ok();
        let expected = rawdoc! { "ismaster": 1, "helloOk": true, "$db": "admin" };
        assert_eq!(command_of(&query("admin.$cmd", &hello)), Some(expected.clone()));
        let wrapped = rawdoc! { "$query": hello.clone(), "$readPreference": {} };
        assert_eq!(command_of(&query("admin.$cmd", &wrapped)), Some(expected));
        assert_eq!(command_of(&query("admin.c", &hello)), None);
        let sound = query("admin.$cmd", &hello);
        for len in 0..sound.len() {
            assert_eq!(command_of(&sound[..len]), None, "{len}");
        }
    }

    #[test]
    fn the_answer_has_one_document() {
        let document = rawdoc! { "ok": 1.0 };
        let message = reply(1, 5, document.as_bytes());
        assert_eq!(frame::int(&message, 8), Some(5));
        assert_eq!(frame::int(&message, 16), Some(8));
        assert_eq!(frame::int(&message, 32), Some(1));
        assert_eq!(&message[36..], document.as_bytes());
    }
}
