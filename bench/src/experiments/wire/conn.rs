//! The client, the same for all: it writes bytes that were encoded before, and reads until an
//! answer is whole.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bson::{RawDocument, RawDocumentBuf};

use super::encode;
use super::system::System;
use crate::error::{Error, Result};

/// Bytes that are read at a time.
const READ_LEN: usize = 64 << 10;
/// Time after which a server that says nothing is given up.
const PATIENCE: Duration = Duration::from_secs(60);
/// Of the header, the flags and the kind of the section.
const BODY_AT: usize = 21;

/// How a server is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    OpMsg,
    Resp,
    /// Lengths, and otherwise anything.
    Echo,
}

/// A connection.
#[derive(Debug)]
pub struct Conn {
    stream: TcpStream,
    system: System,
    buffer: Vec<u8>,
    len: usize,
}

impl Conn {
    /// Connects.
    ///
    /// # Errors
    /// The system's.
    pub fn open(port: u16, system: System) -> Result<Conn> {
        let failed = |error| system.failed(error);
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(failed)?;
        Ok(Conn { stream, system, buffer: vec![0; 512], len: 0 })
    }

    /// Sends a message, and waits for its answer: in `Resp`, one of so many `lines`.
    ///
    /// # Errors
    /// The system's; if the server ends the connection.
    pub fn call(&mut self, message: &[u8], lines: usize) -> Result<&[u8]> {
        let system = self.system;
        let failed = |error| system.failed(error);
        self.stream.write_all(message).map_err(failed)?;
        self.len = 0;
        let (mut seen, is_lines) = (0, self.system.speech() == Speech::Resp);
        loop {
            if self.len == self.buffer.len() {
                self.buffer.resize((2 * self.len).min(self.len + READ_LEN), 0);
            }
            let came = self.stream.read(&mut self.buffer[self.len..]).map_err(failed)?;
            if came == 0 {
                return Err(system.failed("ended the connection"));
            }
            let new = self.len..self.len + came;
            self.len = new.end;
            let is_whole = match is_lines {
                true => {
                    seen += self.buffer[new].iter().filter(|byte| **byte == b'\n').count();
                    seen >= lines
                }
                false => frame_len(&self.buffer[..self.len]).is_some_and(|len| self.len >= len),
            };
            if is_whole {
                return Ok(&self.buffer[..self.len]);
            }
        }
    }

    /// Counts some updates, which have to be counted: each of them, once.
    ///
    /// # Errors
    /// As [`Conn::call`]; [`Error::WrongSum`] for any other answer.
    pub fn count(&mut self, message: &[u8], updates: usize) -> Result<()> {
        let speech = self.system.speech();
        let answer = self.call(message, 2 * updates)?;
        let is_right = match speech {
            Speech::OpMsg => {
                let is = |body: &RawDocument, name| {
                    body.get_i32(name).is_ok_and(|n| usize::try_from(n) == Ok(updates))
                };
                body(answer).is_some_and(|body| is(body, "n") && is(body, "nModified"))
            }
            Speech::Resp => answer.split_inclusive(|byte| *byte == b'\n').all(|l| l[0] == b':'),
            Speech::Echo => true,
        };
        if is_right {
            return Ok(());
        }
        let answer = match body(answer) {
            Some(body) => format!("{body:?}"),
            None => String::from_utf8_lossy(answer).chars().take(200).collect(),
        };
        Err(Error::WrongSum(format!("an update is answered by {answer}")))
    }

    /// Runs a command, which has to be answered by `ok: 1`.
    ///
    /// # Errors
    /// As [`Conn::call`]; what the server says.
    pub fn run(&mut self, command: &RawDocument) -> Result<RawDocumentBuf> {
        let system = self.system;
        let answer = body(self.call(&encode::op_msg(1, command, None), 0)?);
        match answer {
            Some(answer) if answer.get_f64("ok").is_ok_and(|ok| ok == 1.0) => Ok(answer.to_owned()),
            Some(answer) => Err(system.failed(format!("{answer:?}"))),
            None => Err(system.failed("an answer that is none")),
        }
    }

    /// How many messages a bare echo has had on this connection, with this one.
    ///
    /// # Errors
    /// As [`Conn::call`].
    pub fn echoed(&mut self, message: &[u8]) -> Result<u64> {
        let answer = self.call(message, 0)?;
        let count = answer.get(4..).and_then(|rest| rest.first_chunk());
        Ok(count.map_or(0, |count| u64::from_le_bytes(*count)))
    }
}

/// The length that a message begins with.
fn frame_len(bytes: &[u8]) -> Option<usize> {
    usize::try_from(i32::from_le_bytes(*bytes.first_chunk()?)).ok()
}

/// The document of an answer.
fn body(answer: &[u8]) -> Option<&RawDocument> {
    RawDocument::from_bytes(answer.get(BODY_AT..)?).ok()
}
