//! Frames: the header of a message, and the kinds of messages.
//!
//! All integers are little-endian: length (with the header), number of the request, number of the
//! request that it answers, kind.

use super::MESSAGE_LEN_MAX;

/// Length of a header, bytes.
pub const HEADER_LEN: usize = 16;

/// Kinds of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// An answer to an [`Opcode::Query`].
    Reply,
    /// The old way to change documents.
    Update,
    /// The old way to insert them.
    Insert,
    /// The old way to send a command, what clients say first, and to find.
    Query,
    /// The old way to fetch more of what was found.
    GetMore,
    /// The old way to delete documents.
    Delete,
    /// The old way to kill cursors.
    KillCursors,
    /// A message within a message.
    Compressed,
    /// A command or its answer.
    Msg,
}

impl Opcode {
    /// The kind by its number, if it is one that is spoken.
    pub fn of(number: i32) -> Option<Opcode> {
        match number {
            1 => Some(Opcode::Reply),
            2001 => Some(Opcode::Update),
            2002 => Some(Opcode::Insert),
            2004 => Some(Opcode::Query),
            2005 => Some(Opcode::GetMore),
            2006 => Some(Opcode::Delete),
            2007 => Some(Opcode::KillCursors),
            2012 => Some(Opcode::Compressed),
            2013 => Some(Opcode::Msg),
            _ => None,
        }
    }

    fn number(self) -> i32 {
        match self {
            Opcode::Reply => 1,
            Opcode::Update => 2001,
            Opcode::Insert => 2002,
            Opcode::Query => 2004,
            Opcode::GetMore => 2005,
            Opcode::Delete => 2006,
            Opcode::KillCursors => 2007,
            Opcode::Compressed => 2012,
            Opcode::Msg => 2013,
        }
    }
}

/// The header of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Length of the message, bytes, the header's own included.
    pub len: usize,
    /// The sender's number of it.
    pub request: i32,
    /// What it is.
    pub opcode: Opcode,
}

impl Header {
    /// Reads a header; none if no message begins so.
    pub fn read(bytes: &[u8; HEADER_LEN]) -> Option<Header> {
        let len = usize::try_from(int(bytes, 0)?).ok()?;
        let opcode = Opcode::of(int(bytes, 12)?)?;
        let is_fine = (HEADER_LEN..=MESSAGE_LEN_MAX).contains(&len);
        is_fine.then_some(Header { len, request: int(bytes, 4)?, opcode })
    }
}

/// Begins a message in answer to `request`, in place of what `out` had; its length is written by
/// [`finish`].
pub fn begin(out: &mut Vec<u8>, number: i32, request: i32, opcode: Opcode) {
    out.clear();
    for word in [0, number, request, opcode.number()] {
        out.extend_from_slice(&word.to_le_bytes());
    }
}

/// Writes the length of a message, of which everything is there.
pub fn finish(message: &mut [u8]) {
    let len = (message.len() as i32).to_le_bytes();
    message[..4].copy_from_slice(&len);
}

/// The int32 at `at`.
pub fn int(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The text that begins at `at`, up to its NUL, and where it ends behind that.
pub fn c_string(bytes: &[u8], at: usize) -> Option<(&str, usize)> {
    let rest = bytes.get(at..)?;
    let len = rest.iter().position(|byte| *byte == 0)?;
    Some((str::from_utf8(&rest[..len]).ok()?, at + len + 1))
}

/// The database and the collection that a namespace names.
pub fn namespace(ns: &str) -> Option<(&str, &str)> {
    ns.split_once('.').filter(|(database, name)| !database.is_empty() && !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: i32, opcode: i32) -> Option<Header> {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&len.to_le_bytes());
        bytes[4] = 7;
        bytes[12..].copy_from_slice(&opcode.to_le_bytes());
        Header::read(&bytes)
    }

    #[test]
    fn lengths_and_kinds_that_are_none_are_refused() {
        let expected = Header { len: 16, request: 7, opcode: Opcode::Msg };
        assert_eq!(header(16, 2013), Some(expected));
        assert!(header(48_000_000, 2013).is_some());
        for (len, opcode) in [(15, 2013), (0, 2013), (-1, 2013), (48_000_001, 2013), (16, 99)] {
            assert_eq!(header(len, opcode), None);
        }
    }

    #[test]
    fn what_is_begun_can_be_read() {
        let mut message = b"old".to_vec();
        begin(&mut message, 3, 9, Opcode::Reply);
        message.extend_from_slice(b"body");
        finish(&mut message);
        let read = Header::read(message.first_chunk().expect("long enough"));
        assert_eq!(read, Some(Header { len: 20, request: 3, opcode: Opcode::Reply }));
        assert_eq!(int(&message, 8), Some(9));
    }

    #[test]
    fn texts_end() {
        assert_eq!(c_string(b"ab\0c", 0), Some(("ab", 3)));
        assert_eq!(c_string(b"ab\0c", 3), None);
        assert_eq!(c_string(b"\xff\0", 0), None);
        assert_eq!(c_string(b"a\0", 9), None);
    }
}
