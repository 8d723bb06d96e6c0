//! `OP_QUERY` of a collection, `OP_GET_MORE` and `OP_KILL_CURSORS`: reads from before there were
//! commands for them.
//!
//! They become the commands that they are, and their replies an `OP_REPLY`. There are drivers that
//! fetch so what a command began.

use tallymap::Reason;
use tallymap::bson::builder::Builder;
use tallymap::bson::document::{checked_command_len, doc_len};
use tallymap::bson::element::{Elements, get};
use tallymap::bson::number::Number;
use tallymap::bson::ty;

use super::frame::{HEADER_LEN, c_string, int, namespace};
use super::op_query::{self, AWAIT_CAPABLE, Asked, Found, QUERY_FAILURE};
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::put::Put;

/// Flags of a query, and the fields of a find that they are.
const FLAGS: [(i32, &str); 4] =
    [(2, "tailable"), (16, "noCursorTimeout"), (32, "awaitData"), (128, "allowPartialResults")];
/// What may stand beside a filter, and the field of a find that it is.
const BESIDE: [(&[u8], &str); 8] = [
    (b"$orderby", "sort"),
    (b"orderby", "sort"),
    (b"$hint", "hint"),
    (b"$min", "min"),
    (b"$max", "max"),
    (b"$comment", "comment"),
    (b"$maxTimeMS", "maxTimeMS"),
    (b"$readPreference", "$readPreference"),
];
/// The same, of what is true or not.
const TRUE_BESIDE: [(&[u8], &str); 2] =
    [(b"$returnKey", "returnKey"), (b"$showDiskLoc", "showRecordId")];
/// The flag of an answer to a fetch from a cursor that is none.
const CURSOR_NOT_FOUND: i32 = 1;

/// A fetch.
#[derive(Debug)]
pub struct More {
    /// The cursor's number.
    pub id: i64,
    /// The command.
    pub command: Outcome<Vec<u8>>,
}

/// The find that a query is.
pub fn find(asked: &Asked<'_>) -> Outcome<Vec<u8>> {
    let (database, name) = split(asked.ns)?;
    let (document, rest) = asked.documents.split_at(checked_command_len(asked.documents)?);
    let mut find = Builder::with_capacity(document.len() + 128);
    find.str("find", name);
    let is_explained = put_query(&mut find, document)?;
    if !rest.is_empty() {
        find.document("projection", &rest[..doc_len(rest)?]);
    }
    put_counts(&mut find, asked);
    for (flag, name) in FLAGS {
        if asked.flags & flag != 0 {
            find.boolean(name, true);
        }
    }
    let mut command = find;
    if is_explained {
        let find = std::mem::take(&mut command).finish();
        command.document("explain", &find);
    }
    command.str("$db", database);
    Ok(command.finish())
}

/// Puts the filter and what stands beside it. Answers whether it is to be explained.
fn put_query(find: &mut Builder, document: &[u8]) -> Outcome<bool> {
    let wrapped = |name| -> Outcome<_> {
        Ok(get(document, name)?.filter(|element| element.ty == ty::DOCUMENT))
    };
    let Some(filter) = wrapped("query")?.or(wrapped("$query")?) else {
        find.document("filter", document);
        return Ok(false);
    };
    find.document("filter", filter.value);
    let mut is_explained = false;
    for element in Elements::new(document)? {
        let element = element?;
        let of = |table: &[(&[u8], &'static str)]| {
            table.iter().find(|(name, _)| *name == element.name).map(|(_, name)| *name)
        };
        if let Some(name) = of(&BESIDE) {
            find.value(name, element.val());
        } else if let Some(name) = of(&TRUE_BESIDE) {
            find.boolean(name, element.val().is_true());
        } else if element.name == b"$explain" {
            is_explained = element.val().is_true();
        }
    }
    Ok(is_explained)
}

/// How many to pass over, and how many to answer: fewer than none, or one, are all there are.
fn put_counts(find: &mut Builder, asked: &Asked<'_>) {
    if asked.skip != 0 {
        find.put_i32("skip", asked.skip);
    }
    match asked.wanted {
        0 => {}
        wanted if wanted < 0 || wanted == 1 => {
            find.put_i64("limit", i64::from(wanted).abs());
            find.boolean("singleBatch", true);
        }
        wanted => find.put_i32("batchSize", wanted),
    }
}

/// Parses a fetch, header included. None if it is torn.
pub fn more(message: &[u8]) -> Option<More> {
    let (ns, at) = c_string(message, HEADER_LEN + 4)?;
    let wanted = int(message, at)?;
    let id = long(message, at + 4)?;
    let command = split(ns).map(|(database, name)| {
        let mut command = Builder::new();
        command.put_i64("getMore", id);
        command.str("collection", name);
        command.put_i32("batchSize", wanted);
        command.str("$db", database);
        command.finish()
    });
    Some(More { id, command })
}

/// The cursors that a message kills, as many as there are.
pub fn killed(message: &[u8]) -> impl Iterator<Item = i64> {
    let count = int(message, HEADER_LEN + 4).and_then(|count| usize::try_from(count).ok());
    (0..count.unwrap_or(0)).map_while(|index| long(message, HEADER_LEN + 8 + 8 * index))
}

/// The command that kills a cursor of `ns`.
pub fn kill(id: i64, ns: &str) -> Outcome<Vec<u8>> {
    let (database, name) = split(ns)?;
    let mut command = Builder::new();
    command.str("killCursors", name);
    command.begin(ty::ARRAY, "cursors").number("0", Number::Int64(id)).end();
    command.str("$db", database);
    Ok(command.finish())
}

/// Puts the answer to request `to` into `out`: what the command replied, of a cursor that had
/// given `from` documents before.
pub fn put_found(out: &mut Vec<u8>, number: i32, to: i32, reply: &[u8], from: u64) {
    let field = |of, name| get(of, name).ok().flatten();
    let Some(cursor) = field(reply, "cursor") else {
        return match field(reply, "ok") {
            Some(ok) if ok.val().is_true() => op_query::put_reply(out, number, to, reply),
            _ => put_failure(out, number, to, reply),
        };
    };
    let id = field(cursor.value, "id").and_then(|id| id.val().as_number());
    let batch = field(cursor.value, "firstBatch").or(field(cursor.value, "nextBatch"));
    let documents = batch.and_then(|batch| Elements::new(batch.value).ok());
    let documents: Vec<_> = documents.into_iter().flatten().flatten().map(|it| it.value).collect();
    let cursor = match id {
        Some(Number::Int64(id)) => id,
        _ => 0,
    };
    let found = Found { flags: AWAIT_CAPABLE, cursor, from: from as i32, documents: &documents };
    op_query::put(out, number, to, &found);
}

fn put_failure(out: &mut Vec<u8>, number: i32, to: i32, reply: &[u8]) {
    let field = |name| get(reply, name).ok().flatten();
    let code = field("code").and_then(|code| code.val().as_number());
    if code.is_some_and(|code| code.to_f64() == f64::from(Reason::CursorNotFound.code())) {
        let found = Found { flags: CURSOR_NOT_FOUND, cursor: 0, from: 0, documents: &[] };
        return op_query::put(out, number, to, &found);
    }
    let mut document = Builder::new();
    if let Some(message) = field("errmsg") {
        document.value("$err", message.val());
    }
    if let Some(code) = code {
        document.number("code", code);
    }
    document.put_f64("ok", 0.0);
    let document = document.finish();
    let found = Found { flags: QUERY_FAILURE, cursor: 0, from: 0, documents: &[&document] };
    op_query::put(out, number, to, &found);
}

fn split(ns: &str) -> Outcome<(&str, &str)> {
    namespace(ns)
        .ok_or_else(|| Failure::new(Reason::InvalidNamespace, format!("Invalid ns [{ns}]")))
}

fn long(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use bson::{RawDocument, RawDocumentBuf, rawdoc};

    use super::*;

    fn found(flags: i32, skip: i32, wanted: i32, documents: &[RawDocumentBuf]) -> RawDocumentBuf {
        let documents: Vec<u8> = documents.iter().flat_map(|it| it.as_bytes().to_vec()).collect();
        let asked = Asked { flags, ns: "d.a.b", skip, wanted, documents: &documents };
        RawDocumentBuf::from_bytes(find(&asked).expect("a find")).expect("a document")
    }

    #[test]
    fn a_query_is_a_find() {
        let filter = rawdoc! { "a": 1 };
        let expected = rawdoc! { "find": "a.b", "filter": filter.clone(), "$db": "d" };
        assert_eq!(found(0, 0, 0, std::slice::from_ref(&filter)), expected);
        // What the slave and the oplog are asked for is nothing that is done here.
        assert_eq!(found(12, 0, 0, std::slice::from_ref(&filter)), expected);
        let expected = rawdoc! {
            "find": "a.b", "filter": filter.clone(), "projection": { "_id": 0 }, "skip": 3,
            "batchSize": 2, "tailable": true, "awaitData": true, "$db": "d",
        };
        assert_eq!(found(34, 3, 2, &[filter.clone(), rawdoc! { "_id": 0 }]), expected);
        for (wanted, limit) in [(1, 1), (-1, 1), (-7, 7), (i32::MIN, 1_i64 << 31)] {
            let expected = rawdoc! {
                "find": "a.b", "filter": filter.clone(), "limit": limit,
                "singleBatch": true, "$db": "d",
            };
            assert_eq!(found(0, 0, wanted, std::slice::from_ref(&filter)), expected, "{wanted}");
        }
    }

    #[test]
    fn what_stands_beside_a_filter_is_the_find_s() {
        let wrapped = rawdoc! {
            "$orderby": { "a": -1 }, "$query": { "a": 1 }, "$hint": "a_1", "$maxTimeMS": 5,
            "$returnKey": 1, "$snapshot": true, "no such": 1,
        };
        let expected = rawdoc! {
            "find": "a.b", "filter": { "a": 1 }, "sort": { "a": -1 }, "hint": "a_1",
            "maxTimeMS": 5, "returnKey": true, "$db": "d",
        };
        assert_eq!(found(0, 0, 0, &[wrapped]), expected);
        let scalar = rawdoc! { "query": 1 };
        let expected = rawdoc! { "find": "a.b", "filter": scalar.clone(), "$db": "d" };
        assert_eq!(found(0, 0, 0, &[scalar]), expected);
        let explained = rawdoc! { "query": { "a": 1 }, "orderby": {}, "$explain": true };
        let find = rawdoc! { "find": "a.b", "filter": { "a": 1 }, "sort": {} };
        assert_eq!(found(0, 0, 0, &[explained]), rawdoc! { "explain": find, "$db": "d" });
    }

    #[test]
    fn torn_messages_are_none_and_kill_nothing() {
        let body = [&[0; 20][..], b"d.c\0", &5_i32.to_le_bytes(), &77_i64.to_le_bytes()].concat();
        for len in 0..body.len() {
            assert!(more(&body[..len]).is_none(), "{len}");
        }
        let More { id, command } = more(&body).expect("a fetch");
        let command = RawDocumentBuf::from_bytes(command.expect("a command")).expect("one");
        let expected = rawdoc! { "getMore": 77_i64, "collection": "c", "batchSize": 5, "$db": "d" };
        assert_eq!((id, command), (77, expected));
        for (count, expected) in [(0, &[][..]), (1, &[7]), (2, &[7, 8]), (9, &[7, 8]), (-1, &[])] {
            let ids = [7_i64, 8].map(i64::to_le_bytes).concat();
            let message = [&[0; 20][..], &i32::to_le_bytes(count), &ids].concat();
            assert_eq!(killed(&message).collect::<Vec<_>>(), expected, "{count}");
        }
        assert_eq!(killed(&[0; 22]).count(), 0);
    }

    #[test]
    fn a_reply_has_what_the_command_s_has() {
        let put = |reply: &RawDocument| {
            let mut out = Vec::new();
            put_found(&mut out, 1, 5, reply.as_bytes(), 3);
            out
        };
        let (one, two) = (rawdoc! { "_id": 1 }, rawdoc! { "_id": 2 });
        for name in [bson::cstr!("firstBatch"), bson::cstr!("nextBatch")] {
            let batch = [one.clone(), two.clone()].into_iter().collect::<bson::RawArrayBuf>();
            let message = put(&rawdoc! { "cursor": { name: batch, "id": 9_i64 }, "ok": 1.0 });
            let numbers = [16, 20, 24, 28, 32].map(|at| int(&message, at));
            assert_eq!(numbers, [8, 9, 0, 3, 2].map(Some));
            assert_eq!(message[36..], [one.as_bytes(), two.as_bytes()].concat());
        }
        let message = put(&rawdoc! { "ok": 0.0, "errmsg": "gone", "code": 43 });
        assert_eq!((int(&message, 16), int(&message, 32)), (Some(1), Some(0)));
        let message = put(&rawdoc! { "ok": 0.0, "errmsg": "no", "code": 2 });
        let expected = rawdoc! { "$err": "no", "code": 2, "ok": 0.0 };
        assert_eq!((int(&message, 16), &message[36..]), (Some(2), expected.as_bytes()));
    }
}
