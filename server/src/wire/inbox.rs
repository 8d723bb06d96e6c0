//! What came over a connection and is not answered yet.
//!
//! One read takes what is there, be it a part of a message or several. The buffer is enlarged when
//! it is full of what came, to at most twice of that and never beyond the longest message: what a
//! header claims does not enlarge it.

use std::io::{self, Read};

use super::MESSAGE_LEN_MAX;
use super::frame::{HEADER_LEN, Header};

/// Memory of a connection that says nothing, bytes: enough for most commands.
const SMALL_LEN: usize = 2 << 10;
/// Memory that is kept between messages, bytes.
const KEPT_LEN_MAX: usize = 1 << 20;

/// Bytes that came.
#[derive(Debug)]
pub struct Inbox {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox { bytes: vec![0; SMALL_LEN], start: 0, end: 0 }
    }
}

impl Inbox {
    /// Waits for a whole message; none at the end, or if what came is none.
    ///
    /// # Errors
    /// The reader's. After one that is temporary it can be called again.
    pub fn wait(&mut self, input: &mut impl Read) -> io::Result<Option<Header>> {
        loop {
            let came = &self.bytes[self.start..self.end];
            let wanted = match came.first_chunk() {
                None => HEADER_LEN,
                Some(header) => match Header::read(header) {
                    None => return Ok(None),
                    Some(header) if header.len <= came.len() => return Ok(Some(header)),
                    Some(header) => header.len,
                },
            };
            self.make_room(wanted);
            match input.read(&mut self.bytes[self.end..]) {
                Ok(0) => return Ok(None),
                Ok(len) => self.end += len,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The first bytes of what came.
    pub fn first(&self, len: usize) -> &[u8] {
        &self.bytes[self.start..self.start + len]
    }

    /// Forgets the first bytes: they are answered.
    pub fn forget(&mut self, len: usize) {
        self.start += len;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.bytes.len() > KEPT_LEN_MAX {
                self.bytes = vec![0; SMALL_LEN];
            }
        }
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Does it hold more memory than one that says nothing?
    pub fn is_large(&self) -> bool {
        self.bytes.len() > SMALL_LEN
    }

    /// Gives memory back, if there is nothing in it.
    pub fn rest(&mut self) {
        if self.is_empty() && self.is_large() {
            *self = Inbox::default();
        }
    }

    /// Makes room behind what came, which is less than `wanted`.
    fn make_room(&mut self, wanted: usize) {
        if self.start > 0 && self.start + wanted > self.bytes.len() {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.bytes.len() {
            let len = wanted.next_power_of_two().min(2 * self.end).min(MESSAGE_LEN_MAX);
            self.bytes.resize(len, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::{self, Opcode};

    fn message(len: usize) -> Vec<u8> {
        let mut out = Vec::new();
        frame::begin(&mut out, 1, 0, Opcode::Msg);
        out.resize(len.max(HEADER_LEN), 7);
        frame::finish(&mut out);
        out
    }

    /// Reads at most so many bytes at a time.
    struct Slow<'a>(&'a [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let len = bytes.len().min(self.1);
            self.0.read(&mut bytes[..len])
        }
    }

    #[test]
    fn messages_come_in_any_pieces() {
        let lens = [16, 20, 5000, 17, 2048, 16, 100_000, 30, 2_000_000, 99];
        let messages: Vec<_> = lens.iter().map(|len| message(*len)).collect();
        let all = messages.concat();
        for piece in [1, 7, 16, 4096, 1 << 30] {
            let (mut inbox, mut input) = (Inbox::default(), Slow(&all, piece));
            for expected in &messages {
                let header = inbox.wait(&mut input).expect("read").expect("a message");
                assert_eq!(inbox.first(header.len), expected);
                inbox.forget(header.len);
            }
            assert_eq!(inbox.wait(&mut input).expect("read"), None);
            inbox.rest();
            assert!(!inbox.is_large());
        }
    }

    #[test]
    fn memory_follows_what_came() {
        let mut claims = message(MESSAGE_LEN_MAX)[..HEADER_LEN].to_vec();
        for len in [16, 1_000, 3_000, 70_000] {
            claims.resize(len, 0);
            let mut inbox = Inbox::default();
            assert_eq!(inbox.wait(&mut &claims[..]).expect("read"), None);
            assert!(inbox.bytes.len() <= SMALL_LEN.max(2 * len), "{len}: {}", inbox.bytes.len());
        }
    }

    #[test]
    fn the_longest_message_fits() {
        let longest = message(MESSAGE_LEN_MAX);
        let mut inbox = Inbox::default();
        let header = inbox.wait(&mut &longest[..]).expect("read").expect("a message");
        assert_eq!(header.len, MESSAGE_LEN_MAX);
        assert_eq!(inbox.bytes.len(), MESSAGE_LEN_MAX);
        inbox.forget(header.len);
        assert!(!inbox.is_large(), "not kept");
    }
}
