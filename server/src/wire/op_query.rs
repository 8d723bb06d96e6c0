//! `OP_QUERY`, by which many clients say their first hello, and `OP_REPLY`, its answer.
//!
//! Any command can be sent so, to `db.$cmd`. Sent to a collection it is what `find` is now:
//! [`op_read`] makes one of it.

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::document::{checked_command_len, doc_len};
use tallymap::bson::element::{Elements, get};
use tallymap::bson::ty;

use super::frame::{self, HEADER_LEN, Opcode, c_string, int};
use super::op_read;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// The flag of a request for one answer after the other.
const EXHAUST: i32 = 64;
/// The flag of an answer that says why a query failed.
pub const QUERY_FAILURE: i32 = 2;
/// The flag of an answer of a server that can wait for data: set unless it failed.
pub const AWAIT_CAPABLE: i32 = 8;
/// The number by which later servers refuse what is no command.
const UNSUPPORTED: i32 = 352;

/// What is asked.
#[derive(Debug)]
pub enum Query {
    /// A command as it would be in an `OP_MSG`, with `$db`; or why it is none.
    Command(Outcome<Vec<u8>>),
    /// The find that it is; or why it is none.
    Find(Outcome<Vec<u8>>),
}

/// What a message says.
#[derive(Debug)]
pub struct Asked<'a> {
    /// How it is meant.
    pub flags: i32,
    /// Whom it is sent to.
    pub ns: &'a str,
    /// How many to pass over.
    pub skip: i32,
    /// How many to answer.
    pub wanted: i32,
    /// The command or the filter, maybe a selector.
    pub documents: &'a [u8],
}

/// What is answered.
#[derive(Debug)]
pub struct Found<'a> {
    /// How it is meant.
    pub flags: i32,
    /// The number of the cursor that has more, or 0.
    pub cursor: i64,
    /// How many documents it had given before.
    pub from: i32,
    /// These it gives now.
    pub documents: &'a [&'a [u8]],
}

/// Parses a message, header included. None if the connection is to be closed: it is torn.
pub fn parse(message: &[u8]) -> Option<Query> {
    let flags = int(message, HEADER_LEN)?;
    let (ns, at) = c_string(message, HEADER_LEN + 4)?;
    let (skip, wanted) = (int(message, at)?, int(message, at + 4)?);
    let documents = message.get(at + 8..)?;
    let asked = Asked { flags, ns, skip, wanted, documents };
    let database = ns.strip_suffix(".$cmd").filter(|database| !database.contains('.'));
    let refused = |code, message| Err(Failure::new(Reason::Location(code), message));
    let Some(database) = database else {
        // Who asks for one answer after the other waits for what does not come.
        let is_streamed = flags & EXHAUST != 0;
        let streamed = || refused(UNSUPPORTED, format!("OP_QUERY does not stream '{ns}'"));
        return Some(Query::Find(if is_streamed { streamed() } else { op_read::find(&asked) }));
    };
    Some(Query::Command(match wanted {
        _ if flags & EXHAUST != 0 => {
            refused(18527, format!("The 'exhaust' OP_QUERY flag is invalid for commands: {ns}"))
        }
        1 | -1 => command(database, documents),
        wanted => refused(
            16979,
            format!("Bad numberToReturn ({wanted}) for $cmd type ns - can only be 1 or -1"),
        ),
    }))
}

/// The command that `documents` begin with.
fn command(database: &str, documents: &[u8]) -> Outcome<Vec<u8>> {
    let (document, selector) = documents.split_at(doc_len(documents)?);
    checked_command_len(document)?;
    if !selector.is_empty() && doc_len(selector)? != selector.len() {
        return Err(Failure::new(Reason::InvalidBSON, "bytes follow the documents"));
    }
    if get(document, "$db")?.is_some() {
        let message = "$db is not allowed in OP_QUERY requests";
        return Err(Failure::new(Reason::Location(40621), message));
    }
    // Some wrap it, to say a read preference beside it.
    let first = Elements::new(document)?.next().transpose()?;
    let wrapped = first.filter(|first| {
        first.ty == ty::DOCUMENT && (first.name == b"$query" || first.name == b"query")
    });
    let mut out = Builder::with_capacity(document.len() + 64);
    out.put_fields_of(wrapped.as_ref().map_or(document, |wrapped| wrapped.value));
    if let (Some(_), Some(preference)) = (wrapped, get(document, "$readPreference")?) {
        out.element(&preference);
    }
    out.str("$db", database);
    Ok(out.finish())
}

/// Puts the answer `document` to request `to` into `out`.
pub fn put_reply(out: &mut Vec<u8>, number: i32, to: i32, document: &[u8]) {
    put(
        out,
        number,
        to,
        &Found { flags: AWAIT_CAPABLE, cursor: 0, from: 0, documents: &[document] },
    );
}

/// Puts the answer to request `to` into `out`.
pub fn put(out: &mut Vec<u8>, number: i32, to: i32, found: &Found<'_>) {
    frame::begin(out, number, to, Opcode::Reply);
    let len: usize = found.documents.iter().map(|document| document.len()).sum();
    out.reserve(len + 20);
    out.extend_from_slice(&found.flags.to_le_bytes());
    out.extend_from_slice(&found.cursor.to_le_bytes());
    out.extend_from_slice(&found.from.to_le_bytes());
    out.extend_from_slice(&(found.documents.len() as i32).to_le_bytes());
    found.documents.iter().for_each(|document| out.extend_from_slice(document));
    frame::finish(out);
}

#[cfg(test)]
mod tests {
    use bson::raw::cstr;
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn query(ns: &str, flags: i32, wanted: i32, documents: &[&RawDocumentBuf]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::begin(&mut out, 5, 0, Opcode::Query);
        out.extend_from_slice(&flags.to_le_bytes());
        out.extend_from_slice(ns.as_bytes());
        out.extend_from_slice(&[0; 5]);
        out.extend_from_slice(&wanted.to_le_bytes());
        documents.iter().for_each(|document| out.extend_from_slice(document.as_bytes()));
        frame::finish(&mut out);
        out
    }

    fn command_of(message: &[u8]) -> Result<RawDocumentBuf, i32> {
        match parse(message) {
            Some(Query::Command(Ok(command))) => {
                Ok(RawDocumentBuf::from_bytes(command).expect("a document"))
            }
            Some(Query::Command(Err(failure))) => Err(failure.code()),
            Some(Query::Find(_)) => Err(-1),
            None => Err(0),
        }
    }

    #[test]
    fn a_hello_is_a_command() {
        let hello = rawdoc! { "ismaster": 1, "helloOk": true };
        let expected = rawdoc! { "ismaster": 1, "helloOk": true, "$db": "admin" };
        for wanted in [1, -1] {
            assert_eq!(
                command_of(&query("admin.$cmd", 0, wanted, &[&hello])),
                Ok(expected.clone())
            );
        }
        let with_selector = query("admin.$cmd", 4, -1, &[&hello, &rawdoc! { "a": 1 }]);
        assert_eq!(command_of(&with_selector), Ok(expected));
        let preference = rawdoc! { "mode": "primary" };
        for name in [cstr!("$query"), cstr!("query")] {
            let wrapped = rawdoc! { name: { "ping": 1 }, "$readPreference": preference.clone() };
            let expected =
                rawdoc! { "ping": 1, "$readPreference": preference.clone(), "$db": "admin" };
            assert_eq!(command_of(&query("admin.$cmd", 0, -1, &[&wrapped])), Ok(expected));
        }
    }

    #[test]
    fn what_is_no_command_is_refused_as_mongod_does() {
        let ping = rawdoc! { "ping": 1 };
        let refusal = |message: &[u8]| command_of(message).expect_err("refused");
        assert_eq!(refusal(&query("admin.c", 0, -1, &[&ping])), -1);
        assert_eq!(refusal(&query("a.b.$cmd", 0, -1, &[&ping])), -1);
        assert_eq!(refusal(&query("admin.$cmd", 0, 0, &[&ping])), 16979);
        assert_eq!(refusal(&query("admin.$cmd", 64, -1, &[&ping])), 18527);
        let with_database = rawdoc! { "ping": 1, "$db": "d" };
        assert_eq!(refusal(&query("admin.$cmd", 0, -1, &[&with_database])), 40621);
        let sound = query("admin.$cmd", 0, -1, &[&ping]);
        for len in 0..sound.len() {
            let code = refusal(&sound[..len]);
            assert_eq!(
                code,
                if len < sound.len() - ping.as_bytes().len() { 0 } else { 22 },
                "{len}"
            );
        }
        assert_eq!(refusal(&[&sound[..], b"xx"].concat()), 22);
    }

    #[test]
    fn the_answer_has_one_document() {
        let document = rawdoc! { "ok": 1.0 };
        let mut message = Vec::new();
        put_reply(&mut message, 1, 5, document.as_bytes());
        assert_eq!(frame::int(&message, 8), Some(5));
        assert_eq!(frame::int(&message, 16), Some(8));
        assert_eq!(frame::int(&message, 32), Some(1));
        assert_eq!(&message[36..], document.as_bytes());
    }
}
