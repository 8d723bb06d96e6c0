//! The counters of pages in each system: made before, and read back after.

use bson::{RawArrayBuf, RawDocument, RawDocumentBuf, rawdoc};

use super::conn::{Conn, Speech};
use super::encode::{COLLECTION, DATABASE, resp};
use super::system::System;
use crate::daily::{self, COUNTERS};
use crate::error::{Error, Result};
use crate::experiments::hit::tallymap::counters_of;

/// Documents in a command: of twelve kilobytes each.
const BATCH: usize = 100;

/// Makes a document for each page, or what Redis has instead; an echo has none.
///
/// # Errors
/// The server's.
pub fn fill(conn: &mut Conn, speech: Speech, pages: &[String]) -> Result<()> {
    match speech {
        Speech::Echo => {}
        Speech::Resp => {
            for page in pages {
                let mut words = vec!["HSET".to_owned(), page.clone()];
                words.extend((0..COUNTERS).flat_map(|at| [at.to_string(), "0".to_owned()]));
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                conn.call(&resp(&words), 1)?;
            }
        }
        Speech::OpMsg => {
            for pages in pages.chunks(BATCH) {
                let mut documents = RawArrayBuf::new();
                daily::documents(pages).for_each(|document| documents.push(document));
                let command = rawdoc! {
                    "insert": COLLECTION, "documents": documents, "$db": DATABASE,
                };
                let answer = conn.run(&command)?;
                if answer.get_i32("n").ok() != i32::try_from(pages.len()).ok() {
                    return Err(Error::WrongSum(format!("an insert is answered by {answer:?}")));
                }
            }
        }
    }
    Ok(())
}

/// Reads the counters of a page.
///
/// # Errors
/// The server's; [`Error::WrongSum`] if there are none.
pub fn read(conn: &mut Conn, speech: Speech, page: &str, counters: &mut [i64]) -> Result<()> {
    match speech {
        Speech::Echo => Err(Error::WrongSum("an echo has no counters".to_owned())),
        Speech::Resp => read_hash(conn, page, counters),
        Speech::OpMsg => {
            let command = rawdoc! {
                "find": COLLECTION, "filter": { "_id": page }, "limit": 1, "singleBatch": true,
                "$db": DATABASE,
            };
            let answer = conn.run(&command)?;
            counters_of(first_of(&answer).map_err(|_| missing(page))?, counters)
        }
    }
}

fn missing(page: &str) -> Error {
    Error::WrongSum(format!("there is no {page}"))
}

fn first_of(answer: &RawDocument) -> Result<&RawDocument> {
    let none = |error: &dyn std::fmt::Display| Error::WrongSum(error.to_string());
    let cursor = answer.get_document("cursor").map_err(|error| none(&error))?;
    let batch = cursor.get_array("firstBatch").map_err(|error| none(&error))?;
    batch.get_document(0).map_err(|error| none(&error))
}

fn read_hash(conn: &mut Conn, page: &str, counters: &mut [i64]) -> Result<()> {
    let names: Vec<String> = (0..counters.len()).map(|at| at.to_string()).collect();
    let words: Vec<&str> = ["HMGET", page].into_iter().chain(names.iter().map(|n| &**n)).collect();
    // The number of values; for each its length, and it.
    let answer = conn.call(&resp(&words), 1 + 2 * counters.len())?;
    let text = String::from_utf8_lossy(answer);
    let mut values = text.lines().skip(2).step_by(2).map(|line| line.parse().ok());
    for counter in counters {
        *counter = values.next().flatten().ok_or_else(|| missing(page))?;
    }
    Ok(())
}

/// Syncs of the journal so far, as the server counts them; none if it does not.
///
/// # Errors
/// The server's.
pub fn syncs(conn: &mut Conn, system: System) -> Result<Option<i64>> {
    if system.speech() != Speech::OpMsg {
        return Ok(None);
    }
    let answer = conn.run(&rawdoc! { "serverStatus": 1, "$db": "admin" })?;
    let status: &RawDocumentBuf = &answer;
    let log = match system {
        System::Mongod => {
            let engine = status.get_document("wiredTiger");
            engine
                .and_then(|it| it.get_document("log"))
                .ok()
                .map(|log| (log, "log sync operations"))
        }
        _ => status.get_document("dur").ok().map(|log| (log, "commits")),
    };
    let count = log.and_then(|(log, name)| log.get(name).ok().flatten());
    Ok(count.and_then(|count| count.as_i64().or_else(|| count.as_i32().map(i64::from))))
}
