//! The least that a server can do: read a message, write an answer. What others take beyond it is
//! their own.
//!
//! A message is its length, the length of its answer, and anything; an answer is its length, the
//! number of messages that came so far, and anything. Numbers are little-endian.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Bytes that are read at a time: as many as the server of the database reads.
pub const READ_LEN: usize = 16 << 10;
/// Of the two lengths.
pub const HEAD_LEN: usize = 8;
/// Longest message and answer.
const LEN_MAX: usize = 48 << 20;
/// As the server of the database has.
const STACK_LEN: usize = 2 << 20;

/// What a message begins with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Head {
    /// Bytes that follow it.
    pub rest: usize,
    /// Bytes of the answer.
    pub answer: usize,
}

impl Head {
    /// None if no message begins so.
    pub fn read(bytes: [u8; HEAD_LEN]) -> Option<Head> {
        let [len, answer] = [&bytes[..4], &bytes[4..]].map(|bytes| {
            let int = u32::from_le_bytes(*bytes.first_chunk()?);
            Some(int as usize).filter(|len| *len <= LEN_MAX)
        });
        let (rest, answer) = (len?.checked_sub(HEAD_LEN)?, answer?);
        (answer >= ANSWER_LEN_MIN).then_some(Head { rest, answer })
    }
}

/// Of its length, and of the number of messages.
const ANSWER_LEN_MIN: usize = 4 + 8;

/// Writes an answer of this length to the `count`-th message.
pub fn put_answer(answer: &mut Vec<u8>, len: usize, count: u64) {
    answer.clear();
    answer.extend_from_slice(&(len as u32).to_le_bytes());
    answer.extend_from_slice(&count.to_le_bytes());
    answer.resize(len, 0);
}

/// Listens, and gives each connection a thread.
pub fn run(port: u16) -> io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    for stream in listener.incoming() {
        let stream = stream?;
        stream.set_nodelay(true)?;
        let talk = move || drop(talk(&stream));
        thread::Builder::new().stack_size(STACK_LEN).spawn(talk)?;
    }
    Ok(())
}

fn talk(mut stream: &TcpStream) -> io::Result<()> {
    let mut input = BufReader::with_capacity(READ_LEN, stream);
    let (mut head, mut answer) = ([0; HEAD_LEN], Vec::new());
    for count in 1.. {
        input.read_exact(&mut head)?;
        let Some(Head { mut rest, answer: len }) = Head::read(head) else { break };
        while rest > 0 {
            let came = input.fill_buf()?.len().min(rest);
            if came == 0 {
                return Ok(());
            }
            input.consume(came);
            rest -= came;
        }
        put_answer(&mut answer, len, count);
        stream.write_all(&answer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_that_are_none_are_refused() {
        let head = |len: u32, answer: u32| {
            let bytes = [len.to_le_bytes(), answer.to_le_bytes()].concat();
            Head::read(*bytes.first_chunk().unwrap())
        };
        assert_eq!(head(20, 60), Some(Head { rest: 12, answer: 60 }));
        for (len, answer) in [(7, 60), (20, 11), (u32::MAX, 60), (20, u32::MAX)] {
            assert_eq!(head(len, answer), None);
        }
    }
}
