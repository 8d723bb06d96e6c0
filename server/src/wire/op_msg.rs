//! `OP_MSG`: a command as one document, with sequences of documents beside it.

use tallymap::Reason;
use tallymap::bson::document::doc_len;

use super::crc32c::crc32c;
use super::frame::{self, HEADER_LEN, Opcode, c_string, int};
use crate::dispatch::failure::Failure;
use crate::dispatch::request::{Request, Sequence};

const CHECKSUM_PRESENT: u32 = 1;
const MORE_TO_COME: u32 = 2;
const EXHAUST_ALLOWED: u32 = 1 << 16;
/// Flags that have to be known to whom they are sent.
const REQUIRED: u32 = 0xffff;
const CHECKSUM_LEN: usize = 4;

/// What of a message has to be known to answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(u32);

/// A message as it came.
#[derive(Debug)]
pub struct Message<'a> {
    /// Its flags.
    pub flags: Flags,
    /// The command, or why it is none.
    pub request: Result<Request<'a>, Failure>,
}

impl Flags {
    /// Is there to be no answer at all?
    pub fn is_unanswered(self) -> bool {
        self.0 & MORE_TO_COME != 0
    }

    /// May more answers than one come?
    pub fn allows_exhaust(self) -> bool {
        self.0 & EXHAUST_ALLOWED != 0
    }

    /// The flags of an answer behind which another comes, unasked.
    #[must_use]
    pub fn and_more(self) -> Flags {
        Flags(self.0 | MORE_TO_COME)
    }

    /// Does the message end with a checksum?
    pub fn has_checksum(self) -> bool {
        self.0 & CHECKSUM_PRESENT != 0
    }
}

/// Parses a message, header included. None if the connection is to be closed: unknown flags, a
/// wrong checksum, or too short to be one.
pub fn parse(message: &[u8]) -> Option<Message<'_>> {
    let flags = Flags(int(message, HEADER_LEN)? as u32);
    if flags.0 & REQUIRED & !(CHECKSUM_PRESENT | MORE_TO_COME) != 0 {
        return None;
    }
    let mut sections = message.get(HEADER_LEN + 4..)?;
    if flags.has_checksum() {
        let at = message.len().checked_sub(CHECKSUM_LEN)?;
        let checksum = int(message, at)? as u32;
        sections = message.get(HEADER_LEN + 4..at)?;
        if checksum != crc32c(&message[..at]) {
            return None;
        }
    }
    let request =
        parse_sections(sections).and_then(|(body, sequences)| Request::new(body, sequences));
    Some(Message { flags, request })
}

fn parse_sections(mut rest: &[u8]) -> Result<(&[u8], Vec<Sequence<'_>>), Failure> {
    let refused = |code, message: &str| Err(Failure::new(Reason::Location(code), message));
    let (mut body, mut sequences) = (None, Vec::new());
    while let Some((kind, section)) = rest.split_first() {
        match kind {
            0 => {
                let (document, after) = section.split_at(doc_len(section)?);
                if body.replace(document).is_some() {
                    return refused(40430, "Multiple body sections in message");
                }
                rest = after;
            }
            1 => {
                let (sequence, after) = parse_sequence(section)?;
                sequences.push(sequence);
                rest = after;
            }
            kind => return refused(40432, &format!("Unknown section kind {kind}")),
        }
    }
    match body {
        Some(body) => Ok((body, sequences)),
        None => refused(40587, "OP_MSG messages must have a body"),
    }
}

/// A sequence, and what follows it.
fn parse_sequence(section: &[u8]) -> Result<(Sequence<'_>, &[u8]), Failure> {
    let torn = || Failure::new(Reason::InvalidBSON, "a document sequence ends in the message");
    let len = int(section, 0).and_then(|len| usize::try_from(len).ok()).ok_or_else(torn)?;
    let sequence = section.get(..len).ok_or_else(torn)?;
    let (name, at) = c_string(sequence, 4).ok_or_else(torn)?;
    let documents = sequence.get(at..).ok_or_else(torn)?;
    Ok((Sequence { name, documents }, &section[len..]))
}

/// Puts the answer `document` to request `to` into `out`, with a checksum if that had one.
pub fn put_reply(out: &mut Vec<u8>, number: i32, to: i32, document: &[u8], flags: Flags) {
    let has_checksum = flags.has_checksum();
    frame::begin(out, number, to, Opcode::Msg);
    out.reserve(document.len() + 9);
    out.extend_from_slice(&(flags.0 & (CHECKSUM_PRESENT | MORE_TO_COME)).to_le_bytes());
    out.push(0);
    out.extend_from_slice(document);
    let checked_len = out.len();
    if has_checksum {
        out.extend_from_slice(&[0; CHECKSUM_LEN]);
    }
    frame::finish(out);
    if has_checksum {
        let checksum = crc32c(&out[..checked_len]);
        out[checked_len..].copy_from_slice(&checksum.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use bson::{RawDocumentBuf, rawdoc};

    use super::*;

    fn message(flags: u32, sections: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        frame::begin(&mut out, 1, 0, Opcode::Msg);
        out.extend_from_slice(&flags.to_le_bytes());
        sections.iter().for_each(|section| out.extend_from_slice(section));
        frame::finish(&mut out);
        out
    }

    fn body(document: RawDocumentBuf) -> Vec<u8> {
        [&[0][..], document.as_bytes()].concat()
    }

    fn sequence(name: &str, documents: &[RawDocumentBuf]) -> Vec<u8> {
        let mut out = vec![1, 0, 0, 0, 0];
        out.extend_from_slice(name.as_bytes());
        out.push(0);
        documents.iter().for_each(|document| out.extend_from_slice(document.as_bytes()));
        let len = (out.len() as i32 - 1).to_le_bytes();
        out[1..5].copy_from_slice(&len);
        out
    }

    #[test]
    fn sections_in_any_order() {
        let one = body(rawdoc! { "insert": "c" });
        let many = sequence("documents", &[rawdoc! { "a": 1 }, rawdoc! { "a": 2 }]);
        for sections in [[&one[..], &many], [&many[..], &one]] {
            let message = message(MORE_TO_COME, &sections);
            let parsed = parse(&message).expect("a message");
            assert!(parsed.flags.is_unanswered());
            let request = parsed.request.expect("a request");
            assert_eq!(request.batch("insert.documents").expect("a batch").count(), 2);
        }
    }

    #[test]
    fn refusals_have_the_server_s_numbers() {
        let one = body(rawdoc! { "insert": "c" });
        let many = sequence("documents", &[]);
        let torn = [1, 200, 0, 0, 0, b'a', 0];
        for (sections, code) in [
            (vec![&one[..], &one], 40430),
            (vec![&one[..], &many, &many], 40431),
            (vec![&one[..], &[2]], 40432),
            (vec![&body(rawdoc! { "insert": "c", "documents": [] })[..], &many], 40433),
            (vec![&one[..], &torn], 22),
            (vec![&one[..7]], 22),
            (vec![], 40587),
        ] {
            let message = message(0, &sections);
            let failure = parse(&message).expect("a message").request.unwrap_err();
            assert_eq!(failure.code(), code, "{sections:?}");
        }
    }

    #[test]
    fn flags_and_checksums() {
        let one = body(rawdoc! { "ping": 1 });
        assert!(parse(&message(1 << 20, &[&one])).is_some());
        assert!(parse(&message(1 << 16, &[&one])).is_some());
        assert!(parse(&message(4, &[&one])).is_none());
        let mut reply = Vec::new();
        let document = rawdoc! { "ok": 1 };
        put_reply(&mut reply, 1, 2, document.as_bytes(), Flags(CHECKSUM_PRESENT));
        assert!(parse(&reply).expect("a message").request.is_ok());
        for at in HEADER_LEN..reply.len() {
            let mut wrong = reply.clone();
            wrong[at] ^= 0x80;
            assert!(parse(&wrong).is_none_or(|m| !m.flags.has_checksum()), "{at}");
        }
        assert!(parse(&message(CHECKSUM_PRESENT, &[])[..20]).is_none());
    }

    #[test]
    fn garbage_never_panics() {
        let seed = 6;
        let mut rng = oorandom::Rand32::new(seed);
        let one = body(rawdoc! { "insert": "c", "$db": "d", "x": [1, { "y": "text" }] });
        let many = sequence("documents", &[rawdoc! { "a": 1 }, rawdoc! { "a": [2, "b"] }]);
        let sound = message(0, &[&one, &many]);
        for _ in 0..20_000 {
            let mut bytes = sound.clone();
            for _ in 0..rng.rand_range(1..6) {
                let at = rng.rand_range(0..bytes.len() as u32) as usize;
                bytes[at] = rng.rand_u32() as u8;
            }
            bytes.truncate(rng.rand_range(0..bytes.len() as u32 + 1) as usize);
            let Some(Message { request: Ok(request), .. }) = parse(&bytes) else { continue };
            if let Ok(documents) = request.batch("insert.documents") {
                let _ = documents.count();
            }
        }
    }
}
