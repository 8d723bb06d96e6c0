//! Journal files as bytes, by the format's description alone (§11.2 and §11.3): no line of the
//! engine takes part.

use snap::raw::{Encoder, max_compress_len};

/// Sections begin at multiples of this; so long is the header of a file.
pub const ALIGNMENT: usize = 8192;

/// The hash of a section's header and body. Not MD5.
pub fn hash(bytes: &[u8]) -> [u8; 16] {
    let n = bytes.len() / 16;
    let words = |from: usize| {
        let words = bytes[8 * from..8 * (from + n)].chunks_exact(8);
        words.zip(0..).fold(0_u64, |sum, (word, i)| {
            let word = u64::from_le_bytes(*word.first_chunk().expect("8 bytes"));
            sum.wrapping_add(word ^ i)
        })
    };
    let tail = |c: u64, byte: &u8| c << 8 | i64::from(*byte as i8) as u64;
    let c = bytes[16 * n..].iter().fold(0_u64, tail);
    let (a, b) = (words(0) ^ bytes.len() as u64, words(n) ^ c);
    let mut out = [0; 16];
    out[..8].copy_from_slice(&a.to_le_bytes());
    out[8..].copy_from_slice(&b.to_le_bytes());
    out
}

/// The first bytes of a journal file.
pub fn file_header(file_id: u64) -> Vec<u8> {
    let mut bytes = vec![0; ALIGNMENT];
    bytes[..5].copy_from_slice(&[b'j', b'\n', 0x49, 0x41, b'\n']);
    bytes[25] = b'\n';
    bytes[154..156].copy_from_slice(b"\n\n");
    bytes[156..164].copy_from_slice(&file_id.to_le_bytes());
    bytes[ALIGNMENT - 2..].copy_from_slice(b"\n\n");
    bytes
}

/// Appends the section of a payload, as mongod would write it.
pub fn append_section(payload: &[u8], seq_number: u64, file_id: u64, out: &mut Vec<u8>) {
    let mut body = vec![0; 20 + max_compress_len(payload.len())];
    let len = Encoder::new().compress(payload, &mut body[20..]).expect("short");
    body.truncate(20 + len);
    append_body(&mut body, seq_number, file_id, out);
}

/// Appends the section whose header (the first 20 bytes, filled in here) and compressed payload
/// these are.
pub fn append_body(body: &mut [u8], seq_number: u64, file_id: u64, out: &mut Vec<u8>) {
    let section_len = body.len() as u32 + 32;
    body[..4].copy_from_slice(&section_len.to_le_bytes());
    body[4..12].copy_from_slice(&seq_number.to_le_bytes());
    body[12..20].copy_from_slice(&file_id.to_le_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(&[0xff; 4]);
    out.extend_from_slice(&hash(body));
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(b"\n\n\n\n");
    out.resize(out.len().next_multiple_of(ALIGNMENT), 0);
}
