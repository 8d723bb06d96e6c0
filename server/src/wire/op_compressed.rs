//! `OP_COMPRESSED`: a message within a message.
//!
//! Behind the header: the kind of the message within, its length without header, the number of
//! the compressor, and what that made of it.

use super::MESSAGE_LEN_MAX;
use super::codec::Codec;
use super::compressor::Compressor;
use super::frame::{self, HEADER_LEN, Header, Opcode, int};

/// Where the compressed bytes begin.
const BYTES_AT: usize = HEADER_LEN + 9;

/// Puts the message within `message` into `out`, with a header of its own. None if the connection
/// is to be closed: it is damaged, not as long as it says, of a compressor that was not
/// `offered`, or again a compressed one.
pub fn unpack(
    header: Header,
    message: &[u8],
    codec: &mut Codec,
    offered: &[Compressor],
    out: &mut Vec<u8>,
) -> Option<(Header, Compressor)> {
    let opcode = Opcode::of(int(message, HEADER_LEN)?)?;
    let len = usize::try_from(int(message, HEADER_LEN + 4)?).ok()?;
    let number = *message.get(BYTES_AT - 1)?;
    let compressor = *offered.iter().find(|compressor| compressor.number() == number)?;
    if opcode == Opcode::Compressed || len == 0 || len > MESSAGE_LEN_MAX - HEADER_LEN {
        return None;
    }
    frame::begin(out, header.request, int(message, 8)?, opcode);
    codec.decompress(compressor, &message[BYTES_AT..], len, out)?;
    frame::finish(out);
    Some((Header { len: out.len(), request: header.request, opcode }, compressor))
}

/// Puts `message`, a sound one, into `out` in compressed form; false if it is to be sent as it is.
pub fn pack(message: &[u8], compressor: Compressor, codec: &mut Codec, out: &mut Vec<u8>) -> bool {
    let word = |at| int(message, at).unwrap_or_default();
    let body = message.get(HEADER_LEN..).unwrap_or_default();
    frame::begin(out, word(4), word(8), Opcode::Compressed);
    out.extend_from_slice(&word(12).to_le_bytes());
    out.extend_from_slice(&(body.len() as i32).to_le_bytes());
    out.push(compressor.number());
    let is_packed = codec.compress(compressor, body, out).is_some();
    frame::finish(out);
    is_packed && out.len() <= MESSAGE_LEN_MAX
}
