//! Messages, encoded before anything is measured.

use bson::{RawArrayBuf, RawDocument, RawDocumentBuf, rawdoc};

use super::conn::Speech;
use crate::daily::Hit;
use crate::error::{Error, Result};
use crate::experiments::hit::tallymap::update;

/// The database and the collection.
pub const DATABASE: &str = "stats";
pub const COLLECTION: &str = "daily";
const OP_MSG: u32 = 2013;
/// Of the answer to an update, as the server sends it.
const ANSWER_LEN: u32 = 60;

/// How updates lie in a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Beside it: a section of kind 1.
    Sequence,
    /// As an array of its document.
    Array,
}

/// What is said to a server: hits, so many in each message.
#[derive(Debug)]
pub struct Script {
    pub hits: Vec<Hit>,
    /// Hits in a message.
    pub per: usize,
    pub messages: Vec<Vec<u8>>,
}

/// How hits become messages.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    pub speech: Speech,
    pub form: Form,
    /// Hits in a message.
    pub per: usize,
    /// The answer is to wait for the journal.
    pub journaled: bool,
}

impl Script {
    /// Messages for all hits, of which there is a multiple of those in a message.
    ///
    /// # Errors
    /// None: what is encoded is sound.
    pub fn of(hits: Vec<Hit>, pages: &[String], style: Style) -> Result<Script> {
        let updates: Vec<RawDocumentBuf> = (0..crate::daily::MINUTES)
            .map(|minute| RawDocumentBuf::try_from(&update(minute)).map_err(wrong))
            .collect::<Result<_>>()?;
        let message = |(number, hits): (usize, &[Hit])| match style.speech {
            Speech::OpMsg => update_message(number, hits, pages, &updates, style),
            Speech::Resp => hits.iter().flat_map(|hit| increments(hit, pages)).collect(),
            Speech::Echo => {
                let mut bytes = update_message(number, hits, pages, &updates, style);
                bytes[4..8].copy_from_slice(&ANSWER_LEN.to_le_bytes());
                bytes
            }
        };
        let messages = hits.chunks(style.per).enumerate().map(message).collect();
        Ok(Script { hits, per: style.per, messages })
    }

    /// The hits of a message.
    pub fn hits_of(&self, message: usize) -> &[Hit] {
        &self.hits[message * self.per..][..self.per]
    }
}

fn wrong(error: impl std::fmt::Display) -> Error {
    Error::WrongSum(error.to_string())
}

/// An `update` command with a statement for each hit, as drivers send it.
fn update_message(
    number: usize,
    hits: &[Hit],
    pages: &[String],
    updates: &[RawDocumentBuf],
    style: Style,
) -> Vec<u8> {
    let session = bson::Binary { subtype: bson::spec::BinarySubtype::Uuid, bytes: vec![7; 16] };
    let mut body = rawdoc! { "update": COLLECTION, "ordered": true, "lsid": { "id": session } };
    if style.journaled {
        body.append(bson::cstr!("writeConcern"), rawdoc! { "w": 1, "j": true });
    }
    body.append(bson::cstr!("$db"), DATABASE);
    let statement = |hit: &Hit| {
        let (page, minute) = (pages[hit.page as usize].as_str(), hit.minute as usize);
        rawdoc! { "q": { "_id": page }, "u": updates[minute].clone() }
    };
    match style.form {
        Form::Sequence => {
            let bytes: Vec<u8> = hits.iter().flat_map(|hit| statement(hit).into_bytes()).collect();
            op_msg(number, &body, Some(&bytes))
        }
        Form::Array => {
            let mut array = RawArrayBuf::new();
            hits.iter().for_each(|hit| array.push(statement(hit)));
            body.append(bson::cstr!("updates"), array);
            op_msg(number, &body, None)
        }
    }
}

/// A message with a command, and the documents of its `updates` beside it.
pub fn op_msg(number: usize, body: &RawDocument, updates: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for word in [0, number as u32, 0, OP_MSG, 0] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.push(0);
    out.extend_from_slice(body.as_bytes());
    if let Some(updates) = updates {
        let name = b"updates\0";
        out.push(1);
        out.extend_from_slice(&((4 + name.len() + updates.len()) as u32).to_le_bytes());
        out.extend_from_slice(name);
        out.extend_from_slice(updates);
    }
    let len = (out.len() as u32).to_le_bytes();
    out[..4].copy_from_slice(&len);
    out
}

/// The two commands of a hit.
fn increments(hit: &Hit, pages: &[String]) -> Vec<u8> {
    let page = &pages[hit.page as usize];
    hit.counters()
        .into_iter()
        .flat_map(|at| resp(&["HINCRBY", page, &at.to_string(), "1"]))
        .collect()
}

/// A command of Redis.
pub fn resp(words: &[&str]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", words.len());
    words.iter().for_each(|word| out += &format!("${}\r\n{word}\r\n", word.len()));
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use tallymap_server::wire::op_msg::parse;

    use super::*;

    fn script(speech: Speech, form: Form) -> Script {
        let hits = vec![Hit { page: 0, minute: 61 }, Hit { page: 1, minute: 1439 }];
        let style = Style { speech, form, per: 2, journaled: false };
        Script::of(hits, &crate::workload::pages(2), style).unwrap()
    }

    #[test]
    fn the_server_reads_what_is_meant() {
        for form in [Form::Sequence, Form::Array] {
            let script = script(Speech::OpMsg, form);
            let message = parse(&script.messages[0]).expect("a message");
            let request = message.request.expect("a request");
            let statements = request.batch("update.updates").expect("a batch");
            let statements: Vec<_> = statements.map(|it| it.expect("a statement")).collect();
            let expected = rawdoc! {
                "q": { "_id": "/page-00001" },
                "u": { "$inc": { "hourly.23": 1, "minute.23.59": 1 } },
            };
            assert_eq!((statements.len(), statements[1]), (2, expected.as_bytes()));
            assert_eq!(script.hits_of(0).len(), 2);
        }
    }

    #[test]
    fn an_echo_is_asked_for_an_answer_as_long() {
        let message = &script(Speech::Echo, Form::Sequence).messages[0];
        assert_eq!(message.len(), script(Speech::OpMsg, Form::Sequence).messages[0].len());
        assert_eq!(message[4..8], [60, 0, 0, 0]);
    }

    #[test]
    fn a_hit_is_two_commands() {
        let message = &script(Speech::Resp, Form::Sequence).messages[0];
        let text = String::from_utf8(message.clone()).unwrap();
        assert_eq!(text.matches("HINCRBY").count(), 4);
        assert!(
            text.starts_with("*4\r\n$7\r\nHINCRBY\r\n$11\r\n/page-00000\r\n$1\r\n1\r\n$1\r\n1\r\n")
        );
    }
}
