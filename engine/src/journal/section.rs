//! A section of a journal file as bytes: encode, decode, check (format, §11.3).
//!
//! - S1. A section that was torn, overwritten or never finished is told by its hash; beside
//!   that weak sum stands a CRC-32 of ours, checked where it is marked as present.
//! - S2. Decoding takes no more memory than a small multiple of the bytes that are really there.

use crate::error::Result;
use crate::format::section::{self, ALIGN, footer, header};
use crate::format::{Wire, journal_header};

/// Most bytes that one byte of a snappy block can stand for: a copy of 64 bytes takes 3.
const EXPANSION_MAX: usize = 22;

/// What a section's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Length without filler, bytes.
    pub len: usize,
    /// Its sequence number.
    pub seq_number: u64,
    /// That of the file it was written for.
    pub file_id: u64,
}

/// Reads the header of a section from exactly its bytes.
pub fn read_header(bytes: &[u8; header::LEN]) -> Header {
    Header {
        len: header::SECTION_LEN.get(bytes) as usize,
        seq_number: header::SEQ_NUMBER.get(bytes),
        file_id: header::FILE_ID.get(bytes),
    }
}

/// `len` rounded up to where the next section begins.
pub fn aligned(len: u64) -> u64 {
    len.next_multiple_of(ALIGN as u64)
}

/// Writes the section of `payload` into `out`, with its filler.
///
/// # Errors
/// [`crate::Error::ReadOnly`] if the payload is longer than the format can say.
pub fn encode(payload: &[u8], seq_number: u64, file_id: u64, out: &mut Vec<u8>) -> Result<()> {
    let too_long = || crate::Error::ReadOnly {
        why: format!(
            "{} bytes changed within one commit: more than a section holds",
            payload.len()
        ),
    };
    out.clear();
    out.resize(header::LEN + snap::raw::max_compress_len(payload.len()), 0);
    let compressed = snap::raw::Encoder::new().compress(payload, &mut out[header::LEN..]);
    let end = header::LEN + compressed.map_err(|_| too_long())?;
    let section_len = u32::try_from(end + footer::LEN).map_err(|_| too_long())?;
    out.truncate(end);
    header::SECTION_LEN.put(out, section_len);
    header::SEQ_NUMBER.put(out, seq_number);
    header::FILE_ID.put(out, file_id);

    let (hash, crc) = (hash(out), crc32fast::hash(out));
    out.resize((end + footer::LEN).next_multiple_of(ALIGN), 0);
    let foot = &mut out[end..end + footer::LEN];
    footer::SENTINEL.put(foot, section::SENTINEL_VALUE);
    footer::HASH.put(foot, hash);
    footer::CRC.put(foot, crc);
    footer::CRC_MARK.put(foot, section::CRC_MARK_VALUE);
    footer::MAGIC.put(foot, section::FOOTER_MAGIC);
    Ok(())
}

/// The payload of a section, from its bytes without filler; `None` if it is not whole. It is put
/// into `room`, whatever that held.
pub fn decode<'p>(bytes: &[u8], room: &'p mut Vec<u8>) -> Option<&'p [u8]> {
    let end = bytes.len().checked_sub(footer::LEN).filter(|&end| end > header::LEN)?;
    let (body, foot) = bytes.split_at(end);
    let whole = footer::SENTINEL.get(foot) == section::SENTINEL_VALUE
        && footer::MAGIC.get(foot) == section::FOOTER_MAGIC
        && footer::HASH.get(foot) == hash(body)
        && (footer::CRC_MARK.get(foot) != section::CRC_MARK_VALUE
            || footer::CRC.get(foot) == crc32fast::hash(body));
    let compressed = &body[header::LEN..];
    let len = payload_len(compressed).filter(|_| whole)?;
    room.resize(len, 0);
    let n = snap::raw::Decoder::new().decompress(compressed, room).ok()?;
    (n == len).then_some(room)
}

/// The length that a snappy block says it has, if so many bytes can be in it (S2).
fn payload_len(compressed: &[u8]) -> Option<usize> {
    let len = snap::raw::decompress_len(compressed).ok()?;
    (len / EXPANSION_MAX <= compressed.len()).then_some(len)
}

/// The sum of a section: two sums of 64-bit words, each xored with its number, over the halves
/// of the bytes; what remains is shifted in byte by byte, sign-extended.
pub fn hash(bytes: &[u8]) -> [u8; 16] {
    let half = bytes.len() / 16 * 8;
    let sum = |half: &[u8]| {
        let words = half.chunks_exact(8).map(u64::from_wire);
        words.zip(0u64..).fold(0, |sum: u64, (word, i)| sum.wrapping_add(word ^ i))
    };
    let a = sum(&bytes[..half]);
    let b = sum(&bytes[half..2 * half]);
    let rest = bytes[2 * half..].iter();
    let c = rest.fold(0u64, |c, &byte| c << 8 | byte as i8 as i64 as u64);
    let mut hash = [0; 16];
    (a ^ bytes.len() as u64).to_wire(&mut hash[..8]);
    (b ^ c).to_wire(&mut hash[8..]);
    hash
}

/// The first bytes of a journal file.
pub fn file_header(file_id: u64, unix_ms: i64, path: &str) -> Vec<u8> {
    use journal_header as head;
    let mut bytes = vec![0; head::LEN];
    head::MAGIC.put(&mut bytes, *b"j\n");
    head::VERSION.put(&mut bytes, head::VERSION_VALUE);
    head::N1.put(&mut bytes, b'\n');
    let mut text = [0; 20];
    let seconds = unix_ms.div_euclid(1000).to_string();
    let n = seconds.len().min(19);
    text[..n].copy_from_slice(&seconds.as_bytes()[..n]);
    head::TIMESTAMP.put(&mut bytes, text);
    head::N2.put(&mut bytes, b'\n');
    let mut text = [0; 128];
    let n = path.len().min(127);
    text[..n].copy_from_slice(&path.as_bytes()[..n]);
    head::DBPATH.put(&mut bytes, text);
    head::N3.put(&mut bytes, *b"\n\n");
    head::FILE_ID.put(&mut bytes, file_id);
    head::TEXT.put(&mut bytes, *b"\n\n");
    bytes
}

/// What the first bytes of a journal file say: its id; `None` if they were never finished.
///
/// # Errors
/// The version, if it is not ours: the file is whole, and we cannot read it.
pub fn read_file_header(bytes: &[u8]) -> Result<Option<u64>, u16> {
    use journal_header as head;
    let file_id = head::FILE_ID.get(bytes);
    if bytes[0] != b'j' || bytes[head::LEN - 1] != b'\n' || file_id == 0 {
        return Ok(None);
    }
    match head::VERSION.get(bytes) {
        head::VERSION_VALUE => Ok(Some(file_id)),
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn the_hash_of_the_format() {
        let bytes: Vec<u8> = (0..50).collect();
        assert_eq!(hex(&hash(&bytes)), "291b1e2124272a2d525366696c6f7275");
        let bytes: Vec<u8> = (0..127u32).map(|i| (37 * i + 11) as u8).collect();
        assert_eq!(hex(&hash(&bytes)), "e79b9ea1a4a7aaad015fb1b6b3b0adaa");
    }

    #[test]
    fn the_bytes_of_a_section() {
        let mut out = Vec::new();
        encode(b"abc", 5, 9, &mut out).expect("short");
        assert_eq!(out.len(), ALIGN);
        let body = b"\x39\0\0\0\x05\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x03\x08abc";
        assert_eq!(&out[..25], body);
        assert_eq!(out[25..29], [0xff; 4]);
        assert_eq!(out[29..45], hash(body));
        assert_eq!(out[45..49], crc32fast::hash(body).to_le_bytes());
        assert_eq!(&out[49..57], b"YLAT\n\n\n\n");
        assert!(out[57..].iter().all(|&b| b == 0));
        assert_eq!(decode(&out[..57], &mut vec![]), Some(&b"abc"[..]));
    }

    #[test]
    fn a_section_without_our_crc_is_read_too() {
        let mut out = Vec::new();
        encode(b"abc", 5, 9, &mut out).expect("short");
        out[45..53].fill(0);
        assert_eq!(decode(&out[..57], &mut vec![]), Some(&b"abc"[..]));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let mut out = Vec::new();
        let payload: Vec<u8> = (0..200u32).map(|i| (i * i) as u8).collect();
        encode(&payload, 1, 2, &mut out).expect("short");
        let len = header::SECTION_LEN.get(&out) as usize;
        // The mark itself may break: then the hash alone stands. The filler means nothing.
        let mark = len - footer::LEN + footer::CRC.ofs..len - footer::LEN + footer::MAGIC.ofs;
        for at in (0..len).filter(|at| !mark.contains(at)) {
            let mut bad = out[..len].to_vec();
            bad[at] ^= 0x10;
            assert_eq!(decode(&bad, &mut vec![]), None, "byte {at}");
        }
        for cut in 0..len {
            assert_eq!(decode(&out[..cut], &mut vec![]), None, "cut at {cut}");
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "too long")]
    fn a_lie_about_the_length_takes_no_memory() {
        // A block of seven bytes that says it is 4 GiB.
        assert_eq!(payload_len(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0]), None);
        // The densest block there is: one byte, then copies of it.
        let zeros = vec![0; 1 << 20];
        let dense = snap::raw::Encoder::new().compress_vec(&zeros).expect("short");
        assert_eq!(payload_len(&dense), Some(1 << 20));
    }

    #[test]
    fn the_header_of_a_journal_file() {
        let bytes = file_header(0x0102_0304_0506_0708, 1_700_000_000_123, "/data/journal/j._0");
        assert_eq!(bytes.len(), ALIGN);
        assert_eq!(&bytes[..5], b"j\n\x49\x41\n");
        assert_eq!(&bytes[5..25], b"1700000000\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(&bytes[26..44], b"/data/journal/j._0");
        assert_eq!(read_file_header(&bytes), Ok(Some(0x0102_0304_0506_0708)));
        let mut other = bytes.clone();
        other[2] = 0x48;
        assert_eq!(read_file_header(&other), Err(0x4148));
        assert_eq!(read_file_header(&vec![0; ALIGN]), Ok(None));
    }
}
