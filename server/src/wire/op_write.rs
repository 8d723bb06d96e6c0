//! `OP_INSERT`, `OP_UPDATE` and `OP_DELETE`: writes from before there were commands for them.
//!
//! They have no answer, so there are drivers that still send what nobody is to acknowledge so. They
//! become the commands that they are; what came of one is what `getLastError` says.

use std::borrow::Cow;

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::document::doc_len;

use super::frame::{HEADER_LEN, Opcode, c_string, int, namespace};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;
use crate::dispatch::request::{Request, Sequence};

/// The flag of an insert that goes on behind a document that is refused.
const CONTINUE_ON_ERROR: i32 = 1;
/// The flag of an update that inserts if nothing matches.
const UPSERT: i32 = 1;
/// The flag of an update of all that matches.
const MULTI: i32 = 2;
/// The flag of a delete of one document.
const SINGLE: i32 = 1;

/// A write, as a command.
#[derive(Debug)]
pub struct Write<'a> {
    body: Vec<u8>,
    /// What the command calls its statements.
    name: &'static str,
    statements: Cow<'a, [u8]>,
}

impl Write<'_> {
    /// The command.
    ///
    /// # Errors
    /// If its namespace is longer than a command.
    pub fn request(&self) -> Outcome<Request<'_>> {
        Request::new(&self.body, vec![Sequence { name: self.name, documents: &self.statements }])
    }
}

/// Parses a message of one of the three kinds, header included. None if the connection is to be
/// closed: it is torn, or of another kind.
pub fn parse(opcode: Opcode, message: &[u8]) -> Option<Outcome<Write<'_>>> {
    // An insert has its flags before the namespace, the others nothing; they have them behind it.
    let first = int(message, HEADER_LEN)?;
    let (ns, at) = c_string(message, HEADER_LEN + 4)?;
    let flags = || int(message, at);
    let documents = |skipped| message.get(at + skipped..);
    Some(match opcode {
        Opcode::Insert => insert(ns, first, documents(0)?),
        Opcode::Update => update(ns, flags()?, documents(4)?),
        Opcode::Delete => delete(ns, flags()?, documents(4)?),
        _ => return None,
    })
}

fn insert<'a>(ns: &str, flags: i32, documents: &'a [u8]) -> Outcome<Write<'a>> {
    let mut body = begin("insert", ns)?;
    body.boolean("ordered", flags & CONTINUE_ON_ERROR == 0);
    Ok(Write { body: body.finish(), name: "documents", statements: documents.into() })
}

fn update<'a>(ns: &str, flags: i32, documents: &[u8]) -> Outcome<Write<'a>> {
    let body = begin("update", ns)?.finish();
    let (filter, rest) = documents.split_at(doc_len(documents)?);
    let change = &rest[..doc_len(rest)?];
    let mut statement = Builder::with_capacity(documents.len() + 64);
    statement.document("q", filter).document("u", change);
    statement.boolean("upsert", flags & UPSERT != 0).boolean("multi", flags & MULTI != 0);
    Ok(Write { body, name: "updates", statements: statement.finish().into() })
}

fn delete<'a>(ns: &str, flags: i32, documents: &[u8]) -> Outcome<Write<'a>> {
    let body = begin("delete", ns)?.finish();
    let mut statement = Builder::with_capacity(documents.len() + 64);
    statement.document("q", &documents[..doc_len(documents)?]);
    statement.put_i32("limit", flags & SINGLE);
    Ok(Write { body, name: "deletes", statements: statement.finish().into() })
}

/// A command that writes to `ns`, without its statements.
fn begin(command: &str, ns: &str) -> Outcome<Builder> {
    let Some((database, name)) = namespace(ns) else {
        return Err(Failure::new(Reason::Location(16257), format!("Invalid ns [{ns}]")));
    };
    let mut body = Builder::new();
    body.str(command, name).str("$db", database);
    Ok(body)
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;
    use crate::wire::frame;

    /// A message: a word, the namespace, and the rest.
    fn message(opcode: Opcode, word: i32, ns: &str, rest: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::begin(&mut out, 5, 0, opcode);
        out.extend_from_slice(&word.to_le_bytes());
        out.extend_from_slice(ns.as_bytes());
        out.push(0);
        rest.iter().for_each(|bytes| out.extend_from_slice(bytes));
        frame::finish(&mut out);
        out
    }

    /// The command of a message, and its statements; or the number of its refusal.
    fn parsed(
        opcode: Opcode,
        message: &[u8],
    ) -> Option<Result<(RawDocumentBuf, Vec<RawDocumentBuf>), i32>> {
        let document = |bytes: &[u8]| RawDocumentBuf::from_bytes(bytes.to_vec()).expect("one");
        Some(parse(opcode, message)?.map_err(|failure| failure.code()).map(|write| {
            let request = write.request().expect("a command");
            let statements = request.batch(write.name).expect("a batch");
            let statements = statements.map(|one| document(one.expect("a document"))).collect();
            (document(request.body()), statements)
        }))
    }

    #[test]
    fn they_are_commands() {
        let (one, two) = (rawdoc! { "_id": 1 }, rawdoc! { "$set": { "a": 2 } });
        let (one_bytes, two_bytes) = (one.as_bytes(), two.as_bytes());
        for (flags, ordered) in [(0, true), (1, false), (6, true)] {
            let insert = message(Opcode::Insert, flags, "d.a.b", &[one_bytes, two_bytes]);
            let command = rawdoc! { "insert": "a.b", "$db": "d", "ordered": ordered };
            let expected = (command, vec![one.clone(), two.clone()]);
            assert_eq!(parsed(Opcode::Insert, &insert), Some(Ok(expected)));
        }
        for flags in 0..4_u8 {
            let update =
                message(Opcode::Update, 0, "d.c", &[&[flags, 0, 0, 0], one_bytes, two_bytes]);
            let (upsert, multi) = (flags & 1 != 0, flags & 2 != 0);
            let (q, u) = (one.clone(), two.clone());
            let statement = rawdoc! { "q": q, "u": u, "upsert": upsert, "multi": multi };
            let expected = (rawdoc! { "update": "c", "$db": "d" }, vec![statement]);
            assert_eq!(parsed(Opcode::Update, &update), Some(Ok(expected)));
        }
        for limit in [0, 1] {
            let delete = message(Opcode::Delete, 0, "d.c", &[&[limit, 0, 0, 0], one_bytes]);
            let statement = rawdoc! { "q": one.clone(), "limit": i32::from(limit) };
            let expected = (rawdoc! { "delete": "c", "$db": "d" }, vec![statement]);
            assert_eq!(parsed(Opcode::Delete, &delete), Some(Ok(expected)));
        }
    }

    #[test]
    fn what_is_torn_is_none_and_what_names_nothing_is_refused() {
        let one = rawdoc! { "_id": 1 };
        let update = message(Opcode::Update, 0, "d.c", &[&[0; 4], one.as_bytes(), one.as_bytes()]);
        for len in 0..update.len() {
            let expected = if len < 28 { None } else { Some(Err(22)) };
            assert_eq!(parsed(Opcode::Update, &update[..len]), expected, "{len}");
        }
        let delete = message(Opcode::Delete, 0, "d.c", &[&[0; 4]]);
        assert_eq!(parsed(Opcode::Delete, &delete), Some(Err(22)));
        for ns in ["", "d", "d.", ".c"] {
            let insert = message(Opcode::Insert, 0, ns, &[one.as_bytes()]);
            assert_eq!(parsed(Opcode::Insert, &insert), Some(Err(16257)), "{ns}");
        }
        assert_eq!(parsed(Opcode::Query, &update), None);
    }
}
