//! The answers of one connection, and the memory that they are made in.

use tallymap::Reason;
use tallymap::bson::element::{Elements, get};
use tallymap::bson::ty;

use super::MESSAGE_LEN_MAX;
use super::codec::Codec;
use super::frame::{Header, Opcode};
use super::op_query::Query;
use super::op_read::More;
use super::{op_compressed, op_msg, op_query, op_read, op_write};
use crate::dispatch::Dispatcher;
use crate::dispatch::call::Client;
use crate::dispatch::failure::{Failure, Outcome};
use crate::dispatch::operations::Streamed;
use crate::dispatch::request::Request;

/// Memory of a connection that says nothing, bytes.
const SMALL_LEN: usize = 2 << 10;
/// Memory that is kept between messages, bytes.
const KEPT_LEN_MAX: usize = 1 << 20;
/// Longest reply, bytes: with what is around it, it is a message.
const REPLY_LEN_MAX: usize = MESSAGE_LEN_MAX - 64;

/// A client that is talked to.
#[derive(Debug)]
pub struct Talk<'a> {
    dispatcher: &'a Dispatcher,
    client: &'a Client,
    /// The number of the last answer.
    number: i32,
    /// The answer.
    out: Vec<u8>,
    /// Does another answer to the same message come, unasked?
    goes_on: bool,
    /// What compression takes; none if nothing was compressed lately.
    packing: Option<Box<Packing>>,
}

/// What compression takes.
#[derive(Debug, Default)]
struct Packing {
    codec: Codec,
    /// A message, decompressed.
    message: Vec<u8>,
    /// An answer, compressed.
    out: Vec<u8>,
}

/// What becomes of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// This is sent.
    Message(&'a [u8]),
    /// Nothing is sent.
    Nothing,
    /// The connection is ended.
    Close,
}

/// What became of a message, before it is compressed.
enum Done {
    Answered,
    Nothing,
    Close,
}

impl<'a> Talk<'a> {
    /// Talks to `client`.
    pub fn new(dispatcher: &'a Dispatcher, client: &'a Client) -> Talk<'a> {
        Talk { dispatcher, client, number: 0, out: Vec::new(), goes_on: false, packing: None }
    }

    /// Answers a message, header included.
    pub fn answer(&mut self, header: Header, message: &[u8]) -> Answer<'_> {
        self.number = self.number.wrapping_add(1);
        // Another answer to the same message, if it was to go on; else this begins anew.
        if !std::mem::take(&mut self.goes_on) {
            self.client.connection.set_streamed(Streamed::Nothing);
        }
        if header.opcode == Opcode::Compressed {
            return self.answer_compressed(header, message);
        }
        match self.answer_plain(header, message) {
            Done::Answered => Answer::Message(&self.out),
            Done::Nothing => Answer::Nothing,
            Done::Close => Answer::Close,
        }
    }

    /// Answers a message that is within another, in the same way: compressed.
    fn answer_compressed(&mut self, header: Header, message: &[u8]) -> Answer<'_> {
        let mut packing = self.packing.take().unwrap_or_default();
        let Packing { codec, message: unpacked, .. } = &mut *packing;
        let offered = self.client.offers();
        let found = op_compressed::unpack(header, message, codec, offered, unpacked);
        let came = header.len;
        let Some((header, compressor)) = found else { return Answer::Close };
        self.dispatcher.count_unpacked(compressor, came, header.len);
        let done = self.answer_plain(header, &packing.message);
        let Packing { codec, out, .. } = &mut **self.packing.insert(packing);
        match done {
            Done::Answered if op_compressed::pack(&self.out, compressor, codec, out) => {
                self.dispatcher.count_packed(compressor, self.out.len(), out.len());
                Answer::Message(out)
            }
            Done::Answered => Answer::Message(&self.out),
            Done::Nothing => Answer::Nothing,
            Done::Close => Answer::Close,
        }
    }

    fn answer_plain(&mut self, header: Header, message: &[u8]) -> Done {
        let (number, to) = (self.number, header.request);
        match header.opcode {
            Opcode::Msg => {
                let Some(op_msg::Message { flags, request }) = op_msg::parse(message) else {
                    return Done::Close;
                };
                let streamed = match &request {
                    Ok(request) if flags.allows_exhaust() => streamed(request),
                    _ => Streamed::Nothing,
                };
                let document = self.run(request);
                if flags.is_unanswered() {
                    return Done::Nothing;
                }
                self.goes_on = match streamed {
                    Streamed::Nothing => false,
                    Streamed::Batches => has_more(&document),
                    Streamed::Hello | Streamed::IsMaster => is_ok(&document),
                };
                let streamed = if self.goes_on { streamed } else { Streamed::Nothing };
                self.client.connection.set_streamed(streamed);
                let flags = if self.goes_on { flags.and_more() } else { flags };
                op_msg::put_reply(&mut self.out, number, to, &document, flags);
                Done::Answered
            }
            Opcode::Query => {
                match op_query::parse(message) {
                    None => return Done::Close,
                    Some(Query::Command(command)) => {
                        let document = self.run_built(command);
                        op_query::put_reply(&mut self.out, number, to, &document);
                    }
                    Some(Query::Find(find)) => {
                        let found = self.run_built(find);
                        op_read::put_found(&mut self.out, number, to, &found, 0);
                    }
                }
                Done::Answered
            }
            Opcode::GetMore => {
                let Some(More { id, command }) = op_read::more(message) else {
                    return Done::Close;
                };
                let from = self.dispatcher.cursor(id).map_or(0, |(_, given)| given);
                let found = self.run_built(command);
                op_read::put_found(&mut self.out, number, to, &found, from);
                Done::Answered
            }
            Opcode::Insert | Opcode::Update | Opcode::Delete => {
                match op_write::parse(header.opcode, message) {
                    None => return Done::Close,
                    Some(Ok(write)) => drop(self.run(write.request())),
                    Some(Err(failure)) => drop(self.client.last_write.replace(failure.into())),
                }
                Done::Nothing
            }
            Opcode::KillCursors => {
                for id in op_read::killed(message) {
                    if let Some((ns, _)) = self.dispatcher.cursor(id) {
                        self.run_built(op_read::kill(id, &ns));
                    }
                }
                Done::Nothing
            }
            Opcode::Reply | Opcode::Compressed => Done::Close,
        }
    }

    /// The header of the message to be answered once more: each answer is to the one before.
    pub fn again(&self, header: Header) -> Option<Header> {
        self.goes_on.then_some(Header { request: self.number, ..header })
    }

    fn run(&self, request: Outcome<Request<'_>>) -> Vec<u8> {
        match request {
            Ok(request) => sendable(self.dispatcher.answer(self.client, &request)),
            Err(failure) => failure.reply(),
        }
    }

    /// Runs a command that was made of a message of another kind.
    fn run_built(&self, command: Outcome<Vec<u8>>) -> Vec<u8> {
        match command {
            Ok(command) => self.run(Request::new(&command, Vec::new())),
            Err(failure) => failure.reply(),
        }
    }

    /// Gives back what a very long message took.
    pub fn trim(&mut self) {
        if self.out.capacity() > KEPT_LEN_MAX {
            self.out = Vec::new();
        }
        if let Some(packing) = &mut self.packing {
            for bytes in [&mut packing.message, &mut packing.out] {
                if bytes.capacity() > KEPT_LEN_MAX {
                    *bytes = Vec::new();
                }
            }
        }
    }

    /// Does it hold more memory than one that says nothing?
    pub fn is_large(&self) -> bool {
        self.packing.is_some() || self.out.capacity() > SMALL_LEN
    }

    /// Gives memory back.
    pub fn rest(&mut self) {
        self.packing = None;
        if self.out.capacity() > SMALL_LEN {
            self.out = Vec::new();
        }
    }
}

/// A reply, or that it is longer than a message may be: a client would take that for a broken
/// connection, and send its command again.
fn sendable(reply: Vec<u8>) -> Vec<u8> {
    let len = reply.len();
    match len <= REPLY_LEN_MAX {
        true => reply,
        false => {
            let message =
                format!("The reply has {len} bytes; it must have at most {REPLY_LEN_MAX}");
            Failure::new(Reason::BSONObjectTooLarge, message).reply()
        }
    }
}

/// What answers to a request may go on with.
fn streamed(request: &Request<'_>) -> Streamed {
    let first = Elements::new(request.body()).ok().and_then(|mut fields| fields.next());
    let Some(Ok(first)) = first else { return Streamed::Nothing };
    // Who does not say what it knows does not wait for what comes next.
    let awaits = || request.field("topologyVersion").is_some_and(|it| it.ty == ty::DOCUMENT);
    match first.name {
        b"getMore" => Streamed::Batches,
        b"hello" if awaits() => Streamed::Hello,
        b"isMaster" | b"ismaster" if awaits() => Streamed::IsMaster,
        _ => Streamed::Nothing,
    }
}

fn is_ok(reply: &[u8]) -> bool {
    matches!(get(reply, "ok"), Ok(Some(ok)) if ok.val().is_true())
}

/// Does a reply leave its cursor open?
fn has_more(reply: &[u8]) -> bool {
    let id = || -> tallymap::Result<Option<i64>> {
        let Some(cursor) = get(reply, "cursor")? else { return Ok(None) };
        let id = get(cursor.value, "id")?;
        Ok(id.and_then(|id| id.val().as_number()).map(|id| id.to_f64() as i64))
    };
    matches!(id(), Ok(Some(id)) if id != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_that_is_no_message_is_an_error() {
        let longest = vec![7; REPLY_LEN_MAX];
        assert_eq!(sendable(longest.clone()), longest);
        let reply = sendable([longest, vec![7]].concat());
        let reply = bson::RawDocument::from_bytes(&reply).expect("a document");
        assert_eq!(reply.get_i32("code").ok(), Some(10334));
    }
}
