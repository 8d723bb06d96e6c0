//! Gives torn journal sections a hash that fits, as if recovery did not look at it.

use std::path::Path;

use tallymap::disk::{Access, Disk, HeapDisk};
use tallymap::format::journal_header;
use tallymap::format::section::{self, ALIGN, footer, header};

/// Forges the footers of all sections of all journal files.
pub fn forge_hashes(disk: &HeapDisk) {
    let dir = Path::new("journal");
    for entry in disk.list(dir).expect("listed") {
        if !entry.name.starts_with("j._") {
            continue;
        }
        let file = disk.open(&dir.join(&entry.name), Access::Write).expect("listed");
        let mut bytes = vec![0; file.len().expect("open") as usize];
        file.read_at(0, &mut bytes).expect("inside");
        let mut at = ALIGN;
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() > header::LEN) {
            let len = header::SECTION_LEN.get(rest) as usize;
            if len < header::LEN + footer::LEN || len > rest.len() {
                break;
            }
            let end = at + len - footer::LEN;
            let hash = section_hash(&bytes[at..end]);
            let crc = crc32fast::hash(&bytes[at..end]);
            let foot = &mut bytes[end..at + len];
            footer::SENTINEL.put(foot, section::SENTINEL_VALUE);
            footer::HASH.put(foot, hash);
            footer::CRC.put(foot, crc);
            footer::MAGIC.put(foot, section::FOOTER_MAGIC);
            at += len.next_multiple_of(ALIGN);
        }
        if bytes.len() > journal_header::LEN {
            file.write_at(0, &bytes).expect("written");
        }
    }
}

/// The sum of a section (docs/format.md): two sums of words, each xored with its number, over
/// the halves; the rest shifted in, sign-extended.
fn section_hash(bytes: &[u8]) -> [u8; 16] {
    let half = bytes.len() / 16 * 8;
    let sum = |half: &[u8]| {
        let words =
            half.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().expect("8")));
        words.zip(0u64..).fold(0u64, |sum, (word, i)| sum.wrapping_add(word ^ i))
    };
    let rest = bytes[2 * half..].iter().fold(0u64, |c, &byte| c << 8 | byte as i8 as i64 as u64);
    let (a, b) = (sum(&bytes[..half]) ^ bytes.len() as u64, sum(&bytes[half..2 * half]) ^ rest);
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&a.to_le_bytes());
    hash[8..].copy_from_slice(&b.to_le_bytes());
    hash
}
