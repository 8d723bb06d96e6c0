//! What compressors remember between messages of one connection, and their work.

use std::io::Cursor;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::compressor::Compressor;

/// Least room for what is decompressed, bytes, before it is enlarged.
const ROOM_LEN: usize = 16 << 10;
/// Snappy's densest piece: 64 bytes out of 3.
const SNAPPY_RATIO_MAX: usize = 22;
/// Levels, as mongod's.
const ZLIB_LEVEL: u32 = 6;
const ZSTD_LEVEL: i32 = 3;
/// How zstd says that there is more than there is room for.
const NO_ROOM: &str = "Destination buffer is too small";

/// The state of compressors. What was never used takes no memory.
#[derive(Default)]
pub struct Codec {
    snappy: Option<Box<snap::raw::Encoder>>,
    deflate: Option<Compress>,
    inflate: Option<Decompress>,
    zstd: Option<zstd::bulk::Compressor<'static>>,
    unzstd: Option<zstd::bulk::Decompressor<'static>>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Codec")
    }
}

impl Codec {
    /// Appends to `out` what `bytes` decompress to, which has to be `len` bytes. None if they do
    /// not: damaged, shorter, longer (Z1).
    pub fn decompress(
        &mut self,
        compressor: Compressor,
        bytes: &[u8],
        len: usize,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let expected = out.len().checked_add(len)?;
        match compressor {
            Compressor::Snappy => unsnap(bytes, len, out)?,
            Compressor::Zlib => {
                let inflate = self.inflate.get_or_insert_with(|| Decompress::new(true));
                inflate.reset(true);
                unzlib(inflate, bytes, expected, out)?;
            }
            Compressor::Zstd => {
                if self.unzstd.is_none() {
                    self.unzstd = Some(zstd::bulk::Decompressor::new().ok()?);
                }
                unzstd(self.unzstd.as_mut()?, bytes, expected, out)?;
            }
        }
        (out.len() == expected).then_some(())
    }

    /// Appends `bytes` to `out`, compressed. None if that cannot be.
    pub fn compress(
        &mut self,
        compressor: Compressor,
        bytes: &[u8],
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let at = out.len();
        match compressor {
            Compressor::Snappy => {
                let room = snap::raw::max_compress_len(bytes.len());
                out.resize(at + room, 0);
                let encoder =
                    self.snappy.get_or_insert_with(|| Box::new(snap::raw::Encoder::new()));
                let len = encoder.compress(bytes, &mut out[at..]).ok()?;
                out.truncate(at + len);
            }
            Compressor::Zlib => {
                let new = || Compress::new(Compression::new(ZLIB_LEVEL), true);
                let deflate = self.deflate.get_or_insert_with(new);
                deflate.reset();
                zlib(deflate, bytes, out)?;
            }
            Compressor::Zstd => {
                if self.zstd.is_none() {
                    self.zstd = Some(zstd::bulk::Compressor::new(ZSTD_LEVEL).ok()?);
                }
                out.reserve(zstd::zstd_safe::compress_bound(bytes.len()));
                let mut cursor = Cursor::new(&mut *out);
                cursor.set_position(at as u64);
                self.zstd.as_mut()?.compress_to_buffer(bytes, &mut cursor).ok()?;
            }
        }
        Some(())
    }
}

/// Snappy begins with the length, which is believed if so many bytes can come of these.
fn unsnap(bytes: &[u8], len: usize, out: &mut Vec<u8>) -> Option<()> {
    let claimed = snap::raw::decompress_len(bytes).ok()?;
    if claimed != len || len > bytes.len().saturating_mul(SNAPPY_RATIO_MAX) {
        return None;
    }
    let at = out.len();
    out.resize(at + len, 0);
    snap::raw::Decoder::new().decompress(bytes, &mut out[at..]).ok()?;
    Some(())
}

/// Bytes behind the end of the stream are nobody's, as with mongod.
fn unzlib(
    inflate: &mut Decompress,
    bytes: &[u8],
    expected: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    loop {
        if out.len() > expected {
            return None;
        }
        if out.len() == out.capacity() {
            // What is full is doubled. One byte too many tells one that is too long.
            let more = out.len().max(ROOM_LEN).min(expected - out.len() + 1);
            out.reserve_exact(more);
        }
        let (taken, given) = (inflate.total_in(), out.len());
        let rest = bytes.get(usize::try_from(taken).ok()?..)?;
        match inflate.decompress_vec(rest, out, FlushDecompress::None).ok()? {
            Status::StreamEnd => return Some(()),
            // It ends before its end.
            _ if inflate.total_in() == taken && out.len() == given => return None,
            _ => {}
        }
    }
}

fn zlib(deflate: &mut Compress, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    loop {
        out.reserve(bytes.len() / 4 + 64);
        let taken = usize::try_from(deflate.total_in()).ok()?;
        let status = deflate.compress_vec(bytes.get(taken..)?, out, FlushCompress::Finish).ok()?;
        if status == Status::StreamEnd {
            return Some(());
        }
    }
}

/// Zstd is done at one go, without the window that a frame may claim. Where there is not room
/// enough, all that there was is full, and it is done again with four times as much.
fn unzstd(
    context: &mut zstd::bulk::Decompressor<'static>,
    bytes: &[u8],
    expected: usize,
    out: &mut Vec<u8>,
) -> Option<()> {
    let at = out.len();
    let mut room = bytes.len().saturating_mul(4).max(ROOM_LEN).min(expected - at);
    loop {
        out.reserve_exact(room);
        let mut cursor = Cursor::new(&mut *out);
        cursor.set_position(at as u64);
        match context.decompress_to_buffer(bytes, &mut cursor) {
            Ok(_) => return Some(()),
            Err(error) if error.to_string() == NO_ROOM && room < expected - at => {
                out.truncate(at);
                room = room.saturating_mul(4).min(expected - at);
            }
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Vec<u8>> {
        let mut rng = oorandom::Rand32::new(7);
        let noise = (0..100_000).map(|_| rng.rand_u32() as u8).collect();
        let text = (0..50_000).flat_map(|n: u32| n.to_string().into_bytes()).collect();
        vec![b"x".to_vec(), vec![0; 3_000_000], noise, text]
    }

    #[test]
    fn what_is_compressed_can_be_decompressed_again_and_again() {
        for compressor in Compressor::ALL {
            let mut codec = Codec::default();
            for sample in samples() {
                for before in [&b""[..], b"before"] {
                    let mut packed = before.to_vec();
                    codec.compress(compressor, &sample, &mut packed).expect("compresses");
                    let mut out = before.to_vec();
                    let bytes = &packed[before.len()..];
                    let done = codec.decompress(compressor, bytes, sample.len(), &mut out);
                    assert_eq!(done, Some(()), "{compressor}");
                    assert_eq!(out, [before, &sample].concat(), "{compressor}");
                }
            }
        }
    }

    #[test]
    fn a_wrong_length_is_refused_and_memory_follows_what_came_out() {
        for compressor in Compressor::ALL {
            let mut codec = Codec::default();
            for sample in samples() {
                let mut packed = Vec::new();
                codec.compress(compressor, &sample, &mut packed).expect("compresses");
                for len in [0, sample.len() - 1, sample.len() + 1, 47_000_000] {
                    let mut out = Vec::new();
                    let done = codec.decompress(compressor, &packed, len, &mut out);
                    assert_eq!(done, None, "{compressor} {len}");
                    let most = 4 * sample.len().max(ROOM_LEN).max(packed.len());
                    assert!(out.capacity() <= most, "{compressor} {len}: {}", out.capacity());
                }
            }
        }
    }

    #[test]
    fn damage_is_refused_or_gives_as_many_bytes() {
        let mut rng = oorandom::Rand32::new(11);
        for compressor in Compressor::ALL {
            let mut codec = Codec::default();
            let sample = samples().pop().expect("one");
            let mut packed = Vec::new();
            codec.compress(compressor, &sample[..5_000], &mut packed).expect("compresses");
            for _ in 0..2_000 {
                let mut bytes = packed.clone();
                let at = rng.rand_range(0..bytes.len() as u32) as usize;
                bytes[at] = rng.rand_u32() as u8;
                bytes.truncate(rng.rand_range(1..2 * bytes.len() as u32) as usize);
                let mut out = Vec::new();
                let done = codec.decompress(compressor, &bytes, 5_000, &mut out);
                assert!(done.is_none() || out.len() == 5_000, "{compressor}");
            }
        }
    }
}
